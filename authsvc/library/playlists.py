"""Playlists: titles in an order, private or public.

Positions are 0, 1, 2, ...; whoever changes the order holds the list's row, so two changes take turns. An entry moves by
one UPDATE of the entries between its old and its new place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.library import cursors, titles
from authsvc.library.titles import Listed, Title
from authsvc.library.visibility import VISIBLE
from authsvc.sessions.sessions import Identity
from catalog.rows import only

_LIST: LiteralString = f"""
    SELECT l.id, l.user_id, u.username, l.name, l.description, l.is_public, l.created_at, l.updated_at,
           (SELECT count(*) FROM playlist_items i JOIN videos v ON v.id = i.video_id
             WHERE i.playlist_id = l.id AND {VISIBLE}) AS length
      FROM playlists l JOIN users u ON u.id = l.user_id
"""
_CURSOR: cursors.Other = "playlist"
_ASSIGNMENTS: dict[str, LiteralString] = {
    "name": "name = %(name)s",
    "description": "description = %(description)s",
    "is_public": "is_public = %(is_public)s",
}


class PlaylistUnknown(Exception):
    """There is no such playlist that one may see, or change."""


class ItemUnknown(Exception):
    """There is no such entry in the playlist."""


class Full(Exception):
    """There are as many as there may be."""


@dataclass(frozen=True, slots=True)
class Playlist:
    """A list; `length` counts what the asking user may see."""

    id: UUID
    user_id: UUID
    username: str
    name: str
    description: str
    is_public: bool
    created_at: datetime
    updated_at: datetime
    length: int


@dataclass(frozen=True, slots=True)
class Item:
    """An entry. The same title may be there twice."""

    id: UUID
    position: int
    title: Title


def of_user(connection: Connection[Any], identity: Identity) -> list[Playlist]:
    """One's own, by name."""
    return _lists(connection, identity, "l.user_id = %(user)s::uuid ORDER BY lower(l.name) COLLATE natural_order, l.id")


def public(connection: Connection[Any], identity: Identity, *, limit: int) -> list[Playlist]:
    """Everybody's public ones, last changed first."""
    return _lists(connection, identity, "l.is_public ORDER BY l.updated_at DESC, l.id LIMIT %(limit)s", limit=limit)


def one(connection: Connection[Any], identity: Identity, playlist_id: str) -> Playlist:
    """One's own, or a public one. Raises PlaylistUnknown."""
    found = _lists(
        connection, identity, "l.id = %(id)s AND (l.is_public OR l.user_id = %(user)s::uuid)", id=playlist_id
    )
    if not found:
        raise PlaylistUnknown
    return found[0]


def items(
    connection: Connection[Any], identity: Identity, playlist_id: str, *, limit: int, cursor: str | None = None
) -> tuple[list[Item], str | None]:
    """The next entries that the asking user may see, in order, and the cursor of those after them, None at the end.

    A cursor goes on after its entry, wherever that has moved; after its place when it was taken out. Raises
    InvalidCursor, also for a cursor of another list.
    """
    after: LiteralString = "true"
    values: dict[str, Any] = titles.who(identity) | {"id": playlist_id, "limit": limit + 1}
    if cursor:
        values["key"], values["after"] = cursors.decode(cursor, _CURSOR, playlist_id)
        after = """i.position > coalesce(
            (SELECT position FROM playlist_items WHERE id = %(after)s::uuid AND playlist_id = %(id)s::uuid), %(key)s)"""
    rows = connection.execute(
        f"""
        SELECT i.id, i.position, i.video_id FROM playlist_items i JOIN videos v ON v.id = i.video_id
         WHERE i.playlist_id = %(id)s AND {VISIBLE} AND {after} ORDER BY i.position LIMIT %(limit)s
        """,
        values,
    ).fetchall()
    shown = titles.several(connection, identity, list({row[2] for row in rows[:limit]}))
    page = [Item(item, position, shown[video]) for item, position, video in rows[:limit] if video in shown]
    if len(rows) <= limit:
        return page, None
    last, position, _ = rows[limit - 1]
    return page, cursors.encode(_CURSOR, position, last.hex, playlist_id)


def listed(connection: Connection[Any], identity: Identity, playlist_id: str) -> list[Listed]:
    """All entries that the asking user may see and that can be played now, in order."""
    with connection.cursor(row_factory=class_row(Listed)) as rows:
        return rows.execute(
            f"""
            SELECT v.id, v.title, v.duration_seconds, v.title_folded
              FROM playlist_items i JOIN videos v ON v.id = i.video_id
             WHERE i.playlist_id = %(id)s AND {VISIBLE} AND v.status = 'ready'
               AND EXISTS (SELECT FROM published_files f WHERE f.video_id = v.id AND f.name LIKE 'source.%%')
             ORDER BY i.position
            """,
            titles.who(identity) | {"id": playlist_id},
        ).fetchall()


def order(connection: Connection[Any], playlist_id: str) -> str:
    """A digest of which entries the list has and in what order; it tells nothing else."""
    row = only(
        connection.execute(
            """
            SELECT encode(sha256(convert_to(coalesce(string_agg(id::text, ',' ORDER BY position), ''), 'UTF8')), 'hex')
              FROM playlist_items WHERE playlist_id = %s
            """,
            (playlist_id,),
        )
    )
    return str(row[0])


def create(
    connection: Connection[Any], user_id: str, *, name: str, description: str, is_public: bool, most: int
) -> UUID:
    """Add an empty list. Raises Full."""
    with connection.transaction():
        # Two at once take turns, so that the limit holds.
        connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
        row = connection.execute(
            """
            INSERT INTO playlists (user_id, name, description, is_public)
            SELECT %(user)s, %(name)s, %(description)s, %(public)s
             WHERE (SELECT count(*) FROM playlists WHERE user_id = %(user)s) < %(most)s
            RETURNING id
            """,
            {"user": user_id, "name": name, "description": description, "public": is_public, "most": most},
        ).fetchone()
    if row is None:
        raise Full
    return UUID(str(row[0]))


def hold(connection: Connection[Any], user_id: str, playlist_id: str) -> None:
    """Hold one's own list until the transaction ends, to change it. Raises PlaylistUnknown."""
    row = connection.execute(
        "SELECT FROM playlists WHERE id = %s AND user_id = %s FOR UPDATE", (playlist_id, user_id)
    ).fetchone()
    if row is None:
        raise PlaylistUnknown


def edit(connection: Connection[Any], playlist_id: str, changes: Mapping[str, Any]) -> None:
    """Change the fields named in `changes` of a list that is held."""
    assignments: list[LiteralString] = [
        *(_ASSIGNMENTS[name] for name in changes), "updated_at = now()",
    ]  # fmt: skip
    connection.execute(
        f"UPDATE playlists SET {', '.join(assignments)} WHERE id = %(id)s", {**changes, "id": playlist_id}
    )


def delete(connection: Connection[Any], playlist_id: str) -> None:
    """Delete a list that is held."""
    connection.execute("DELETE FROM playlists WHERE id = %s", (playlist_id,))


def add(
    connection: Connection[Any], playlist_id: str, video_id: str, *, position: int | None = None, most: int
) -> UUID:
    """Add a title to a list that is held: at the end, or at a position before others. Raises Full."""
    length = _close_gaps(connection, playlist_id)
    if length >= most:
        raise Full
    at = length if position is None else min(position, length)
    connection.execute(
        "UPDATE playlist_items SET position = position + 1 WHERE playlist_id = %s AND position >= %s",
        (playlist_id, at),
    )
    row = only(
        connection.execute(
            "INSERT INTO playlist_items (playlist_id, video_id, position) VALUES (%s, %s, %s) RETURNING id",
            (playlist_id, video_id, at),
        )
    )
    edit(connection, playlist_id, {})
    return UUID(str(row[0]))


def move(connection: Connection[Any], playlist_id: str, item_id: str, position: int) -> None:
    """Move an entry of a list that is held; beyond the end is the end. Raises ItemUnknown."""
    length = _close_gaps(connection, playlist_id)
    old = _position(connection, playlist_id, item_id)
    new = min(position, length - 1)
    connection.execute(
        """
        UPDATE playlist_items
           SET position = CASE WHEN position = %(old)s THEN %(new)s
                               WHEN %(new)s > %(old)s THEN position - 1 ELSE position + 1 END
         WHERE playlist_id = %(id)s AND position BETWEEN least(%(old)s, %(new)s) AND greatest(%(old)s, %(new)s)
        """,
        {"id": playlist_id, "old": old, "new": new},
    )
    edit(connection, playlist_id, {})


def remove(connection: Connection[Any], playlist_id: str, item_id: str) -> None:
    """Take an entry out of a list that is held. Raises ItemUnknown."""
    _position(connection, playlist_id, item_id)
    connection.execute("DELETE FROM playlist_items WHERE id = %s", (item_id,))
    _close_gaps(connection, playlist_id)
    edit(connection, playlist_id, {})


def _position(connection: Connection[Any], playlist_id: str, item_id: str) -> int:
    row = connection.execute(
        "SELECT position FROM playlist_items WHERE id = %s AND playlist_id = %s", (item_id, playlist_id)
    ).fetchone()
    if row is None:
        raise ItemUnknown
    return int(row[0])


def _close_gaps(connection: Connection[Any], playlist_id: str) -> int:
    """Number the entries anew where titles were purged; answers how many there are."""
    connection.execute(
        """
        UPDATE playlist_items i SET position = n.position
          FROM (SELECT id, row_number() OVER (ORDER BY position) - 1 AS position
                  FROM playlist_items WHERE playlist_id = %(id)s) n
         WHERE i.id = n.id AND i.position <> n.position
        """,
        {"id": playlist_id},
    )
    row = connection.execute("SELECT count(*) FROM playlist_items WHERE playlist_id = %s", (playlist_id,)).fetchone()
    return int(row[0]) if row else 0


def _lists(connection: Connection[Any], identity: Identity, where: LiteralString, **values: Any) -> list[Playlist]:
    with connection.cursor(row_factory=class_row(Playlist)) as cursor:
        return cursor.execute(f"{_LIST} WHERE {where}", values | titles.who(identity)).fetchall()
