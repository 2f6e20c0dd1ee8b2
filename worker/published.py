"""The catalog's rows of what a title's folder holds. Whoever changes them holds the title's lock."""

from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

_NOTE: LiteralString = """
INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, %s, %s, %s)
    ON CONFLICT (video_id, name) DO UPDATE SET media_type = EXCLUDED.media_type, size_bytes = EXCLUDED.size_bytes
"""
# It is of use again.
_TAKE_BACK: LiteralString = "DELETE FROM withdrawn_files WHERE video_id = %s AND name = %s"
_FORGET: LiteralString = "DELETE FROM published_files WHERE video_id = %s AND name = %s"
_NAMES: LiteralString = "SELECT name FROM published_files WHERE video_id = %s"


def note(database: Connection[Any], video: UUID, name: str, media_type: str, size: int) -> None:
    """Write down that the file is there, and is to stay if it was withdrawn before."""
    database.execute(_NOTE, (video, name, media_type, size))
    database.execute(_TAKE_BACK, (video, name))


def forget(database: Connection[Any], video: UUID, name: str) -> None:
    """It is not, or not for much longer."""
    database.execute(_FORGET, (video, name))


def names(database: Connection[Any], video: UUID) -> set[str]:
    """Of all that is published of the title."""
    return {name for (name,) in database.execute(_NAMES, (video,)).fetchall()}
