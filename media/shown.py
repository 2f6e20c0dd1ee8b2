"""How pictures of a video are made to look as the video does: shape, upright.

ffmpeg turns a picture by the file's rotation before any filter sees it. Sizes are in square pixels.
"""

from dataclasses import dataclass
from typing import Any, Final

# The lowest side of a picture in pixels: a codec needs two.
_LOWEST = 2
# A cover is no banner, no strip of pictures and no counting dot: its shorter side in pixels, and the longer against it.
_COVER_SIDE: Final = 64
_COVER_LENGTH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the video: see `Probed`. A `track` of None means the first that is no cover."""

    duration_seconds: float
    width: int | None
    height: int | None
    track: int | None
    is_hdr: bool

    @property
    def stream(self) -> str:
        """The track as ffmpeg names it."""
        return "V:0" if self.track is None else str(self.track)


def within(subject: Subject, widest: int, highest: int | None = None) -> tuple[int, int] | None:
    """The largest width and height within these, in even pixels, in the proportions in which the video is shown, and
    never larger than it. None when the file does not tell its size.
    """
    if subject.width is None or subject.height is None:
        return None
    share = min(1.0, widest / subject.width, (highest or subject.height) / subject.height)
    width, height = int(subject.width * share), subject.height * share
    return max(_LOWEST, width // 2 * 2), max(_LOWEST, round(height / 2) * 2)


def scaled(frames: Any, size: tuple[int | str, int]) -> Any:
    """`frames` (ffmpeg-python's) in this size and square pixels."""
    return frames.filter("scale", *size).filter("setsar", 1)


def is_cover(width: int, height: int) -> bool:
    """Has a picture of this size the shape in which it can stand for a film?"""
    low, high = sorted((width, height))
    return low >= _COVER_SIDE and high <= _COVER_LENGTH * low
