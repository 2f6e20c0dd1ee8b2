"""What the index (Cues) of a Matroska or WebM file tells of its pace, read without a tool.

By RFC 9559: 5.1.1 (SeekHead), 5.1.4 (Tracks), 5.1.5 (Cues). Muxers index the key frames of the picture: mkvmerge and
ffmpeg each one, others each cluster. A file without an index, such as one that was recorded live, tells nothing.
"""

import os
from dataclasses import dataclass
from itertools import pairwise

from media.declared import SEGMENT, elements, info_scale, vint
from media.windows import peak_bitrate

_SEEK_HEAD, _INFO, _TRACKS, _CUES, _CLUSTER = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1F43B675
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK_ENTRY, _TRACK_NUMBER = 0xAE, 0xD7
_CUE_POINT, _CUE_TIME, _CUE_POSITIONS = 0xBB, 0xB3, 0xB7
_CUE_TRACK, _CUE_CLUSTER, _CUE_WITHIN = 0xF7, 0xF1, 0xF0
_HEAD = 65_536
# Bytes: what 19 hours of a key frame a second take, and more.
_MAX_CUES = 2 << 20


@dataclass(frozen=True, slots=True)
class MatroskaIndex:
    """None is: not told. Seconds between two places that can be sought, at most; bits a second of the file, at most."""

    key_frame_seconds: float | None = None
    peak_bitrate: float | None = None


def read_matroska_index(descriptor: int, size: int, track: int, duration_seconds: float | None) -> MatroskaIndex:
    """Of a file of `size` bytes; `track` is the index of its picture. Raises `OSError` when the disk does."""
    head = os.pread(descriptor, _HEAD, 0)
    segment = next((at for name, at, _ in elements(head, 0) if name == SEGMENT), None)
    if segment is None:
        return MatroskaIndex()
    number, place, scale = None, None, 1_000_000
    for name, at, length in elements(head, segment):
        content = head[at : at + (length or 0)]
        if name == _CLUSTER:
            break
        if name == _SEEK_HEAD:
            place = _sought(content) or place
        elif name == _INFO:
            scale = info_scale(content)
        elif name == _TRACKS:
            found = elements(content, 0)
            entries = [content[start : start + (wide or 0)] for kind, start, wide in found if kind == _TRACK_ENTRY]
            number = _number(entries[track], _TRACK_NUMBER) if track < len(entries) else None
    if number is None or place is None or segment + place >= size:
        return MatroskaIndex()
    cues = _cues(descriptor, segment + place, number)
    if len(cues) < 2:
        return MatroskaIndex()
    times, places = [ticks * scale / 1e9 for ticks, _ in cues], [at for _, at in cues]
    if duration_seconds is not None and duration_seconds > times[-1]:
        times.append(duration_seconds)
        places.append(max(places[-1], place if place > places[-1] else size - segment))
    longest = max(later - earlier for earlier, later in pairwise(times))
    return MatroskaIndex(longest, peak_bitrate(times, [later - earlier for earlier, later in pairwise(places)]))


def _sought(content: bytes) -> int | None:
    """Where the cues are, from the beginning of the segment's content."""
    for name, at, length in elements(content, 0):
        entry = content[at : at + (length or 0)]
        if name == _SEEK and _number(entry, _SEEK_ID) == _CUES:
            return _number(entry, _SEEK_POSITION)
    return None


def _cues(descriptor: int, at: int, track: int) -> list[tuple[int, int]]:
    """Ticks and place (in bytes) of the track's cues; of several at one place the first."""
    head = os.pread(descriptor, 16, at)
    length, width = vint(head, 4)
    if head[:4] != _CUES.to_bytes(4, "big") or length is None or length > _MAX_CUES:
        return []
    # A flat walk, for there are thousands: what holds others is entered, and all names are of one byte.
    body, start = os.pread(descriptor, length, at + 4 + width), 0
    found, ticks, of_track, cluster, within = [], 0, 0, 0, 0
    while start + 1 < len(body):
        name, length, width = body[start], body[start + 1] & 0x7F, 1
        if body[start + 1] < 0x80:
            told, width = vint(body, start + 1)
            length = told or 0
        start += 1 + width
        if name in (_CUE_POINT, _CUE_POSITIONS):
            if of_track == track:
                found.append((ticks, cluster + within))
            of_track = within = 0
            continue
        content = body[start : start + min(length, 8)]
        start += length
        if name == _CUE_TIME:
            ticks = int.from_bytes(content)
        elif name == _CUE_TRACK:
            of_track = int.from_bytes(content)
        elif name == _CUE_CLUSTER:
            cluster = int.from_bytes(content)
        elif name == _CUE_WITHIN:
            within = int.from_bytes(content)
    if of_track == track:
        found.append((ticks, cluster + within))
    return _ascending(found)


def _ascending(cues: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that are later and behind all before."""
    kept: list[tuple[int, int]] = []
    for cue in cues:
        if not kept or (cue[0] > kept[-1][0] and cue[1] > kept[-1][1]):
            kept.append(cue)
    return kept


def _number(content: bytes, wanted: int) -> int | None:
    """The first element of this name as a number of at most eight bytes."""
    for name, at, length in elements(content, 0):
        if name == wanted and length is not None and 0 < length <= 8:
            return int.from_bytes(content[at : at + length], "big")
    return None
