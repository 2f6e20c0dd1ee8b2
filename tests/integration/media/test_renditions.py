"""What real files become: encoded by the system's ffmpeg, packed by Shaka Packager, read again by ffprobe."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from media import ladder
from media.asking import Asking
from media.faults import Fault
from media.material import Material, is_dolby_vision_alone, study, surrounds
from media.packager import DASH, HLS
from media.renditions import Workshop
from media.sandbox import Sandbox
from media.settings import MediaSettings
from media.sniff import HEAD_BYTES, Container, sniff
from testbed.clips import drawn
from testbed.services.library import made_by_ffmpeg

SETTINGS = MediaSettings(rendition_preset="veryfast", rendition_hevc_preset="ultrafast")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SANDBOX = Sandbox.of_system(SETTINGS.sandbox_memory_bytes)


@dataclass(frozen=True)
class Made:
    """What was found in a file, and what became of it."""

    material: Material
    folder: Path
    names: list[str]

    def probe(self, name: str, *options: str) -> dict[str, Any]:
        """ffprobe's report of one of the files."""
        command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", *options, str(self.folder / name)]
        report: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return report

    def name(self, start: str) -> str:
        (found,) = [name for name in self.names if name.startswith(start) and name.endswith(".mp4")]
        return found

    def picture(self, start: str = "v360-") -> dict[str, Any]:
        """The picture's track of a rendition."""
        track: dict[str, Any] = self.probe(self.name(start), "-count_frames")["streams"][0]
        return track

    def frames(self, name: str, track: int) -> int:
        """So many come out of one track."""
        command = ["ffmpeg", "-v", "error", "-i", str(self.folder / name), "-map", f"0:{track}", "-f", "null"]
        command += ["-progress", "pipe:1", "-"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return int(re.findall(r"^frame=(\d+)$", said, re.MULTILINE)[-1])

    def pixels(self, name: str, seconds: float = 0.5) -> bytes:
        """One frame in planes of 4:2:0."""
        command = ["ffmpeg", "-v", "error", "-ss", str(seconds), "-i", str(self.folder / name), "-frames:v", "1"]
        command += ["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout


Making = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path) -> Making:
    """Renditions of a file's content; the highest rungs of `most`."""

    def made(content: bytes, *, most: int = 1, surround: bool = False) -> Made:
        path = tmp_path / "film"
        path.write_bytes(content)
        folder = tmp_path / "made"
        folder.mkdir()
        with path.open("rb") as file:
            container = sniff(os.pread(file.fileno(), HEAD_BYTES, 0), b"film")
            assert isinstance(container, Container)
            material = study(Asking(SANDBOX, SETTINGS, file.fileno(), container), 1)
            assert isinstance(material, Material), material
            pictures = ladder.pictures(material.width, material.height)[-most:]
            workshop = Workshop(SANDBOX, SETTINGS, folder, 60, 16 << 30)
            sounds = workshop.levelled(file.fileno(), container, material.sounds, lambda: None)
            assert not isinstance(sounds, Fault)
            sounds += surrounds(sounds) if surround else ()
            said: list[float] = []
            fault = workshop.encode(
                file.fileno(), container, material, pictures, sounds, 10, lambda way, _: said.append(way)
            )
        assert fault is None
        assert said, "nothing was told of the progress"
        packed = workshop.pack(pictures, sounds, hls=True, dash=True, on_way=lambda: None)
        assert not isinstance(packed, Fault), packed
        return Made(material, folder, [path.name for path in packed])

    return made


def ffmpeg(suffix: str, *options: str) -> bytes:
    """What ffmpeg writes with these options; the same call makes the same bytes, once."""
    return drawn(suffix, "-bitexact", *options)


def _loudness(path: Path) -> float:
    """LUFS, by EBU R 128."""
    command = ["ffmpeg", "-v", "info", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    (found,) = re.findall(r"I: +(-?[0-9.]+) LUFS", said.rpartition("Summary:")[2])
    return float(found)


def turned(content: bytes, tmp_path: Path) -> bytes:
    """The same with the mark that it is to be shown a quarter turned."""
    flat, made = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    flat.write_bytes(content)
    by_option = ["ffmpeg", "-v", "error", "-display_rotation", "90", "-i", flat, "-c", "copy", made]  # ffmpeg 6
    by_tag = ["ffmpeg", "-v", "error", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=90", "-n", made]  # ffmpeg 5
    if subprocess.run(by_option, check=False, capture_output=True).returncode != 0:
        subprocess.run(by_tag, check=True)
    return made.read_bytes()


def test_hls_and_dash_lead_to_all_frames_of_all_rungs(make: Making) -> None:
    made = make(made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=6, size="1024x576"), most=3)
    assert [name.partition("-")[0] for name in made.names if name.endswith(".mp4")] == ["v360", "v480", "v720", "a"]
    assert made.names[-2:] == [HLS, DASH], "what leads to others comes last"
    for manifest in (HLS, DASH):
        streams = made.probe(manifest)["streams"]
        assert {stream["codec_name"] for stream in streams} == {"h264", "aac"}
        videos = [stream for stream in streams if stream["codec_type"] == "video"]
        assert {(one["width"], one["height"]) for one in videos} == {(640, 360), (854, 480), (1024, 576)}
        # One by one: ffmpeg's own reader of DASH loses the last frames of one stream where it reads several.
        assert [made.frames(manifest, one["index"]) for one in videos] == [150, 150, 150], manifest
    keys = [
        round(float(packet["pts_time"]), 3)
        for packet in made.probe(made.name("v480-"), "-show_packets")["packets"]
        if packet["flags"].startswith("K")
    ]
    assert keys == [0, 2, 4]
    assert "EXT-X-I-FRAME-STREAM-INF" in (made.folder / HLS).read_text()
    assert "BYTERANGE" in (made.folder / made.name("v480-").replace(".mp4", ".m3u8")).read_text()


def test_a_phone_held_upright_stays_upright_without_a_tag(make: Making, tmp_path: Path) -> None:
    picture = make(turned(made_by_ffmpeg("mp4", seconds=1, size="320x180", sound=False), tmp_path)).picture()
    assert (picture["width"], picture["height"]) == (180, 320)
    assert not picture.get("side_data_list")


@pytest.mark.parametrize(
    ("size", "shape", "made_size"),
    [
        ("360x288", "64/45", (512, 288)),  # 16:9 as it was broadcast
        ("320x180", "3201/3200", (320, 180)),
        ("321x181", "1", (320, 180)),
        ("320x180", "1/2", (160, 180)),
    ],
)
def test_pixels_become_square_and_even(make: Making, size: str, shape: str, made_size: tuple[int, int]) -> None:
    content = made_by_ffmpeg("mkv", "-vf", f"setsar={shape}", "-pix_fmt", "yuv444p", seconds=1, size=size, sound=False)
    picture = make(content).picture()
    assert (picture["width"], picture["height"]) == made_size
    assert picture.get("sample_aspect_ratio", "1:1") == "1:1"
    assert picture["pix_fmt"] == "yuv420p"


def test_fields_become_frames(make: Making) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc=size=320x180:rate=50:duration=2,gblur=2,scroll=h=0.02")
    woven = ("-vf", "tinterlace=interleave_top,setfield=tff,format=yuv420p", "-flags", "+ilme+ildct")
    made = make(ffmpeg("mkv", *moving, *woven, "-c:v", "mpeg2video", "-q:v", "2"))
    assert made.material.is_interlaced
    command = ["ffmpeg", "-v", "info", "-i", str(made.folder / made.name("v360-")), "-vf", "idet", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    (found,) = [line for line in said.splitlines() if "Multi frame detection" in line]
    assert re.search(r"TFF: +0 BFF: +0 Progressive: +50 ", found), found


def test_a_variable_rate_becomes_the_one_of_most_intervals(make: Making) -> None:
    """60 a second with every 20th picture missing: 57 on average."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=60:duration=2")
    content = ffmpeg("mkv", *source, "-vf", "select=mod(n+1\\,20)", "-fps_mode", "vfr", *X264)
    made = make(content)
    assert made.material.rate == 60
    times = sorted(float(packet["pts_time"]) for packet in made.probe(made.name("v360-"), "-show_packets")["packets"])
    assert len(times) == pytest.approx(120, abs=1)
    assert {round(later - earlier, 3) for earlier, later in pairwise(times)} == {0.017}


@pytest.mark.parametrize(("transfer", "white"), [("smpte2084", 573), ("arib-std-b67", 721)])
def test_white_of_a_high_dynamic_range_stays_white(make: Making, transfer: str, white: int) -> None:
    """A patch of 203 nits, white by ITU-R BT.2408, is at least 90 % of a usual screen's white, and without a tint."""
    black = "color=black:size=320x180:rate=5:duration=1,format=yuv420p10le"
    patch = f"{black},geq=lum='if(lt(X,160),{white},64)':cb=512:cr=512"
    told = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}:range=tv"
    x265 = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    content = ffmpeg("mkv", "-f", "lavfi", "-i", f"{patch},{told}", "-c:v", "libx265", "-x265-params", x265)
    made = make(content)
    assert made.material.hdr == transfer
    planes = made.pixels(made.name("v360-"))
    luma, cb, cr = planes[90 * 320 + 60], planes[320 * 180 + 45 * 160 + 30], planes[320 * 180 * 5 // 4 + 45 * 160 + 30]
    assert luma >= 16 + 0.9 * 219
    assert abs(cb - 128) <= 2
    assert abs(cr - 128) <= 2
    assert planes[90 * 320 + 250] <= 18, "black stays black"
    picture = made.picture()
    assert (picture["color_transfer"], picture["color_primaries"], picture["color_space"]) == ("bt709",) * 3


def test_sound_that_starts_late_still_does(make: Making) -> None:
    """0.3 s after the picture, within 20 ms."""
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2")
    late = ("-itsoffset", "0.3", "-f", "lavfi", "-i", "sine=frequency=1000:duration=1.5")
    made = make(ffmpeg("mkv", *picture, *late, *X264, "-c:a", "ac3"))
    for name in (made.name("a-"), HLS):
        command = ["ffmpeg", "-v", "info", "-copyts", "-i", str(made.folder / name), "-map", "0:a:0"]
        command += ["-af", "silencedetect=noise=-50dB:d=0.1", "-f", "null", "-"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        (begun, *_) = [
            float(line.split("silence_end: ")[1].split()[0]) for line in said.splitlines() if "silence_end" in line
        ]
        assert begun == pytest.approx(0.3, abs=0.02), name


@pytest.mark.parametrize("volume", [0.3, 0.9])
def test_films_are_as_loud_as_each_other(make: Making, volume: float) -> None:
    """-18 LUFS, and no peak above -1 dB."""
    noise = f"anoisesrc=duration=4:amplitude={volume}:color=pink:seed=1"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4", "-f", "lavfi", "-i", noise)
    made = make(ffmpeg("mkv", *picture, *X264, "-c:a", "ac3", "-b:a", "192k"))
    command = ["ffmpeg", "-v", "info", "-i", str(made.folder / made.name("a-")), "-af", "ebur128=peak=sample"]
    said = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, text=True).stderr
    summary = said.rpartition("Summary:")[2]
    loudness, peak = re.findall(r"(?:I|Peak): +(-?[0-9.]+) (?:LUFS|dBFS)", summary)
    assert float(loudness) == pytest.approx(-18, abs=0.5)
    assert float(peak) <= -1


def test_sound_that_cannot_be_decoded_is_left_out_and_told(make: Making) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1")
    sounds = ("-f", "lavfi", "-i", "sine=duration=1", "-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "1:a")
    told = ("-metadata:s:a:0", "language=ger", "-metadata:s:a:2", "language=ger")
    codecs = ("-c:a", "aac", "-c:a:1", "ac3")
    content = ffmpeg("mkv", *picture, *sounds, *X264, *codecs, *told).replace(b"A_AC3", b"A_ABC")
    made = make(content)
    assert made.material.left_out == 1
    assert [name.split("-")[:2] for name in made.names if name.startswith("a-") and name.endswith(".mp4")] == [
        ["a", "ger"],
        ["a", "ger"],
    ]
    master, manifest = (made.folder / HLS).read_text(), (made.folder / DASH).read_text()
    assert re.findall(r'LANGUAGE="(.*?)",NAME="(.*?)",DEFAULT=(\w+)', master) == [
        ("de", "ger", "YES"),
        ("de", "ger 2", "NO"),
    ]
    assert manifest.count('contentType="audio"') == 2, "the two of one language are two choices"


def test_above_1080_it_is_hevc_for_players_that_take_it(make: Making) -> None:
    made = make(made_by_ffmpeg("mkv", *X264, seconds=2.2, size="2560x1440", sound=False), most=2)
    assert [name.partition("-")[0] for name in made.names if name.endswith(".mp4")] == ["v1080", "v1440"]
    high = made.probe(made.name("v1440-"), "-show_packets")
    (track,) = high["streams"]
    assert (track["codec_tag_string"], track["width"], track["height"]) == ("hvc1", 2560, 1440)
    keys = [round(float(one["pts_time"]), 3) for one in high["packets"] if one["flags"].startswith("K")]
    assert keys == [0, 2], "at the same moments as in the others"
    master, manifest = (made.folder / HLS).read_text(), (made.folder / DASH).read_text()
    streams = re.findall(r'#EXT-X-STREAM-INF:.*CODECS="([^",]+).*RESOLUTION=(\d+x\d+)', master)
    assert [(codec[:10], size) for codec, size in streams] == [
        ("avc1.64002", "1920x1080"), ("hvc1.1.6.L", "2560x1440"),
    ]  # fmt: skip
    assert re.findall(r'codecs="(hvc1[.]1[.]6[.]L\d+)', manifest)
    assert manifest.count('contentType="video"') == 2, "a player takes or leaves HEVC as a whole"


def test_more_than_two_channels_are_kept_beside_stereo(make: Making) -> None:
    """Stereo comes first, and who listens to 5.1 can choose what has none, too."""
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2")
    sine = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    wide = "[1:a]pan=5.1|FL=0.7*c0|FR=0.7*c0|FC=0.7*c0|LFE=0.7*c0|BL=0.7*c0|BR=0.7*c0[wide]"
    tracks = ("-filter_complex", wide, "-map", "0:v", "-map", "[wide]", "-map", "2:a", "-c:a", "ac3")
    told = ("-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng")
    made = make(ffmpeg("mkv", *picture, *sine, *sine, *tracks, *X264, *told), surround=True)
    files = [name for name in made.names if name.startswith("a-") and name.endswith(".mp4")]
    sounds = [made.probe(name)["streams"][0] for name in files]
    assert [(one["codec_name"], one["channels"]) for one in sounds] == [("aac", 2), ("aac", 2), ("aac", 6)]
    master, manifest = (made.folder / HLS).read_text(), (made.folder / DASH).read_text()
    told_of = re.findall(r'GROUP-ID="(.*?)",LANGUAGE="(.*?)",NAME="(.*?)",.*CHANNELS="(\d)"', master)
    assert told_of == [
        ("sound", "de", "ger", "2"), ("sound", "en", "eng", "2"), ("surround", "de", "ger", "6"),
        ("surround", "en", "eng", "2"),
    ]  # fmt: skip
    assert re.findall(r'STREAM-INF:.*AUDIO="(\w+)"', master) == ["sound", "surround"]
    assert re.findall(r'audio_channel_configuration:2011" value="(\d)"', manifest) == ["2", "2", "6"]
    assert re.findall("<Label>(.*)</Label>", manifest) == ["ger", "eng", "ger 5.1"]
    (stereo, heard), quiet = (_loudness(made.folder / name) for name in (files[0], files[2])), -18
    assert stereo == pytest.approx(quiet, abs=1)
    assert heard == pytest.approx(stereo, abs=6), "the gain of both is the same; a mix of six adds up"


def test_what_a_file_tells_of_itself_is_not_passed_on(make: Making) -> None:
    told = ("-metadata", "location=+60.1699+024.9384/", "-metadata", "title=at home", "-metadata:s:v", "title=kitchen")
    made = make(made_by_ffmpeg("mp4", *told, "-movflags", "use_metadata_tags", seconds=1, size="320x180"))
    for name in made.names:
        content = (made.folder / name).read_bytes()
        assert not any(word in content for word in (b"60.1699", b"at home", b"kitchen")), name


def test_dolby_vision_without_another_picture_is_refused_with_the_reason() -> None:
    record = {"side_data_type": "DOVI configuration record", "dv_profile": 5, "dv_bl_signal_compatibility_id": 0}
    assert is_dolby_vision_alone({"side_data_list": [record]})
    assert not is_dolby_vision_alone({"side_data_list": [record | {"dv_bl_signal_compatibility_id": 1}]})
