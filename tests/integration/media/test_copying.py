"""Whether a picture may be copied, by what the indexer finds out of real files: each row of the checklist."""

import operator
from pathlib import Path
from typing import Any

import pytest

from catalog.copying import COLUMNS, Built, Limits, obstacle
from media.sandbox import Sandbox
from media.settings import MediaSettings
from testbed.services.library import facts_of, made_by_ffmpeg
from worker.copying import limits

SANDBOX = Sandbox.of_system(MediaSettings().sandbox_memory_bytes)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "50", "-c:a", "ac3")
FIELDS = COLUMNS.replace(" ", "").split(",")


def built(folder: Path, *options: str, suffix: str = "mkv") -> Built:
    facts = facts_of(SANDBOX, folder, made_by_ffmpeg(suffix, *X264, *options, seconds=6, size="320x180"))
    return Built(**dict(zip(FIELDS, operator.attrgetter(*FIELDS)(facts), strict=True)))


@pytest.mark.parametrize("suffix", ["mkv", "mov", "avi"])
def test_a_picture_that_browsers_decode_may_be_copied(suffix: str, tmp_path: Path) -> None:
    assert obstacle(built(tmp_path, suffix=suffix), Limits()) is None


@pytest.mark.parametrize(
    ("options", "changed", "why"),
    [
        (("-c:v", "mpeg4"), {}, "its picture is not H.264 of 8 bits and 4:2:0"),
        (("-pix_fmt", "yuv420p10le"), {}, "its picture is not H.264 of 8 bits and 4:2:0"),
        (("-pix_fmt", "yuv422p"), {}, "its picture is not H.264 of 8 bits and 4:2:0"),
        (("-level", "5.1"), {}, "its picture is of a level that not every browser decodes (5.1)"),
        (("-color_trc", "arib-std-b67"), {}, "it takes more than a usual screen shows"),
        (("-vf", "setsar=4/3"), {}, "its pixels are not square (4:3)"),
        (("-vf", "setfield=tff", "-flags", "+ilme+ildct", "-x264-params", "tff=1"), {}, "it is interlaced"),
        (("-x264opts", "open-gop=1:b-adapt=0", "-g", "25"), {}, "pictures before a key frame may need it"),
        (("-g", "125", "-sc_threshold", "0"), {"key_seconds": 4}, "its key frames lie up to 5.0 s apart"),
        ((), {"rate": 100_000}, "Mbit/s"),
    ],
)
def test_what_does_not_fit_is_not_copied(
    options: tuple[str, ...], changed: dict[str, Any], why: str, tmp_path: Path
) -> None:
    told = obstacle(built(tmp_path, *options), Limits(**changed))
    assert told is not None
    assert told.endswith(why) if why == "Mbit/s" else told == why


def test_a_picture_that_is_turned_cut_or_delayed_is_not_copied(tmp_path: Path) -> None:
    """Of the structure's own tests there are real files for each of these."""
    fits = built(tmp_path)
    for field, value in (
        ("rotation", 90), ("edit_list", "trims"), ("edit_list", "delays"), ("width", 2560), ("height", None),
        ("scan", None), ("open_gop", None), ("video_codec_string", None), ("video_codec_string", "avc3.640028"),
        ("key_frame_seconds", 12.1), ("peak_bitrate", 40_000_001),
    ):  # fmt: skip
        changed = Built(**{name: getattr(fits, name) for name in FIELDS} | {field: value})
        assert obstacle(changed, Limits()) is not None, field


def test_the_interface_tells_by_the_workers_limits() -> None:
    """Of one that was given none of its own."""
    assert limits(MediaSettings()) == Limits()
