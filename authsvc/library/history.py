"""What one has watched, and where one goes on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from authsvc.library import cursors, titles
from authsvc.library.titles import Title
from authsvc.library.visibility import VISIBLE
from authsvc.sessions.sessions import Identity

_CURSOR: cursors.Other = "history"


@dataclass(frozen=True, slots=True)
class Entry:
    """How far one got with a title, and when that was."""

    title: Title
    position_seconds: float
    watched_at: datetime


def page(
    connection: Connection[Any], identity: Identity, *, limit: int, cursor: str | None = None
) -> tuple[list[Entry], str | None]:
    """Latest first; titles that one may not see (any more) are left out. Raises InvalidCursor."""
    after: LiteralString = "true"
    values: dict[str, Any] = {"limit": limit + 1}
    if cursor:
        values["key"], values["after"] = cursors.decode(cursor, _CURSOR)
        after = "(p.updated_at, p.video_id) < (%(key)s::timestamptz, %(after)s::uuid)"
    found = _entries(connection, identity, after, values)
    more = len(found) > limit
    found = found[:limit]
    last = found[-1] if found else None
    if not (more and last):
        return found, None
    return found, cursors.encode(_CURSOR, last.watched_at.isoformat(), last.title.id.hex)


def unfinished(
    connection: Connection[Any], identity: Identity, *, limit: int, head_seconds: float, tail_seconds: float
) -> list[Entry]:
    """What one has begun and not watched to the end, latest first."""
    within: LiteralString = """
        v.status = 'ready' AND p.position_seconds >= %(head)s AND p.position_seconds < v.duration_seconds - %(tail)s"""
    return _entries(connection, identity, within, {"limit": limit, "head": head_seconds, "tail": tail_seconds})


def forget(connection: Connection[Any], user_id: str, video_id: str | None = None) -> int:
    """Forget one title of the history, or all of it; answers how many went."""
    return connection.execute(
        "DELETE FROM progress WHERE user_id = %(user)s AND (%(video)s::uuid IS NULL OR video_id = %(video)s::uuid)",
        {"user": user_id, "video": video_id},
    ).rowcount


def _entries(
    connection: Connection[Any], identity: Identity, condition: LiteralString, values: dict[str, Any]
) -> list[Entry]:
    rows: list[tuple[UUID, float, datetime]] = connection.execute(
        f"""
        SELECT p.video_id, p.position_seconds, p.updated_at FROM progress p JOIN videos v ON v.id = p.video_id
         WHERE p.user_id = %(user)s AND {VISIBLE} AND {condition}
         ORDER BY p.updated_at DESC, p.video_id DESC LIMIT %(limit)s
        """,
        values | titles.who(identity),
    ).fetchall()
    shown = titles.several(connection, identity, [row[0] for row in rows])
    return [Entry(shown[video], position, moment) for video, position, moment in rows if video in shown]
