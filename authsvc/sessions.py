"""Sessions: a row in PostgreSQL that says the truth, and a live hash that answers fast.

The end of a session commits in PostgreSQL first and then leaves a tombstone in Redis. A tombstone that could not be
written is made up for within `fresh_seconds`, when the live hash is compared with PostgreSQL.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from redis import Redis

from authsvc import facts, tokens
from authsvc.database import Database, DatabaseUnavailable
from authsvc.live import LiveUnavailable, Script
from authsvc.settings import ApiSettings, ServiceSettings

_SESSION = Script("session")
_END = Script("end_session")
_REVOKE = Script("revoke")
_ATTEMPTS = 3
_EPOCH_MS = 86_400_000


class RefreshInvalid(Exception):
    """The refresh token is unknown, out of date, or its session has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that has just ended and still needs its tombstone."""

    session_id: UUID
    user_id: UUID
    reason: str


class RefreshReused(RefreshInvalid):
    """The refresh token was used before: it or its successor is in the wrong hands, so the session has ended."""

    def __init__(self, ended: Ended | None) -> None:
        super().__init__()
        self.ended = ended


class SessionEnded(Exception):
    """The session is over or never was."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session with the refresh token that nobody will see again."""

    session_id: UUID
    user_id: UUID
    refresh_token: str
    expires_at: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    user_id: str
    session_id: str
    role: str
    kind: str


def start(
    connection: Connection[Any],
    *,
    user_id: UUID,
    kind: str,
    device: str,
    client: str | None,
    life_seconds: float,
) -> Started:
    """Open a session of an active user with its first refresh token. Raises SessionEnded when the user was disabled."""
    refresh_token = tokens.new_refresh_token()
    with connection.transaction():
        row = connection.execute(
            """
            INSERT INTO sessions (user_id, kind, device, client, expires_at)
            SELECT u.id, %(kind)s, %(device)s, %(client)s::inet, now() + make_interval(secs => %(life)s)
              FROM users u WHERE u.id = %(user)s AND u.is_active FOR SHARE
            RETURNING id, expires_at
            """,
            {"user": user_id, "kind": kind, "device": device, "client": client, "life": life_seconds},
        ).fetchone()
        if row is None:
            raise SessionEnded
        connection.execute(
            "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at) VALUES (%s, %s, %s)",
            (tokens.refresh_digest(refresh_token), *row),
        )
    return Started(row[0], user_id, refresh_token, row[1], kind)


def rotate(connection: Connection[Any], refresh_token: str) -> Started:
    """Exchange a refresh token for its successor.

    1. One conditional UPDATE marks the token as used; of two racing calls exactly one gets the row.
    2. The winner inserts the successor, if the session is alive.
    3. A loser that finds the token already used ends the session: the whole family is dead (RFC 9700, 4.14.2).

    Raises RefreshInvalid, or RefreshReused after ending the session.
    """
    digest = tokens.refresh_digest(refresh_token)
    if digest is None:
        raise RefreshInvalid
    successor = tokens.new_refresh_token()
    with connection.transaction():
        used = connection.execute(
            """
            UPDATE refresh_tokens SET used_at = now()
             WHERE token_sha256 = %s AND used_at IS NULL AND expires_at > now()
            RETURNING session_id
            """,
            (digest,),
        ).fetchone()
        if used:
            row = connection.execute(
                """
                SELECT s.id, s.user_id, s.expires_at, s.kind
                  FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = %s AND s.ended_at IS NULL AND s.expires_at > now() AND u.is_active
                   FOR UPDATE OF s
                """,
                used,
            ).fetchone()
            if row is None:
                raise RefreshInvalid
            connection.execute(
                "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at) VALUES (%s, %s, %s)",
                (tokens.refresh_digest(successor), row[0], row[2]),
            )
            connection.execute("UPDATE sessions SET last_seen_at = now() WHERE id = %s", (row[0],))
            return Started(row[0], row[1], successor, row[2], row[3])
    family = connection.execute(
        "SELECT session_id FROM refresh_tokens WHERE token_sha256 = %s AND used_at IS NOT NULL", (digest,)
    ).fetchone()
    if family is None:
        raise RefreshInvalid
    raise RefreshReused(end(connection, family[0], "refresh_reused"))


def of_refresh_token(connection: Connection[Any], refresh_token: str) -> UUID | None:
    """The session of a token that could still be exchanged."""
    row = connection.execute(
        "SELECT session_id FROM refresh_tokens WHERE token_sha256 = %s AND used_at IS NULL AND expires_at > now()",
        (tokens.refresh_digest(refresh_token),),
    ).fetchone()
    return row[0] if row else None


def end(connection: Connection[Any], session_id: UUID | str, reason: str) -> Ended | None:
    """End a session and its playbacks; None when it had ended before. Call `bury` after the commit."""
    with connection.transaction():
        row = connection.execute(
            "UPDATE sessions SET ended_at = now(), end_reason = %s WHERE id = %s AND ended_at IS NULL"
            " RETURNING id, user_id",
            (reason, session_id),
        ).fetchone()
        # After the row of the session: a grant that was under way has committed by now (it holds a share lock).
        connection.execute(
            "UPDATE playbacks SET ended_at = now(), end_reason = 'session' WHERE session_id = %s AND ended_at IS NULL",
            (session_id,),
        )
    return Ended(row[0], row[1], reason) if row else None


def end_all(connection: Connection[Any], user_id: UUID, reason: str) -> int:
    """End every session of a user and their playbacks; answers how many. Call `doubt_user` after the commit."""
    with connection.transaction():
        ended = connection.execute(
            "UPDATE sessions SET ended_at = now(), end_reason = %s WHERE user_id = %s AND ended_at IS NULL",
            (reason, user_id),
        ).rowcount
        connection.execute(
            "UPDATE playbacks SET ended_at = now(), end_reason = 'session' WHERE user_id = %s AND ended_at IS NULL",
            (user_id,),
        )
    return ended


def touch(connection: Connection[Any], session_id: str) -> None:
    """Note that the session was used just now."""
    connection.execute("UPDATE sessions SET last_seen_at = now() WHERE id = %s AND ended_at IS NULL", (session_id,))


def bury(live: "Redis", settings: ServiceSettings, ended: Ended) -> None:
    """Leave the tombstone and free the session's slots. Raises LiveUnavailable."""
    _END(live, ended.session_id.hex, ended.user_id.hex, ended.reason, settings.tombstone_seconds * 1000)


def doubt_user(live: "Redis", user_id: UUID) -> None:
    """Have every live session of the user compared with PostgreSQL at its next request. Raises LiveUnavailable."""
    _REVOKE(live, "user", user_id.hex, _EPOCH_MS)


def doubt_video(live: "Redis", video_id: UUID) -> None:
    """The same for a title whose visibility or presence has changed. Raises LiveUnavailable."""
    _REVOKE(live, "video", video_id.hex, _EPOCH_MS)


class Directory:
    """Finds out who asks: from Redis, and from PostgreSQL when Redis does not know or is away."""

    def __init__(self, live: "Redis", database: Database, settings: ApiSettings) -> None:
        self._live = live
        self._database = database
        self._settings = settings

    def identify(self, access: tokens.Access) -> Identity:
        """The session of a verified token. Raises SessionEnded; DatabaseUnavailable when neither store can tell."""
        for _ in range(_ATTEMPTS):
            try:
                reply = self._ask(access.session_id)
            except LiveUnavailable:
                break
            if reply[0] == b"ended":
                raise SessionEnded
            identity, ticket, touched = None, int(reply[1]), False
            if reply[0] == b"ok":
                _, _, user_id, role, kind, fresh, touch_now = reply
                identity = Identity(user_id.decode(), access.session_id, role.decode(), kind.decode())
                touched = bool(touch_now)
                if fresh:
                    return self._used(access, identity, touched)
            try:
                if not self._reload(access.session_id, ticket):
                    raise SessionEnded
            except DatabaseUnavailable:
                # Redis's answer stands until its own, longer life is over.
                if identity is None:
                    raise
                return self._used(access, identity, touched=False)
            except LiveUnavailable:
                break
        return self._from_database(access)

    def _ask(self, session_id: str) -> list[Any]:
        reply: list[Any] = _SESSION(
            self._live,
            session_id,
            round(self._settings.fresh_seconds * 1000),
            round(self._settings.session_touch_seconds * 1000),
        )
        return reply

    def _reload(self, session_id: str, ticket: int) -> bool:
        """Compare with PostgreSQL; False when there is no such session."""
        with self._database.connection() as connection:
            known = facts.of_session(connection, session_id)
        if known is None:
            return False
        facts.remember(self._live, self._settings, known, ticket)
        return True

    def _from_database(self, access: tokens.Access) -> Identity:
        with self._database.connection() as connection:
            known = facts.of_session(connection, access.session_id)
        if known is None or known.session_end or known.expires_at <= datetime.now(UTC):
            raise SessionEnded
        identity = Identity(known.user_id.hex, access.session_id, known.role, known.kind)
        return self._used(access, identity, touched=False)

    def _used(self, access: tokens.Access, identity: Identity, touched: bool) -> Identity:
        if identity.user_id != access.user_id:
            raise SessionEnded
        if touched:
            with suppress(DatabaseUnavailable), self._database.connection() as connection:
                touch(connection, identity.session_id)
        return identity
