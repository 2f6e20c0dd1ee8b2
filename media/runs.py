"""Pictures of subtitles as runs of one colour: as Blu-ray writes them, read with suspicion, cut and written anew."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

# A colour is a place in the palette; 0 is what is seen through unless the palette says otherwise.
CLEAR: Final = 0
_LONGEST: Final = 0x3FFF
_SHORTEST_LONG: Final = 0x40
# Four bytes for a run of one pixel, and the end of its line.
_MOST_BYTES: Final = 6
# Whatever is short (at most 63 pixels), then one long run: of the clear colour, or of another.
_LONG = re.compile(rb"(?:[^\0]|\0[\0-\x3f]|\0[\x80-\xbf].)*+(?:\0([\x40-\x7f])(.)|\0([\xc0-\xff])(.).|\Z)", re.DOTALL)
_RUN = re.compile(rb"([^\0])|\0(?:(\0)|([\1-\x3f])|([\x40-\x7f])(.)|([\x80-\xbf])(.)|([\xc0-\xff])(.)(.))", re.DOTALL)


class Run(NamedTuple):
    length: int
    colour: int


def is_sound(coded: bytes, pixels: int) -> bool:
    """Is it made of whole runs that are about as many `pixels`?

    Reading each takes long, so that only the long ones are counted where the others can't be far too many.
    """
    if len(coded) > _MOST_BYTES * pixels:
        return False
    position, said = 0, 0
    while position < len(coded):
        found = _LONG.match(coded, position)
        if found is None:
            return False
        high, low = (found[1], found[2]) if found[1] else (found[3], found[4])
        said += (high[0] & 0x3F) << 8 | low[0] if high else 0
        if said > pixels:
            return False
        position = found.end()
    return len(coded) < pixels // 2 or sum(run.length for line in lines(coded, pixels) for run in line) <= pixels


def lines(coded: bytes, most: int) -> list[list[Run]]:
    """The first `most` lines."""
    read: list[list[Run]] = [[]]
    for one in _RUN.finditer(coded):
        pixel, end, clear, clear_high, clear_low, short, short_colour, high, low, colour = one.groups()
        if pixel:
            read[-1].append(Run(1, pixel[0]))
        elif end is not None:
            if len(read) == most:
                return read
            read.append([])
        elif clear:
            read[-1].append(Run(clear[0], CLEAR))
        elif clear_high:
            read[-1].append(Run((clear_high[0] & 0x3F) << 8 | clear_low[0], CLEAR))
        elif short:
            read[-1].append(Run(short[0] & 0x3F, short_colour[0]))
        else:
            read[-1].append(Run((high[0] & 0x3F) << 8 | low[0], colour[0]))
    return read if read[-1] else read[:-1]


def cut(read: list[list[Run]], left: int, top: int, width: int, height: int) -> list[list[Run]]:
    """The part of a picture within these (pixels)."""
    kept = []
    for line in islice(read, top, top + height):
        at, part = 0, []
        for length, colour in line:
            begin, end = max(at, left), min(at + length, left + width)
            if begin < end:
                part.append(Run(end - begin, colour))
            at += length
        kept.append(part)
    return kept


def coded(picture: Iterable[Iterable[Run]]) -> bytes:
    """As Blu-ray writes it: each line ends with two zeros."""
    written = bytearray()
    for line in picture:
        for run in line:
            length, colour = run
            while length > 0:
                written += _one(min(length, _LONGEST), colour)
                length -= _LONGEST
        written += b"\0\0"
    return bytes(written)


def _one(length: int, colour: int) -> bytes:
    if colour == CLEAR:
        long = length >= _SHORTEST_LONG
        return bytes([0, 0x40 | length >> 8, length & 0xFF]) if long else bytes([0, length])
    if length <= 2:
        return bytes([colour]) * length
    if length < _SHORTEST_LONG:
        return bytes([0, 0x80 | length, colour])
    return bytes([0, 0xC0 | length >> 8, length & 0xFF, colour])
