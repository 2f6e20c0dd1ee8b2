"""The subtitles of a film that are pictures, each as a file that a page can draw (`media.pgs`).

Those of Blu-ray and of DVD become the same kind of file, so that whoever shows them needs to know one kind. Nothing is
lost: a DVD's have fewer colours.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media import pgs, vobsub
from media.asking import Asking
from media.faults import LIMIT, Fault
from media.making import Making
from media.pgs import Shown
from media.sidecars import Described
from media.subtitle_tracks import PGS, Track

MEDIA_TYPE = "application/x-pgs"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was made of a track; the file lies in the folder of the making."""

    described: Described
    path: Path


def outputs(stream: Any, track: Track, most: int) -> list[Any]:
    """What ffmpeg is to write of the track's `stream` (ffmpeg-python's), each no longer than `most` bytes."""
    made = {"sup": "sup"} if track.codec == PGS else {"data": "packets", "framecrc": "times"}
    return [
        ffmpeg.output(stream, _name(track, suffix), f=kind, **{"c:s": "copy", "fs": most})
        for kind, suffix in made.items()
    ]


def written(making: Making, tracks: Sequence[Track]) -> tuple[list[Drawn], list[Fault]]:
    """Of what `outputs` left in the folder of `making`: a file of each track that ever shows something."""
    settings = making.settings
    limits = pgs.Limits(
        settings.picture_subtitle_pixels, settings.picture_subtitle_changes, settings.picture_subtitle_bytes
    )
    found, faults = [], []
    for track in tracks:
        path = making.folder / f"drawn-{track.position}.sup"
        try:
            with path.open("wb") as file:
                shows = pgs.write(_watched(making, _shown(making, track, limits)), file, limits)
        except pgs.TooLarge:
            path.unlink()
            faults.append(_too_large(track, limits))
        else:
            found += [Drawn(track.described, path)] if shows else []
        # The room is needed for the others.
        for raw in making.folder.glob(_name(track, "*")):
            raw.unlink()
    return found, faults


def _watched(making: Making, shown: Iterable[Shown]) -> Iterator[Shown]:
    """Somebody may want it to end."""
    for one in shown:
        making.tell(making.subject.duration_seconds)
        yield one


def _shown(making: Making, track: Track, limits: pgs.Limits) -> Iterator[Shown]:
    if track.codec == PGS:
        with (making.folder / _name(track, "sup")).open("rb") as file:
            _check(file.seek(0, 2), limits)
            file.seek(0)
            yield from pgs.read(file, limits)
        return
    asking = Asking(making.sandbox, making.settings, making.descriptor, making.container)
    screen = vobsub.Screen.of(asking.header(track.position), limits.pixels)
    content, times = (making.folder / _name(track, suffix) for suffix in ("packets", "times"))
    with content.open("rb") as raw, times.open(encoding="ascii", errors="replace") as lines:
        _check(raw.seek(0, 2), limits)
        raw.seek(0)
        yield from vobsub.read(vobsub.packets(raw, lines), screen)


def _check(size: int, limits: pgs.Limits) -> None:
    """ffmpeg stops behind the piece that reached the limit."""
    if size >= limits.size:
        raise pgs.TooLarge


def _too_large(track: Track, limits: pgs.Limits) -> Fault:
    return Fault(
        f"{LIMIT}the subtitles of track {track.position} are pictures that take more than {limits.size:,} bytes, or"
        f" change more than {limits.sets:,} times."
    )


def _name(track: Track, suffix: str) -> str:
    return f"track-{track.position}.{suffix}"
