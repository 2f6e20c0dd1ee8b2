"""Files of renditions that no manifest leads to any more: kept for those who are watching them, then removed. So is the
folder of what was made while it was watched.

A manifest that a player holds leads to the files of its generation, and a signed link is good for 8 hours at most.
"""

import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

import structlog
from psycopg import Connection, Rollback

from catalog.contract import forms
from catalog.locks import lock_video
from media.packager import DASH, HLS

_GENERATED: Final = re.compile(forms.OF_A_GENERATION, re.ASCII)
_TEXT: Final = "sub-"

_UNPUBLISH: LiteralString = "DELETE FROM published_files WHERE video_id = %s AND name = ANY(%s)"
_NOTE: LiteralString = """
INSERT INTO withdrawn_files (video_id, name) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING
"""
# What leads to them goes at once: its name is used again.
_DUE: LiteralString = """
SELECT video_id, name FROM withdrawn_files
 WHERE withdrawn_at < now() - make_interval(secs => %s) OR name = ANY(%s)
 ORDER BY name <> ALL(%s)
"""
# Of a job that was given up a moment ago, in the time between two looks.
_ABANDONED: LiteralString = """
INSERT INTO withdrawn_files (video_id, name)
SELECT DISTINCT video_id, %s FROM jobs
 WHERE kind = 'instant' AND state IN ('failed', 'cancelled') AND ended_at > now() - interval '2 minutes'
    ON CONFLICT DO NOTHING
"""
_FORGET: LiteralString = "DELETE FROM withdrawn_files WHERE video_id = %s AND name = %s"

logger = structlog.get_logger(__name__)


def retire(connection: Connection[Any], *, titles: Path, video: UUID, kept: Collection[str]) -> None:
    """Publish no rendition of the title but the files of `kept`; the others stay on disk for now.

    Those that are there without having been published are of an attempt that was killed at it.
    """
    _retire(connection, titles, video, kept, are_texts=False)


def retire_texts(connection: Connection[Any], *, titles: Path, video: UUID, kept: Collection[str]) -> None:
    """The same of what DASH reads of subtitles."""
    _retire(connection, titles, video, kept, are_texts=True)


def _retire(connection: Connection[Any], titles: Path, video: UUID, kept: Collection[str], *, are_texts: bool) -> None:
    there = {name for name in os.listdir(titles / video.hex) if _GENERATED.fullmatch(name)}
    old = sorted(name for name in there.difference(kept) if name.startswith(_TEXT) == are_texts)
    connection.execute(_UNPUBLISH, (video, old))
    connection.execute(_NOTE, (video, old))


def retire_now(connection: Connection[Any], video: UUID) -> None:
    """The folder of what was made while it was watched; who is watching that may go on for now."""
    connection.execute(_NOTE, (video, [forms.NOW]))


def take_back_now(connection: Connection[Any], video: UUID) -> None:
    """The folder is used anew."""
    connection.execute(_FORGET, (video, forms.NOW))


def sweep(connection: Connection[Any], titles: Path, hours: float) -> None:
    """Remove what was withdrawn more than `hours` ago, and manifests without delay."""
    connection.execute(_ABANDONED, (forms.NOW,))
    manifests = [HLS, DASH]
    for video, name in connection.execute(_DUE, (hours * 3600, manifests, manifests)).fetchall():
        path = titles / video.hex / name
        with connection.transaction() as transaction:
            lock_video(connection, video)
            if connection.execute(_FORGET, (video, name)).rowcount == 0:  # published anew meanwhile
                continue
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
            except OSError as error:  # tried again: a file that stays takes room
                logger.warning("withdrawn_file_stays", video=video.hex, name=name, error=str(error))
                raise Rollback(transaction) from error
