"""What ended or was withdrawn in PostgreSQL, told to Redis. Triggers write the list (migration 0002), this empties it.

So an end by the command line, by hand in SQL, or by an interface that died before it could reach Redis holds as fast
as any other. What the interface has told already is told again, which changes nothing.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from redis import Redis

from authsvc.ledger.settings import LedgerSettings
from authsvc.library.visibility import condition
from authsvc.stores.live import Script

# Of NOTIFY.
CHANNEL = "revocations"
_AT_ONCE = 500
_END_PLAYBACK = Script("end_playback")
_END_SESSION = Script("end_session")
_INVALIDATE = Script("invalidate")
_EPOCH_MS = 86_400_000
_MAY_SEE = condition("u.role", "u.id")


@dataclass(frozen=True, slots=True)
class Revocation:
    """One end or change; which ids are there depends on its kind."""

    id: int
    kind: str
    playback_id: UUID | None
    session_id: UUID | None
    user_id: UUID | None
    video_id: UUID | None
    reason: str


def pending(connection: Connection[Any]) -> list[Revocation]:
    """The oldest of what Redis was not told yet."""
    with connection.cursor(row_factory=class_row(Revocation)) as cursor:
        return cursor.execute(
            "SELECT id, kind, playback_id, session_id, user_id, video_id, reason FROM revocations ORDER BY id LIMIT %s",
            (_AT_ONCE,),
        ).fetchall()


def told(connection: Connection[Any], revocations: list[Revocation]) -> None:
    connection.execute("DELETE FROM revocations WHERE id = ANY(%s)", ([revocation.id for revocation in revocations],))


def tell(live: "Redis", settings: LedgerSettings, revocation: Revocation) -> None:
    """Leave the tombstone, or the doubt. Raises LiveUnavailable."""
    match revocation:
        case Revocation(
            kind="playback",
            playback_id=UUID() as playback,
            session_id=UUID() as session,
            user_id=UUID() as user,
            video_id=UUID() as video,
        ):
            _END_PLAYBACK(
                live,
                playback.hex,
                session.hex,
                user.hex,
                video.hex,
                revocation.reason,
                round(settings.ended_playback_seconds * 1000),
                settings.ended_playbacks_per_session,
                round(settings.stream_ban_seconds * 1000) if revocation.reason == "stopped" else 0,
            )
        case Revocation(kind="session", session_id=UUID() as session, user_id=UUID() as user):
            _END_SESSION(live, session.hex, user.hex, revocation.reason, settings.tombstone_seconds * 1000)
        case Revocation(kind="user", user_id=UUID() as user):
            _INVALIDATE(live, "user", user.hex, _EPOCH_MS)
        case Revocation(kind="video", video_id=UUID() as video):
            _INVALIDATE(live, "video", video.hex, _EPOCH_MS)


def end_what_may_not_go_on(
    connection: Connection[Any], *, playbacks: list[str], users: list[UUID], videos: list[UUID]
) -> set[str]:
    """End the open ones of these playbacks, users' and titles' playbacks whose reason to be is gone.

    Answers which of `playbacks` have ended, by this or before; also those that PostgreSQL does not know.
    """
    rows = connection.execute(
        f"""
        WITH ended AS (
            UPDATE playbacks p
               SET ended_at = now(),
                   end_reason = CASE WHEN s.ended_at IS NOT NULL THEN 'session'
                                     WHEN v.removed_at IS NOT NULL THEN 'removed' ELSE 'withdrawn' END
              FROM sessions s, users u, videos v
             WHERE p.ended_at IS NULL AND s.id = p.session_id AND u.id = p.user_id AND v.id = p.video_id
               AND (p.id = ANY(%(playbacks)s::uuid[]) OR p.user_id = ANY(%(users)s) OR p.video_id = ANY(%(videos)s))
               AND (s.ended_at IS NOT NULL OR NOT u.is_active OR v.status <> 'ready' OR NOT {_MAY_SEE})
            RETURNING p.id)
        SELECT asked.id FROM unnest(%(playbacks)s::uuid[]) asked (id)
          LEFT JOIN playbacks p ON p.id = asked.id LEFT JOIN ended e ON e.id = asked.id
         WHERE p.id IS NULL OR p.ended_at IS NOT NULL OR e.id IS NOT NULL
        """,
        {"playbacks": playbacks, "users": users, "videos": videos},
    ).fetchall()
    return {row[0].hex for row in rows}


def close_forgotten(connection: Connection[Any], seconds: float) -> int:
    """End playbacks that nothing was heard of for so long that no link of them is valid; answers how many."""
    return connection.execute(
        """
        UPDATE playbacks p SET ended_at = now(), end_reason = 'lapsed'
         WHERE p.ended_at IS NULL AND p.last_seen_at < now() - make_interval(secs => %s)
           AND NOT EXISTS (SELECT FROM leases l WHERE l.playback_id = p.id AND l.deadline > now())
        """,
        (seconds,),
    ).rowcount
