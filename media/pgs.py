"""Subtitles of Blu-ray (PGS) as files (`.sup`): read with suspicion, and written so that each picture stands by itself.

A disc says only what changes: a picture may be made of pieces, be shown again by its number, or take other colours.
What is written here has one whole set of segments each time something changes, in the order of time, beginning with
nothing at 0 and ending with nothing: whoever goes to a place needs to read one set, and a player that knows less than a
disc's shows the same. What breaks the rules or is larger than a screen is left out.

Source: United States Patent 20090185789 A1, and the SUP layout (`PG`, times in 90 kHz, type, length).
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from media import runs

HERTZ: Final = 90_000
# A time has 32 bits; JavaScript's numbers keep 31 of them positive: 6 h 37 min.
LATEST: Final = 2**31 - 1
_PALETTE, _OBJECT, _COMPOSITION, _WINDOWS, _END = 0x14, 0x15, 0x16, 0x17, 0x80
_HEADER = struct.Struct(">2sIIBH")
_MAGIC: Final = b"PG"
_WHOLE: Final = 0x80
_CROPPED: Final = 0x80
_FIRST, _LAST = 0x80, 0x40
_LONGEST_SEGMENT: Final = 0xFFFF
# What was still shown when the track ended goes after so long.
_FAREWELL: Final = 5 * HERTZ
# A disc has two; whole screens of this many are no subtitle.
_MOST_OBJECTS: Final = 16
_MOST_SCREENS: Final = 2
_MOST_IN_EPOCH: Final = 256


class Limits(NamedTuple):
    """`pixels` of a screen, `sets` (changes) and `size` (bytes) of a file."""

    pixels: int
    sets: int
    size: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Where it stands on the screen (pixels), and its runs as `runs.coded` writes them."""

    left: int
    top: int
    width: int
    height: int
    coded: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on a screen of this size from `time` (90 kHz) on; without pictures nothing is.

    Each five bytes of `palette` are a colour: its place, Y, Cr, Cb (limited range), alpha.
    """

    time: int
    width: int = 0
    height: int = 0
    palette: bytes = b""
    pictures: tuple[Picture, ...] = ()


class TooLarge(Exception):
    """What would be written exceeds the limits."""


def write(shown: Iterable[Shown], into: BinaryIO, limits: Limits) -> int:
    """Write a file of what is `shown`; how many changes it has, 0: nothing is ever shown. Raises `TooLarge`."""
    last: Shown = Shown(0)
    count = size = 0
    screen = (0, 0)

    def put(one: Shown) -> None:
        nonlocal size
        content = _set(one, count, screen)
        size += len(content)
        if size > limits.size or count >= limits.sets:
            raise TooLarge
        into.write(content)

    for one in shown:
        if one.pictures:
            screen = (one.width, one.height)
        same = one.pictures == last.pictures and one.palette == last.palette
        if same or one.time < last.time or one.time > LATEST - _FAREWELL:
            continue
        if count == 0:
            put(last)
        count += 1
        put(one)
        last = one
    if last.pictures:
        put(Shown(last.time + _FAREWELL))
    return count


def read(file: BinaryIO, limits: Limits) -> Iterator[Shown]:
    """What a `.sup` file shows, in the order of the file. It ends where the file is no such any more."""
    epoch = _Epoch(limits.pixels)
    for time, kind, body in _segments(file):
        if kind == _COMPOSITION:
            # A set without its end.
            yield from epoch.finished()
            epoch.begin(time, body)
        elif kind == _PALETTE:
            epoch.colour(body)
        elif kind == _OBJECT:
            epoch.add(body)
        elif kind == _END:
            yield from epoch.finished()
    yield from epoch.finished()


def _segments(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    while len(head := file.read(_HEADER.size)) == _HEADER.size:
        magic, time, _, kind, length = _HEADER.unpack(head)
        body = file.read(length)
        if magic != _MAGIC or len(body) < length:
            return
        yield time, kind, body


@dataclass(slots=True)
class _Object:
    width: int
    height: int
    length: int
    data: bytearray
    # Judged once, when it is first shown.
    sound: bool | None = None


@dataclass(slots=True)
class _Epoch:
    """What a disc's player remembers from one set of segments to the next."""

    pixels: int
    palettes: dict[int, dict[int, bytes]] = field(default_factory=dict)
    objects: dict[int, _Object] = field(default_factory=dict)
    composition: tuple[int, bytes] | None = None

    def begin(self, time: int, body: bytes) -> None:
        if len(body) < 11:
            return
        self.composition = (time, body)
        if body[7]:
            self.palettes.clear()
            self.objects.clear()

    def colour(self, body: bytes) -> None:
        entries = self.palettes.setdefault(body[0], {}) if len(body) > 1 else {}
        for at in range(2, len(body) - 4, 5):
            entries[body[at]] = body[at : at + 5]

    def add(self, body: bytes) -> None:
        if len(body) < 4:
            return
        number, _, place = struct.unpack_from(">HBB", body)
        if place & _FIRST and len(body) >= 11:
            length = int.from_bytes(body[4:7])
            width, height = struct.unpack_from(">HH", body, 7)
            if len(self.objects) < _MOST_IN_EPOCH or number in self.objects:
                self.objects[number] = _Object(width, height, length - 4, bytearray(body[11:]))
        elif not place & _FIRST and (known := self.objects.get(number)) and len(known.data) < known.length:
            known.data += body[4:]

    def finished(self) -> Iterator[Shown]:
        if self.composition is None:
            return
        (time, body), self.composition = self.composition, None
        width, height = struct.unpack_from(">HH", body)
        if width * height > self.pixels:
            yield Shown(time)
            return
        pictures = tuple(self._pictures(body, width, height))
        drawn = sum(one.width * one.height for one in pictures)
        palette = b"".join(entry for _, entry in sorted(self.palettes.get(body[9], {}).items()))
        if not palette or drawn > _MOST_SCREENS * width * height:
            yield Shown(time)
        else:
            yield Shown(time, width, height, palette if pictures else b"", pictures)

    def _pictures(self, body: bytes, width: int, height: int) -> Iterator[Picture]:
        at = 11
        for _ in range(min(body[10], _MOST_OBJECTS)):
            if at + 8 > len(body):
                return
            number, _, flags, left, top = struct.unpack_from(">HBBHH", body, at)
            at += 8
            crop = None
            if flags & _CROPPED:
                if at + 8 > len(body):
                    return
                crop = struct.unpack_from(">HHHH", body, at)
                at += 8
            known = self.objects.get(number)
            if known is None or not self._fits(known, width, height):
                continue
            whole = Picture(left, top, known.width, known.height, bytes(known.data))
            picture = whole if crop is None else _cropped(whole, *crop)
            if picture.width and picture.height and left < width and top < height:
                yield picture

    def _fits(self, known: _Object, width: int, height: int) -> bool:
        if known.sound is None:
            known.sound = runs.is_sound(bytes(known.data), known.width * known.height)
        return known.sound and known.width <= width and known.height <= height


def _cropped(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    width, height = min(width, max(0, picture.width - left)), min(height, max(0, picture.height - top))
    part = runs.cut(runs.lines(picture.coded, picture.height), left, top, width, height)
    return Picture(picture.left, picture.top, width, height, runs.coded(part))


def _set(one: Shown, number: int, screen: tuple[int, int]) -> bytes:
    """One whole set of segments."""
    written = bytearray()

    def segment(kind: int, body: bytes) -> None:
        written.extend(_HEADER.pack(_MAGIC, one.time, 0, kind, len(body)) + body)

    width, height = (one.width, one.height) if one.pictures else screen
    head = struct.pack(">HHBHBBBB", width, height, 0x10, number & 0xFFFF, _WHOLE, 0, 0, len(one.pictures))
    places = (struct.pack(">HBBHH", at, at, 0, each.left, each.top) for at, each in enumerate(one.pictures))
    segment(_COMPOSITION, head + b"".join(places))
    if one.pictures:
        windows = (
            struct.pack(">BHHHH", at, each.left, each.top, each.width, each.height)
            for at, each in enumerate(one.pictures)
        )
        segment(_WINDOWS, bytes([len(one.pictures)]) + b"".join(windows))
        segment(_PALETTE, b"\0\0" + one.palette)
        for at, each in enumerate(one.pictures):
            _write_object(at, each, segment)
    segment(_END, b"")
    return bytes(written)


def _write_object(number: int, picture: Picture, segment: Callable[[int, bytes], None]) -> None:
    """In as many segments as it takes."""
    head = (len(picture.coded) + 4).to_bytes(3) + struct.pack(">HH", picture.width, picture.height)
    rest, place = head + picture.coded, _FIRST
    most = _LONGEST_SEGMENT - 4
    while True:
        part, rest = rest[:most], rest[most:]
        segment(_OBJECT, struct.pack(">HBB", number, 0, place | (0 if rest else _LAST)) + part)
        place = 0
        if not rest:
            return
