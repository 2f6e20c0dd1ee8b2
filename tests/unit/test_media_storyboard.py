"""Where the tiles of a storyboard lie, by the WebVTT that players read."""

import re
from itertools import pairwise

import pytest

from media.settings import MediaSettings
from media.shown import Subject
from media.storyboard import Layout

CUE = re.compile(r"(\S+) --> (\S+)\n(storyboard-\d+[.]jpg)#xywh=(\d+),(\d+),(\d+),(\d+)")
_JPEG_SIDE = 65_535


def layout(seconds: float, width: int | None = 1920, height: int | None = 800) -> Layout:
    return Layout.of(MediaSettings(), Subject(seconds, width, height, 0, is_hdr=False))


def seconds_of(stamp: str) -> float:
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@pytest.mark.parametrize(
    ("duration", "interval", "tiles", "sheets"),
    [
        (0.04, 2, 1, 1),
        (7.3, 2, 4, 1),
        (720.0, 2, 360, 4),
        (1500.5, 5, 301, 4),
        (3 * 3600 + 0.48, 10, 1081, 11),
        (100 * 3600.0, 180, 2000, 20),
    ],
)
def test_tiles_reach_the_end_on_sheets_of_a_hundred(duration: float, interval: int, tiles: int, sheets: int) -> None:
    made = layout(duration)
    assert (made.interval, made.tiles, len(made.sheets)) == (interval, tiles, sheets)
    cues = CUE.findall(made.vtt())
    assert len(cues) == tiles
    assert seconds_of(cues[0][0]) == 0
    assert seconds_of(cues[-1][1]) == pytest.approx(duration, abs=0.001)
    assert all(before[1] == after[0] for before, after in pairwise(cues))
    assert all(seconds_of(start) < seconds_of(end) for start, end, *_ in cues)
    places = {(sheet, x, y) for _, _, sheet, x, y, _, _ in cues}
    assert len(places) == tiles
    for _, _, sheet, x, y, width, height in cues:
        assert sheet in made.sheets
        assert int(x) + int(width) <= made.columns * made.width < _JPEG_SIDE
        assert int(y) + int(height) <= made.rows * made.height < _JPEG_SIDE


def test_a_film_that_tells_no_size_gets_tiles_of_the_usual_shape() -> None:
    made = layout(60, None, None)
    assert (made.width, made.height) == (240, 134)


def test_a_small_film_is_not_enlarged() -> None:
    made = layout(60, 64, 36)
    assert (made.width, made.height) == (64, 36)


def test_the_widest_settings_keep_to_what_a_jpeg_can_be() -> None:
    widest = MediaSettings(storyboard_tile_pixels=1280, storyboard_tiles=9900, storyboard_sheets=99)
    made = Layout.of(widest, Subject(1e6, 7680, 7680, 0, is_hdr=False))
    assert max(made.columns * made.width, made.rows * made.height) < _JPEG_SIDE
    assert len(made.sheets) <= 99
