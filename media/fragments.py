"""Segments out of a fragmented MP4 that is still being written, each stamped with its place on the title's time grid.

A segment is a `moof` and its `mdat` (ISO/IEC 14496-12, 8.8). The tool that writes them may have begun anywhere in the
title and counts from 0; number and decode time are put right here (8.8.5, 8.8.12), so that segments of several runs
follow one another as if one run had made them.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct(">I4s")
_LARGE: Final = struct.Struct(">Q")
_NESTED: Final = frozenset({b"moof", b"traf"})
# What a segment of one track can take at most: a corrupt size is told from a large segment.
_MOST_BYTES: Final = 256 << 20


class FragmentError(Exception):
    """What was written is no fragmented MP4 of one track."""


class Fragments:
    """Reads the file at `path` as it grows; the file need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        # What a decoder begins with: everything before the first fragment.
        self.init = b""

    def new(self) -> Iterator[bytes]:
        """The fragments that have become whole since the last call. Raises `FragmentError`."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            there = os.fstat(file.fileno()).st_size
            while (size := self._whole(file.fileno(), there)) is not None:
                fragment = os.pread(file.fileno(), size, self._at)
                self._at += size
                if fragment[4:8] == b"moof":
                    yield fragment
                else:
                    self.init += fragment

    def _whole(self, descriptor: int, there: int) -> int | None:
        """Bytes of the next box, of a `moof` together with its `mdat`; None while it is not all there."""
        kind, size = self._box(descriptor, self._at)
        if size is None or self._at + size > there:
            return None
        if kind != b"moof":
            return size
        kind, rest = self._box(descriptor, self._at + size)
        if rest is None or self._at + size + rest > there:
            return None
        if kind != b"mdat":
            raise FragmentError(f"a fragment without samples, but {kind!r}")
        return size + rest

    def _box(self, descriptor: int, at: int) -> tuple[bytes, int | None]:
        head = os.pread(descriptor, _HEAD.size, at)
        if len(head) < _HEAD.size:
            return b"", None
        size, kind = _HEAD.unpack(head)
        if not _HEAD.size <= size <= _MOST_BYTES:
            # 0 is "to the end of the file", 1 a size of 64 bits: neither is written for segments of seconds.
            raise FragmentError(f"a box of {size} bytes")
        return kind, size


def stamped(fragment: bytes, number: int, decode_time: int) -> bytes:
    """The fragment as the `number`th from 0, whose first sample is decoded at `decode_time`, in its track's ticks.

    Raises `FragmentError`.
    """
    content = bytearray(fragment)
    places = dict(_boxes(content, 0, len(content)))
    try:
        header, time = places[b"mfhd"], places[b"tfdt"]
        # Both are full boxes: 1 byte of version and 3 of flags come first.
        struct.pack_into(">I", content, header + 4, number + 1)
        if content[time] != 1:
            raise FragmentError("a decode time of 32 bits")
        _LARGE.pack_into(content, time + 4, decode_time)
    except (KeyError, struct.error) as error:
        raise FragmentError(f"a fragment without {error}") from error
    return bytes(content)


def _boxes(content: bytearray, at: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Kind and place of the content of each box, through those that hold others."""
    while at + _HEAD.size <= end:
        size, kind = _HEAD.unpack_from(content, at)
        if size < _HEAD.size or at + size > end:
            raise FragmentError(f"a box of {size} bytes")
        yield kind, at + _HEAD.size
        if kind in _NESTED:
            yield from _boxes(content, at + _HEAD.size, at + size)
        at += size
