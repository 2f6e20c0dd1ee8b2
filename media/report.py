"""Read ffprobe's report (its JSON form) into what the catalog keeps.

The report is made from a file that somebody else wrote, so nothing in it is trusted: texts are bounded and made
storable (no NUL, no half surrogates), numbers out of any sensible range count as not told.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.contract.everywhere import PLAYED_EVERYWHERE
from catalog.contract.words import EditList, MoovPosition, Scan
from catalog.text import clean
from media.codec_strings import codec_string, depth_of
from media.shown import is_cover

MAX_TRACKS = 200
MAX_CHAPTERS = 1000
MAX_TAGS = 64
MAX_TEXT = 1000
# 10,000 hours; 100 Gbit/s; the width of a 32K frame.
_MAX_SECONDS = 3.6e7
# So much a track may be longer or shorter than the film is said to be.
_NEARLY_SECONDS = 5.0
_MAX_BITRATE = 10**11
_MAX_PIXELS = 32_768
_MAX_FPS = 1000.0
# Pixels are square within this share, and never wider or higher than that many times.
_SQUARE = 0.01
_WIDEST_PIXEL = 10.0
# Streams that last at least this share of the longest are as long as that: one may end with its last sound.
_AS_LONG = 0.9
# What covers are stored as.
_STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "tiff", "webp"})

_KINDS = ("video", "audio", "subtitle")
_EIGHT_BIT_420 = {"yuv420p", "yuvj420p"}

# ffprobe's field_order. The second letter does not say which field is shown first, whatever ffmpeg's documentation has:
# 9 (tb) and 14 (bt) are interleaved fields, and the first line is early or late (RFC 9559, 5.1.4.1.28.3; QuickTime).
_SCANS: dict[str, Scan] = {
    "progressive": "progressive", "tt": "tff", "tb": "tff", "bb": "bff", "bt": "bff",
}  # fmt: skip
# Codecs that know no fields.
_WHOLE_PICTURES = frozenset({"vp8", "vp9", "av1", "theora"})
_MAX_DEPTH = 16
# As wide as PostgreSQL's integers.
_MAX_SIDE = (1 << 31) - 1

Section = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Track:
    """One stream of the container; `position` is its index there."""

    position: int
    kind: str
    codec: str
    codec_string: str | None
    profile: str | None
    language: str | None
    title: str | None
    channels: int | None
    sample_rate: int | None
    bitrate: int | None
    is_default: bool
    is_forced: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What a video is. `width` and `height` are as it is shown: in square pixels, turned by `rotation` (degrees
    clockwise). `video_track` is the index of the stream that this tells of; pictures are made of that one, too.
    """

    container: str
    duration_seconds: float | None
    width: int | None
    height: int | None
    fps: float | None
    bitrate: int | None
    video_codec: str
    audio_codec: str | None
    video_codec_string: str | None
    audio_codec_string: str | None
    hdr: str | None
    rotation: int
    direct_play: bool
    video_track: int
    # Index of the stream that is a cover in the shape of one; None: there is none.
    cover_track: int | None = None
    tracks: tuple[Track, ...] = ()
    chapters: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    # What is to be said of a video that plays, but not as it should.
    note: str | None = None
    # Bits of a sample; width and height of a pixel (1, 1 is square).
    bit_depth: int | None = None
    pixel_width: int | None = None
    pixel_height: int | None = None
    # tff and bff are interlaced, by the field that is shown first.
    scan: Scan | None = None
    # Of the file, by `media.structure`: None is not told there, or not to be told of such files.
    open_gop: bool | None = None
    edit_list: EditList | None = None
    key_frame_seconds: float | None = None
    peak_bitrate: int | None = None
    moov_position: MoovPosition | None = None


def read_report(report: Section, container: str) -> Probed | None:
    """The facts in ffprobe's `report` with format, streams and chapters; None when there is no video track."""
    streams = [stream for stream in sections(report.get("streams"))[:MAX_TRACKS] if _kind(stream)]
    video = _longest([stream for stream in streams if _kind(stream) == "video"])
    if video is None:
        return None
    audio = _foremost(stream for stream in streams if _kind(stream) == "audio")
    envelope = _section(report.get("format"))
    rotation = _rotation(video)
    size = _shown_size(video)
    width, height = size[::-1] if rotation in (90, 270) else size
    pixel_width, pixel_height = _pixel(video)
    return Probed(
        container=container,
        duration_seconds=_duration(envelope, streams),
        width=width,
        height=height,
        fps=_fps(video),
        bitrate=_whole(envelope.get("bit_rate"), _MAX_BITRATE),
        video_codec=_codec(video),
        audio_codec=_codec(audio) if audio else None,
        video_codec_string=codec_string(video),
        audio_codec_string=codec_string(audio) if audio else None,
        hdr=_hdr(video),
        rotation=rotation,
        direct_play=_direct_play(container, video, audio),
        video_track=_index(video, streams.index(video)),
        cover_track=_cover(sections(report.get("streams"))[:MAX_TRACKS]),
        tracks=tuple(_track(stream, position) for position, stream in enumerate(streams)),
        chapters=_chapters(report),
        tags=tags_of(envelope),
        bit_depth=depth_of(video) or _whole(video.get("bits_per_raw_sample"), _MAX_DEPTH),
        pixel_width=pixel_width,
        pixel_height=pixel_height,
        scan="progressive" if _codec(video) in _WHOLE_PICTURES else _SCANS.get(str(video.get("field_order"))),
    )


def storable(value: object, longest: int = MAX_TEXT) -> str:
    """`value` as text that PostgreSQL takes, on one line, at most `longest` characters."""
    text = clean(str(value)[: 4 * longest], " ")
    return re.sub(" {2,}", " ", text).strip(" ")[:longest].rstrip(" ")


def _kind(stream: Section) -> str | None:
    """video, audio or subtitle; None for data, attachments and cover pictures."""
    kind = stream.get("codec_type")
    if kind == "video" and _section(stream.get("disposition")).get("attached_pic"):
        return None
    return kind if kind in _KINDS else None


def tells_protection(report: Section) -> bool:
    """Does ffprobe's `report` say that a track is encrypted? It has a tag for Matroska's, side data for others'."""
    for stream in sections(report.get("streams")):
        kinds = [str(entry.get("side_data_type")).lower() for entry in sections(stream.get("side_data_list"))]
        if "enc_key_id" in tags_of(stream) or any("encryption" in kind for kind in kinds):
            return True
    return False


def _index(stream: Section, position: int) -> int:
    """The stream's index within the container; its position among those told, when that makes no sense."""
    index = stream.get("index")
    return index if isinstance(index, int) and 0 <= index < 1 << 31 else position


def _longest(streams: list[Section]) -> Section | None:
    """The moving stream that lasts longest; of several, the default one. Cover pictures may lack their mark."""
    lengths = [_track_seconds(stream) for stream in streams]
    longest = max((seconds for seconds in lengths if seconds), default=None)
    long = [
        stream
        for stream, seconds in zip(streams, lengths, strict=True)
        if longest is None or seconds is None or seconds >= _AS_LONG * longest
    ]
    moving = [stream for stream in long if str(stream.get("codec_name")) not in _STILL_CODECS]
    return _foremost(moving or long)


def _shown_size(video: Section) -> tuple[int | None, int | None]:
    """Width and height in square pixels, before turning. An unknown shape of pixels, and one within 1 % of square,
    is square: both are muxers' rounding.
    """
    width, height = _whole(video.get("width"), _MAX_PIXELS), _whole(video.get("height"), _MAX_PIXELS)
    across, _, down = str(video.get("sample_aspect_ratio", "")).partition(":")
    numbers = (_number(across) or 0.0, _number(down) or 0.0)
    shape = numbers[0] / numbers[1] if numbers[0] > 0 and numbers[1] > 0 else 1.0
    if width is None or abs(shape - 1) <= _SQUARE or not 1 / _WIDEST_PIXEL <= shape <= _WIDEST_PIXEL:
        return width, height
    return min(_MAX_PIXELS, max(1, round(width * shape))), height


def _pixel(video: Section) -> tuple[int, int] | tuple[None, None]:
    """Width and height of a pixel, as the file tells them."""
    across, _, down = str(video.get("sample_aspect_ratio", "")).partition(":")
    width, height = _whole(across, _MAX_SIDE), _whole(down, _MAX_SIDE)
    return (width, height) if width and height else (None, None)


def _foremost(streams: Iterable[Section]) -> Section | None:
    """The track that a player takes by itself: the default one, else the first."""
    ordered = sorted(streams, key=lambda stream: not _section(stream.get("disposition")).get("default"))
    return ordered[0] if ordered else None


def _cover(streams: list[Section]) -> int | None:
    """The largest picture that the muxer calls a cover and that has the shape of one."""
    found = []
    for position, stream in enumerate(streams):
        width, height = _whole(stream.get("width"), _MAX_PIXELS), _whole(stream.get("height"), _MAX_PIXELS)
        is_picture = _section(stream.get("disposition")).get("attached_pic") and stream.get("codec_type") == "video"
        if is_picture and width and height and is_cover(width, height):
            found.append((width * height, -position, _index(stream, position)))
    return max(found)[2] if found else None


def _codec(stream: Section) -> str:
    return storable(stream.get("codec_name") or stream.get("codec_tag_string") or "unknown", 64) or "unknown"


def _track(stream: Section, position: int) -> Track:
    disposition, tags = _section(stream.get("disposition")), tags_of(stream)
    language = tags.get("language", "")[:35]
    return Track(
        position=_index(stream, position),
        kind=str(_kind(stream)),
        codec=_codec(stream),
        codec_string=codec_string(stream),
        profile=storable(stream.get("profile") or "", 64) or None,
        language=language if language not in ("", "und") else None,
        title=tags.get("title", "")[:200] or None,
        channels=_whole(stream.get("channels"), 1024),
        sample_rate=_whole(stream.get("sample_rate"), 10_000_000),
        bitrate=_whole(stream.get("bit_rate"), _MAX_BITRATE),
        is_default=bool(disposition.get("default")),
        is_forced=bool(disposition.get("forced")),
    )


def _duration(envelope: Section, streams: list[Section]) -> float | None:
    """The container's word, else the longest track's; Matroska muxers write the latter as a tag.

    Where that word is a subtitle's, whose last line may be set for any time, it is that of picture and sound.
    """
    told = _seconds(envelope.get("duration"))
    moving = _longest_seconds(stream for stream in streams if _kind(stream) != "subtitle")
    lines = _longest_seconds(stream for stream in streams if _kind(stream) == "subtitle")
    if told is None:
        return moving or lines
    if moving and lines and lines > told - _NEARLY_SECONDS and told > moving + _NEARLY_SECONDS:
        return moving
    return told


def _longest_seconds(streams: Iterable[Section]) -> float | None:
    return max((seconds for stream in streams if (seconds := _track_seconds(stream))), default=None)


def _track_seconds(stream: Section) -> float | None:
    """The muxer's tag first: once it has sought, ffprobe tells the container's length as that of a Matroska track."""
    return _clock(_section(stream.get("tags")).get("DURATION")) or _seconds(stream.get("duration"))


def _clock(value: object) -> float | None:
    """Seconds of `01:02:03.004`."""
    parts = str(value).split(":")
    numbers = [_number(part) for part in parts]
    if len(parts) != 3 or any(number is None for number in numbers):
        return None
    hours, minutes, seconds = (number or 0.0 for number in numbers)
    return _seconds(hours * 3600 + minutes * 60 + seconds)


def _fps(video: Section) -> float | None:
    """The average, which is right for variable rates too; else the base rate, which may be a time base only."""
    for key in ("avg_frame_rate", "r_frame_rate"):
        above, _, below = str(video.get(key, "")).partition("/")
        frames, seconds = _number(above), _number(below or "1")
        if frames and seconds and 0 < frames / seconds <= _MAX_FPS:
            return round(frames / seconds, 3)
    return None


def _rotation(video: Section) -> int:
    """Degrees clockwise to turn the picture: ffprobe tells the display matrix counter-clockwise."""
    for entry in sections(video.get("side_data_list")):
        angle = _number(entry.get("rotation"))
        if angle is not None:
            return round(-angle / 90) * 90 % 360
    angle = _number(_section(video.get("tags")).get("rotate"))
    return round(angle / 90) * 90 % 360 if angle is not None else 0


def _hdr(video: Section) -> str | None:
    """dolby-vision, hdr10, hlg or None, by ITU-T H.273 transfer characteristics and side data."""
    kinds = {str(entry.get("side_data_type", "")) for entry in sections(video.get("side_data_list"))}
    if "DOVI configuration record" in kinds or str(video.get("codec_tag_string")) in ("dvh1", "dvhe", "dav1"):
        return "dolby-vision"
    return {"smpte2084": "hdr10", "arib-std-b67": "hlg"}.get(str(video.get("color_transfer")))


def _direct_play(container: str, video: Section, audio: Section | None) -> bool:
    """Can every current browser play the file as it is?"""
    if container not in PLAYED_EVERYWHERE:
        return False
    of_video, of_audio = PLAYED_EVERYWHERE[container]
    return (
        _codec(video) in of_video
        and str(video.get("pix_fmt")) in _EIGHT_BIT_420
        and (audio is None or _codec(audio) in of_audio)
    )


def _chapters(report: Section) -> tuple[dict[str, Any], ...]:
    chapters = []
    for chapter in sections(report.get("chapters"))[:MAX_CHAPTERS]:
        start, end = _number(chapter.get("start_time")), _number(chapter.get("end_time"))
        if start is not None and end is not None and 0 <= start <= end <= _MAX_SECONDS:
            title = tags_of(chapter).get("title", "")[:200]
            chapters.append({"start_seconds": start, "end_seconds": end, "title": title})
    return tuple(chapters)


def tags_of(section: Section) -> dict[str, str]:
    pairs = list(_section(section.get("tags")).items())[:MAX_TAGS]
    return {name: storable(value) for key, value in pairs if (name := storable(key, 64).lower())}


def _section(value: object) -> Section:
    return value if isinstance(value, dict) else {}


def sections(value: object) -> list[Section]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: object, most: int) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 1 <= number <= most else None


def _seconds(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 < number <= _MAX_SECONDS else None
