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


Codec = Literal["h264", "hevc", "av1"]


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
# The same pictures once more, only where they are named. A device that can't decode them has the ladder.
AV1: Final = (
    Rung("1080p-av1", 1080, 3_500_000, "av1"),
    Rung("1440p-av1", 1440, 6_300_000, "av1"),
    Rung("2160p-av1", 2160, 11_200_000, "av1"),
)
# The sound of each rung, in stereo and in 5.1.
SOUND_RATE: Final = 128_000
SURROUND_RATE: Final = 384_000


def pictures(width: int, height: int, wanted: Collection[Profile] = ()) -> tuple[Picture, ...]:
    """The rungs of a title of this size, the lowest first; only the `wanted` ones, if any are named. Those of AV1 have
    to be.

    Nothing is made larger. The last one has the picture's own size, unless that is beyond the ladder: a picture of 576
    lines is made with 360, 480 and 576, and the last is its 720p.
    """
    fitted: list[Picture] = []
    for rung in LADDER:
        share = min(1.0, _SHAPE * rung.lines / max(width, height), rung.lines / min(width, height))
        fitted.append(Picture(rung, _even(width * share), _even(height * share)))
        if share >= _NEARLY:
            break
    named = [picture for picture in fitted if not wanted or picture.rung.profile in wanted]
    again = [picture._replace(rung=rung) for picture in fitted for rung in AV1 if rung.lines == picture.rung.lines]
    named += [picture for picture in again if picture.rung.profile in wanted]
    return tuple(sorted(named, key=lambda picture: picture.rung.lines))


def up_to(lines: int, *, av1: bool = False) -> tuple[Profile, ...]:
    """The profiles of rungs with at most so many lines, with those of AV1 or without."""
    rungs = LADDER + AV1 if av1 else LADDER
    return tuple(rung.profile for rung in rungs if rung.lines <= lines)


def for_everybody(pictures: Collection[Picture]) -> tuple[Picture, ...]:
    """Those that every browser plays."""
    return tuple(picture for picture in pictures if picture.rung.codec == "h264")


def sets_beside(pictures: Collection[Picture]) -> tuple[tuple[Profile, ...], ...]:
    """The profiles of the others, those of one codec together."""
    sets = (tuple(one.rung.profile for one in pictures if one.rung.codec == codec) for codec in ("hevc", "av1"))
    return tuple(profiles for profiles in sets if profiles)


def _even(pixels: float) -> int:
    return max(_LEAST, round(pixels / 2) * 2)
