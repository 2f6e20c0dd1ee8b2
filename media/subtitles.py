"""The text subtitles that a film holds, and the fonts that come with them, in one reading of the whole file.

ffmpeg copies each track as it is into a file of its own; those of MP4 alone are no text before it writes them as SRT.
Pictures (PGS, VobSub, DVB) are no text, and stay in the film.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ffmpeg

from catalog.contract.words import SubtitleOrigin
from media import languages
from media.asking import input_options
from media.charsets import decoded
from media.cues import Cue, read
from media.faults import Fault
from media.making import Making, compiled
from media.report import sections, tags_of
from media.sandbox import VIDEO
from media.settings import MediaSettings
from media.sidecars import Described

# By ffmpeg's name of the codec: the suffix of what is made of it, and the encoder ("copy": as it is).
MADE_OF: Final = {
    "subrip": ("srt", "copy"), "srt": ("srt", "copy"), "text": ("srt", "copy"), "mov_text": ("srt", "subrip"),
    "webvtt": ("vtt", "copy"), "ass": ("ass", "copy"), "ssa": ("ass", "copy"),
}  # fmt: skip
_FORMATS: Final = {"srt": "srt", "vtt": "webvtt", "ass": "ass"}
# The first bytes of fonts (OpenType 1.9, "Organization of an OpenType Font", "Font Collections").
_FONTS: Final = ((b"\0\1\0\0", "ttf"), (b"true", "ttf"), (b"OTTO", "otf"), (b"ttcf", "ttc"))
_LIKE_A_FONT = re.compile(r"font|truetype|opentype|[.](?:ttf|otf|ttc)$", re.IGNORECASE)
_SAYS_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_SAYS_SDH = re.compile(r"\b(?:sdh|cc|hearing[ -]impaired)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subtitle:
    """What was read of one track or sidecar; `script` is the whole text of one that ASS draws."""

    described: Described
    origin: SubtitleOrigin
    cues: list[Cue]
    script: str | None

    @classmethod
    def of(
        cls, raw: bytes, suffix: str, described: Described, origin: SubtitleOrigin, settings: MediaSettings
    ) -> "Subtitle":
        """From a file's bytes, in whatever encoding."""
        text = decoded(raw, described.language)
        is_script = suffix in ("ass", "ssa")
        return cls(described, origin, read(text, suffix, settings.subtitle_cues), text if is_script else None)


@dataclass(frozen=True, slots=True)
class Track:
    """A text track of a film; `position` is its index there."""

    position: int
    codec: str
    described: Described


def text_tracks(report: Mapping[str, Any], most: int) -> list[Track]:
    """The first `most` text tracks in ffprobe's `report`."""
    found = []
    for position, stream in enumerate(sections(report.get("streams"))):
        codec = str(stream.get("codec_name"))
        if stream.get("codec_type") == "subtitle" and codec in MADE_OF:
            found.append(Track(position, codec, _described(stream)))
    return found[:most]


def attached_fonts(report: Mapping[str, Any], settings: MediaSettings) -> list[int]:
    """The indexes of the attachments that may be fonts, and are not too large."""
    found = []
    for position, stream in enumerate(sections(report.get("streams"))):
        told, size = tags_of(stream), stream.get("extradata_size")
        is_like_one = _LIKE_A_FONT.search(told.get("mimetype", "")) or _LIKE_A_FONT.search(told.get("filename", ""))
        if stream.get("codec_type") == "attachment" and is_like_one and isinstance(size, int):
            found += [position] if size <= settings.font_bytes else []
    return found[: settings.fonts]


def extract(making: Making, tracks: list[Track], attachments: list[int]) -> list[Subtitle] | Fault:
    """Read the film once: its subtitles, with the fonts left in the folder of `making` (`fonts_in`)."""
    settings = making.settings
    most = max(settings.subtitle_bytes, settings.font_bytes if attachments else 0)
    fault = making.run(_command(making, tracks, attachments), file_bytes=most + _SLACK)
    if fault is not None:
        return fault
    found = []
    for track in tracks:
        suffix = MADE_OF[track.codec][0]
        with (making.folder / _name(track)).open("rb") as file:
            raw = file.read(settings.subtitle_bytes)
        found.append(Subtitle.of(raw, suffix, track.described, "embedded", settings))
    return found


# `-fs` ends a track's file at its size, but only behind the piece that reached it.
_SLACK = 1 << 20


def _command(making: Making, tracks: list[Track], attachments: list[int]) -> list[str]:
    dumped = {f"dump_attachment:{position}": f"attachment-{position}" for position in attachments}
    film = ffmpeg.input(f"file:{VIDEO}", **input_options(making.container), **dumped)
    # A film says nothing for minutes; its picture, of which nothing is made, tells how far the reading is.
    outputs = [ffmpeg.output(film[making.subject.stream], "pipe:", f="null", c="copy")]
    for track in tracks:
        suffix, encoder = MADE_OF[track.codec]
        options = {"f": _FORMATS[suffix], "c:s": encoder, "fs": making.settings.subtitle_bytes}
        outputs.append(ffmpeg.output(film[str(track.position)], _name(track), **options))
    return compiled(ffmpeg.merge_outputs(*outputs))


def _name(track: Track) -> str:
    return f"track-{track.position}.{MADE_OF[track.codec][0]}"


def fonts_in(folder: Path) -> list[Path]:
    """The attachments that are fonts by their first bytes, under names of ours: font-1.ttf, font-2.otf."""
    found: list[Path] = []
    for made in sorted(folder.glob("attachment-*")):
        with made.open("rb") as file:
            head = file.read(4)
        suffix = next((suffix for magic, suffix in _FONTS if head == magic), None)
        if suffix:
            found.append(made.rename(folder / f"font-{len(found) + 1}.{suffix}"))
    return found


def stems(subtitles: Iterable[Described]) -> list[str]:
    """The published name of each, without suffix: `sub-en`, `sub-en-2`, `sub-en-forced`, `sub-de-sdh`."""
    taken: Counter[str] = Counter()
    names = []
    for one in subtitles:
        use = "-forced" if one.is_forced else "-sdh" if one.is_hearing_impaired else ""
        stem = f"sub-{one.language}{use}"
        taken[stem] += 1
        names.append(stem if taken[stem] == 1 else f"{stem}-{taken[stem]}")
    return names


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
