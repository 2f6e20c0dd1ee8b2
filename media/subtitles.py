"""The subtitles that a film holds, and the fonts that come with them, in one reading of the whole file.

ffmpeg copies each track as it is into a file of its own; those of MP4 alone are no text before it writes them as SRT.
What becomes of those that are pictures is in `media.drawn`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ffmpeg

from catalog.contract.words import SubtitleOrigin
from media import drawn
from media.asking import input_options
from media.charsets import decoded
from media.cues import Cue, read
from media.faults import Fault
from media.making import Making, compiled
from media.report import sections, tags_of
from media.sandbox import VIDEO
from media.settings import MediaSettings
from media.sidecars import Described
from media.subtitle_tracks import MADE_OF, Track

_FORMATS: Final = {"srt": "srt", "vtt": "webvtt", "ass": "ass"}
# The first bytes of fonts (OpenType 1.9, "Organization of an OpenType Font", "Font Collections").
_FONTS: Final = ((b"\0\1\0\0", "ttf"), (b"true", "ttf"), (b"OTTO", "otf"), (b"ttcf", "ttc"))
_LIKE_A_FONT = re.compile(r"font|truetype|opentype|[.](?:ttf|otf|ttc)$", re.IGNORECASE)


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


def attached_fonts(report: Mapping[str, Any], settings: MediaSettings) -> list[int]:
    """The indexes of the attachments that may be fonts, and are not too large."""
    found = []
    for position, stream in enumerate(sections(report.get("streams"))):
        told, size = tags_of(stream), stream.get("extradata_size")
        is_like_one = _LIKE_A_FONT.search(told.get("mimetype", "")) or _LIKE_A_FONT.search(told.get("filename", ""))
        if stream.get("codec_type") == "attachment" and is_like_one and isinstance(size, int):
            found += [position] if size <= settings.font_bytes else []
    return found[: settings.fonts]


def extract(
    making: Making, tracks: Sequence[Track], attachments: Sequence[int], pictures: Sequence[Track] = ()
) -> list[Subtitle] | Fault:
    """Read the film once: its text subtitles. What was read of `pictures` (`drawn.written`) and the fonts (`fonts_in`)
    are left in the folder of `making`.
    """
    settings = making.settings
    most = max(
        settings.subtitle_bytes,
        settings.font_bytes if attachments else 0,
        settings.picture_subtitle_bytes if pictures else 0,
    )
    fault = making.run(_command(making, tracks, attachments, pictures), file_bytes=most + _SLACK)
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


def _command(
    making: Making, tracks: Sequence[Track], attachments: Sequence[int], pictures: Sequence[Track]
) -> list[str]:
    dumped = {f"dump_attachment:{position}": f"attachment-{position}" for position in attachments}
    film = ffmpeg.input(f"file:{VIDEO}", **input_options(making.container), **dumped)
    # A film says nothing for minutes; its picture, of which nothing is made, tells how far the reading is.
    outputs = [ffmpeg.output(film[making.subject.stream], "pipe:", f="null", c="copy")]
    for track in tracks:
        suffix, encoder = MADE_OF[track.codec]
        options = {"f": _FORMATS[suffix], "c:s": encoder, "fs": making.settings.subtitle_bytes}
        outputs.append(ffmpeg.output(film[str(track.position)], _name(track), **options))
    for track in pictures:
        outputs += drawn.outputs(film[str(track.position)], track, making.settings.picture_subtitle_bytes)
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
