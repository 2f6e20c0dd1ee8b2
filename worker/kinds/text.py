"""The subtitles of a title: as WebVTT those that its file holds, then those beside it; last those that are pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg import Connection

from media import beside, drawn
from media.asking import Asking, parsed
from media.cues import as_vtt
from media.drawn import Drawn
from media.faults import Fault
from media.packager import MEDIA_TYPES, PackagerMissingError, text_file
from media.sidecars import Described
from media.subtitle_tracks import picture_tracks, text_tracks
from media.subtitles import Subtitle, attached_fonts, extract, fonts_in, stems
from worker import film, withdrawn
from worker.attempt import Attempt, Made
from worker.encoding import PACKING, workshop
from worker.sources import Source

_FONT_TYPES: Final = {".ttf": "font/ttf", ".otf": "font/otf", ".ttc": "font/collection"}
# No film is longer, whatever it says of itself.
_LONGEST_SECONDS: Final = 48 * 3600
_FORGET: LiteralString = "DELETE FROM subtitles WHERE video_id = %s"
_SAVE: LiteralString = """
INSERT INTO subtitles (video_id, name, position, language, title, is_default, is_forced, is_hearing_impaired, origin)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(slots=True)
class _Found:
    texts: list[Subtitle] = field(default_factory=list)
    pictures: list[Drawn] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def run(attempt: Attempt) -> None:
    """What can be read is published. What can't fails the job with its reason and is not tried for ever."""
    with attempt.source() as source:
        if film.is_of_another(attempt.job, source):
            return
        found = _embedded(attempt, source)
        facts = source.facts
        for one in beside.subtitles(facts.root, facts.path, attempt.settings):
            if isinstance(one, Fault):
                found.faults.append(one)
            else:
                found.texts.append(one)
        # Numbered apart: a text keeps its name whatever pictures there are.
        offered = stems(one.described for one in found.texts)
        names = [f"{stem}.vtt" for stem in offered]
        drawings = [f"{stem}.sup" for stem in stems(one.described for one in found.pictures)]
        rows: list[tuple[str, Described, str]] = [
            *((name, one.described, one.origin) for name, one in zip(names, found.texts, strict=True)),
            *((name, one.described, "embedded") for name, one in zip(drawings, found.pictures, strict=True)),
        ]
        made = _written(attempt.folder, names, found.texts)
        made += [Made(name, one.path, drawn.MEDIA_TYPE) for name, one in zip(drawings, found.pictures, strict=True)]
        packed, fault = _packed(attempt, dict(zip(offered, found.texts, strict=True)), facts.duration_seconds)
        found.faults += [fault] if fault else []

        def record(database: Connection[Any]) -> None:
            database.execute(_FORGET, (facts.id,))
            for position, (name, one, origin) in enumerate(rows):
                flags = (one.is_default, one.is_forced, one.is_hearing_impaired)
                database.execute(_SAVE, (facts.id, name, position, one.language, one.title, *flags, origin))
            kept = [one.name for one in packed]
            withdrawn.retire_texts(database, titles=attempt.settings.titles_dir, video=facts.id, kept=kept)

        film.conclude(attempt, [*made, *packed], found.faults, instead_of=("sub", "font"), record=record)


def _embedded(attempt: Attempt, source: Source) -> _Found:
    """Those of the file that say or show something."""
    settings = attempt.settings
    asked = Asking(attempt.sandbox, settings, source.descriptor, source.container).report(None)
    if isinstance(asked, Fault):
        return _Found(faults=[asked])
    report = parsed(asked) or {}
    tracks = text_tracks(report, settings.subtitle_tracks)
    pictures = picture_tracks(report, settings.picture_subtitle_tracks)
    if not (tracks or pictures):
        return _Found()
    making = film.making(attempt, source, "subtitles", of_seconds=source.facts.duration_seconds, begin=0, end=1)
    texts = extract(making, tracks, attached_fonts(report, settings), pictures)
    if isinstance(texts, Fault):
        return _Found(faults=[film.lacking("The subtitles that the file holds", texts)])
    made, faults = drawn.written(making, pictures)
    return _Found([one for one in texts if one.cues], made, faults)


def _packed(attempt: Attempt, subtitles: Mapping[str, Subtitle], seconds: float) -> tuple[list[Made], Fault | None]:
    """What DASH reads of the subtitles, by their names without suffix: what is said within the film, since an index has
    an entry for each minute.
    """
    ends, offered = min(seconds, _LONGEST_SECONDS), []
    for stem, subtitle in subtitles.items():
        cues = [cue._replace(end=min(cue.end, ends)) for cue in subtitle.cues if cue.start < ends]
        if cues:
            offered.append(stem)
            (attempt.folder / text_file(stem)).write_text(as_vtt(cues), encoding="utf-8")
    if not offered:
        return [], None
    attempt.report("packing", 1 - PACKING)
    try:
        paths = workshop(attempt).pack_texts(offered, lambda: attempt.report("packing", 1 - PACKING))
    except PackagerMissingError as error:
        return [], Fault(str(error))
    if isinstance(paths, Fault):
        return [], film.lacking("The subtitles for DASH", paths)
    return [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths], None


def _written(folder: Path, names: Sequence[str], subtitles: Sequence[Subtitle]) -> list[Made]:
    """The files to publish: WebVTT of each, and the scripts of ASS with their fonts."""
    made = []
    for name, subtitle in zip(names, subtitles, strict=True):
        path = folder / name
        path.write_text(as_vtt(subtitle.cues), encoding="utf-8")
        made.append(Made(name, path, "text/vtt"))
        if subtitle.script is not None:
            script = path.with_suffix(".ass")
            script.write_text(subtitle.script, encoding="utf-8")
            made.append(Made(script.name, script, "text/x-ssa"))
    if any(subtitle.script is not None for subtitle in subtitles):
        made += [Made(font.name, font, _FONT_TYPES[font.suffix]) for font in fonts_in(folder)]
    return made
