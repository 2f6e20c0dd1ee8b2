"""What the passing of time does to sessions: use is written down, what was not used ends, what is over is forgotten.

No answer depends on when this runs: a session that is over by time is refused wherever it is shown. It keeps the list
of devices and the counting of sessions true, and PostgreSQL at most a minute behind the live store. The ledger runs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from authsvc import audit
from authsvc.audit import Event
from authsvc.sessions.alive import OVER, WHY_OVER
from authsvc.settings import LiveSettings
from authsvc.stores.live import Evaluates, Script

_SEEN = Script("last_used")
_END_SESSION = Script("end_session")
# Ids in one call of the script: it holds up everything else in Redis while it runs.
_AT_ONCE = 500
# PostgreSQL is told of use that is older than this; it runs more often than once a minute, so that is the most.
_PERSIST_AFTER_SECONDS = 30
# The row of a guest stays this long after the session, for whoever still books its bytes.
_GUEST_ROWS_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Over:
    """A session that time has ended."""

    session_id: UUID
    user_id: UUID
    reason: str


def run(connection: Connection[Any], live: Evaluates, settings: LiveSettings) -> list[Over]:
    """One round; the sessions that it ended, with their tombstones written.

    Raises LiveUnavailable: without the live store nobody knows who is watching, so nothing ends.
    """
    persist(connection, live, _not_seen_lately(connection))
    over = _end_what_is_over(connection, live, settings.session_idle_seconds)
    for session in over:
        _END_SESSION(
            live, session.session_id.hex, session.user_id.hex, session.reason, settings.tombstone_seconds * 1000
        )
    connection.execute("SELECT forget_what_is_over(%s)", (_GUEST_ROWS_SECONDS,))
    return over


def persist(connection: Connection[Any], live: Evaluates, session_ids: Sequence[UUID]) -> set[UUID]:
    """Write down when these were last used, as the live store knows it; answers those of them that watch right now."""
    watching: set[UUID] = set()
    for some in (session_ids[i : i + _AT_ONCE] for i in range(0, len(session_ids), _AT_ONCE)):
        reply: list[tuple[int, int]] = _SEEN(live, *(session_id.hex for session_id in some))
        # A long transfer asks for nothing, so its session may be forgotten there while its lease is kept.
        known = [
            (session_id, max(age_ms, 0))
            for session_id, (age_ms, holds) in zip(some, reply, strict=True)
            if age_ms >= 0 or holds
        ]
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


def _end_what_is_over(connection: Connection[Any], live: Evaluates, idle_seconds: float) -> list[Over]:
    """Two steps: who seems to be over, then, once it is known who watches, the end of those who still are."""
    seem = connection.execute(
        f"SELECT s.id FROM sessions s WHERE {OVER}",
        {"idle": idle_seconds},
    ).fetchall()
    watching = persist(connection, live, [session_id for (session_id,) in seem])
    with connection.transaction():
        rows = connection.execute(
            f"""
            UPDATE sessions s SET ended_at = now(), end_reason = {WHY_OVER}
             WHERE s.id = ANY(%(ids)s) AND {OVER}
            RETURNING s.id, s.user_id, s.end_reason
            """,
            {"ids": [session_id for (session_id,) in seem if session_id not in watching], "idle": idle_seconds},
        ).fetchall()
        over = [Over(*row) for row in rows]
        for session in over:
            audit.record(
                connection,
                Event.SESSION_ENDED,
                actor=None,
                subject=session.user_id,
                session=session.session_id.hex,
                reason=session.reason,
            )
    return over
