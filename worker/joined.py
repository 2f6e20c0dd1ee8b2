"""Pictures in one more codec join a title's renditions, in the transaction that publishes them.

Under the title's lock, as with subtitles (worker.offered): between two looks the renditions may have been made anew, or
have left.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from media import joining
from media.joining import Rates
from media.packager import DASH, HLS, MEDIA_TYPES
from worker import offered, published, withdrawn
from worker.attempt import Superseded


def can_be(database: Connection[Any], video: UUID) -> bool:
    """Is anything published that they could join?"""
    return not published.names(database, video).isdisjoint((HLS, DASH))


def join(database: Connection[Any], *, titles: Path, folder: Path, video: UUID, made: Collection[str]) -> None:
    """Have the title's manifests lead to what the packager's manifests in `folder` lead to, whose files `made` lie in
    the title's folder by now. What it replaces is withdrawn.

    Raises `Superseded` where there are no renditions any more: what is `made` is removed then.
    """
    home = titles / video.hex
    there = [name for name in (HLS, DASH) if name in published.names(database, video) and (home / name).exists()]
    if not there:
        for name in made:
            (home / name).unlink(missing_ok=True)
        raise Superseded
    led_to: set[str] = set()
    for name in there:
        before, further = ((where / name).read_text(encoding="utf-8") for where in (home, folder))
        if name == HLS:
            after = joining.in_hls(before, further, _groups(home, before))
        else:
            after = joining.in_dash(before, further)
        raw = after.encode()
        # Before the file, as everywhere: a worker that has lost its transaction may change nothing.
        published.note(database, video, name, MEDIA_TYPES[Path(name).suffix], len(raw))
        offered.write(home / name, folder, raw)
        led_to |= joining.generations(after)
    kept = [name for name in os.listdir(home) if joining.generation(name) in led_to]
    withdrawn.retire(database, titles=titles, video=video, kept=kept)


def _groups(home: Path, master: str) -> dict[str, Rates]:
    """The largest sound of each group."""
    groups: dict[str, Rates] = {}
    for group, playlist in joining.sounds(master):
        one, other = joining.rates((home / playlist).read_text(encoding="utf-8")), groups.get(group, Rates(0, 0))
        groups[group] = Rates(max(one.peak, other.peak), max(one.average, other.average))
    return groups
