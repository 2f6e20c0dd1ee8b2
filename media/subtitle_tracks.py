"""Which subtitle tracks a film has: those that are text, and those that are pictures."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Final

from media import languages
from media.report import sections, tags_of
from media.sidecars import Described

# By ffmpeg's name of the codec: the suffix of what is made of it, and the encoder ("copy": as it is).
MADE_OF: Final = {
    "subrip": ("srt", "copy"), "srt": ("srt", "copy"), "text": ("srt", "copy"), "mov_text": ("srt", "subrip"),
    "webvtt": ("vtt", "copy"), "ass": ("ass", "copy"), "ssa": ("ass", "copy"),
}  # fmt: skip
# Of Blu-ray, and of DVD.
PGS: Final = "hdmv_pgs_subtitle"
VOBSUB: Final = "dvd_subtitle"
PICTURES: Final = (PGS, VOBSUB)
_SAYS_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_SAYS_SDH = re.compile(r"\b(?:sdh|cc|hearing[ -]impaired)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Track:
    """A subtitle track of a film; `position` is its index there."""

    position: int
    codec: str
    described: Described


def text_tracks(report: Mapping[str, Any], most: int) -> list[Track]:
    """The first `most` text tracks in ffprobe's `report`."""
    return _tracks(report, MADE_OF)[:most]


def picture_tracks(report: Mapping[str, Any], most: int) -> list[Track]:
    """The first `most` tracks in ffprobe's `report` that are pictures."""
    return _tracks(report, PICTURES)[:most]


def _tracks(report: Mapping[str, Any], codecs: Container[str]) -> list[Track]:
    found = []
    for position, stream in enumerate(sections(report.get("streams"))):
        codec = str(stream.get("codec_name"))
        if stream.get("codec_type") == "subtitle" and codec in codecs:
            found.append(Track(position, codec, _described(stream)))
    return found


def _described(stream: Mapping[str, Any]) -> Described:
    told, disposition = tags_of(stream), stream.get("disposition") or {}
    title = told.get("title", "")[:200]
    return Described(
        language=languages.of_tag(told.get("language")),
        title=title or None,
        is_default=bool(disposition.get("default")),
        is_forced=bool(disposition.get("forced") or _SAYS_FORCED.search(title)),
        is_hearing_impaired=bool(disposition.get("hearing_impaired") or _SAYS_SDH.search(title)),
    )
