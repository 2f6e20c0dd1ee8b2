"""How fast a file has to come where it has to come fastest."""

from collections.abc import Sequence

# Seconds: a player holds at least so much before it begins.
_WINDOW = 1.0


def peak_bitrate(times: Sequence[float], weights: Sequence[int]) -> float | None:
    """Bits a second in the densest window: from a place to the first one that is at least a second later.

    `times` (s, ascending) are those of places at which one can begin, such as key frames, and of the end; `weights` the
    bytes between each and the next. None when all of it is shorter than a window.
    """
    highest, begin, held = None, 0, 0
    for end in range(1, len(times)):
        held += weights[end - 1]
        while (seconds := times[end] - times[begin]) >= _WINDOW:
            rate = held * 8 / seconds
            highest = rate if highest is None else max(highest, rate)
            held -= weights[begin]
            begin += 1
    return highest
