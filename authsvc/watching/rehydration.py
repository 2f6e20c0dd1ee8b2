"""What PostgreSQL knows of a session, a title and a playback, and how that gets into the live store.

Both services load snapshots: the interface when a session is not in Redis, the decision endpoint also for titles and
playbacks. The order that keeps a revocation from being overtaken: take a ticket from Redis, read PostgreSQL, remember
with the ticket; Redis refuses when something was revoked since (stores/lua/remember.lua).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.library.visibility import condition
from authsvc.sessions import alive, sessions
from authsvc.settings import LiveSettings
from authsvc.stores.live import Evaluates, Script

_REMEMBER = Script("remember")

# Who remembers: the doors (authz), the interface or the ledger. Each goes by snapshots that only it can write.
Reader = Literal["doors", "interface", "ledger"]

_SESSION: LiteralString = """
    s.id AS session_id, s.user_id, u.role, s.kind, s.expires_at, s.last_seen_at, s.second_factor,
    CASE WHEN s.ended_at IS NOT NULL THEN s.end_reason WHEN NOT u.is_active THEN 'disabled' END AS session_end
"""
_VIDEO: LiteralString = f"""
    v.id AS video_id,
    CASE WHEN v.id IS NULL OR v.removed_at IS NOT NULL THEN 'none' ELSE v.visibility END AS access,
    coalesce({condition("u.role", "u.id")}, false) AS allowed,
    coalesce({condition("'user'", "u.id")}, false) AS allowed_as_user,
    coalesce(v.status = 'ready' AND v.removed_at IS NULL, false) AS playable
"""
_PLAYBACK: LiteralString = """
    p.id AS playback_id, p.door, p.rate_bytes,
    CASE WHEN p.ended_at IS NOT NULL THEN p.end_reason END AS playback_end,
    p.started_at < now() - make_interval(secs => %(known)s) AS is_known
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One session, perhaps with a title and a playback of it."""

    session_id: UUID
    user_id: UUID
    role: str
    kind: str
    expires_at: datetime
    last_seen_at: datetime
    second_factor: bool
    session_end: str | None
    video_id: UUID | None = None
    access: str = "none"
    # May this user see the title: by the role, and as an admin who acts as a user like any other?
    allowed: bool = False
    allowed_as_user: bool = False
    playable: bool = False
    playback_id: UUID | None = None
    door: str = ""
    playback_end: str | None = None
    # Bytes a second of each connection, where the viewer wants no more.
    rate_bytes: int | None = None
    # Has the playback been open long enough to go on during an outage of Redis?
    is_known: bool | None = None


def of_session(connection: Connection[Any], session_id: str) -> Snapshot | None:
    with connection.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(
            f"SELECT {_SESSION} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = %s", (session_id,)
        ).fetchone()


def of_session_and_video(connection: Connection[Any], session_id: str, video_id: str) -> Snapshot | None:
    """The session with the title; `access` is `none` when there is no such title."""
    with connection.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_SESSION}, {_VIDEO}
              FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN videos v ON v.id = %s
             WHERE s.id = %s
            """,
            (video_id, session_id),
        ).fetchone()


def of_playback(connection: Connection[Any], playback_id: str, *, known_seconds: float) -> Snapshot | None:
    with connection.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_SESSION}, {_VIDEO}, {_PLAYBACK}
              FROM playbacks p JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id
              JOIN videos v ON v.id = p.video_id
             WHERE p.id = %(playback)s
            """,
            {"playback": playback_id, "known": known_seconds},
        ).fetchone()


def of_header_playback(
    connection: Connection[Any], session_id: str, video_id: str, *, known_seconds: float
) -> Snapshot | None:
    """The open playback of this pair at the header door."""
    with connection.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_SESSION}, {_VIDEO}, {_PLAYBACK}
              FROM playbacks p JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id
              JOIN videos v ON v.id = p.video_id
             WHERE p.session_id = %(session)s AND p.video_id = %(video)s AND p.door = 'header'
               AND p.ended_at IS NULL
            """,
            {"session": session_id, "video": video_id, "known": known_seconds},
        ).fetchone()


def remember(live: Evaluates, settings: LiveSettings, snapshot: Snapshot, ticket: int, *, whose: Reader) -> bool:
    """Put a snapshot into the live store, into the keys of `whose` alone; False when it may be older than a revocation.
    Raises LiveUnavailable."""
    arguments: list[str | int] = [
        whose,
        ticket,
        snapshot.session_id.hex,
        snapshot.user_id.hex,
        acting_role(settings, snapshot),
        snapshot.kind,
        milliseconds(snapshot.expires_at),
        snapshot.session_end or "",
        milliseconds(snapshot.last_seen_at),
        round(alive.may_rest_seconds(settings, snapshot.kind) * 1000),
        snapshot.video_id.hex if snapshot.video_id else "",
        snapshot.access,
        int(may_see(settings, snapshot)),
        int(snapshot.playable),
        snapshot.playback_id.hex if snapshot.playback_id else "",
        snapshot.door,
        snapshot.rate_bytes or 0,
        snapshot.playback_end or "",
        round(settings.live_session_seconds * 1000),
        round(settings.lease_paused_seconds * 1000) + 3_600_000,
        round(settings.ended_playback_seconds * 1000),
        settings.ended_playbacks_per_session,
    ]
    return bool(_REMEMBER(live, *arguments) == b"ok")


def acting_role(settings: LiveSettings, snapshot: Snapshot) -> str:
    """What the session may do, as sessions.acting_role says."""
    return sessions.acting_role(
        snapshot.role,
        second_factor=snapshot.second_factor,
        required_for_admins=settings.second_factor_required_for_admins,
    )


def may_see(settings: LiveSettings, snapshot: Snapshot) -> bool:
    """May the session see the title?"""
    return snapshot.allowed if acting_role(settings, snapshot) == snapshot.role else snapshot.allowed_as_user


def milliseconds(moment: datetime | None) -> int:
    """As Redis has it; 0 for never."""
    return round(moment.timestamp() * 1000) if moment else 0
