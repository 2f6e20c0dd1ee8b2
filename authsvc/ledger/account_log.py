"""Nginx's account log: one JSON line for each answer that authz said yes to, written when the answer is over.

A file is known by its inode and the digest of its first line, since a new file may get the inode of a deleted one.
Rotated files are read to their end as long as they lie uncompressed beside the log (rotation.py keeps them there).
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import structlog

_ROTATED = re.compile(r"(?:\.[0-9]+|-[0-9]{8})?", re.ASCII)
_LONGEST_LINE = 65_536
# Most bytes of the log that are booked in one transaction.
CHUNK_BYTES = 4_194_304

logger = structlog.get_logger(__name__)


class FileKey(NamedTuple):
    """Which file it is, whatever its name."""

    inode: int
    head: bytes


class Answer(NamedTuple):
    """One line of the log."""

    hour: datetime
    user_id: UUID
    video_id: UUID
    # None where no playback was needed (pictures at the header door).
    playback_id: UUID | None
    peer: str
    # Nginx's number of the connection.
    serial: int
    bytes: int
    completed: bool


class Chunk(NamedTuple):
    """Whole lines of one file, from one position to another."""

    file: FileKey
    start: int
    end: int
    answers: list[Answer]


class Unreadable(ValueError):
    """A line that Nginx did not write."""


class Reader(Protocol):
    """An open file."""

    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...


class AccountLog:
    """The log at a path, with what it was rotated to."""

    def __init__(self, path: Path, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._path = path
        self._chunk_bytes = chunk_bytes

    def files(self) -> list[Path]:
        """The log and its uncompressed predecessors, oldest first."""
        name = self._path.name
        found = [
            path
            for path in self._path.parent.glob(f"{name}*")
            if _ROTATED.fullmatch(path.name.removeprefix(name)) and path.is_file()
        ]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def keys(self) -> Iterator[FileKey]:
        """Who the files are."""
        for path in self.files():
            with path.open("rb") as file:
                if key := file_key(os.fstat(file.fileno()).st_ino, file):
                    yield key

    def unread(self, positions: Mapping[FileKey, int]) -> Iterator[Chunk]:
        """What lies beyond the positions, oldest file first. `positions` is asked again after each chunk."""
        for path in self.files():
            try:
                with path.open("rb") as file:
                    key = file_key(os.fstat(file.fileno()).st_ino, file)
                    while key is not None and (chunk := self._next(key, file, positions.get(key, 0))):
                        yield chunk
            except FileNotFoundError:
                # Renamed meanwhile: found under its new name at the next look.
                continue

    def _next(self, key: FileKey, file: Reader, start: int) -> Chunk | None:
        file.seek(start)
        part = file.read(self._chunk_bytes)
        whole = part.rfind(b"\n") + 1
        if not whole:
            if len(part) < self._chunk_bytes:
                return None
            # No line is that long: a hole that a crash left.
            logger.error("account_log_hole", inode=key.inode, position=start, bytes=len(part))
            return Chunk(key, start, start + len(part), [])
        answers: list[Answer] = []
        for line in part[:whole].splitlines():
            try:
                answers.append(parse(line))
            except Unreadable:
                logger.warning("account_log_line_unreadable", inode=key.inode, position=start, length=len(line))
        return Chunk(key, start, start + whole, answers)


def file_key(inode: int, file: Reader) -> FileKey | None:
    """Who this file is; None while it has no first line."""
    file.seek(0)
    first, newline, _ = file.read(_LONGEST_LINE).partition(b"\n")
    return FileKey(inode, hashlib.sha256(first).digest()) if newline else None


def parse(line: bytes) -> Answer:
    """The answer of a line. Raises Unreadable."""
    try:
        entry: dict[str, Any] = json.loads(line)
        playback = entry["playback"]
        when = datetime.fromtimestamp(entry["time"], UTC)
        answer = Answer(
            when.replace(minute=0, second=0, microsecond=0),
            UUID(entry["user"]),
            UUID(entry["video"]),
            UUID(playback) if playback else None,
            f"{entry['client']} {entry['port']}",
            int(entry["connection"]),
            int(entry["bytes"]),
            bool(entry["completed"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise Unreadable from error
    if answer.bytes < 0:
        raise Unreadable
    return answer
