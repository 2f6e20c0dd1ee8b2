"""Inputs that went wrong elsewhere, from the file to what is published. docs/corpus.md names each with its tracker."""

import json
import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog import jobs, roles
from media.sandbox import Sandbox
from testbed.clips import drawn
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import work_off
from worker.settings import WorkerSettings

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1")
SINE = ("-f", "lavfi", "-i", "sine=duration=1")


def ffmpeg(suffix: str, *options: str) -> bytes:
    """What ffmpeg writes with these options; the same call makes the same bytes, once."""
    return drawn(suffix, *options)


def settings(library: Library, *kinds: Any, **options: Any) -> WorkerSettings:
    values = {"database_url": library.database.url_for(roles.WORKER), "titles_dir": library.titles}
    return WorkerSettings(job_kinds=kinds, rendition_preset="veryfast", job_attempts=1, **values, **options)


class Title:
    """A file that was put into a library, scanned, and made renditions of."""

    def __init__(self, library: Library, name: str, content: bytes, **options: Any) -> None:
        self.library, self.name = library, name
        library.put(name, content)
        library.scan()
        self.row = library.row(name)
        assert self.row["status"] == "ready", self.row["status_reason"]
        with psycopg.connect(library.database.url_for(roles.API)) as api:
            self.job = jobs.enqueue(api, "rendition", video_id=self.row["id"])
        work_off(settings(library, "rendition", **options))

    @property
    def home(self) -> Path:
        return self.library.titles / self.row["id"].hex

    def state(self) -> tuple[str, str | None, str | None]:
        """How the job ended: state, reason, stage."""
        ((state, reason, stage),) = self.library.query("SELECT state, reason, stage FROM jobs WHERE id = %s", self.job)
        return state, reason, stage

    def file(self, start: str) -> Path:
        """The one rendition whose name begins so."""
        (found,) = self.home.glob(f"{start}-*.mp4")
        return found

    def track(self, start: str) -> dict[str, Any]:
        """What ffprobe says of it, with its frames counted."""
        command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-count_frames", str(self.file(start))]
        streams: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[
            "streams"
        ]
        return streams[0]

    def pixels(self, start: str = "v360") -> bytes:
        """Its first frame in planes of 4:2:0."""
        command = ["ffmpeg", "-v", "error", "-i", str(self.file(start)), "-frames:v", "1"]
        command += ["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("broken", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_of_two_default_sounds_the_one_that_can_be_decoded_is_made(library: Library, broken: int) -> None:
    codecs = ("-c:a", "aac", f"-c:a:{broken}", "ac3")
    both = ("-map", "0", "-map", "1", "-map", "1", *codecs, "-disposition:a", "default")
    told = ("-metadata:s:a", "language=eng")
    title = Title(library, "a.mkv", ffmpeg("mkv", *PICTURE, *SINE, *both, *told, *X264).replace(b"A_AC3", b"A_ABC"))
    assert title.state()[:2] == ("done", None)
    assert "1 audio track" in str(title.state()[2])
    assert title.track("a")["codec_name"] == "aac"
    master = (title.home / "master.m3u8").read_text()
    assert re.findall(r"TYPE=AUDIO.*?DEFAULT=(\w+)", master) == ["YES"]


def test_a_windows_media_file_is_refused_by_its_name_of_people(library: Library) -> None:
    """No container of ours; of those that are, a cover as stream 0 is not the film (tests/integration/media)."""
    cover = ("-map", "0", "-map", "1", "-c:v", "wmv2", "-c:a", "wmav2")
    library.put("film.mkv", ffmpeg("wmv", *PICTURE, *SINE, *cover))
    library.scan()
    row = library.row("film.mkv")
    assert row["status"] == "broken"
    assert "Windows Media" in row["status_reason"]
    assert "Convert" in row["status_reason"]


@pytest.mark.parametrize(
    "layout", ["BL+BR", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("FC+LFE", "LFE"))]
)
def test_channels_of_any_places_are_encoded(library: Library, layout: str) -> None:
    """Dual mono of a recorder, whose layout tells places that are no stereo."""
    places = layout.split("+")
    heard = ("mono", f"FC-{layout}") if len(places) == 1 else ("stereo", f"FL-{places[0]}|FR-{places[1]}")
    channels = ("-af", f"aformat=channel_layouts={heard[0]},channelmap=map={heard[1]}:channel_layout={layout}")
    title = Title(library, "a.mov", ffmpeg("mov", *PICTURE, *SINE, *channels, *X264, "-c:a", "pcm_s16le"))
    assert title.state()[0] == "done", title.state()
    assert (title.track("a")["codec_name"], title.track("a")["channels"]) == ("aac", 2)


def hlg() -> bytes:
    """A patch of 203 nits, white by ITU-R BT.2408, beside black."""
    patch = "color=black:size=320x180:rate=5:duration=1,format=yuv420p10le,geq=lum='if(lt(X,160),721,64)':cb=512:cr=512"
    told = "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=arib-std-b67:range=tv"
    x265 = "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
    options = ("-c:v", "libx265", "-x265-params", x265, "-tag:v", "hvc1")
    return ffmpeg("mp4", "-f", "lavfi", "-i", f"{patch},{told}", *options)


def dolby_vision(film: bytes, profile: int, compatibility: int) -> bytes:
    """With the record that says so behind the decoder's configuration ("Dolby Vision Streams Within the ISO Base Media
    File Format", 2.2): all boxes around it become as much larger, the index lies behind the pictures."""
    level = 1
    told = bytes([1, 0, profile << 1 | level >> 5, (level & 31) << 3 | 0b101, compatibility << 4]) + bytes(19)
    record = struct.pack(">I4s", 8 + len(told), b"dvvC" if profile > 7 else b"dvcC") + told
    at = film.index(b"hvcC") - 4
    end = at + struct.unpack_from(">I", film, at)[0]
    made = bytearray(film[:end] + record + film[end:])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        start = film.index(kind) - 4
        struct.pack_into(">I", made, start, struct.unpack_from(">I", film, start)[0] + len(record))
    return bytes(made)


def test_dolby_vision_over_hlg_keeps_white_white(library: Library) -> None:
    title = Title(library, "a.mp4", dolby_vision(hlg(), 8, 4))
    assert title.row["hdr"] == "dolby-vision"
    assert title.state()[0] == "done", title.state()
    planes = title.pixels()
    luma, cb, cr = planes[90 * 320 + 60], planes[320 * 180 + 45 * 160 + 30], planes[320 * 180 * 5 // 4 + 45 * 160 + 30]
    assert luma >= 16 + 0.9 * 219
    assert abs(cb - 128) <= 2
    assert abs(cr - 128) <= 2


def test_dolby_vision_alone_is_refused_with_the_reason(library: Library) -> None:
    title = Title(library, "a.mp4", dolby_vision(hlg(), 5, 0))
    state, reason, _ = title.state()
    assert state == "failed"
    assert "profile 5" in str(reason)
    assert not list(title.home.glob("v*.mp4"))


def test_each_rung_is_made_once_and_from_the_source(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Sequence[str]] = []
    make = Sandbox.make

    def noted(self: Sandbox, command: Sequence[str], *arguments: Any, **options: Any) -> Any:
        runs.append(command)
        return make(self, command, *arguments, **options)

    monkeypatch.setattr(Sandbox, "make", noted)
    film = made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=0.6, size="1024x576")
    title = Title(library, "a.mkv", film, rendition_first_seconds=0.5)
    assert title.state()[0] == "done"
    encodes = [list(run) for run in runs if "libx264" in run]
    assert [word for run in encodes for word in run if word.startswith("picture-")] == [
        "picture-360p.mp4", "picture-720p.mp4", "picture-480p.mp4",
    ]  # fmt: skip
    assert {run[run.index("-i") + 1] for run in encodes} == {"file:/video"}


def test_a_film_of_open_groups_is_encoded_into_closed_ones(library: Library) -> None:
    """Copied, it could not be switched to."""
    content = ffmpeg(
        "mkv", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4", "-c:v", "libx264", "-preset", "veryfast",
        "-pix_fmt", "yuv420p", "-x264-params", "open-gop=1:bframes=3:keyint=25:scenecut=0",
    )  # fmt: skip
    title = Title(library, "a.mkv", content)
    assert title.state()[0] == "done"
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_packets", "-show_entries", "packet=pts,flags"]
    told = subprocess.run([*command, str(title.file("v360"))], check=True, capture_output=True).stdout
    packets = json.loads(told)["packets"]
    keys = [at for at, packet in enumerate(packets) if "K" in packet["flags"]]
    assert len(packets) == 100
    assert len(keys) == 2
    # None that comes after a key frame is shown before it.
    assert all(packet["pts"] > packets[at]["pts"] for at in keys for packet in packets[at + 1 :])


def changing() -> bytes:
    """25 pictures of one size and 25 of another, in one track."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "both.h264")
        raw.write_bytes(b"".join(
            ffmpeg("h264", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=1", *X264, "-bf", "0")
            for size in ("160x90", "320x180")
        ))  # fmt: skip
        return ffmpeg("mkv", "-fflags", "+genpts", "-r", "25", "-i", str(raw), "-c", "copy")


def test_a_film_whose_size_changes_is_encoded_through(library: Library) -> None:
    title = Title(library, "a.mkv", changing())
    assert title.state()[0] == "done", title.state()
    track = title.track("v360")
    assert int(track["nb_read_frames"]) == 50, "some are shown twice, and the sound is ahead from there on"


@pytest.mark.thorough
def test_tiles_of_a_film_of_three_hours_reach_its_end(library: Library) -> None:
    seconds = 10_801.5
    source = ("-f", "lavfi", "-i", f"testsrc2=size=64x36:rate=2:duration={seconds}")
    library.put("long.mkv", ffmpeg("mkv", *source, *X264, "-g", "20"))
    library.scan()
    work_off(settings(library, "pictures"))
    ((state, reason),) = library.query("SELECT state, reason FROM jobs WHERE kind = 'pictures'")
    assert (state, reason) == ("done", None)
    home = library.titles / library.row("long.mkv")["id"].hex
    cues = re.findall(r"--> (\S+)\n(storyboard-\d+[.]jpg)#", (home / "storyboard.vtt").read_text())
    assert cues[-1][0] == "03:00:01.500"
    sheets = [sheet for _, sheet in cues]
    assert max(sheets.count(sheet) for sheet in sheets) <= 100
    assert set(sheets) == {path.name for path in home.glob("storyboard-*.jpg")}


@pytest.mark.thorough
def test_the_whole_ladder_of_4k_is_made_in_4_gib(library: Library) -> None:
    """Of address space, of which memory is a part; nothing is left behind."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=24:duration=2,format=yuv420p10le")
    content = ffmpeg("mkv", *source, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
    title = Title(library, "a.mkv", content, tool_memory_bytes=4 << 30)
    assert title.state()[0] == "done", title.state()
    assert {path.name.partition("-")[0] for path in title.home.glob("v*.mp4")} >= {"v360", "v480", "v720", "v1080"}
    assert not list(library.titles.glob(".job-*"))
