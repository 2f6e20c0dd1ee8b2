"""The library file of a title: opened beneath its root, and only if it is the one that was indexed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from media.beneath import changed_at, open_beneath, open_root
from media.faults import Fault
from media.sniff import HEAD_BYTES, Container, sniff

_FACTS: LiteralString = """
SELECT id, library_root AS root, path, size_bytes, mtime_ns, fingerprint, duration_seconds, width, height, fps,
       video_track, hdr, rotation
  FROM videos WHERE id = %s AND status = 'ready' AND removed_at IS NULL
"""
_SAME: LiteralString = """
SELECT FROM videos WHERE id = %s AND fingerprint = %s AND status = 'ready' AND removed_at IS NULL
"""


class SourceChanged(Exception):
    """The file at the title's path is not the one that was indexed."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the indexer found out. Width and height as shown: upright, in square pixels."""

    id: UUID
    root: str
    path: bytes
    size_bytes: int
    mtime_ns: int
    fingerprint: bytes
    duration_seconds: float
    width: int | None
    height: int | None
    fps: float | None
    # Index of the picture's track within the container; None: the first that is no cover.
    video_track: int | None
    hdr: str | None
    # Degrees clockwise that a player turns the picture; ffmpeg turns it by itself.
    rotation: int


@dataclass(frozen=True, slots=True)
class Source:
    """`descriptor` is open for reading as long as the context lasts."""

    descriptor: int
    container: Container
    facts: VideoFacts


@contextmanager
def opened(database: Connection[Any], video: UUID) -> Iterator[Source | None]:
    """None when the title is not there or not ready. Raises `SourceChanged`."""
    with database.cursor(row_factory=class_row(VideoFacts)) as cursor:
        facts = cursor.execute(_FACTS, (video,)).fetchone()
    if facts is None:
        yield None
        return
    descriptor = _open(facts)
    try:
        status = os.fstat(descriptor)
        if (status.st_size, changed_at(status)) != (facts.size_bytes, facts.mtime_ns):
            raise SourceChanged("The file has changed since the last scan.")
        container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.path.basename(facts.path))
        if isinstance(container, Fault):
            raise SourceChanged(container.sentence)
        yield Source(descriptor, container, facts)
    finally:
        os.close(descriptor)


def same_content(database: Connection[Any], source: Source) -> bool:
    """Is the title still of the file that was opened?"""
    return database.execute(_SAME, (source.facts.id, source.facts.fingerprint)).rowcount == 1


def _open(facts: VideoFacts) -> int:
    try:
        root = open_root(os.fsencode(facts.root))
        try:
            return open_beneath(root, facts.path)
        finally:
            os.close(root)
    except OSError as error:
        raise SourceChanged(f"The file can't be opened: {error.strerror}.") from error
