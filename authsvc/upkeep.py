"""What the passing of time does to sessions: use is written down, what was not used ends, what is over is forgotten.

No answer depends on when this runs: a session that is over by time is refused wherever it is shown. It keeps the list
of devices and the counting of sessions true, and PostgreSQL at most a minute behind the live store.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from redis import Redis

from authsvc import sessions
from authsvc.live import Script
from authsvc.sessions import Ended
from authsvc.settings import LiveSettings

_SEEN = Script("seen")
# Ids in one call of the script: it holds up everything else in Redis while it runs.
_AT_ONCE = 500
# PostgreSQL is told of use that is older than this; it runs more often than once a minute, so that is the most.
_PERSIST_AFTER_SECONDS = 30
# The account of a guest stays this long after the session, for whoever still books its bytes.
_GUEST_ROWS_SECONDS = 3600


def run(connection: Connection[Any], live: "Redis", settings: LiveSettings) -> list[Ended]:
    """One round; the sessions that it ended, with their tombstones written.

    Raises LiveUnavailable: without the live store nobody knows who is watching, so nothing ends.
    """
    persist(connection, live, _not_seen_lately(connection))
    ended = _end_what_is_over(connection, live, settings)
    for session in ended:
        sessions.bury(live, settings, session)
    _forget(connection)
    return ended


def persist(connection: Connection[Any], live: "Redis", session_ids: Sequence[UUID]) -> set[UUID]:
    """Write down when these were last used, as the live store knows it; those of them that watch right now."""
    watching: set[UUID] = set()
    for some in (session_ids[i : i + _AT_ONCE] for i in range(0, len(session_ids), _AT_ONCE)):
        reply: list[tuple[int, int]] = _SEEN(live, *(session_id.hex for session_id in some))
        known = [(session_id, age_ms) for session_id, (age_ms, _) in zip(some, reply, strict=True) if age_ms >= 0]
        watching |= {session_id for session_id, (_, holds) in zip(some, reply, strict=True) if holds}
        connection.execute(
            """
            UPDATE sessions s SET last_seen_at = now() - make_interval(secs => used.age_ms / 1000.0)
              FROM unnest(%s::uuid[], %s::double precision[]) AS used (id, age_ms)
             WHERE s.id = used.id AND s.ended_at IS NULL
               AND s.last_seen_at < now() - make_interval(secs => used.age_ms / 1000.0)
            """,
            ([session_id for session_id, _ in known], [age_ms for _, age_ms in known]),
        )
    return watching


def _not_seen_lately(connection: Connection[Any]) -> list[UUID]:
    rows = connection.execute(
        "SELECT id FROM sessions WHERE ended_at IS NULL AND last_seen_at < now() - make_interval(secs => %s)",
        (_PERSIST_AFTER_SECONDS,),
    ).fetchall()
    return [session_id for (session_id,) in rows]


def _end_what_is_over(connection: Connection[Any], live: "Redis", settings: LiveSettings) -> list[Ended]:
    rows = connection.execute(
        """
        SELECT id, CASE WHEN expires_at <= now() THEN 'expired' ELSE 'idle' END FROM sessions
         WHERE ended_at IS NULL AND (
               expires_at <= now() OR (kind <> 'device' AND last_seen_at <= now() - make_interval(secs => %s)))
        """,
        (settings.session_idle_seconds,),
    ).fetchall()
    # Asked after that: whoever began to watch since is spared.
    watching = persist(connection, live, [session_id for session_id, _ in rows])
    ended = (
        _end_if_still_over(connection, session_id, reason, settings.session_idle_seconds)
        for session_id, reason in rows
        if session_id not in watching
    )
    return [session for session in ended if session]


def _end_if_still_over(connection: Connection[Any], session_id: UUID, reason: str, idle_seconds: float) -> Ended | None:
    with connection.transaction():
        still = connection.execute(
            """
            SELECT FROM sessions
             WHERE id = %s AND (expires_at <= now() OR last_seen_at <= now() - make_interval(secs => %s)) FOR UPDATE
            """,
            (session_id, idle_seconds),
        ).fetchone()
        return sessions.end(connection, session_id, reason) if still is not None else None


def _forget(connection: Connection[Any]) -> None:
    connection.execute(
        """
        DELETE FROM users u WHERE u.password_hash IS NULL AND NOT EXISTS (
            SELECT FROM sessions s
             WHERE s.user_id = u.id AND coalesce(s.ended_at, now()) > now() - make_interval(secs => %s))
        """,
        (_GUEST_ROWS_SECONDS,),
    )
    connection.execute("DELETE FROM challenges WHERE expires_at <= now()")
