"""Subtitles that are pictures: what is kept of a disc's segments, and what hostile ones come to."""

import io
import time

import pytest

from media import pgs, runs
from media.pgs import Limits, Picture, Shown
from media.runs import Run
from testbed import discs
from testbed.discs import FULL_HD, GREEN, NORMAL, WHITE, YELLOW, Box

LIMITS = Limits(pixels=4096 * 2304, sets=20_000, size=1 << 20)
END = discs.segment(0, discs.END, b"")


def read(content: bytes, limits: Limits = LIMITS) -> list[Shown]:
    return list(pgs.read(io.BytesIO(content), limits))


def rewritten(content: bytes, limits: Limits = LIMITS) -> list[Shown]:
    """What is shown by the file that is written of this one."""
    into = io.BytesIO()
    pgs.write(pgs.read(io.BytesIO(content), limits), into, limits)
    return read(into.getvalue())


def seen(shown: list[Shown]) -> list[tuple[float, list[tuple[int, int, int, int]]]]:
    """When, and where pictures are then."""
    return [
        (one.time / pgs.HERTZ, [(each.left, each.top, each.width, each.height) for each in one.pictures])
        for one in shown
    ]


def colour(one: Shown, place: int = 1) -> tuple[int, ...]:
    [entry] = [one.palette[at + 1 : at + 5] for at in range(0, len(one.palette), 5) if one.palette[at] == place]
    return tuple(entry)


def lengths(picture: Picture) -> list[list[Run]]:
    return runs.lines(picture.coded, picture.height + 1)


def test_a_file_begins_and_ends_with_nothing_and_shows_each_in_its_place() -> None:
    shown = rewritten(discs.sup([Box(1, 3, 600, 900, 720, 90), Box(3, 5, 10, 20, 30, 40, GREEN)]))
    assert seen(shown) == [(0, []), (1, [(600, 900, 720, 90)]), (3, []), (3, [(10, 20, 30, 40)]), (5, [])]
    assert {(one.width, one.height) for one in shown} == {(0, 0), FULL_HD}
    assert [colour(one) for one in shown if one.pictures] == [WHITE, GREEN]
    assert lengths(shown[1].pictures[0]) == [[Run(720, 1)]] * 90


def test_every_set_stands_by_itself_whatever_it_takes_from_those_before() -> None:
    """A fade and a move: the same object again, in another colour and at another place."""
    content = discs.composition(1, [discs.place(7, 100, 200)])
    content += discs.palette(1, [WHITE]) + discs.drawing(1, 7, 64, 2, discs.filled(64, 2), pieces=3) + END
    content += discs.composition(2, [discs.place(7, 100, 200)], state=NORMAL) + discs.palette(2, [YELLOW]) + END
    content += discs.composition(3, [discs.place(7, 300, 200)], state=NORMAL) + END
    content += discs.drawing(4, 7, 20, 4, discs.filled(20, 4)) + discs.composition(4, [], state=NORMAL) + END
    shown = rewritten(content)
    assert seen(shown)[1:] == [(1, [(100, 200, 64, 2)]), (2, [(100, 200, 64, 2)]), (3, [(300, 200, 64, 2)]), (4, [])]
    assert [colour(one) for one in shown if one.pictures] == [WHITE, YELLOW, YELLOW]
    assert all(each.coded == discs.filled(64, 2) for one in shown for each in one.pictures)


def test_a_new_epoch_forgets_what_was_before() -> None:
    content = discs.sup([Box(1, 2, 0, 0, 50, 50)])
    content += discs.composition(3, [discs.place(0, 0, 0)]) + discs.palette(3, [WHITE]) + END
    assert seen(rewritten(content))[1:] == [(1, [(0, 0, 50, 50)]), (2, [])]


def test_the_same_said_again_is_written_once_and_a_missing_end_is_made_up_for() -> None:
    box = discs.sup([Box(1, 9, 0, 0, 50, 50)]).partition(discs.segment(9, discs.COMPOSITION, b"")[:10])[0]
    again = box.replace(discs.segment(1, discs.END, b""), b"")
    assert seen(rewritten(box + again))[1:] == [(1, [(0, 0, 50, 50)]), (6, [])]


def test_a_part_of_an_object_is_cut_out() -> None:
    line = runs.coded([[Run(10, 1), Run(300, 0), Run(2, 2)]])
    content = discs.composition(1, [discs.place(0, 40, 50, crop=(5, 1, 306, 2))])
    content += discs.palette(1, [WHITE, GREEN]) + discs.drawing(1, 0, 312, 4, line * 4) + END
    [_, one, _] = rewritten(content)
    assert seen([one]) == [(1, [(40, 50, 306, 2)])]
    assert lengths(one.pictures[0]) == [[Run(5, 1), Run(300, 0), Run(1, 2)]] * 2


@pytest.mark.parametrize("length", [1, 2, 3, 63, 64, 0x3FFF, 0x4000, 65_535])
@pytest.mark.parametrize("colour", [0, 1, 255])
def test_runs_of_any_length_are_read_as_they_were_written(length: int, colour: int) -> None:
    coded = runs.coded([[Run(length, colour), Run(1, 7)], []])
    assert runs.is_sound(coded, length + 1)
    first, empty = runs.lines(coded, 9)
    assert sum(run.length for run in first if run.colour == colour) == length
    assert first[-1] == Run(1, 7)
    assert empty == []
    assert not runs.is_sound(coded, length // 16)


BROKEN = {
    "a run without its colour": b"\1\0\xc1\2",
    "a run without its length": b"\1\0\x41",
    "a zero alone": b"\1\1\0",
    "more pixels than it has": discs.filled(0x3FFF, 4),
    "a bomb": b"\0\xff\xff\1" * 200_000,
    "a bomb of short ones": b"\0\xbf\1" * 200_000,
}


@pytest.mark.parametrize("coded", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_picture_is_left_out_and_what_was_before_it_goes(coded: bytes) -> None:
    content = discs.sup([Box(1, 8, 600, 900, 720, 90)])[: -len(discs.cleared(8))]
    content += discs.composition(2, [discs.place(0, 0, 0)]) + discs.palette(2, [WHITE])
    content += discs.drawing(2, 0, 64, 64, coded, pieces=-(-len(coded) // 60_000)) + END
    assert seen(rewritten(content))[1:] == [(1, [(600, 900, 720, 90)]), (2, [])]


@pytest.mark.parametrize(
    ("screen", "size"),
    [((65_535, 65_535), (64, 64)), ((64, 64), (65, 1)), ((1920, 1080), (0, 10)), ((0, 0), (0, 0))],
)
def test_a_screen_or_an_object_beyond_all_measure_shows_nothing(screen: tuple[int, int], size: tuple[int, int]) -> None:
    content = discs.composition(1, [discs.place(0, 0, 0)], screen=screen)
    content += discs.palette(1, [WHITE]) + discs.drawing(1, 0, *size, discs.filled(size[0], size[1])) + END
    assert [one.pictures for one in rewritten(content)] == []


def test_whole_screens_over_each_other_show_nothing() -> None:
    places = [discs.place(0, 0, 0)] * 9
    content = discs.composition(1, places) + discs.palette(1, [WHITE])
    content += discs.drawing(1, 0, 1920, 1080, discs.filled(1920, 1080)) + END
    assert seen(read(content)) == [(1, [])]


def test_times_that_go_back_or_beyond_all_measure_are_left_out() -> None:
    boxes = [Box(10, 11, 0, 0, 9, 9), Box(4, 5, 0, 0, 9, 9), Box(12, 13, 0, 0, 9, 9), Box(40_000, 40_001, 0, 0, 9, 9)]
    assert [at for at, _ in seen(rewritten(discs.sup(boxes)))] == [0, 10, 11, 12, 13]


def test_a_file_that_breaks_off_shows_what_was_whole() -> None:
    content = discs.sup([Box(1, 2, 0, 0, 50, 50), Box(3, 4, 0, 0, 50, 50)])
    for end in range(len(content)):
        assert seen(read(content[:end]))[:1] in ([], [(1, [])], [(1, [(0, 0, 50, 50)])]), end
    assert seen(read(content + b"no subtitles" * 9))[-1] == (4, [])


def test_a_file_is_bounded_in_size_and_changes() -> None:
    content = discs.sup([Box(at, at + 1, 0, 0, 50 + at, 50) for at in range(1, 50)])
    for limits in (LIMITS._replace(sets=20), LIMITS._replace(size=9000)):
        with pytest.raises(pgs.TooLarge):
            pgs.write(read(content), io.BytesIO(), limits)


def test_a_whole_film_is_rewritten_in_no_time() -> None:
    line = runs.coded([[Run(9, 0), *(Run(1 + at % 7, 1 + at % 3) for at in range(120)), Run(300, 0)]])
    content = b"".join(
        discs.composition(at, [discs.place(0, 200, 900)])
        + discs.palette(at, [WHITE, GREEN, YELLOW])
        + discs.drawing(at, 0, 1000, 80, line * 80)
        + END
        for at in range(1, 301)
    )
    before = time.process_time()
    assert len(rewritten(content, LIMITS._replace(size=1 << 30))) > 2
    # Of a film with 1500 of them: some ten seconds.
    assert time.process_time() - before < 4
