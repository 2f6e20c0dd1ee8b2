"""The subtitles of a title as WebVTT: those that its file holds, then those beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg import Connection

from media import beside
from media.asking import Asking, parsed
from media.cues import as_vtt
from media.faults import Fault
from media.subtitles import Subtitle, attached_fonts, extract, fonts_in, stems, text_tracks
from worker import film
from worker.attempt import Attempt, Made
from worker.sources import Source

_FONT_TYPES: Final = {".ttf": "font/ttf", ".otf": "font/otf", ".ttc": "font/collection"}
_FORGET: LiteralString = "DELETE FROM subtitles WHERE video_id = %s"
_SAVE: LiteralString = """
INSERT INTO subtitles (video_id, name, position, language, title, is_default, is_forced, is_hearing_impaired, origin)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def run(attempt: Attempt) -> None:
    """What can be read is published. What can't fails the job with its reason and is not tried for ever."""
    with attempt.source() as source:
        if film.is_of_another(attempt.job, source):
            return
        subtitles, faults = _embedded(attempt, source)
        facts = source.facts
        for found in beside.subtitles(facts.root, facts.path, attempt.settings):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                subtitles.append(found)
        names = [f"{stem}.vtt" for stem in stems(subtitle.described for subtitle in subtitles)]

        def record(database: Connection[Any]) -> None:
            database.execute(_FORGET, (facts.id,))
            for position, (name, subtitle) in enumerate(zip(names, subtitles, strict=True)):
                one = subtitle.described
                flags = (one.is_default, one.is_forced, one.is_hearing_impaired)
                database.execute(_SAVE, (facts.id, name, position, one.language, one.title, *flags, subtitle.origin))

        made = _written(attempt.folder, names, subtitles)
        film.conclude(attempt, made, faults, instead_of=("sub", "font"), record=record)


def _embedded(attempt: Attempt, source: Source) -> tuple[list[Subtitle], list[Fault]]:
    """Those of the file that say something."""
    settings = attempt.settings
    asked = Asking(attempt.sandbox, settings, source.descriptor, source.container).report(None)
    if isinstance(asked, Fault):
        return [], [asked]
    report = parsed(asked) or {}
    tracks = text_tracks(report, settings.subtitle_tracks)
    if not tracks:
        return [], []
    making = film.making(attempt, source, "subtitles", of_seconds=source.facts.duration_seconds, begin=0, end=1)
    found = extract(making, tracks, attached_fonts(report, settings))
    if isinstance(found, Fault):
        return [], [film.lacking("The subtitles that the file holds", found)]
    return [subtitle for subtitle in found if subtitle.cues], []


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
