"""Which sizes are made of a title, and at which rate of pictures."""

import itertools
import random
from fractions import Fraction

import pytest

from media.cadence import constant_rate
from media.ladder import for_everybody, pictures, sets_beside, up_to
from media.material import Sound
from worker.kinds.rendition import steps


@pytest.mark.parametrize(
    ("width", "height", "made"),
    [
        (1920, 1080, {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}),
        (
            3840,
            2160,
            {
                "360p": (640, 360),
                "480p": (854, 480),
                "720p": (1280, 720),
                "1080p": (1920, 1080),
                "1440p": (2560, 1440),
                "2160p": (3840, 2160),
            },
        ),
        # A wide film of 1080p, and a phone's held upright.
        (1920, 804, {"360p": (640, 268), "480p": (854, 358), "720p": (1280, 536), "1080p": (1920, 804)}),
        (1080, 1920, {"360p": (360, 640), "480p": (480, 854), "720p": (720, 1280), "1080p": (1080, 1920)}),
        # A DVD: what is no rung is made in its own size.
        (1024, 576, {"360p": (640, 360), "480p": (854, 480), "720p": (1024, 576)}),
        (320, 180, {"360p": (320, 180)}),
        (641, 361, {"360p": (640, 360)}),
        (1920, 1088, {"360p": (636, 360), "480p": (848, 480), "720p": (1270, 720), "1080p": (1906, 1080)}),
        (3, 2, {"360p": (4, 2)}),
    ],
)
def test_rungs_hold_the_picture_and_never_enlarge_it(width: int, height: int, made: dict[str, tuple[int, int]]) -> None:
    found = {picture.rung.profile: (picture.width, picture.height) for picture in pictures(width, height)}
    assert found == made


def test_above_1080_it_is_hevc_and_no_larger_than_the_film() -> None:
    found = [(one.rung.profile, one.rung.codec, one.width) for one in pictures(2200, 1238)[-2:]]
    assert found == [("1080p", "h264", 1920), ("1440p", "hevc", 2200)]
    assert up_to(1080) == ("360p", "480p", "720p", "1080p")


@pytest.mark.parametrize("first", [True, False])
def test_what_every_browser_plays_is_made_before_the_rest(first: bool) -> None:
    sounds = [Sound(1, "en", is_default=True)]
    found = list(steps(for_everybody(pictures(3840, 2160)), sounds, first=first))
    made = [[picture.rung.lines for picture in step.pictures] for step in found]
    assert made == ([[360], [480, 720, 1080]] if first else [[360, 480, 720, 1080]])
    assert [bool(step.sounds) for step in found] == [True] + [False] * (len(found) - 1)
    assert [found[0].begins, found[-1].ends] == [0, 1]
    assert all(earlier.ends == later.begins for earlier, later in itertools.pairwise(found))
    (alone,) = steps(pictures(3840, 2160, ["480p"]), sounds, first=first)
    assert (alone.sounds, alone.ends) == (sounds, 1)


def test_av1_is_made_where_it_is_named_and_of_no_other_size() -> None:
    named = ["480p", "1080p-av1", "1440p", "1440p-av1", "2160p-av1"]
    found = [(one.rung.profile, one.rung.codec, one.width) for one in pictures(2200, 1238, named)]
    assert found == [
        ("480p", "h264", 852), ("1080p-av1", "av1", 1920), ("1440p", "hevc", 2200), ("1440p-av1", "av1", 2200),
    ]  # fmt: skip
    assert sets_beside(pictures(2200, 1238, named)) == (("1440p",), ("1080p-av1", "1440p-av1"))
    assert pictures(1280, 720, ["1080p-av1"]) == ()
    assert up_to(1080, av1=True)[-1] == "1080p-av1"


def test_only_wanted_rungs_are_made_and_none_that_is_larger() -> None:
    assert [picture.rung.profile for picture in pictures(1280, 720, ["360p", "1080p"])] == ["360p"]
    assert pictures(1280, 720, ["1080p"]) == ()


def film(rate: Fraction | float, number: int = 300) -> list[float]:
    return [float(at / rate) for at in range(number)]


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 50, Fraction(60000, 1001), 60])
def test_a_usual_rate_is_found_though_times_are_rounded_to_milliseconds(rate: Fraction) -> None:
    times = [round(time, 3) for time in film(rate)]
    random.Random(1).shuffle(times)
    assert constant_rate(times) == rate


def test_most_intervals_decide_and_not_the_average() -> None:
    thinned = [time for at, time in enumerate(film(60, 600)) if at % 20]
    assert constant_rate(thinned) == 60
    paused = list(itertools.accumulate([0.04] * 100 + [9.0] + [0.04] * 100))
    assert constant_rate(paused) == 25


@pytest.mark.parametrize(("rate", "made"), [(120, 60), (240, 60), (119.88, Fraction(60000, 1001)), (0.5, 5), (18, 18)])
def test_rates_are_between_5_and_60(rate: float, made: Fraction) -> None:
    assert constant_rate(film(rate)) == made


def test_one_picture_has_a_rate_too() -> None:
    assert constant_rate([0.0]) == constant_rate([]) == 25
