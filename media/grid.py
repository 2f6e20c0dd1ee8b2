"""The time grid of a title that is made while it is watched: known before anything is encoded.

Pictures come in segments of SEGMENT_SECONDS, cut at the frame nearest to each boundary of the constant rate. Sound
comes in segments of a whole number of AAC frames, so that a segment is the same wherever its encoding began. Both are
numbered from 0, and every segment's first frame and length follow from its number alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from catalog.contract import forms

SEGMENT_SECONDS: Final = forms.NOW_SEGMENT_SECONDS
SOUND_HERTZ: Final = forms.NOW_SOUND_HERTZ
# An AAC frame (ISO/IEC 14496-3), and as many as a segment has.
AAC_SAMPLES: Final = 1024
SOUND_FRAMES: Final = forms.NOW_SOUND_SAMPLES // AAC_SAMPLES
_SOUND_SAMPLES: Final = forms.NOW_SOUND_SAMPLES
# Finer than any frame's length needs.
_LEAST_TIMESCALE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Of a title with `rate` pictures a second that lasts `seconds`."""

    rate: Fraction
    seconds: float

    @property
    def frames(self) -> int:
        """All pictures."""
        return max(1, round(Fraction(self.seconds).limit_denominator(1_000_000) * self.rate))

    @property
    def segments(self) -> int:
        """Of pictures. The last one may be short; a rest of less than half a picture is none."""
        count = -(-self.frames // max(1, round(SEGMENT_SECONDS * self.rate)))
        while self.first_frame(count) < self.frames:
            count += 1
        while count > 1 and self.first_frame(count - 1) >= self.frames:
            count -= 1
        return count

    @property
    def sound_segments(self) -> int:
        """Of each sound: they cover all pictures."""
        samples = -(-self.frames * SOUND_HERTZ * self.rate.denominator // self.rate.numerator)
        return max(1, -(-samples // _SOUND_SAMPLES))

    @property
    def timescale(self) -> int:
        """Ticks a second of the pictures' track: a whole number of them is a picture long."""
        return self.rate.numerator * -(-_LEAST_TIMESCALE // self.rate.numerator)

    @property
    def ticks(self) -> int:
        """How long a picture is shown."""
        return self.timescale * self.rate.denominator // self.rate.numerator

    def first_frame(self, segment: int) -> int:
        """Number of the segment's first picture."""
        return round(segment * SEGMENT_SECONDS * self.rate)

    def decode_time(self, segment: int) -> int:
        """Ticks at which the segment's first picture is decoded, and shown."""
        return self.first_frame(segment) * self.ticks

    def begins(self, segment: int) -> Fraction:
        """Second at which the segment's first picture is shown."""
        return self.first_frame(segment) / self.rate

    def lengths(self) -> Iterator[Fraction]:
        """Seconds of each segment of pictures."""
        for segment in range(self.segments):
            yield (min(self.first_frame(segment + 1), self.frames) - self.first_frame(segment)) / self.rate

    def sound_segment(self, segment: int) -> int:
        """The segment of sound in which a segment of pictures begins."""
        return int(self.begins(segment) * SOUND_HERTZ) // _SOUND_SAMPLES


def first_sample(sound_segment: int) -> int:
    """Number of the first sample of a segment of sound."""
    return sound_segment * _SOUND_SAMPLES


def sound_seconds() -> Fraction:
    """How long each segment of sound is."""
    return Fraction(_SOUND_SAMPLES, SOUND_HERTZ)
