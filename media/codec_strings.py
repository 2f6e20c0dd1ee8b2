"""What a browser is asked about a track: its codec as RFC 6381 writes it, such as avc1.64001F or mp4a.40.2.

ffprobe tells profile and level, not the bytes of the codec's configuration. So the constraint flags of H.264 and HEVC
are those that encoders set for the profile, and the tier of HEVC and AV1 is the main one. Players decide by profile,
level and depth.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Section = Mapping[str, Any]

# ISO/IEC 14496-10, A.2: profile_idc and the constraint flags, by ffprobe's name.
_AVC = {
    "Baseline": "4200", "Constrained Baseline": "42E0", "Extended": "5800", "Main": "4D40", "High": "6400",
    "High 10": "6E00", "High 10 Intra": "6E10", "High 4:2:2": "7A00", "High 4:2:2 Intra": "7A10",
    "High 4:4:4 Predictive": "F400", "High 4:4:4 Intra": "F410", "CAVLC 4:4:4 Intra": "4400",
}  # fmt: skip
# ISO/IEC 14496-15, E.3: general_profile_idc and its compatibility flags, read backwards.
# What the range extensions hold stands in constraint bytes that are not told, so they have no name here.
_HEVC = {"Main": "1.6", "Main 10": "2.4", "Main Still Picture": "3.E"}
# Progressive, frames only.
_HEVC_CONSTRAINTS = "90"
_AV1 = {"Main": 0, "High": 1, "Professional": 2}
# The VP9 levels (webmproject.org/vp9/levels): level, most luma samples a second, most in a picture.
_VP9_LEVELS = (
    (10, 829_440, 36_864), (11, 2_764_800, 73_728), (20, 4_608_000, 122_880), (21, 9_216_000, 245_760),
    (30, 20_736_000, 552_960), (31, 36_864_000, 983_040), (40, 83_558_400, 2_228_224), (41, 160_432_128, 2_228_224),
    (50, 311_951_360, 8_912_896), (51, 588_251_136, 8_912_896), (52, 1_176_502_272, 8_912_896),
    (60, 1_176_502_272, 35_651_584), (61, 2_353_004_544, 35_651_584), (62, 4_706_009_088, 35_651_584),
)  # fmt: skip
_AAC = {"Main": 1, "LC": 2, "SSR": 3, "LTP": 4, "HE-AAC": 5, "HE-AACv2": 29, "xHE-AAC": 42}
_DTS = {"DTS-HD MA": "dtsl", "DTS-HD HRA": "dtsh", "DTS Express": "dtse"}
# One name for whatever is in them.
_PLAIN = {
    "vp8": "vp8", "theora": "theora", "mpeg2video": "mp4v.61", "mpeg1video": "mp4v.6A", "mp3": "mp4a.6B",
    "opus": "opus", "vorbis": "vorbis", "flac": "flac", "alac": "alac", "ac3": "ac-3", "eac3": "ec-3",
    "truehd": "mlpa",
}  # fmt: skip
_DOLBY_VISION_ENTRIES = frozenset({"dvh1", "dvhe", "dav1"})
_LARGEST_LEVEL = 255


def codec_string(stream: Section) -> str | None:
    """For a video or audio section of ffprobe's report; None for a codec without such a name, or when the report lacks
    what the name is made of.

    Dolby Vision is named as such where its sample entry says so, or where nothing else can show the picture.
    """
    codec = str(stream.get("codec_name"))
    made = _MAKERS.get(codec)
    if stream.get("codec_tag_string") in _DOLBY_VISION_ENTRIES or _is_dolby_vision_alone(stream):
        return _dolby_vision(stream)
    return made(stream) if made else _PLAIN.get(codec)


def _h264(stream: Section) -> str | None:
    profile, level = _AVC.get(_profile(stream)), _level(stream)
    return f"{_entry(stream, 'avc1', 'avc3')}.{profile}{level:02X}" if profile and level else None


def _hevc(stream: Section) -> str | None:
    profile, level = _HEVC.get(_profile(stream)), _level(stream)
    return f"{_entry(stream, 'hvc1', 'hev1')}.{profile}.L{level}.{_HEVC_CONSTRAINTS}" if profile and level else None


def _av1(stream: Section) -> str | None:
    """AV1 in ISOBMFF, section 5. Level 0 is a level there (2.0)."""
    profile, level = _AV1.get(_profile(stream)), _level(stream, least=0)
    return f"av01.{profile}.{level:02d}M.{_depth(stream):02d}" if profile is not None and level is not None else None


def _vp9(stream: Section) -> str | None:
    """VP codec ISO media file format binding, section "Codecs parameter string". ffprobe tells no level."""
    profile = re.search(r"\d", _profile(stream))
    width, height, fps = (_positive(stream.get(key)) for key in ("width", "height", "avg_frame_rate"))
    if profile is None or width is None or height is None:
        return None
    size, rate = width * height, width * height * (fps or 0)
    level = next((level for level, fastest, largest in _VP9_LEVELS if size <= largest and rate <= fastest), 62)
    return f"vp09.{int(profile[0]):02d}.{level}.{_depth(stream):02d}"


def _mpeg4(stream: Section) -> str:
    """RFC 6381, 3.3: the object type of MPEG-4 Visual, then profile and level by ISO/IEC 14496-2, G.1."""
    return "mp4v.20.240" if "Advanced Simple" in _profile(stream) else "mp4v.20.9"


def _aac(stream: Section) -> str | None:
    """ISO/IEC 14496-3, 1.5.1.1: the audio object type. A stream that tells no profile is LC."""
    object_type = _AAC.get(str(stream.get("profile", "LC")))
    return f"mp4a.40.{object_type}" if object_type else None


def _dts(stream: Section) -> str:
    return next((name for profile, name in _DTS.items() if _profile(stream).startswith(profile)), "dtsc")


def _dolby_vision(stream: Section) -> str | None:
    """Entry, profile and level by Dolby's "Dolby Vision streams within the ISO base media file format"."""
    record = _dolby_vision_record(stream)
    profile, level = _whole(record.get("dv_profile")), _whole(record.get("dv_level"))
    name = {"hevc": _entry(stream, "dvh1", "dvhe"), "av1": "dav1"}.get(str(stream.get("codec_name")))
    return f"{name}.{profile:02d}.{level:02d}" if name and profile and level else None


def _is_dolby_vision_alone(stream: Section) -> bool:
    """Would a player that does not know it show the picture in the wrong colours?"""
    return _whole(_dolby_vision_record(stream).get("dv_bl_signal_compatibility_id")) == 0


def _dolby_vision_record(stream: Section) -> Section:
    told = stream.get("side_data_list")
    entries = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
    return next((entry for entry in entries if entry.get("side_data_type") == "DOVI configuration record"), {})


def _entry(stream: Section, usual: str, other: str) -> str:
    """How the sample entry is named: parameters beside the samples, or (the other name) perhaps among them."""
    return other if stream.get("codec_tag_string") == other else usual


def _profile(stream: Section) -> str:
    return str(stream.get("profile"))


def _level(stream: Section, least: int = 1) -> int | None:
    level = _whole(stream.get("level"))
    return level if level is not None and least <= level <= _LARGEST_LEVEL else None


def depth_of(stream: Section) -> int | None:
    """Bits a sample, by the name of the pixel format: yuv420p10le has ten, yuv420p eight. None: it is not told."""
    if not isinstance(stream.get("pix_fmt"), str):
        return None
    told = re.search(r"(?:p|gray|p0)(9|10|12|14|16)(?:le|be)?$", stream["pix_fmt"])
    return int(told[1]) if told else 8


def _depth(stream: Section) -> int:
    return depth_of(stream) or 8


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_LEVEL else None


def _positive(value: object) -> float | None:
    """A number, or a ratio such as 30000/1001."""
    above, _, below = str(value).partition("/")
    try:
        number = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


_MAKERS: Mapping[str, Callable[[Section], str | None]] = {
    "h264": _h264,
    "hevc": _hevc,
    "av1": _av1,
    "vp9": _vp9,
    "mpeg4": _mpeg4,
    "aac": _aac,
    "dts": _dts,
}
