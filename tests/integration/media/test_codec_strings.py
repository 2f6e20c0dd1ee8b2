"""What a browser is asked about a track is what another program reads from the same file's configuration bytes."""

import re
import subprocess
from pathlib import Path

import pytest

from media.codec_strings import codec_string
from media.sandbox import Sandbox
from testbed.clips import drawn
from testbed.services.library import facts_of

PICTURE = ("-f", "lavfi", "-t", "0.5", "-i", "testsrc2=size=640x360:rate=25")
LARGE = ("-f", "lavfi", "-t", "0.2", "-i", "testsrc2=size=1920x1080:rate=60")
TONE = ("-f", "lavfi", "-t", "0.5", "-i", "sine=440:sample_rate=48000")
X264, X265 = (
    ("-c:v", "libx264", "-preset", "ultrafast"),
    ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
)
CLIPS = {
    "high.mp4": (*PICTURE, *X264, "-pix_fmt", "yuv420p", "-profile:v", "high", "-level", "3.1"),
    "main.mp4": (*PICTURE, *X264, "-pix_fmt", "yuv420p", "-profile:v", "main"),
    "baseline.mkv": (*PICTURE, *X264, "-pix_fmt", "yuv420p", "-profile:v", "baseline"),
    "fast.mp4": (*LARGE, *X264, "-pix_fmt", "yuv420p"),
    "ten.mkv": (*PICTURE, *X264, "-pix_fmt", "yuv420p10le"),
    "hevc.mp4": (*PICTURE, *X265, "-pix_fmt", "yuv420p", "-tag:v", "hvc1"),
    "hev1.mp4": (*PICTURE, *X265, "-pix_fmt", "yuv420p", "-tag:v", "hev1"),
    "hevc ten.mkv": (*LARGE, *X265, "-pix_fmt", "yuv420p10le"),
    "vp9.webm": (*PICTURE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
    "vp9 ten.webm": (*LARGE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt",
                    "yuv420p10le"),
    "av1.mp4": (*PICTURE, "-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"),
    "av1 ten.mkv": (*PICTURE, "-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le"),
    "aac.m4a.mp4": (*PICTURE, *TONE, *X264, "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "ac3.mp4": (*PICTURE, *TONE, *X264, "-pix_fmt", "yuv420p", "-c:a", "ac3"),
}  # fmt: skip


def made(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(drawn(path.suffix[1:], *CLIPS[name]))
    return path


def read_by_the_dash_muxer(path: Path) -> list[str]:
    """It writes RFC 6381 by itself, from the bytes that ffprobe does not show."""
    manifest = path.parent / "manifest.mpd"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0", "-c", "copy", "-f", "dash", str(manifest)],
        check=True,
    )  # fmt: skip
    return re.findall(r'codecs="([^"]+)"', manifest.read_text())


def read_from_the_configuration(path: Path) -> list[str]:
    """HEVC, which that muxer leaves out before ffmpeg 6: by ISO/IEC 14496-15, 8.3.3.1.2 (hvcC) and E.3."""
    copied = path.parent / "copied.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-c", "copy", str(copied)], check=True)
    _, _, record = copied.read_bytes().partition(b"hvcC")
    compatible = int(f"{int.from_bytes(record[2:6]):032b}"[::-1], 2)
    return [f"hvc1.{record[1] & 31}.{compatible:X}.{'H' if record[1] & 32 else 'L'}{record[12]}"]


def without_flags(name: str) -> str:
    """H.264's constraint flags and HEVC's constraint bytes are those of the profile here, not the file's."""
    name = name.lower().replace("hev1", "hvc1")
    if name.startswith("avc1."):
        return name[:7] + name[9:]
    return re.sub(r"^(hvc1\.[^.]+\.[^.]+\.[^.]+).*", r"\1", name)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(2 << 30)


@pytest.mark.parametrize("name", CLIPS)
def test_a_codec_is_named_as_another_program_reads_it(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    probed = facts_of(sandbox, tmp_path, path.read_bytes(), name)
    told = [track.codec_string for track in probed.tracks]
    read = read_from_the_configuration(path) if "hev" in name else read_by_the_dash_muxer(path)
    assert [without_flags(str(name)) for name in told] == [without_flags(name) for name in read]
    assert (probed.video_codec_string, probed.audio_codec_string) == (told[0], told[1] if len(told) > 1 else None)
    assert str(told[0]).startswith("hev1") == (name == "hev1.mp4")


@pytest.mark.parametrize(
    ("stream", "named"),
    [
        ({"codec_name": "h264", "profile": "Constrained Baseline", "level": 30}, "avc1.42E01E"),
        ({"codec_name": "aac", "profile": "HE-AACv2"}, "mp4a.40.29"),
        ({"codec_name": "aac"}, "mp4a.40.2"),
        ({"codec_name": "dts", "profile": "DTS-HD MA + DTS:X"}, "dtsl"),
        ({"codec_name": "mpeg4", "profile": "Advanced Simple Profile"}, "mp4v.20.240"),
        ({"codec_name": "hevc", "profile": "Main 10", "level": 153, "side_data_list": [
            {"side_data_type": "DOVI configuration record", "dv_profile": 5, "dv_level": 6,
             "dv_bl_signal_compatibility_id": 0}]}, "dvh1.05.06"),
        ({"codec_name": "hevc", "profile": "Main 10", "level": 153, "side_data_list": [
            {"side_data_type": "DOVI configuration record", "dv_profile": 8, "dv_level": 6,
             "dv_bl_signal_compatibility_id": 1}]}, "hvc1.2.4.L153.90"),
    ],
)  # fmt: skip
def test_names_of_what_no_encoder_here_makes(stream: dict[str, object], named: str) -> None:
    assert codec_string(stream) == named


@pytest.mark.parametrize(
    "stream",
    [
        {}, {"codec_name": "wmv2"}, {"codec_name": "h264"}, {"codec_name": "h264", "profile": "High", "level": -99},
        {"codec_name": "h264", "profile": "High", "level": 10**9}, {"codec_name": "av1", "profile": [], "level": True},
        {"codec_name": "vp9", "profile": "Profile 0", "width": "nan", "height": 1}, {"codec_name": "vp9"},
        {"codec_name": "hevc", "profile": "Main", "level": "120", "side_data_list": "x"},
        {"codec_name": "hevc", "profile": "Rext", "level": 120, "side_data_list": [None, {"side_data_type": 1}]},
        {"codec_name": "hevc", "profile": "Main", "level": 30, "codec_tag_string": "dvh1"},
        {"codec_name": "aac", "profile": "-1"},
    ],
)  # fmt: skip
def test_a_report_that_lacks_what_the_name_is_made_of_has_none(stream: dict[str, object]) -> None:
    assert codec_string(stream) is None
