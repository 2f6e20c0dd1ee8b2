"""Can a film be begun at each of its key frames, and cut there? Not where pictures before one need those behind it.

Such an open group of pictures is told by the packets that prove a file anyway (`media.playable`): by pictures that come
behind a key frame and are shown before it, and by the kind of the key frame's own slices. A stream whose encoder keeps
groups closed begins each with an IDR picture (ITU-T H.264, 7.4.1.2.4; H.265, 7.4.2.2), others do not.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from media.sniff import Family

# A slice may stand behind parameter sets and messages; those of key frames are short.
_HEAD = 4096
_START_CODE = b"\x00\x00\x01"
_WIDTH = 4
# A place in a file is shorter.
_DIGITS = 19
# nal_unit_type: table 7-1 of both. Slices, those that begin anew, and of HEVC also BLA pictures with none before them.
_H264_SLICES, _H264_CLOSED = range(1, 6), frozenset({5})
_HEVC_SLICES, _HEVC_CLOSED = range(32), frozenset({18, 19, 20})
# Behind the track's number a block has two bytes of time, and one of flags, which tell of lacing (RFC 9559, 10.2).
_BLOCK_HEAD, _LACING = 3, 0x06

Packet = Mapping[str, Any]


def open_gop(report: Mapping[str, Any], descriptor: int, family: Family, track: int, codec: str) -> bool | None:
    """By the packets in ffprobe's report, as it was seen at the key frames that were read: at the start, in the middle
    and at the end. None: it can't be told. Raises `OSError` when the disk does.

    That a picture is shown before the key frame in front of it counts as open, though HEVC knows such that can be
    decoded (RADL): whoever copies has to treat both with care.
    """
    packets = [
        entry
        for entry in report.get("packets_and_frames") or ()
        if entry.get("type") == "packet" and entry.get("stream_index") == track
    ]
    told: set[bool | None] = set()
    places: set[str] = set()
    key: float | None = None
    for packet in packets:
        shown = _number(packet.get("pts_time"))
        if "K" in str(packet.get("flags")):
            key = shown
            place = str(packet.get("pos"))
            if place.isdecimal() and len(place) < _DIGITS and place not in places:
                places.add(place)
                told.add(_begins_anew(descriptor, int(place), family, codec))
        elif key is not None and shown is not None and shown < key:
            return True
    if False in told:
        return True
    return False if True in told else None


def _begins_anew(descriptor: int, place: int, family: Family, codec: str) -> bool | None:
    """Is the picture at `place` one before which nothing matters? Other codecs than those two have no other kind."""
    if codec not in ("h264", "hevc"):
        return True
    content = os.pread(descriptor, _HEAD, place)
    if family is Family.EBML:
        content = _in_block(content)
    slices, closed = (_H264_SLICES, _H264_CLOSED) if codec == "h264" else (_HEVC_SLICES, _HEVC_CLOSED)
    for header in _after_start_codes(content) if family is Family.RIFF else _after_lengths(content):
        if header & 0x80:
            return None
        kind = header & 0x1F if codec == "h264" else header >> 1
        if kind in slices:
            return kind in closed
    return None


def _in_block(content: bytes) -> bytes:
    if not content or not content[0]:
        return b""
    begin = 9 - content[0].bit_length() + _BLOCK_HEAD
    return content[begin:] if len(content) > begin and not content[begin - 1] & _LACING else b""


def _after_lengths(content: bytes) -> Iterator[int]:
    """First byte of each unit (ISO/IEC 14496-15, 4.3.2); lengths of other widths than the usual one give nonsense, that
    is, nothing."""
    at = 0
    while at + _WIDTH < len(content):
        length = int.from_bytes(content[at : at + _WIDTH], "big")
        if length == 0:
            return
        yield content[at + _WIDTH]
        at += _WIDTH + length


def _after_start_codes(content: bytes) -> Iterator[int]:
    """First byte of each unit in a byte stream (annex B of both)."""
    for unit in content.split(_START_CODE)[1:]:
        if unit:
            yield unit[0]


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
