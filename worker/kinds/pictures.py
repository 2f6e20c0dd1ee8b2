"""Storyboard, thumbnails and preview of a title."""

from typing import Final

from media.faults import Fault
from media.preview import make_preview
from media.stills import make_stills
from media.storyboard import Layout
from worker import film
from worker.attempt import Attempt, Made

_STORYBOARD: Final = "storyboard.vtt"
# The stills' share of the work: they read all of the film and decode little of it, the preview the other way round.
_STILLS: Final = 0.6


def run(attempt: Attempt) -> None:
    """What can be made is published. What can't fails the job with its reason and is not tried for ever."""
    settings = attempt.settings
    made: list[Made] = []
    faults: list[Fault] = []
    with attempt.source() as source:
        if film.is_of_another(attempt.job, source):
            return
        seconds = source.facts.duration_seconds
        stills = film.making(attempt, source, "storyboard", of_seconds=seconds, begin=0, end=_STILLS)
        layout = Layout.of(settings, stills.subject)
        pictures = make_stills(stills, layout)
        if isinstance(pictures, Fault):
            faults.append(film.lacking("Storyboard and thumbnails", pictures))
        else:
            made += [Made(path.name, path, "image/jpeg") for path in pictures]
            # What names the sheets comes after them.
            map_of_sheets = attempt.folder / _STORYBOARD
            map_of_sheets.write_text(layout.vtt(), encoding="ascii")
            made.append(Made(_STORYBOARD, map_of_sheets, "text/vtt"))
        longest = min(seconds, settings.preview_scenes * settings.preview_scene_seconds)
        preview = make_preview(film.making(attempt, source, "preview", of_seconds=longest, begin=_STILLS, end=1))
        if isinstance(preview, Fault):
            faults.append(film.lacking("The preview", preview))
        else:
            made.append(Made(preview.name, preview, "video/mp4"))
        film.conclude(attempt, made, faults, instead_of=("storyboard", "thumb", "preview"))
