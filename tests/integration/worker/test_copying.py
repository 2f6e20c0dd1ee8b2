"""A title whose picture browsers decode and whose container or sound they don't: its picture is copied."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from media.packager import DASH, HLS
from media.renditions import Workshop
from testbed.services import making
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import Workers, work_off
from testbed.waiting import eventually
from worker.settings import WorkerSettings

FILM = "film.mkv"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "50")
SIZE = "640x360"
SECONDS = 6


def settings(library: Library, **options: Any) -> WorkerSettings:
    return making.settings(library, "rendition", **options)


def run(library: Library, **options: Any) -> None:
    work_off(settings(library, **options))


def wish(library: Library, **parameters: Any) -> UUID:
    (video,) = library.rows("removed_at IS NULL")
    return making.wish(library, video["id"], "rendition", **parameters)


def film(*options: str, suffix: str = "mkv", sound: tuple[str, ...] = ("-c:a", "ac3"), **more: Any) -> bytes:
    return made_by_ffmpeg(suffix, *X264, *sound, *options, **{"seconds": SECONDS, "size": SIZE} | more)


def put(library: Library, content: bytes, name: str = FILM) -> Path:
    library.put(name, content)
    library.scan()
    return library.titles / library.row(name)["id"].hex


def families(library: Library, name: str = FILM) -> list[str]:
    """What is published, without the generations."""
    return [one.partition("-")[0] for one in library.published(name) if one.endswith(".mp4")]


def frames(path: Path, track: str) -> list[str]:
    """A checksum of each frame of a track, decoded, in the order in which they are shown."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        f"0:{track}",
        "-f",
        "framemd5",
        "-fps_mode",
        "passthrough",
    ]
    told = subprocess.run([*command, "-"], capture_output=True, check=True, text=True)
    assert told.stderr == ""
    return [line.split(",")[-1].strip() for line in told.stdout.splitlines() if not line.startswith("#")]


def packets(path: Path, track: str) -> list[dict[str, Any]]:
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-select_streams", track, "-show_packets", str(path)],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(told.stdout)["packets"]
    return found


def starts(path: Path, track: str) -> float:
    return min(float(one["pts_time"]) for one in packets(path, track))


def the(home: Path, stem: str) -> Path:
    (found,) = home.glob(f"{stem}-*.mp4")
    return found


def test_every_picture_is_the_sources_own_and_the_sound_is_made(library: Library, workers: Workers) -> None:
    home = put(library, film())
    job = wish(library)
    run(library)
    row = workers.row(job)
    assert (row["state"], row["reason"], row["stage"]) == ("done", None, "the picture is copied")
    assert families(library) == ["a", "v360"]
    assert {HLS, DASH} <= set(library.published(FILM))
    theirs = frames(library.root / FILM, "v:0")
    assert len(theirs) == SECONDS * 25
    for path in (the(home, "v360"), home / HLS, home / DASH):
        assert frames(path, "v:0") == theirs, path.name
    assert starts(home / HLS, "v:0") == pytest.approx(starts(home / HLS, "a:0"), abs=0.025)
    assert packets(home / HLS, "a:0")[-1]["codec_type"] == "audio"


def now(library: Library) -> Path:
    return library.titles / library.row(FILM)["id"].hex / "now"


def want(library: Library, *segments: int) -> str:
    """As the service does that viewers wait at; how the job is then."""
    return making.want(library, library.row(FILM)["id"], *segments)


def watch(library: Library, **options: Any) -> None:
    work_off(settings(library, **options).model_copy(update={"job_kinds": ("instant",)}))


def job_of(library: Library, kind: str) -> tuple[Any, ...]:
    (row,) = library.query("SELECT state, reason, stage FROM jobs WHERE kind = %s", kind)
    return tuple(row)


def test_somebody_plays_it_and_only_the_beginning_is_encoded(library: Library) -> None:
    """And the rendition that the scan has ordered is there with that: the next play takes what is kept."""
    put(library, film(seconds=40, size="1280x720"))
    assert want(library, 0) == "queued"
    watch(library, instant_ahead=2)
    assert job_of(library, "instant") == ("done", None, "the picture is copied")
    made = {path.name[-9:] for path in now(library).glob("n720-*.m4s")}
    assert {"00000.m4s", "00001.m4s", "00002.m4s"} <= made
    assert len(made) < 20, "all of it was encoded"
    assert families(library) == ["a", "v720"]
    assert frames(the(now(library).parent, "v720"), "v:0") == frames(library.root / FILM, "v:0")
    assert job_of(library, "rendition")[0] == "done"
    assert want(library, 19) == "kept"


def test_who_goes_elsewhere_while_it_is_copied_is_served_there(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, film(seconds=40, size="1280x720"))
    pack, asked = Workshop.pack, list[str]()

    def seek(*values: Any, **options: Any) -> Any:
        asked.append(want(library, 14))
        assert eventually(lambda: any(now(library).glob("n720-*-00016.m4s")), within=60)
        return pack(*values, **options)

    monkeypatch.setattr(Workshop, "pack", seek)
    want(library, 0)
    watch(library, instant_ahead=2)
    assert asked == ["running"]
    assert job_of(library, "instant") == ("done", None, "the picture is copied")
    made = sorted(int(path.stem[-5:]) for path in now(library).glob("n720-*.m4s"))
    assert {14, 15, 16} <= set(made)
    assert len(made) < 20


def test_what_can_be_copied_only_in_part_is_encoded_and_the_job_says_why(library: Library, workers: Workers) -> None:
    """Its container says that it goes on for longer than its pictures do."""
    put(library, film())
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("UPDATE videos SET duration_seconds = 9")
    job = wish(library)
    run(library)
    row = workers.row(job)
    assert (row["state"], row["attempts"]) == ("done", 1)
    assert row["stage"] == "encoded, since copying the picture failed: 6.0 s of 9.0 s came over."
    assert families(library) == ["a", "v360"]
    assert frames(the(library.titles / library.row(FILM)["id"].hex, "v360"), "v:0") != frames(
        library.root / FILM, "v:0"
    )


def test_what_the_packager_refuses_is_encoded_once(
    library: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether copied or made now."""
    put(library, film())
    pack, packed = Workshop.pack, list[Path]()

    def refusing(shop: Workshop, *values: Any, **options: Any) -> Any:
        packed.append(shop.folder)
        if shop.folder.name == "copied":
            next(shop.folder.glob("picture-*.mp4")).write_bytes(b"no film")
        return pack(shop, *values, **options)

    monkeypatch.setattr(Workshop, "pack", refusing)
    want(library, 0)
    watch(library, instant_ahead=1)
    state, reason, stage = job_of(library, "instant")
    assert (state, reason) == ("done", None)
    assert stage.startswith("encoded, since copying the picture failed: It could not be packed")
    assert len(packed) == 2
    assert families(library) == ["a", "v360"]
    job = wish(library)
    run(library)
    row = workers.row(job)
    assert (row["state"], row["attempts"]) == ("done", 1)
    assert row["stage"].startswith("encoded, since copying the picture failed: It could not be packed")
    assert len(packed) == 4


def test_a_ladder_is_made_where_somebody_wants_one(library: Library, workers: Workers) -> None:
    """By the title's policy, by the profiles that are named, or by an admin's word."""
    home = put(library, film())
    theirs = frames(library.root / FILM, "v:0")
    for parameters in ({"profiles": ["360p"]}, {"copy": False}):
        job = wish(library, **parameters)
        run(library)
        assert workers.row(job)["state"] == "done"
        assert frames(the_published(library, home), "v:0") != theirs
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("UPDATE videos SET renditions = 'ladder'")
    wish(library)
    run(library)
    assert frames(the_published(library, home), "v:0") != theirs
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute("UPDATE videos SET renditions = 'as_needed'")
    wish(library)
    run(library)
    assert frames(the_published(library, home), "v:0") == theirs


def the_published(library: Library, home: Path) -> Path:
    (name,) = [name for name in library.published(FILM) if name.startswith("v360-") and name.endswith(".mp4")]
    return home / name


def test_copying_can_be_switched_off(library: Library) -> None:
    home = put(library, film())
    run(library, rendition_copy=False)
    assert frames(the(home, "v360"), "v:0") != frames(library.root / FILM, "v:0")


@pytest.mark.parametrize("suffix", ["avi", "mov", "mkv"])
def test_other_containers_and_sounds_are_copied(library: Library, suffix: str) -> None:
    """Stereo of AAC-LC goes over as it is, too: packet by packet, but for what lies before the picture."""
    sound = ("-c:a", "aac", "-ac", "2") if suffix == "mkv" else ("-c:a", "ac3" if suffix == "mov" else "mp3")
    name = f"film.{suffix}"
    b_frames = ("-bf", "0") if suffix == "avi" else ()
    home = put(library, film(*b_frames, suffix=suffix, sound=sound), name)
    run(library)
    assert job_of(library, "rendition") == ("done", None, "the picture is copied")
    assert frames(the(home, "v360"), "v:0") == frames(library.root / name, "v:0")
    made = the(home, "a")
    assert abs(starts(made, "a:0")) < 0.025
    if suffix == "mkv":
        sizes = [int(one["size"]) for one in packets(made, "a:0")]
        assert sizes == [int(one["size"]) for one in packets(library.root / name, "a:0")][-len(sizes) :]
        assert len(sizes) > SECONDS * 44_100 // 1024 - 2


def test_a_picture_that_begins_late_is_moved_with_its_sound(library: Library) -> None:
    """Matroska of ffmpeg begins with what an encoder of sound puts before the first sample."""
    home = put(library, film(sound=("-c:a", "aac", "-ac", "2")))
    assert starts(library.root / FILM, "v:0") == pytest.approx(0.023, abs=0.003)
    run(library)
    assert starts(the(home, "v360"), "v:0") == 0


@pytest.mark.parametrize(
    ("makes", "why"),
    [("joined", "its parameter sets change on the way."), ("late", "Its picture does not begin with the film.")],
)
def test_what_is_seen_only_in_copying_has_it_encoded(library: Library, makes: str, why: str, tmp_path: Path) -> None:
    parts = film("-bf", "0"), film("-bf", "0", "-x264opts", "ref=5:cabac=0")
    content = joined(tmp_path, *parts) if makes == "joined" else late(tmp_path, film())
    home = put(library, content)
    run(library)
    told = ("done", None, f"encoded, since copying the picture failed: {why}")
    assert job_of(library, "rendition") == told
    assert frames(the(home, "v360"), "v:0") != frames(library.root / FILM, "v:0")


def test_what_the_catalog_knows_to_hinder_it_has_it_encoded_without_a_word(library: Library) -> None:
    home = put(library, film("-vf", "setsar=4/3"))
    run(library)
    state, reason, stage = job_of(library, "rendition")
    assert (state, reason, stage) == ("done", None, "packing")
    assert frames(the(home, "v360"), "v:0") != frames(library.root / FILM, "v:0")


def joined(folder: Path, *contents: bytes) -> bytes:
    """Streams of two encoders one after the other, as an editor leaves them: each key frame brings its own sets."""
    parts = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.mkv"
        path.write_bytes(content)
        part = folder / f"{number}.h264"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", part],
            check=True,
        )
        parts.append(part.read_bytes())
    (folder / "both.h264").write_bytes(b"".join(parts))
    made = folder / "both.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-fflags", "+genpts", "-r", "25", "-i", folder / "both.h264",
         "-i", folder / "0.mkv", "-map", "0:v", "-map", "1:a", "-c", "copy", made],
        check=True,
    )  # fmt: skip
    return made.read_bytes()


def late(folder: Path, content: bytes) -> bytes:
    """The sound begins, and half a second later the picture."""
    path, made = folder / "film.mkv", folder / "late.mkv"
    path.write_bytes(content)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-itsoffset", "0.5", "-i", path, "-map", "1:v", "-map", "0:a",
         "-c", "copy", made],
        check=True,
    )  # fmt: skip
    return made.read_bytes()
