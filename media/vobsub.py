"""Subtitles of DVDs (VobSub) as what Blu-ray's are written from: each packet is a picture and the orders for it.

Four colours of sixteen, two bits a run at the least, every other line in a block of its own.

Source: "DVD-Video subpictures" (http://dvd.sourceforge.net/dvdinfo/spu.html), and the header of `.idx` files.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from media import runs
from media.pgs import HERTZ, Picture, Shown
from media.runs import Run

_SIZE = re.compile(r"^size:\s*(\d{1,5})x(\d{1,5})", re.MULTILINE | re.ASCII)
_PALETTE = re.compile(r"^palette:\s*((?:[0-9a-f]{6}[,\s]*){16})", re.MULTILINE | re.ASCII | re.IGNORECASE)
_USUAL_SIZE: Final = (720, 576)
# Of a film that tells none: what is seen through, the letters, their rim, and what is between.
_USUAL: Final = ((0, 0, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128))
# An order comes so many ticks of 90 kHz after the packet, for each that it says.
_DELAY: Final = 1024
_START_FORCED, _START, _STOP, _COLOURS, _ALPHA, _AREA, _LINES, _NO_MORE = 0, 1, 2, 3, 4, 5, 6, 0xFF
_LENGTHS: Final = {_START_FORCED: 0, _START: 0, _STOP: 0, _COLOURS: 2, _ALPHA: 2, _AREA: 6, _LINES: 4}
_MOST_ORDERS: Final = 64
# Of a packet; ffmpeg writes that it knows none as the largest number.
_LONGEST: Final = 3600 * HERTZ


@dataclass(frozen=True, slots=True)
class Screen:
    """What all pictures of a track share: its size, and sixteen colours (RGB), if they are known."""

    width: int
    height: int
    palette: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, header: str, pixels: int) -> "Screen":
        """From the header of an `.idx` file, as containers keep it; a screen has at most so many `pixels`."""
        size, told = _SIZE.search(header), _PALETTE.search(header)
        width, height = (int(size[1]), int(size[2])) if size else _USUAL_SIZE
        colours = re.findall(r"[0-9a-fA-F]{6}", told[1]) if told else []
        palette = tuple((int(one[:2], 16), int(one[2:4], 16), int(one[4:], 16)) for one in colours)
        return cls(*(width, height) if 0 < width * height <= pixels else _USUAL_SIZE, palette)


class _Orders(NamedTuple):
    colours: Sequence[int]
    alpha: Sequence[int]
    # Left, top, width, height.
    area: tuple[int, int, int, int]
    # Where the upper and the lower field begin.
    fields: tuple[int, int]
    start: int
    stop: int | None


def read(packets: Iterable[tuple[int, int | None, bytes]], screen: Screen) -> Iterator[Shown]:
    """What the packets (time and length in 90 kHz, content) show, in their order. Those that break the rules show
    nothing."""
    ends: int | None = None
    for time, length, packet in packets:
        orders = _orders(packet)
        if orders is None:
            continue
        start = time + orders.start
        if ends is not None and ends < start:
            yield Shown(ends)
        ends = None
        picture = _picture(packet, orders, screen)
        if picture is None:
            yield Shown(start)
            continue
        yield Shown(start, screen.width, screen.height, _colours(orders, screen), (picture,))
        if orders.stop is not None:
            ends = time + orders.stop
        elif length:
            ends = time + length
    if ends is not None:
        yield Shown(ends)


def packets(content: BinaryIO, times: Iterable[str]) -> Iterator[tuple[int, int | None, bytes]]:
    """From what ffmpeg writes of a track: the packets one after the other, and of each a line of its `framecrc`."""
    scale = 1.0
    for line in times:
        if line.startswith("#tb 0:"):
            above, _, below = line.partition(":")[2].strip().partition("/")
            scale = HERTZ * int(above) / int(below)
        elif not line.startswith("#"):
            _, _, time, length, size, *_ = (word.strip() for word in line.split(","))
            body = content.read(int(size))
            if len(body) < int(size):
                return
            if int(time) >= 0:
                lasts = round(int(length) * scale)
                yield round(int(time) * scale), lasts if 0 < lasts <= _LONGEST else None, body


def _orders(packet: bytes) -> _Orders | None:
    """None: it shows nothing."""
    if len(packet) < 4:
        return None
    at = struct.unpack_from(">H", packet, 2)[0]
    said: dict[int, bytes] = {}
    start = stop = None
    for _ in range(_MOST_ORDERS):
        if at + 4 > len(packet):
            break
        delay, following = struct.unpack_from(">HH", packet, at)
        place = at + 4
        while place < len(packet) and packet[place] in _LENGTHS:
            order, end = packet[place], place + 1 + _LENGTHS[packet[place]]
            if order in (_START, _START_FORCED) and start is None:
                start = delay * _DELAY
            elif order == _STOP:
                stop = delay * _DELAY
            elif order not in (_START, _START_FORCED):
                # What changes while it is shown (a fade) is left out.
                said.setdefault(order, packet[place + 1 : end])
            place = end
        if following <= at:
            break
        at = following
    if start is None or any(len(said.get(order, b"")) < _LENGTHS[order] for order in (_AREA, _LINES)):
        return None
    area, fields = said[_AREA], struct.unpack(">HH", said[_LINES])
    left, right = area[0] << 4 | area[1] >> 4, (area[1] & 15) << 8 | area[2]
    top, bottom = area[3] << 4 | area[4] >> 4, (area[4] & 15) << 8 | area[5]
    if right < left or bottom < top:
        return None
    place = (left, top, right - left + 1, bottom - top + 1)
    return _Orders(
        _nibbles(said.get(_COLOURS, b"\x32\x10")), _nibbles(said.get(_ALPHA, b"\xff\xf0")), place, fields, start, stop
    )


def _nibbles(two: bytes) -> list[int]:
    """By the colour of a run: the last comes first."""
    return [two[1] & 15, two[1] >> 4, two[0] & 15, two[0] >> 4] if len(two) == 2 else [0, 0, 0, 0]


def _colours(orders: _Orders, screen: Screen) -> bytes:
    """The palette of the picture: place 1 to 4 for the runs' colours 0 to 3."""
    written = bytearray()
    for colour, (place, alpha) in enumerate(zip(orders.colours, orders.alpha, strict=True)):
        red, green, blue = screen.palette[place] if screen.palette else _USUAL[colour]
        luma = 16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256
        blueness = 128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256
        redness = 128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256
        written += bytes([colour + 1, round(luma), round(redness), round(blueness), alpha * 17])
    return bytes(written)


def _picture(packet: bytes, orders: _Orders, screen: Screen) -> Picture | None:
    left, top, width, height = orders.area
    if left + width > screen.width or top + height > screen.height or not any(orders.alpha):
        return None
    end = struct.unpack_from(">H", packet, 2)[0]
    fields = [_field(packet[begin:end], width, (height + 1 - odd) // 2) for odd, begin in enumerate(orders.fields)]
    picture = [fields[number % 2][number // 2] for number in range(height)]
    return Picture(left, top, width, height, runs.coded(picture))


def _field(coded: bytes, width: int, height: int) -> list[list[Run]]:
    """Every other line; those that are missing are clear."""
    digits = coded.hex()
    at, read = 0, []
    for _ in range(height):
        line, left = [], width
        while left > 0 and at < len(digits):
            # As many half bytes as it takes to say more than that there are more.
            size = next((size for size in (1, 2, 3) if int(digits[at : at + size], 16) >= 1 << 2 * size), 4)
            said = int(digits[at : at + size], 16)
            at += size
            length = min(said >> 2, left) or left
            line.append(Run(length, (said & 3) + 1))
            left -= length
        if left > 0:
            line.append(Run(left, runs.CLEAR))
        at += at % 2
        read.append(line)
    return read
