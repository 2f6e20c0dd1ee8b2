"""Whom a title is for: everybody (`public`), members, or named users and groups (`named`).

Whoever changes an answer ends the playbacks of those who lost the title in the same transaction, and afterwards makes
the live store ask again (`Lost.tell`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from redis import Redis

from authsvc.library.visibility import condition
from authsvc.sessions import sessions
from authsvc.watching.leases import Leases
from authsvc.watching.playbacks import Playback
from catalog.contract.words import PlaybackEnd

REASON: PlaybackEnd = "withdrawn"


class UnknownViewers(ValueError):
    """Ids that are no users or groups: the two attributes, each sorted."""

    def __init__(self, users: list[str], groups: list[str]) -> None:
        super().__init__()
        self.users, self.groups = users, groups


@dataclass(frozen=True, slots=True)
class Named:
    """A user or a group in a list of viewers."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Viewers:
    """Whom a title is for."""

    visibility: str
    users: list[Named]
    groups: list[Named]


@dataclass(slots=True)
class Lost:
    """What a change means for the live store: titles and users to ask about again, and playbacks that have ended."""

    videos: list[UUID] = field(default_factory=list)
    users: list[UUID] = field(default_factory=list)
    playbacks: list[Playback] = field(default_factory=list)

    def tell(self, live: "Redis", leases: Leases) -> None:
        """After the commit. Raises LiveUnavailable; the change may then be made once more, which tells again."""
        for video in self.videos:
            sessions.invalidate_video(live, video)
        for user in self.users:
            sessions.invalidate_user(live, user)
        for playback in self.playbacks:
            leases.end(playback, REASON)


def of_video(connection: Connection[Any], video_id: str) -> Viewers | None:
    """Whom a title is for, whatever its visibility; None when there is no such title."""
    row = connection.execute(
        "SELECT visibility FROM videos WHERE id = %s AND removed_at IS NULL", (video_id,)
    ).fetchone()
    if row is None:
        return None
    with connection.cursor(row_factory=class_row(Named)) as cursor:
        users = cursor.execute(
            "SELECT u.id, u.username AS name FROM video_users JOIN users u ON u.id = user_id WHERE video_id = %s"
            " ORDER BY u.username_key",
            (video_id,),
        ).fetchall()
        groups = cursor.execute(
            "SELECT g.id, g.name FROM video_groups JOIN groups g ON g.id = group_id WHERE video_id = %s"
            " ORDER BY g.name_key",
            (video_id,),
        ).fetchall()
    return Viewers(row[0], users, groups)


def name(connection: Connection[Any], video_id: str, users: Iterable[str], groups: Iterable[str]) -> Lost | None:
    """Replace the named viewers; None when there is no such title. Raises UnknownViewers. In one transaction."""
    users, groups = set(users), set(groups)
    with connection.transaction():
        # Two changes of one title take turns.
        if not connection.execute(
            "UPDATE videos SET changed_at = now() WHERE id = %s AND removed_at IS NULL RETURNING id", (video_id,)
        ).fetchone():
            return None
        require_known(connection, users, groups)
        connection.execute("DELETE FROM video_users WHERE video_id = %s", (video_id,))
        connection.execute("DELETE FROM video_groups WHERE video_id = %s", (video_id,))
        connection.execute("INSERT INTO video_users SELECT %s, unnest(%s::uuid[])", (video_id, sorted(users)))
        connection.execute("INSERT INTO video_groups SELECT %s, unnest(%s::uuid[])", (video_id, sorted(groups)))
        return Lost(videos=[UUID(video_id)], playbacks=end_lost(connection, videos=[UUID(video_id)]))


def require_known(connection: Connection[Any], users: set[str], groups: set[str]) -> None:
    """Raises UnknownViewers; what is known can't go away before the transaction ends."""
    known_users = {
        row[0].hex
        for row in connection.execute("SELECT id FROM users WHERE id = ANY(%s::uuid[]) FOR KEY SHARE", (list(users),))
    }
    known_groups = {
        row[0].hex
        for row in connection.execute("SELECT id FROM groups WHERE id = ANY(%s::uuid[]) FOR KEY SHARE", (list(groups),))
    }
    if users - known_users or groups - known_groups:
        raise UnknownViewers(sorted(users - known_users), sorted(groups - known_groups))


def end_lost(
    connection: Connection[Any], *, videos: list[UUID] | None = None, users: list[UUID] | None = None
) -> list[Playback]:
    """End the open playbacks of these titles, or of these users, that may not go on."""
    allowed = condition("u.role", "u.id")
    with connection.cursor(row_factory=class_row(Playback)) as cursor:
        return cursor.execute(
            f"""
            UPDATE playbacks p SET ended_at = now(), end_reason = %(reason)s
              FROM users u, videos v
             WHERE p.ended_at IS NULL AND u.id = p.user_id AND v.id = p.video_id
               AND (p.video_id = ANY(%(videos)s) OR p.user_id = ANY(%(users)s)) AND NOT {allowed}
            RETURNING p.id, p.session_id, p.user_id, p.video_id
            """,
            {"reason": REASON, "videos": videos or [], "users": users or []},
        ).fetchall()
