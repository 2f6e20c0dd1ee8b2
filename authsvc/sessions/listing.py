"""The sessions of a user as that user knows them: devices, with where and when they were last seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.sessions.alive import OPEN


@dataclass(frozen=True, slots=True)
class Listed:
    """A session that has not ended."""

    id: UUID
    kind: str
    device: str
    client: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    second_factor: bool
    rested_seconds: float


def of_user(connection: Connection[Any], user_id: UUID | str, *, kinds: tuple[str, ...] = ()) -> list[Listed]:
    """Last seen first; of all kinds, or of some."""
    with connection.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(
            f"""
            SELECT id, kind, device, abbrev(client) AS client, created_at, last_seen_at, expires_at, second_factor,
                   extract(epoch FROM now() - last_seen_at)::double precision AS rested_seconds
              FROM sessions s
             WHERE user_id = %(user)s AND {OPEN}
               AND (%(kinds)s::text[] = '{{}}' OR kind = ANY(%(kinds)s))
             ORDER BY last_seen_at DESC, id
            """,
            {"user": user_id, "kinds": list(kinds)},
        ).fetchall()
