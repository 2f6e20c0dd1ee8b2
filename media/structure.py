"""How a file is built, as far as that decides how it can be sent, sought and copied: added to what ffprobe tells."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from media.iso_index import read_iso_index
from media.matroska_index import read_matroska_index
from media.openings import open_gop
from media.report import Probed
from media.sniff import Family

# Beyond these what a file tells is no sense: seconds, and bits a second.
_LONGEST, _FASTEST = 3.6e7, 10**11


def with_structure(probed: Probed, report: Mapping[str, Any], descriptor: int, family: Family) -> Probed:
    """The facts with those of the structure: a few reads of the open file, no tool. Raises `OSError`."""
    size, track = os.fstat(descriptor).st_size, probed.video_track
    known = replace(probed, open_gop=open_gop(report, descriptor, family, track, probed.video_codec))
    if family is Family.ISO:
        iso = read_iso_index(descriptor, size, track)
        # What is not the picture's is sound, and comes evenly.
        rest = max(0.0, (probed.bitrate or 0) - (iso.mean_bitrate or 0))
        return replace(
            known,
            edit_list=iso.edit_list,
            moov_position=iso.moov_position,
            key_frame_seconds=_seconds(iso.key_frame_seconds),
            peak_bitrate=_bitrate(iso.peak_bitrate + rest if iso.peak_bitrate else None),
        )
    if family is Family.EBML:
        matroska = read_matroska_index(descriptor, size, track, probed.duration_seconds)
        return replace(
            known,
            key_frame_seconds=_seconds(matroska.key_frame_seconds),
            peak_bitrate=_bitrate(matroska.peak_bitrate),
        )
    return known


def _seconds(value: float | None) -> float | None:
    return round(value, 3) if value is not None and 0 < value <= _LONGEST else None


def _bitrate(value: float | None) -> int | None:
    return round(value) if value is not None and 1 <= value <= _FASTEST else None
