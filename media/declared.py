"""What a container says of itself, read without a tool: its length in seconds, and whether it is copy-protected.

A few dozen bytes at a few places are read. The length only tells where the middle is; ffprobe's word counts.
"""

import os
import struct
from collections.abc import Iterator

from media.sniff import Family

_MAX_BOXES = 10_000
_MAX_TRACKS = 200
# Sample entries of protected tracks: ISO/IEC 14496-12 section 8.12, and QuickTime's own.
_PROTECTED = frozenset({b"encv", b"enca", b"drmi", b"drms"})
_SAMPLE_DESCRIPTIONS = (b"mdia", b"minf", b"stbl", b"stsd")
# RFC 9559 section 5.1: Segment, Info, Cluster, TimestampScale, Duration.
SEGMENT, _INFO, _CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_MAX_ELEMENTS = 64
_MAX_INFO = 65_536


def declared_seconds(descriptor: int, size: int, family: Family) -> float | None:
    """The length that the container's header tells, or None. Raises `OSError` when the disk does."""
    told = {Family.ISO: _iso_seconds, Family.EBML: _ebml_seconds, Family.RIFF: _riff_seconds}[family](descriptor, size)
    return told if told is not None and 0 < told < 3.6e7 else None


def is_protected(descriptor: int, size: int, family: Family) -> bool:
    """Does a track need a key to be decoded? Of the ISO family only; of the others ffprobe tells."""
    moov = find(descriptor, 0, size, b"moov") if family is Family.ISO else None
    if moov is None:
        return False
    tracks = [(start, end) for kind, start, end in boxes(descriptor, *moov) if kind == b"trak"]
    for start, end in tracks[:_MAX_TRACKS]:
        if found := find(descriptor, start, end, *_SAMPLE_DESCRIPTIONS):
            entries = boxes(descriptor, found[0] + 8, found[1])  # behind version, flags and number of entries
            if any(kind in _PROTECTED for kind, _, _ in entries):
                return True
    return False


def box(descriptor: int, at: int) -> tuple[bytes, int, int] | None:
    """Kind, length with the header, and length of the header of the box at an offset; None at the end of the file.

    ISO/IEC 14496-12 section 4.2. A length of 0 means: to the end of the file.
    """
    head = os.pread(descriptor, 16, at)
    if len(head) < 8:
        return None
    length = int.from_bytes(head[:4], "big")
    if length == 1 and len(head) == 16:
        return head[4:8], int.from_bytes(head[8:], "big"), 16
    return head[4:8], length, 8


def boxes(descriptor: int, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the content and end of each box between two offsets."""
    for _ in range(_MAX_BOXES):
        found = box(descriptor, start) if start + 8 <= end else None
        if found is None:
            return
        kind, length, header = found
        length = length or end - start
        if length < header:
            return
        yield kind, start + header, min(start + length, end)
        start += length


def find(descriptor: int, start: int, end: int, *path: bytes) -> tuple[int, int] | None:
    """Start and end of the content of the first box at `path` between two offsets."""
    for kind, at, stop in boxes(descriptor, start, end):
        if kind == path[0]:
            return find(descriptor, at, stop, *path[1:]) if path[1:] else (at, stop)
    return None


def _iso_seconds(descriptor: int, size: int) -> float | None:
    found = find(descriptor, 0, size, b"moov", b"mvhd")
    body = os.pread(descriptor, 32, found[0]) if found else b""
    layout, offset = (">IQ", 20) if body[:1] == b"\1" else (">II", 12)
    if len(body) < offset + struct.calcsize(layout):
        return None
    scale, length = struct.unpack_from(layout, body, offset)
    return length / scale if scale else None


def elements(head: bytes, at: int) -> Iterator[tuple[int, int, int | None]]:
    """Id, start of the content and its length of each EBML element in `head` from `at` (RFC 8794)."""
    for _ in range(_MAX_ELEMENTS):
        if at >= len(head) or not head[at]:
            return
        width = 9 - head[at].bit_length()
        name = int.from_bytes(head[at : at + width], "big")
        length, taken = vint(head, at + width)
        at += width + taken
        yield name, at, length
        if length is None:
            return
        at += length


def vint(head: bytes, at: int) -> tuple[int | None, int]:
    """The EBML length at `at` and how many bytes it takes; None when it is unknown or cut off."""
    if at >= len(head) or head[at] == 0:
        return None, 1
    width = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    if len(head) < at + width or value == (1 << 7 * width) - 1:
        return None, width
    return value, width


def _ebml_seconds(descriptor: int, size: int) -> float | None:
    del size
    head = os.pread(descriptor, _MAX_INFO, 0)
    segment = next((at for name, at, _ in elements(head, 0) if name == SEGMENT), None)
    for name, at, length in elements(head, segment) if segment else ():
        if name == _CLUSTER:
            return None
        if name == _INFO:
            return _info_seconds(head[at : at + (length or 0)])
    return None


def _info_seconds(info: bytes) -> float | None:
    for name, at, length in elements(info, 0):
        if name == _DURATION and length in (4, 8) and at + length <= len(info):
            (ticks,) = struct.unpack_from(">f" if length == 4 else ">d", info, at)
            return float(ticks) * info_scale(info) / 1e9
    return None


def info_scale(info: bytes) -> int:
    """Nanoseconds in a tick, by a segment's Info."""
    for name, at, length in elements(info, 0):
        if name == _SCALE and length and length <= 8:
            return int.from_bytes(info[at : at + length], "big")
    return 1_000_000


def _riff_seconds(descriptor: int, size: int) -> float | None:
    """By the main header, "AVIMAINHEADER" in Microsoft's AVI RIFF File Reference."""
    del size
    head = os.pread(descriptor, 56, 0)
    if head[24:28] != b"avih" or len(head) < 52:
        return None
    microseconds, frames = (int.from_bytes(head[at : at + 4], "little") for at in (32, 48))
    return microseconds * frames / 1e6
