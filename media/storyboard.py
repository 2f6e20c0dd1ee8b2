"""Small pictures of a whole film for the seek bar: how they lie on sheets, and the WebVTT that says so.

Tile k shows the film from k to k + 1 intervals. The tiles go to the film's very end, also where it has sound and no
picture any more.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from media.cues import clock
from media.settings import MediaSettings
from media.shown import Subject, within

# Tiles across and down a full sheet. Players load a sheet for the first tile they need, so it must not be large.
_COLUMNS = _ROWS = 10
_PER_SHEET = _COLUMNS * _ROWS
# The shape that a film is taken for which does not tell its own.
_USUAL = (16, 9)


@dataclass(frozen=True, slots=True)
class Layout:
    """`tiles` tiles of `width` x `height` pixels, one for each `interval` whole seconds of `duration_seconds`."""

    duration_seconds: float
    interval: int
    tiles: int
    width: int
    height: int

    @classmethod
    def of(cls, settings: MediaSettings, subject: Subject) -> "Layout":
        """The shorter the film, the closer its tiles; one that is too long for its sheets has them wider apart."""
        duration = max(round(subject.duration_seconds, 3), 0.001)
        wanted = duration / settings.storyboard_tiles
        interval = min(max(wanted, settings.storyboard_shortest_seconds), settings.storyboard_longest_seconds)
        interval = math.ceil(max(interval, duration / (settings.storyboard_sheets * _PER_SHEET)))
        longest = settings.storyboard_tile_pixels
        size = within(subject, longest, longest) or (longest, longest * _USUAL[1] // _USUAL[0] // 2 * 2)
        return cls(duration, interval, math.ceil(duration / interval), *size)

    @property
    def columns(self) -> int:
        return min(self.tiles, _COLUMNS)

    @property
    def rows(self) -> int:
        """Of each sheet; the last one may be filled in part."""
        return min(math.ceil(self.tiles / _COLUMNS), _ROWS)

    @property
    def sheets(self) -> list[str]:
        """The names of the sheets, in order."""
        return [f"storyboard-{number + 1}.jpg" for number in range(math.ceil(self.tiles / _PER_SHEET))]

    def vtt(self) -> str:
        """A cue for each tile: the sheet and, as a media fragment (W3C Media Fragments 4.2.2), the place on it."""
        return "WEBVTT\n\n" + "\n".join(self._cues())

    def _cues(self) -> Iterator[str]:
        for tile in range(self.tiles):
            row, column = divmod(tile % _PER_SHEET, _COLUMNS)
            start, end = tile * self.interval, min((tile + 1) * self.interval, self.duration_seconds)
            place = f"{column * self.width},{row * self.height},{self.width},{self.height}"
            yield f"{clock(start)} --> {clock(end)}\n{self.sheets[tile // _PER_SHEET]}#xywh={place}\n"
