"""The time grid of what is made while it is watched: every frame in one segment, whatever the rate."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catalog.contract import forms
from media.grid import SOUND_HERTZ, Grid, first_sample

RATES = [
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(60),
    Fraction(10),
    Fraction(13, 7),
    Fraction(1),
]


@given(some.sampled_from(RATES), some.floats(0.01, 1000))
def test_segments_are_all_frames_and_sound_covers_them(rate: Fraction, seconds: float) -> None:
    grid = Grid(rate, seconds)
    counts = [length * rate for length in grid.lengths()]
    assert all(count >= 1 for count in counts)
    assert sum(counts) == grid.frames
    assert abs(grid.frames / rate - Fraction(seconds)) <= max(1 / rate, Fraction(1, 1000))
    assert first_sample(grid.sound_segments) / SOUND_HERTZ >= grid.frames / rate


@given(some.sampled_from(RATES), some.integers(0, 20_000))
def test_a_segment_begins_within_the_segment_of_sound_beside_it(rate: Fraction, segment: int) -> None:
    grid = Grid(rate, 100_000)
    sound = grid.sound_segment(segment)
    assert first_sample(sound) <= grid.begins(segment) * SOUND_HERTZ < first_sample(sound + 1)


@given(some.sampled_from(RATES[:5]), some.integers(0, 20_000))
def test_who_waits_for_sound_waits_for_the_pictures_beside_it(rate: Fraction, number: int) -> None:
    """To a segment: a picture lies up to half its length beside the boundary."""
    pictures = forms.beside_sound(number)
    assert Grid(rate, 100_000).sound_segment(pictures) <= number <= Grid(rate, 100_000).sound_segment(pictures + 1)


@pytest.mark.parametrize("rate", RATES)
def test_ticks_are_whole(rate: Fraction) -> None:
    grid = Grid(rate, 10)
    assert grid.ticks * rate == grid.timescale
    assert grid.decode_time(3) == grid.begins(3) * grid.timescale
