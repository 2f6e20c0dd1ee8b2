"""Does a video play, and to where? What is decoded decides, not what the container declares.

1. A file that lacks nothing at its end, and of which key frames came out at its start, middle and end, is ready.
2. Of any other the end is measured, when bytes are missing there or no length is told, by reading its packets.
3. A picture is decoded at the start, the middle and that end. Where none comes out at the end (a download that was
   given its size beforehand holds zeros there), the last place at which one does is searched by halving.
4. No picture at all: broken. Otherwise the video is ready to where it goes, with a note that says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from media import faults
from media.asking import Asking
from media.faults import NOT_DECODED, Fault
from media.report import Probed

# Start, middle and end.
_PLACES = 3
# An end is found, and two ends are the same, within this share of the length or so many seconds.
_SHARE, _SECONDS = 0.01, 1.0
# A video of which the first picture alone can be decoded shows it for a moment: no length at all can't be shared out.
_MOMENT_SECONDS = 0.04


def frames_prove(report: Mapping[str, Any], track: int) -> bool:
    """Did each key packet of the track that was read become a picture, at three places?

    A short video has one key frame, which is then read three times.
    """
    entries = [entry for entry in report.get("packets_and_frames") or () if entry.get("stream_index") == track]
    frames = sum(entry.get("type") == "frame" for entry in entries)
    keys = sum(entry.get("type") == "packet" and "K" in str(entry.get("flags")) for entry in entries)
    return bool(frames >= keys >= _PLACES)


def judged(asking: Asking, probed: Probed, declared_seconds: float | None, missing_bytes: int) -> Probed | Fault:
    """The facts with the end that was found, and a note when that is not what was declared; or why nothing plays."""
    end = probed.duration_seconds
    if missing_bytes or end is None:
        measured = asking.measured_seconds(probed.video_track)
        if not isinstance(measured, Fault):
            end = measured
        elif end is None:
            return measured
    places = {at: asking.decodes(probed.video_track, at) for at in (0.0, end / 2, end)}
    start, middle, last = places.values()
    if not any(picture is True for picture in places.values()):
        unknown = next((picture for picture in places.values() if isinstance(picture, Fault)), None)
        return unknown or (faults.truncated(missing_bytes) if missing_bytes else NOT_DECODED)
    # Where a limit was reached nothing is known; that speaks against no place.
    if last is False:
        end = _last_picture(asking, probed.video_track, *((end / 2, end) if middle is not False else (0.0, end / 2)))
        if end == 0.0 and start is False:
            return NOT_DECODED
    note = None
    if declared_seconds and _tolerance(declared_seconds) < declared_seconds - end:
        note = faults.ends_early(end, declared_seconds)
    elif missing_bytes:
        note = faults.plays_although(missing_bytes, end)
    elif middle is False and last is True and start is True:
        note = faults.has_hole(end / 2)
    return replace(probed, duration_seconds=max(end, _MOMENT_SECONDS), note=note)


def _last_picture(asking: Asking, track: int, good: float, bad: float) -> float:
    """The last time from which on a picture comes out, between one where it does and one where it does not."""
    within = _tolerance(bad)
    while bad - good > within:
        middle = (good + bad) / 2
        if asking.decodes(track, middle) is False:
            bad = middle
        else:
            good = middle
    return good


def _tolerance(seconds: float) -> float:
    return max(_SECONDS, _SHARE * seconds)
