"""Subtitles of DVDs as Blu-ray's: places, colours, times, and packets that break the rules."""

import io
import random

import pytest

from media import pgs, runs, vobsub
from media.pgs import Shown
from media.runs import Run
from media.vobsub import Screen
from testbed import discs
from testbed.discs import Box

HEADER = "size: 720x576\norg: 0, 0\npalette: 000000, FFFF00, 102030, 808080" + ", 123456" * 12 + "\nlangidx: 0\n"
SCREEN = Screen.of(HEADER, 1 << 22)
SECOND = pgs.HERTZ


def shown(packet: bytes, screen: Screen = SCREEN, length: int | None = None) -> list[Shown]:
    return list(vobsub.read([(SECOND, length, packet)], screen))


def test_a_packet_is_shown_in_its_place_and_colours_until_it_says_so() -> None:
    one, end = shown(discs.spu(Box(1, 3, 200, 400, 301, 61)))
    [picture] = one.pictures
    assert (one.time, one.width, one.height) == (SECOND, 720, 576)
    assert (picture.left, picture.top, picture.width, picture.height) == (200, 400, 301, 61)
    assert runs.lines(picture.coded, 99) == [[Run(301, 2)]] * 61
    # The first is seen through; yellow by BT.601.
    assert [one.palette[at : at + 5] for at in (0, 5)] == [bytes([1, 16, 128, 128, 0]), bytes([2, 210, 146, 16, 255])]
    assert end.pictures == ()
    assert abs(end.time - 3 * SECOND) < 1024


def test_lines_of_both_fields_and_runs_of_all_lengths_come_in_their_order() -> None:
    def line(*said: tuple[int, int]) -> bytes:
        """Runs of a length and colour; 0: to the end of the line."""
        sizes = [next((size for size in (1, 2, 3) if 4 ** (size - 1) <= length < 4**size), 4) for length, _ in said]
        digits = "".join(f"{length << 2 | colour:0{size}x}" for (length, colour), size in zip(said, sizes, strict=True))
        return bytes.fromhex(digits + "0" * (len(digits) % 2))

    fields = line((3, 1), (15, 2), (63, 3), (219, 0)) + line((0, 3)), line((200, 1), (0, 2))
    one, _ = shown(discs.spu(Box(1, 2, 0, 0, 300, 3), fields))
    assert runs.lines(one.pictures[0].coded, 9) == [
        [Run(3, 2), Run(15, 3), Run(63, 4), Run(219, 1)],
        [Run(200, 2), Run(100, 3)],
        [Run(300, 4)],
    ]


def test_what_says_no_end_goes_with_its_packet_or_the_next() -> None:
    packet = discs.spu(Box(1, 3, 200, 400, 300, 60))
    endless = packet.replace(b"\x02\xff", b"\xff\xff")
    assert [one.time for one in shown(endless, length=2 * SECOND)] == [SECOND, 3 * SECOND]
    both = [(SECOND, None, endless), (5 * SECOND, None, packet)]
    assert [one.time for one in vobsub.read(both, SCREEN)][:2] == [SECOND, 5 * SECOND]


@pytest.mark.parametrize("header", ["", "size: 99999x99999", "size: 0x0\npalette: 1, 2, 3"])
def test_a_track_that_tells_nothing_is_white_on_a_usual_screen(header: str) -> None:
    screen = Screen.of(header, 1 << 22)
    one, _ = shown(discs.spu(Box(1, 3, 200, 400, 300, 60)), screen)
    assert (one.width, one.height) == (720, 576)
    assert one.palette[5:10] == bytes([2, 235, 128, 128, 255])


def test_a_picture_beyond_the_screen_and_one_that_is_seen_through_show_nothing() -> None:
    assert [one.pictures for one in shown(discs.spu(Box(1, 3, 700, 400, 300, 60)))] == [()]
    through = discs.spu(Box(1, 3, 0, 0, 30, 60)).replace(b"\x04\xff\xf0", b"\x04\0\0")
    assert [one.pictures for one in shown(through)] == [()]


def test_no_packet_however_broken_breaks_the_reading() -> None:
    chance = random.Random(5)
    whole = discs.spu(Box(1, 3, 200, 400, 300, 60))
    for _ in range(1500):
        broken = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(8) if broken else 0):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        into = io.BytesIO()
        pgs.write(shown(bytes(broken)), into, pgs.Limits(1 << 22, 100, 1 << 22))
        for one in pgs.read(io.BytesIO(into.getvalue()), pgs.Limits(1 << 22, 100, 1 << 22)):
            assert all(each.left + each.width <= 720 and each.top + each.height <= 576 for each in one.pictures)


def test_packets_are_told_apart_by_what_ffmpeg_wrote_of_them() -> None:
    times = ["#tb 0: 1/1000\n", "#media_type 0: subtitle\n", "0, 1000, 1000, 500, 3, 0x1\n"]
    times += ["0, 2000, 2000, 4294967295, 2, 0x2\n", "0, 3000, 3000, 0, 9, 0x3\n"]
    assert list(vobsub.packets(io.BytesIO(b"abcdefg"), times)) == [
        (SECOND, SECOND // 2, b"abc"), (2 * SECOND, None, b"de"),
    ]  # fmt: skip
