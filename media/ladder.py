"""Which sizes of a title are made, and how much of a line each may take.

A rung is a box that the upright picture is fitted into, whichever way it lies: a phone's portrait film of "720p" is 720
pixels wide, and a wide film of "1080p" may have 800 lines.
"""

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from catalog.contract.words import Profile

_SHAPE: Final = 16 / 9
# A picture at least this large in its box is made no other size of: the next rung would be nearly the same again.
_NEARLY: Final = 0.9
# A codec of 4:2:0 needs two pixels each way.
_LEAST: Final = 2


Codec = Literal["h264", "hevc"]


class Rung(NamedTuple):
    """`lines` is the shorter side of its box, `rate` the most bits a second of its picture."""

    profile: Profile
    lines: int
    rate: int
    codec: Codec = "h264"


class Picture(NamedTuple):
    """A rung as it is made of a title: even pixels, square and upright."""

    rung: Rung
    width: int
    height: int


LADDER: Final = (
    Rung("360p", 360, 800_000),
    Rung("480p", 480, 1_400_000),
    Rung("720p", 720, 2_800_000),
    # The highest that every browser plays.
    Rung("1080p", 1080, 5_000_000),
    Rung("1440p", 1440, 9_000_000, "hevc"),
    Rung("2160p", 2160, 16_000_000, "hevc"),
)
# The sound of each rung, in stereo and in 5.1.
SOUND_RATE: Final = 128_000
SURROUND_RATE: Final = 384_000


def pictures(width: int, height: int, wanted: Collection[Profile] = ()) -> tuple[Picture, ...]:
    """The rungs of a title of this size, the lowest first; only the `wanted` ones, if any are named.

    Nothing is made larger. The last one has the picture's own size, unless that is beyond the ladder: a picture of 576
    lines is made with 360, 480 and 576, and the last is its 720p.
    """
    fitted: list[Picture] = []
    for rung in LADDER:
        share = min(1.0, _SHAPE * rung.lines / max(width, height), rung.lines / min(width, height))
        fitted.append(Picture(rung, _even(width * share), _even(height * share)))
        if share >= _NEARLY:
            break
    return tuple(picture for picture in fitted if not wanted or picture.rung.profile in wanted)


def up_to(lines: int) -> tuple[Profile, ...]:
    """The profiles of rungs with at most so many lines."""
    return tuple(rung.profile for rung in LADDER if rung.lines <= lines)


def _even(pixels: float) -> int:
    return max(_LEAST, round(pixels / 2) * 2)
