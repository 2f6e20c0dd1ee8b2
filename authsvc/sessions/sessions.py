"""Sessions: a row in PostgreSQL that says the truth, and a live hash that answers fast.

The end of a session commits in PostgreSQL first and then leaves a tombstone in Redis. A tombstone that could not be
written is made up for within `fresh_seconds`, when the live hash is compared with PostgreSQL.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from redis import Redis

from authsvc.sessions import tokens
from authsvc.sessions.alive import OPEN
from authsvc.settings import LiveSettings
from authsvc.stores.live import Script
from catalog.contract.words import SessionEnd

_END = Script("end_session")
_INVALIDATE = Script("invalidate")
_EPOCH_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that has just ended and still needs its tombstone."""

    session_id: UUID
    user_id: UUID
    reason: str


class SessionEnded(Exception):
    """The session is over or never was."""


class TooMany(Exception):
    """The user has as many sessions as the policy allows, and it refuses another."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session with the refresh token that nobody will see again."""

    session_id: UUID
    user_id: UUID
    refresh_token: str
    expires_at: datetime
    kind: str
    # Sessions that left to make room; each still needs its tombstone.
    left: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many sessions of some kinds a user may have at once, and what happens when there is one more."""

    kinds: tuple[str, ...]
    # 0 means no limit.
    most: int
    refuse: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    user_id: str
    session_id: str
    role: str
    kind: str


def acting_role(role: str, *, second_factor: bool, required_for_admins: bool) -> str:
    """What a session may do: an admin who has to show a second factor and has not is a user like any other."""
    return "user" if role == "admin" and required_for_admins and not second_factor else role


def start(
    connection: Connection[Any],
    *,
    user_id: UUID,
    kind: str,
    device: str,
    client: str | None,
    life_seconds: float,
    room: Room | None = None,
    replace: str | None = None,
    second_factor: bool = False,
) -> Started:
    """Open a session of an active user with its first refresh token.

    `replace` is a session of the same user that ends in the same step. Call `leave_tombstone` for each of `left`
    after the commit. Raises SessionEnded when the user was disabled, TooMany when `room` refuses.
    """
    refresh_token = tokens.new_opaque_token()
    with connection.transaction():
        left = make_room(connection, user_id, room, replace) if room else []
        session_id, expires_at = insert(
            connection,
            user_id=user_id,
            kind=kind,
            device=device,
            client=client,
            life_seconds=life_seconds,
            second_factor=second_factor,
        )
        connection.execute(
            "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at) VALUES (%s, %s, %s)",
            (tokens.opaque_digest(refresh_token), session_id, expires_at),
        )
    return Started(session_id, user_id, refresh_token, expires_at, kind, tuple(left))


def insert(
    connection: Connection[Any],
    *,
    user_id: UUID,
    kind: str,
    device: str,
    client: str | None,
    life_seconds: float,
    second_factor: bool = False,
) -> tuple[UUID, datetime]:
    """The row of a new session: its id and when it expires. Raises SessionEnded when the user was disabled."""
    row = connection.execute(
        """
        INSERT INTO sessions
               (user_id, kind, device, client, second_factor, created_at, last_seen_at, proved_at, expires_at)
        SELECT u.id, %(kind)s, %(device)s, %(client)s::inet, %(factor)s, now(), now(), now(),
               now() + make_interval(secs => %(life)s)
          FROM users u WHERE u.id = %(user)s AND u.is_active FOR SHARE
        RETURNING id, expires_at
        """,
        {
            "user": user_id,
            "kind": kind,
            "device": device,
            "client": client,
            "life": life_seconds,
            "factor": second_factor,
        },
    ).fetchone()
    if row is None:
        raise SessionEnded
    return row[0], row[1]


def make_room(connection: Connection[Any], user_id: UUID, room: Room, replace: str | None = None) -> list[Ended]:
    """End what `replace` names, then the oldest until one more fits; in the caller's transaction.

    The lock on the user's row lets one sign-in at a time count, so that racing ones can't all find room.
    Raises TooMany.
    """
    connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
    left = [end(connection, replace, "replaced", of_user=user_id)] if replace else []
    alive = connection.execute(
        f"""
        SELECT id FROM sessions s
         WHERE user_id = %s AND kind = ANY(%s) AND {OPEN}
         ORDER BY created_at, id
        """,
        (user_id, list(room.kinds)),
    ).fetchall()
    over = len(alive) + 1 - room.most if room.most else 0
    if over > 0 and room.refuse:
        raise TooMany
    left += [end(connection, session_id, "evicted") for (session_id,) in alive[: max(over, 0)]]
    return [ended for ended in left if ended]


def end(
    connection: Connection[Any], session_id: UUID | str, reason: SessionEnd, *, of_user: UUID | str | None = None
) -> Ended | None:
    """End a session and its playbacks, if `of_user` is given only that user's; None when there is none such that lives.

    Call `leave_tombstone` after the commit.
    """
    with connection.transaction():
        row = connection.execute(
            """
            UPDATE sessions SET ended_at = now(), end_reason = %(reason)s
             WHERE id = %(id)s AND ended_at IS NULL AND (%(user)s::uuid IS NULL OR user_id = %(user)s::uuid)
            RETURNING id, user_id
            """,
            {"reason": reason, "id": session_id, "user": of_user},
        ).fetchone()
        if row is None:
            return None
        # After the row of the session: a grant that was under way has committed by now (it holds a share lock).
        connection.execute(
            "UPDATE playbacks SET ended_at = now(), end_reason = 'session' WHERE session_id = %s AND ended_at IS NULL",
            (row[0],),
        )
    return Ended(row[0], row[1], reason)


def end_all(
    connection: Connection[Any], user_id: UUID, reason: SessionEnd, *, but: UUID | str | None = None
) -> list[Ended]:
    """End every session of a user (except `but`) with its playbacks; those that did end.

    After the commit call `leave_tombstone` for each, or `invalidate_user` where there is no way to free the leases at
    once.
    """
    with connection.transaction():
        rows = connection.execute(
            """
            UPDATE sessions SET ended_at = now(), end_reason = %(reason)s
             WHERE user_id = %(user)s AND ended_at IS NULL AND id IS DISTINCT FROM %(but)s::uuid
            RETURNING id, user_id
            """,
            {"reason": reason, "user": user_id, "but": but},
        ).fetchall()
        connection.execute(
            "UPDATE playbacks SET ended_at = now(), end_reason = 'session'"
            " WHERE session_id = ANY(%s) AND ended_at IS NULL",
            ([session_id for session_id, _ in rows],),
        )
    return [Ended(session_id, of_user, reason) for session_id, of_user in rows]


def touch(connection: Connection[Any], session_id: UUID | str) -> None:
    """Note that the session was used just now."""
    connection.execute("UPDATE sessions SET last_seen_at = now() WHERE id = %s AND ended_at IS NULL", (session_id,))


def leave_tombstone(live: "Redis", settings: LiveSettings, ended: Ended) -> None:
    """Leave the tombstone and free the session's leases. Raises LiveUnavailable."""
    _END(live, ended.session_id.hex, ended.user_id.hex, ended.reason, settings.tombstone_seconds * 1000)


def invalidate_user(live: "Redis", user_id: UUID) -> None:
    """Have every live session of the user compared with PostgreSQL at its next request. Raises LiveUnavailable."""
    _INVALIDATE(live, "user", user_id.hex, _EPOCH_MS)


def invalidate_video(live: "Redis", video_id: UUID) -> None:
    """The same for a title whose visibility or presence has changed. Raises LiveUnavailable."""
    _INVALIDATE(live, "video", video_id.hex, _EPOCH_MS)
