"""May a title's picture go into its renditions as it is, in another container? By what the indexer told of its file.

What plays in browsers because of its picture alone is copied, and costs reading and writing and the sound. The rule is
here, since the interface tells what a viewer will get and workers make it. What the file does not tell beforehand (the
time of the first picture, parameter sets that change) is looked at where it is copied (`media.copied`).
"""

import re
from dataclasses import dataclass
from typing import Final, LiteralString

from catalog.contract.words import DynamicRange, EditList, Scan

# What decides, as columns of `videos`; the fields of `Built`.
COLUMNS: Final[LiteralString] = (
    "width, height, bitrate, video_codec_string, hdr, rotation, pixel_width, pixel_height, scan, open_gop, edit_list,"
    " key_frame_seconds, peak_bitrate"
)
# H.264 by RFC 6381: Baseline, Main and High have 8 bits and 4:2:0 at most, and their parameter sets are at the front.
_H264: Final = re.compile("avc1[.](42|4D|64)[0-9A-F]{2}([0-9A-F]{2})", re.ASCII)
# Level 4.2 is 1080 lines with 60 pictures a second: as far as every browser and television goes.
_HIGHEST_LEVEL: Final = 42
_WIDEST: Final = 1920
_HIGHEST: Final = 1080
# Pixels are square within this share; the rest is rounding.
_SQUARE: Final = 0.01
# So many times the rate is borne for a moment: what a player holds ahead makes up for it.
PEAK: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """`key_seconds` may lie between two key frames, since a segment begins with one. `rate` is what the picture may
    take of a line (bits a second), and `PEAK` times as much in its densest second.
    """

    key_seconds: float = 12
    rate: int = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """How a title's file is built. None is: not told. `width` and `height` are as shown."""

    width: int | None = None
    height: int | None = None
    bitrate: int | None = None
    video_codec_string: str | None = None
    hdr: DynamicRange | None = None
    rotation: int | None = None
    pixel_width: int | None = None
    pixel_height: int | None = None
    scan: Scan | None = None
    open_gop: bool | None = None
    edit_list: EditList | None = None
    key_frame_seconds: float | None = None
    peak_bitrate: int | None = None


def obstacle(built: Built, limits: Limits) -> str | None:
    """Why the picture may not be copied, for people, behind "since"; None: it may.

    What an index would tell (key frames, the peak) and does not is left to the copy itself, which has one.
    """
    named = _H264.fullmatch(built.video_codec_string or "")
    if named is None:
        return "its picture is not H.264 of 8 bits and 4:2:0"
    if int(named[2], 16) > _HIGHEST_LEVEL:
        return f"its picture is of a level that not every browser decodes ({int(named[2], 16) / 10:g})"
    if built.hdr:
        return "it takes more than a usual screen shows"
    if not built.width or not built.height:
        return "its size is not told"
    if max(built.width, built.height) > _WIDEST or min(built.width, built.height) > _HIGHEST:
        return f"its picture of {built.width}x{built.height} is larger than every browser shows"
    if built.rotation:
        return "its picture has to be turned"
    if not _is_square(built):
        return f"its pixels are not square ({built.pixel_width}:{built.pixel_height})"
    return _of_time(built, limits)


def _of_time(built: Built, limits: Limits) -> str | None:
    if built.scan != "progressive":
        return "it is interlaced" if built.scan else "it is not told whether it is interlaced"
    if built.open_gop is not False:
        return "pictures before a key frame may need it" if built.open_gop else "its groups of pictures are not told"
    if built.edit_list in ("trims", "delays"):
        return "an edit list cuts or delays it"
    return too_sparse(built.key_frame_seconds, limits) or too_fast(built.bitrate, built.peak_bitrate, limits)


def too_sparse(key_frame_seconds: float | None, limits: Limits) -> str | None:
    """The obstacle of key frames that lie too far apart."""
    if key_frame_seconds is not None and key_frame_seconds > limits.key_seconds:
        return f"its key frames lie up to {key_frame_seconds:.1f} s apart"
    return None


def too_fast(mean: int | None, peak: int | None, limits: Limits) -> str | None:
    """The obstacle of a rate (bits a second). A mean is that of the whole file, whose sound may be large: so it is held
    against what a peak may be.
    """
    most = max(mean or 0, peak or 0)
    if most > PEAK * limits.rate:
        return f"it takes up to {most / 1e6:.1f} Mbit/s"
    return None


def _is_square(built: Built) -> bool:
    if not built.pixel_width or not built.pixel_height:
        return True
    return abs(built.pixel_width / built.pixel_height - 1) <= _SQUARE
