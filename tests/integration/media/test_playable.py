"""What plays decides. ffmpeg makes the files as they turn up in libraries: cut off, protected, without a length."""

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from media.sandbox import Sandbox
from testbed.services.library import Library, made_by_ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50")
SECONDS = 60.0


def minute(suffix: str, *options: str, **more: Any) -> bytes:
    return made_by_ffmpeg(suffix, *options, seconds=SECONDS, size="160x90", **more)


def piped(options: tuple[str, ...], *inputs: str) -> bytes:
    command = ["ffmpeg", "-v", "error", *inputs, *options, "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tools that were run, in order. They run as ever."""
    names: list[str] = []
    run = Sandbox.run

    def noted(sandbox: Sandbox, command: Any, *arguments: Any, **options: Any) -> Any:
        names.append(next(word for word in map(os.path.basename, command) if word in {"ffprobe", "ffmpeg", "true"}))
        return run(sandbox, command, *arguments, **options)

    monkeypatch.setattr(Sandbox, "run", noted)
    return names


FRAGMENTED = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof+skip_trailer")
# Name, content, share that is left, from where to where it may end (s), what is said.
CUT = [
    ("fragmented.mp4", (*X264, *FRAGMENTED), 0.6, (30, 40), "It plays to 0:3"),
    ("index-first.mp4", (*X264, "-movflags", "+faststart"), 0.6, (30, 40), "it ends at 0:3"),
    ("cut.mkv", X264, 0.6, (30, 40), "it ends at 0:3"),
    ("cut.avi", ("-c:v", "mpeg4", "-g", "50"), 0.6, (30, 40), "it ends at 0:3"),
]


@pytest.mark.parametrize(("name", "options", "share", "ends", "said"), CUT, ids=[case[0] for case in CUT])
def test_a_file_that_broke_off_plays_to_where_it_goes_and_says_so(
    library: Library, name: str, options: tuple[str, ...], share: float, ends: tuple[int, int], said: str
) -> None:
    whole = minute(name.rpartition(".")[2], *options)
    library.put(name, whole[: int(len(whole) * share)])
    library.scan()
    row = library.row(name)
    assert row["status"] == "ready", row["status_reason"]
    assert ends[0] <= row["duration_seconds"] <= ends[1]
    assert said in row["status_reason"]
    assert library.published(name)[0] == "poster.jpg"
    assert library.scan().unchanged == 1


def test_an_avi_that_lacks_its_index_plays_whole_and_says_what_it_lacks(library: Library) -> None:
    library.put("less.avi", minute("avi", "-c:v", "mpeg4", "-g", "50")[:-5000])
    library.scan()
    row = library.row("less.avi")
    assert (row["status"], row["duration_seconds"]) == ("ready", pytest.approx(SECONDS, abs=0.5))
    assert "5,000 bytes are missing at its end. It plays to " in row["status_reason"]


def test_a_copy_protected_file_is_broken_and_says_so(library: Library) -> None:
    key, key_id = "76a6c65c5ea762046bd749a2e632ccbb", "a7e61c373e219033c21091fa607bf3b8"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key_id)
    library.put("protected.mp4", minute("mp4", *X264, *scheme))
    library.put("shown.mp4", minute("mp4", *X264))
    library.scan()
    row = library.row("protected.mp4")
    assert (row["status"], row["direct_play"]) == ("broken", False)
    assert "copy-protected" in row["status_reason"]
    assert library.published("protected.mp4") == []
    assert (library.row("shown.mp4")["status"], library.row("shown.mp4")["status_reason"]) == ("ready", None)


def test_pictures_that_can_not_be_decoded_make_a_file_broken(library: Library) -> None:
    """Encrypted without a word, or overwritten: the structure is whole, and all of the content is noise."""
    content = bytearray(minute("mp4", *X264, "-movflags", "+faststart"))
    start = content.index(b"mdat") + 4
    content[start:] = bytes((index * 7919) % 251 for index in range(len(content) - start))
    library.put("noise.mp4", bytes(content))
    library.scan()
    row = library.row("noise.mp4")
    assert row["status"] == "broken"
    assert "None of its pictures can be decoded" in row["status_reason"]


def test_a_download_whose_end_is_still_zeros_plays_to_where_it_goes(library: Library) -> None:
    whole = minute("mp4", *X264, "-movflags", "+faststart")
    got = int(len(whole) * 0.6)
    library.put("begun.mp4", whole[:got] + bytes(len(whole) - got))
    library.scan()
    row = library.row("begun.mp4")
    assert row["status"] == "ready"
    assert 30 <= row["duration_seconds"] <= 40
    assert "it ends at 0:3" in row["status_reason"]


def test_a_film_whose_first_picture_alone_is_whole_has_a_length(library: Library) -> None:
    """It was ready with none, and who shared its length out divided by zero."""
    content = bytearray(made_by_ffmpeg("mp4", *X264, "-g", "10", "-movflags", "+faststart", seconds=8, sound=False))
    sizes = content.index(b"stsz") + 16
    second = content.index(b"mdat") + 4 + int.from_bytes(content[sizes : sizes + 4], "big")
    content[second:] = bytes(len(content) - second)
    library.put("first.mp4", bytes(content))
    library.scan()
    row = library.row("first.mp4")
    assert (row["status"], 0 < row["duration_seconds"] < 1) == ("ready", True), row["status_reason"]
    assert "it ends at 0:00" in row["status_reason"]


def test_a_hole_in_the_middle_is_told(library: Library) -> None:
    whole = bytearray(minute("mp4", *X264, "-movflags", "+faststart"))
    third = len(whole) // 3
    whole[third:-third] = bytes(len(whole) - 2 * third)
    library.put("hole.mp4", bytes(whole))
    library.scan()
    row = library.row("hole.mp4")
    assert (row["status"], row["duration_seconds"]) == ("ready", pytest.approx(SECONDS, abs=0.5))
    assert "at 0:30 it can't be decoded" in row["status_reason"]


def test_a_webm_from_a_pipe_gets_the_length_that_it_has(library: Library) -> None:
    lavfi = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=60", "-f", "lavfi", "-i", "sine=duration=60")
    library.put("live.webm", piped(("-c:v", "vp8", "-deadline", "realtime", "-cpu-used", "16", "-f", "webm"), *lavfi))
    library.scan()
    row = library.row("live.webm")
    assert (row["status"], row["status_reason"]) == ("ready", None)
    assert row["duration_seconds"] == pytest.approx(SECONDS, abs=0.5)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4v", "mkv", "webm", "avi"])
def test_a_sound_file_is_judged_by_one_run_of_one_tool(library: Library, runs: list[str], suffix: str) -> None:
    library.put(f"a.{suffix}", minute(suffix, "-g", "50"))
    library.scan()
    assert library.row(f"a.{suffix}")["status_reason"] is None
    assert runs == ["true", "ffprobe", "ffmpeg"], "the sandbox's check, the probe, the poster"


def test_one_key_frame_is_enough(library: Library, runs: list[str]) -> None:
    library.put("short.mp4", made_by_ffmpeg("mp4", *X264, "-g", "1000", seconds=3))
    library.scan()
    assert library.row("short.mp4")["status"] == "ready"
    assert runs.count("ffprobe") == 1


def test_a_picture_that_starts_late_is_no_fault(library: Library) -> None:
    late = ("-itsoffset", "2", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=20")
    options = (*late, "-map", "1:a", "-map", "2:v", *X264)
    for suffix in ("mp4", "mkv"):
        library.put(f"late.{suffix}", made_by_ffmpeg(suffix, *options, seconds=22))
    library.scan()
    for suffix in ("mp4", "mkv"):
        row = library.row(f"late.{suffix}")
        assert (row["status"], row["status_reason"]) == ("ready", None)
        assert row["duration_seconds"] == pytest.approx(22, abs=0.5)
        assert "poster.jpg" in library.published(f"late.{suffix}")


def test_what_was_judged_by_an_older_way_of_looking_is_looked_at_again_and_keeps_its_poster(library: Library) -> None:
    library.put("same.mp4", minute("mp4", *X264))
    library.put("mended.mkv", minute("mkv", *X264)[:100_000])
    library.scan()
    known = {row["filename"]: row for row in library.rows()}
    poster = library.titles / known["same.mp4"]["id"].hex / "poster.jpg"
    before = poster.stat()
    with psycopg.connect(library.database.owner_url) as owner:  # as the release before left them
        owner.execute("UPDATE videos SET judgement = 0, video_track = NULL")
        owner.execute(
            "UPDATE videos SET status = 'broken', status_reason = 'The file is incomplete: many bytes are missing.'"
            " WHERE filename = 'mended.mkv'"
        )
    library.scan()
    assert {row["status"] for row in library.rows()} == {"ready"}
    assert poster.stat() == before
    assert library.row("same.mp4")["pictured_at"] == known["same.mp4"]["pictured_at"]
    assert library.published("same.mp4") == ["poster.jpg", "source.mp4"]
    assert library.scan().unchanged == 2


def size_of(picture: Path) -> str:
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0:s=x", picture]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def poster_of(library: Library, name: str) -> Path:
    return library.titles / library.row(name)["id"].hex / "poster.jpg"


@pytest.mark.parametrize(
    ("stored", "pixels", "shown", "poster"),
    [
        ("720x576", "64/45", (1024, 576), "640x360"),
        ("720x576", "0/1", (720, 576), "640x512"),
        ("640x360", "3201/3200", (640, 360), "640x360"),
        ("1440x1080", "4/3", (1920, 1080), "640x360"),
        ("320x480", "2/1", (640, 480), "640x480"),
    ],
)
def test_size_and_poster_are_as_the_video_is_shown(
    library: Library, stored: str, pixels: str, shown: tuple[int, int], poster: str
) -> None:
    options = (*X264, "-vf", f"setsar={pixels}")
    library.put("a.mp4", made_by_ffmpeg("mp4", *options, size=stored, seconds=1))
    library.put("a.mkv", made_by_ffmpeg("mkv", *options, size=stored, seconds=1))
    library.scan()
    for name in ("a.mp4", "a.mkv"):
        row = library.row(name)
        assert (row["width"], row["height"]) == shown
        assert size_of(poster_of(library, name)) == poster


def test_the_poster_of_a_turned_video_is_upright(library: Library, tmp_path: Path) -> None:
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    flat.write_bytes(made_by_ffmpeg("mp4", *X264, "-vf", "setsar=64/45", size="720x576", seconds=1))
    by_option = ["ffmpeg", "-v", "error", "-display_rotation", "90", "-i", flat, "-c", "copy", turned]  # ffmpeg 6
    by_tag = ["ffmpeg", "-v", "error", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=90", "-n", turned]  # ffmpeg 5
    assert 0 in [
        subprocess.run(command, capture_output=True, check=False).returncode for command in (by_option, by_tag)
    ]
    library.put("turned.mp4", turned.read_bytes())
    library.scan()
    assert (library.row("turned.mp4")["width"], library.row("turned.mp4")["height"]) == (576, 1024)
    assert size_of(poster_of(library, "turned.mp4")) == "576x1024"


COVER = ("-f", "lavfi", "-i", "color=red:size=600x600:duration=0.04:rate=25")
ALL_THREE = ("-map", "2:v", "-map", "0:v", "-map", "1:a", "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p")
FILM = ("-c:v:1", "libx264", "-preset:v:1", "ultrafast", "-pix_fmt:v:1", "yuv420p")


@pytest.mark.parametrize(
    ("suffix", "marked"), [("mp4", True), ("mp4", False), ("mkv", False), ("mov", False), ("avi", False)]
)
def test_a_cover_picture_before_the_film_is_not_the_film(library: Library, suffix: str, marked: bool) -> None:
    mark = ("-disposition:v:0", "attached_pic") if marked else ()
    library.put(f"a.{suffix}", made_by_ffmpeg(suffix, *COVER, *ALL_THREE, *FILM, *mark, size="640x360", seconds=5))
    library.scan()
    row = library.row(f"a.{suffix}")
    assert (row["status"], row["video_codec"], row["width"], row["height"]) == ("ready", "h264", 640, 360)
    # What the muxer calls a cover is the poster.
    assert size_of(poster_of(library, f"a.{suffix}")) == ("600x600" if marked else "640x360")


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_of_two_videos_the_longest_is_shown_everywhere(library: Library, suffix: str, tmp_path: Path) -> None:
    trailer = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=3")
    maps = ("-map", "2:v", "-map", "0:v", "-map", "1:a", *X264)
    exact, two = tmp_path / f"exact.{suffix}", tmp_path / f"two.{suffix}"
    exact.write_bytes(made_by_ffmpeg(suffix, *trailer, *maps, size="640x360", seconds=20))
    # Again, since bit-exact Matroska does not tell how long its tracks are.
    subprocess.run(["ffmpeg", "-v", "error", "-i", exact, "-map", "0", "-c", "copy", two], check=True)
    library.put(two.name, two.read_bytes())
    library.scan()
    row = library.row(f"two.{suffix}")
    assert (row["width"], row["height"], row["video_track"]) == (640, 360, 1)
    assert size_of(poster_of(library, f"two.{suffix}")) == "640x360"


def test_sound_decides_about_direct_play_too(library: Library) -> None:
    library.put("pcm.mov", made_by_ffmpeg("mov", *X264, "-c:a", "pcm_s16be"))
    library.put("aac.mov", made_by_ffmpeg("mov", *X264, "-c:a", "aac"))
    library.scan()
    assert library.row("pcm.mov")["audio_codec"] == "pcm_s16be"
    assert [library.row(name)["direct_play"] for name in ("pcm.mov", "aac.mov")] == [False, True]


def test_a_film_is_as_long_as_its_picture_whatever_a_subtitle_says(library: Library, tmp_path: Path) -> None:
    """One line that is set for the hundredth hour is a slip of somebody's keyboard."""
    (tmp_path / "film.mp4").write_bytes(made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p"))
    (tmp_path / "late.srt").write_text("1\n00:00:00,500 --> 99:00:00,000\nThe End\n")
    inputs = ["-i", tmp_path / "film.mp4", "-i", tmp_path / "late.srt", "-map", "0", "-map", "1"]
    made = tmp_path / "film.mkv"
    subprocess.run(["ffmpeg", "-v", "error", *inputs, "-c", "copy", "-c:s", "srt", made], check=True)
    library.put("film.mkv", made.read_bytes())
    library.scan()
    row = library.row("film.mkv")
    assert (row["duration_seconds"], row["status"]) == (pytest.approx(2, abs=0.2), "ready")
    assert row["status_reason"] is None
