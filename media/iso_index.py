"""What the index (moov) of an MP4 or QuickTime file tells of how it can be sent and copied, read without a tool.

By ISO/IEC 14496-12: 8.1.1 (mdat), 8.3 (trak), 8.6 (stts, stss, elst), 8.7 (stsz). A few tables are read, none that is
larger than `_MAX_TABLE`. Fragmented files have empty tables: of those the places of boxes and the edits are told.
"""

import os
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from catalog.contract.words import EditList, MoovPosition
from media.declared import boxes, find
from media.windows import peak_bitrate

_MAX_TRACKS = 200
_MAX_EDITS = 64
# Bytes: the sizes of four million pictures, 19 hours of 60 in a second.
_MAX_TABLE = 16 << 20
# So many of the first pictures are looked at for the one that is shown first.
_REORDERED = 32
# What sound begins or ends with is not meant to be heard for this long (AAC's priming with SBR is 0.12 s), and tracks
# may differ by as much.
_SOUND_SLACK = 0.15


@dataclass(frozen=True, slots=True)
class IsoIndex:
    """None is: not told, or in no form that is read here."""

    moov_position: MoovPosition | None = None
    edit_list: EditList | None = None
    # Seconds between two key frames, at most; bits a second of the picture, at most and on the average.
    key_frame_seconds: float | None = None
    peak_bitrate: float | None = None
    mean_bitrate: float | None = None


@dataclass(frozen=True, slots=True)
class _Track:
    """Where the tables of one track are, by name, and what its header tells."""

    tables: dict[bytes, tuple[int, int]]
    handler: bytes
    # Ticks a second, and ticks.
    scale: int
    length: int
    edits: tuple[int, int] | None


def read_iso_index(descriptor: int, size: int, track: int) -> IsoIndex:
    """Of a file of `size` bytes; `track` is the index of its picture. Raises `OSError` when the disk does."""
    kinds = ((kind, at, end) for kind, at, end in boxes(descriptor, 0, size) if kind in (b"moov", b"mdat"))
    first = next(kinds, None)
    moov = first if first and first[0] == b"moov" else next((one for one in kinds if one[0] == b"moov"), None)
    if first is None or moov is None:
        return IsoIndex()
    inside = list(boxes(descriptor, *moov[1:]))
    scale = next((_clock(descriptor, at)[0] for kind, at, _ in inside if kind == b"mvhd"), 0)
    traks = [(at, end) for kind, at, end in inside if kind == b"trak"][:_MAX_TRACKS]
    tracks = [_track(descriptor, *place) for place in traks]
    picture = tracks[track] if track < len(tracks) and tracks[track].handler == b"vide" else None
    played = [one for one in tracks if one is picture or one.handler == b"soun"]
    edits = {_edits(descriptor, one, scale) for one in played} if scale else set()
    pace = _pace(descriptor, picture) if picture else None
    return IsoIndex(
        moov_position="front" if first[0] == b"moov" else "back",
        edit_list=next((kind for kind in _WORST_FIRST if kind in edits), None),
        key_frame_seconds=pace and pace[0],
        peak_bitrate=pace and pace[1],
        mean_bitrate=pace and pace[2],
    )


_WORST_FIRST: tuple[EditList, ...] = ("trims", "delays", "none")


def _track(descriptor: int, start: int, end: int) -> _Track:
    media = find(descriptor, start, end, b"mdia")
    inside = {kind: (at, stop) for kind, at, stop in boxes(descriptor, *media)} if media else {}
    samples = find(descriptor, *inside[b"minf"], b"stbl") if b"minf" in inside else None
    scale, length = _clock(descriptor, inside[b"mdhd"][0]) if b"mdhd" in inside else (0, 0)
    return _Track(
        tables={kind: (at, stop) for kind, at, stop in boxes(descriptor, *samples)} if samples else {},
        handler=os.pread(descriptor, 12, inside[b"hdlr"][0])[8:] if b"hdlr" in inside else b"",
        scale=scale,
        length=length,
        edits=find(descriptor, start, end, b"edts", b"elst"),
    )


def _clock(descriptor: int, at: int) -> tuple[int, int]:
    """Ticks a second and length in ticks, of a movie's or a track's header."""
    body = os.pread(descriptor, 32, at)
    layout, offset = (">IQ", 20) if body[:1] == b"\1" else (">II", 12)
    if len(body) < offset + struct.calcsize(layout):
        return 0, 0
    scale, length = struct.unpack_from(layout, body, offset)
    return scale, length


def _edits(descriptor: int, track: _Track, movie_scale: int) -> EditList | None:
    """Does the list do more than begin with the first picture, as it has to where pictures are reordered?"""
    if track.edits is None:
        return "none"
    head = os.pread(descriptor, 8 + _MAX_EDITS * 20, track.edits[0])
    layout = ">QqI" if head[:1] == b"\1" else ">IiI"
    width, count = struct.calcsize(layout), int.from_bytes(head[4:8], "big")
    if not track.scale or count > _MAX_EDITS or len(head) < 8 + count * width:
        return None
    edits = [struct.unpack_from(layout, head, 8 + number * width) for number in range(count)]
    shown = [edit for edit in edits if edit[1] >= 0]
    if len(shown) > 1 or any(rate != 1 << 16 for _, _, rate in shown):
        return "trims"
    delay = sum(length for length, begin, _ in edits if begin < 0) / movie_scale
    if shown:
        length, begin, _ = shown[0]
        slack = _SOUND_SLACK if track.handler == b"soun" else _half_a_picture(descriptor, track)
        if begin / track.scale - _first_shown(descriptor, track) > slack:
            return "trims"
        if length and (track.length - begin) / track.scale - length / movie_scale > _SOUND_SLACK:
            return "trims"
    return "delays" if delay > _SOUND_SLACK else "none"


def _half_a_picture(descriptor: int, track: _Track) -> float:
    steps = _words(descriptor, track, b"stts", 4, 4)
    return steps[1] / track.scale / 2 if len(steps) > 1 else 0.0


def _first_shown(descriptor: int, track: _Track) -> float:
    """When the first picture is shown, in seconds of the track's own clock (8.6.1.3, signed as by its version 1)."""
    steps, offsets = (_words(descriptor, track, name, 4, 2 * _REORDERED) for name in (b"stts", b"ctts"))
    if len(steps) < 2 or not offsets:
        return 0.0
    times, at = [], 0
    for run, offset in zip(offsets[::2], offsets[1::2], strict=False):
        times.append(at + (offset - (1 << 32) if offset >= 1 << 31 else offset))
        at += run * steps[1]
    return min(times) / track.scale


def _pace(descriptor: int, track: _Track) -> tuple[float, float | None, float] | None:
    """The longest time between key frames (s), and the rate of the picture (bit/s), at most and on the average."""
    head = os.pread(descriptor, 12, track.tables[b"stsz"][0]) if b"stsz" in track.tables else b""
    if len(head) < 12 or not track.scale or head[4:8] != bytes(4):
        return None
    sizes = _words(descriptor, track, b"stsz", 8)
    keys: Sequence[int] = range(1, len(sizes) + 1)
    if b"stss" in track.tables:
        keys = _words(descriptor, track, b"stss", 4)
    steps = _words(descriptor, track, b"stts", 4)
    if not sizes or not keys or not steps or keys[0] < 1 or keys[-1] > len(sizes):
        return None
    if any(later <= earlier for earlier, later in pairwise(keys)):
        return None
    times = [ticks / track.scale for ticks in _ticks([*keys, len(sizes) + 1], steps)]
    seconds = times[-1] - times[0]
    if len(times) <= len(keys) or seconds <= 0:
        return None
    weights = [sum(sizes[one - 1 : other - 1]) for one, other in pairwise([*keys, len(sizes) + 1])]
    longest = max(later - earlier for earlier, later in pairwise(times))
    return longest, peak_bitrate(times, weights), sum(weights) * 8 / seconds


def _ticks(numbers: Sequence[int], steps: Sequence[int]) -> list[int]:
    """When the samples of these numbers (from 1, ascending) are decoded; fewer where the table ends before."""
    found: list[int] = []
    first, at = 1, 0
    for count, step in zip(steps[::2], steps[1::2], strict=False):
        while len(found) < len(numbers) and numbers[len(found)] <= first + count:
            found.append(at + (numbers[len(found)] - first) * step)
        first, at = first + count, at + count * step
    return found


def _words(descriptor: int, track: _Track, name: bytes, behind: int, most: int | None = None) -> Sequence[int]:
    """A table's 32-bit words from behind its number of entries on, which stands at `behind`; at most so many of them.

    Empty when there is none, or when it is too large to be read whole and no number was named.
    """
    if name not in track.tables:
        return ()
    start, end = track.tables[name]
    start += behind + 4
    length = max(0, end - start) // 4 * 4
    if most is None and length > _MAX_TABLE:
        return ()
    body = os.pread(descriptor, length if most is None else min(length, 4 * most), start)
    words = array("I", body[: len(body) // 4 * 4])
    if sys.byteorder == "little":
        words.byteswap()
    return words
