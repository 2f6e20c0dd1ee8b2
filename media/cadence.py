"""The constant rate of pictures that a video is made in, from when its own pictures are shown.

The average of a phone's film ("58 frames a second") is the rate of none of its pictures: made with it, some would be
shown twice and some not at all. Most of its intervals are alike, and those tell.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

# What cameras, films and broadcasters use.
_USUAL: Final = (
    *(Fraction(rate) for rate in (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60)),
    *(Fraction(1000 * rate, 1001) for rate in (15, 24, 30, 60)),
)
# Matroska tells times in whole milliseconds, so equal intervals differ by one.
_ROUNDING_SECONDS: Final = 0.0015
# A measured rate this near to a usual one is that one.
_NEAR: Final = 0.01
_MOST, _LEAST = Fraction(60), Fraction(5)
_UNKNOWN: Final = Fraction(25)


def constant_rate(times: Sequence[float]) -> Fraction:
    """Pictures a second, from 5 to 60, for pictures that are shown at `times` (seconds, in any order).

    Higher rates are halved until they fit, which drops every other picture.
    """
    intervals = [later - earlier for earlier, later in pairwise(sorted(times)) if later > earlier]
    if not intervals:
        return _UNKNOWN
    (usual, _), *_ = Counter(round(interval, 3) for interval in intervals).most_common(1)
    alike = [interval for interval in intervals if abs(interval - usual) <= _ROUNDING_SECONDS]
    rate = Fraction(len(alike) / sum(alike)) if alike else _UNKNOWN
    while rate > _MOST * (1 + Fraction(_NEAR)):
        rate /= 2
    nearest = min(_USUAL, key=lambda one: abs(one - rate))
    if abs(nearest - rate) <= _NEAR * nearest:
        return nearest
    return max(_LEAST, rate.limit_denominator(1001))
