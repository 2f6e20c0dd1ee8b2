"""The advisory locks of PostgreSQL that programs of this service agree on.

The forms with one key and with two keys are separate spaces (PostgreSQL manual, 13.3.5).
"""

from typing import LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

# One scan at a time; held by the session, so it ends with the process.
_TRY_SCAN: LiteralString = "SELECT pg_try_advisory_lock(%s)"
_SCAN_KEY = 0x6B696E_7363616E

# Whoever changes what `titles/<video id>/` holds. Two titles may share a key: they then only wait for each other.
_VIDEO: LiteralString = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
_VIDEO_SPACE = 0x6B696E


def try_scan_lock(connection: Connection[TupleRow]) -> bool:
    """Take the lock of the one running scan, until the connection closes; False when another scan holds it."""
    row = connection.execute(_TRY_SCAN, (_SCAN_KEY,)).fetchone()
    return bool(row and row[0])


def lock_video(connection: Connection[TupleRow], video: UUID) -> None:
    """Wait for the title's lock and hold it until the transaction ends."""
    connection.execute(_VIDEO, (_VIDEO_SPACE, video.hex))


# Whoever starts an upload, while it is found out whether there is room.
_ROOM: LiteralString = "SELECT pg_advisory_xact_lock(%s)"
_ROOM_KEY = 0x6B696E_726F6F6D


def lock_room(connection: Connection[TupleRow]) -> None:
    """Wait for the turn to reserve room, and hold it until the transaction ends."""
    connection.execute(_ROOM, (_ROOM_KEY,))


# Whoever reserves room for renditions, or has some leave for others.
_KEPT: LiteralString = "SELECT pg_advisory_xact_lock(%s)"
_KEPT_KEY = 0x6B696E_6B657074


def lock_kept(connection: Connection[TupleRow]) -> None:
    """Wait for the turn to change what renditions may take, and hold it until the transaction ends. Take it before a
    title's lock.
    """
    connection.execute(_KEPT, (_KEPT_KEY,))
