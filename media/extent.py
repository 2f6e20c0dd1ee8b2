"""How long a file says it is. A copy that broke off is shorter, and would still probe as a whole video.

Only the outermost structure is read: a few dozen bytes at a few places.
"""

import os

from media.declared import box, vint
from media.sniff import Family

_MAX_BOXES = 10_000
_KNOWN_BOXES = frozenset(b"ftyp moov mdat free skip wide moof sidx mfra uuid meta".split())
_SEGMENT = b"\x18\x53\x80\x67"


def missing_bytes(descriptor: int, size: int, family: Family) -> int:
    """How many bytes the file of `size` bytes lacks at its end by what its container declares; 0 when none.

    A container that declares no length (a live recording) lacks nothing. Raises `OSError` when the disk does.
    """
    declared = {Family.ISO: _iso_end, Family.EBML: _ebml_end, Family.RIFF: _riff_end}[family](descriptor, size)
    return max(0, declared - size)


def _iso_end(descriptor: int, size: int) -> int:
    """End of the last top-level box (ISO/IEC 14496-12 section 4.2). What follows that is no known box is padding."""
    at = 0
    for _ in range(_MAX_BOXES):
        found = box(descriptor, at)
        if found is None or found[0] not in _KNOWN_BOXES:
            break
        length = found[1]
        if length < 8:  # 0: to the end of the file
            return size
        at += length
        if at >= size:
            return at
    return size


def _ebml_end(descriptor: int, size: int) -> int:
    """End of the first Segment (RFC 8794 section 6, RFC 9559 section 4.5)."""
    head = os.pread(descriptor, 4096, 0)
    length, width = vint(head, 4)
    if length is None or head[4 + width + length :][:4] != _SEGMENT:
        return size
    at = 4 + width + length + 4
    length, width = vint(head, at)
    return size if length is None else at + width + length


def _riff_end(descriptor: int, size: int) -> int:
    """End of the first RIFF chunk. Its last byte may be padding that muxers leave out."""
    head = os.pread(descriptor, 8, 0)
    length = int.from_bytes(head[4:8], "little")
    if length in (0, 0xFFFF_FFFF) or size >= 1 << 31:  # never filled in; or wrapped around, before OpenDML
        return size
    end = 8 + length
    return size if end == size + 1 else end
