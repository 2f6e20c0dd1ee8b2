"""Playbacks in PostgreSQL: one viewer watching one title on one device, and how far each viewer got."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc import audit
from authsvc.audit import Event
from authsvc.sessions.alive import ALIVE
from authsvc.sessions.sessions import Identity, SessionEnded
from catalog.contract.words import PlaybackEnd


class PlaybackUnknown(Exception):
    """There is no such playback of this user."""


class PlaybackEnded(Exception):
    """The playback is over; the argument is the reason."""


@dataclass(frozen=True, slots=True)
class Playback:
    """What ties a playback to its leases."""

    id: UUID
    session_id: UUID
    user_id: UUID
    video_id: UUID


@dataclass(frozen=True, slots=True)
class _Latest(Playback):
    """The last playback of a session and title, and whether it may go on."""

    is_open: bool
    is_barred: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """A playback with the names that a list of running ones shows."""

    id: UUID
    user_id: UUID
    username: str
    video_id: UUID
    title: str
    door: str
    device: str
    client: str | None
    started_at: datetime
    position_seconds: float
    # Of answers that are over.
    bytes: int


def open_signed(
    connection: Connection[Any],
    identity: Identity,
    video_id: str,
    *,
    device: str,
    client: str | None,
    rate_bytes: int | None = None,
) -> Playback:
    """Add a playback of the signed door. Raises SessionEnded.

    The share lock on the session makes a sign-out wait until this transaction is over, so that it ends this playback
    too; do not leave the transaction open for longer than Redis takes.
    """
    with connection.cursor(row_factory=class_row(Playback)) as cursor:
        row = cursor.execute(
            f"""
            INSERT INTO playbacks (id, session_id, user_id, video_id, door, device, client, rate_bytes)
            SELECT %(id)s, s.id, s.user_id, %(video)s, 'signed', %(device)s, %(client)s::inet, %(rate)s
              FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = %(session)s AND {ALIVE}
               FOR SHARE OF s
            RETURNING id, session_id, user_id, video_id
            """,
            {
                "id": secrets.token_hex(16),
                "session": identity.session_id,
                "video": video_id,
                "device": device,
                "client": client,
                "rate": rate_bytes,
            },
        ).fetchone()
    if row is None:
        raise SessionEnded
    return row


def continue_signed(
    connection: Connection[Any],
    identity: Identity,
    video_id: str,
    *,
    device: str,
    client: str | None,
    rate_bytes: int | None,
    ban_seconds: float,
) -> Playback:
    """The open playback of this session and title at the signed door, or a new one: a player that asks an address
    again goes on with what it had, at the rate that its user wants by now (the doors know within `fresh_seconds`).
    Raises SessionEnded; PlaybackEnded when one was stopped less than `ban_seconds` ago.

    The lock on the session puts racing calls in a row, so that all of them get the same one.
    """
    with connection.transaction():
        connection.execute("SELECT 1 FROM sessions WHERE id = %s FOR NO KEY UPDATE", (identity.session_id,))
        with connection.cursor(row_factory=class_row(_Latest)) as cursor:
            latest = cursor.execute(
                """
                SELECT id, session_id, user_id, video_id, ended_at IS NULL AS is_open,
                       coalesce(end_reason = 'stopped' AND ended_at > now() - make_interval(secs => %(ban)s), false)
                           AS is_barred
                  FROM playbacks WHERE session_id = %(session)s AND video_id = %(video)s AND door = 'signed'
                 ORDER BY started_at DESC LIMIT 1
                """,
                {"session": identity.session_id, "video": video_id, "ban": ban_seconds},
            ).fetchone()
        if latest and latest.is_barred:
            raise PlaybackEnded("stopped")
        if latest and latest.is_open:
            connection.execute(
                "UPDATE playbacks SET rate_bytes = %(rate)s WHERE id = %(id)s AND rate_bytes IS DISTINCT FROM %(rate)s",
                {"id": latest.id, "rate": rate_bytes},
            )
            return Playback(latest.id, latest.session_id, latest.user_id, latest.video_id)
        return open_signed(connection, identity, video_id, device=device, client=client, rate_bytes=rate_bytes)


def end(
    connection: Connection[Any], playback_id: str, reason: PlaybackEnd, *, of_user: str | None = None
) -> Playback | None:
    """End a playback, if `of_user` is given only that user's; None when there is none such that is open."""
    with connection.cursor(row_factory=class_row(Playback)) as cursor:
        return cursor.execute(
            """
            UPDATE playbacks SET ended_at = now(), end_reason = %(reason)s
             WHERE id = %(id)s AND ended_at IS NULL AND (%(user)s::uuid IS NULL OR user_id = %(user)s::uuid)
            RETURNING id, session_id, user_id, video_id
            """,
            {"id": playback_id, "reason": reason, "user": of_user},
        ).fetchone()


def stop(connection: Connection[Any], playback_id: str, *, actor: UUID | None, client: str | None) -> Playback:
    """End anyone's playback, and write down who did. Raises PlaybackUnknown; that it had ended before is fine."""
    with connection.transaction():
        ended = end(connection, playback_id, "stopped")
        playback = ended or find(connection, playback_id)
        if ended:
            audit.record(
                connection,
                Event.STREAM_STOPPED,
                actor=actor,
                subject=ended.user_id,
                client=client,
                playback=ended.id.hex,
            )
    return playback


def find(connection: Connection[Any], playback_id: str, *, of_user: str | None = None) -> Playback:
    """A playback, open or not. Raises PlaybackUnknown."""
    with connection.cursor(row_factory=class_row(Playback)) as cursor:
        row = cursor.execute(
            """
            SELECT id, session_id, user_id, video_id FROM playbacks
             WHERE id = %(id)s AND (%(user)s::uuid IS NULL OR user_id = %(user)s::uuid)
            """,
            {"id": playback_id, "user": of_user},
        ).fetchone()
    if row is None:
        raise PlaybackUnknown
    return row


def progressed(
    connection: Connection[Any],
    playback_id: str,
    identity: Identity,
    position_seconds: float,
    *,
    sequence: int | None = None,
    late_seconds: float,
) -> float:
    """Note the position of a playback of this session; answers it clamped to the title's duration.

    1. A heartbeat that is numbered counts when its number is higher than any before: one that comes twice, or late
       behind its successor, changes nothing.
    2. A playback that ended less than `late_seconds` ago still takes the position, because its last heartbeat and its
       end may overtake each other; but not when another playback has told of the title since.

    Raises PlaybackUnknown, or PlaybackEnded with the reason (whether or not the position was taken).
    """
    row = connection.execute(
        """
        WITH beat AS (
            UPDATE playbacks p
               SET last_seen_at = CASE WHEN p.ended_at IS NULL THEN now() ELSE p.last_seen_at END,
                   position_seconds = greatest(least(%(position)s, coalesce(v.duration_seconds, %(position)s)), 0),
                   sequence = coalesce(%(sequence)s, p.sequence)
              FROM videos v
             WHERE p.id = %(id)s AND p.session_id = %(session)s AND v.id = p.video_id
               AND (p.ended_at IS NULL OR p.ended_at > now() - make_interval(secs => %(late)s))
               AND (%(sequence)s::bigint IS NULL OR p.sequence IS NULL OR p.sequence < %(sequence)s)
            RETURNING p.id, p.user_id, p.video_id, p.position_seconds, p.ended_at, p.end_reason),
        saved AS (
            INSERT INTO progress (user_id, video_id, position_seconds, playback_id)
            SELECT user_id, video_id, position_seconds, id FROM beat
            ON CONFLICT (user_id, video_id) DO UPDATE
                SET position_seconds = excluded.position_seconds, playback_id = excluded.playback_id, updated_at = now()
              WHERE progress.playback_id = excluded.playback_id
                 OR (SELECT ended_at IS NULL OR progress.updated_at <= ended_at FROM beat))
        SELECT position_seconds, end_reason FROM beat
         UNION ALL
        SELECT position_seconds, end_reason FROM playbacks
         WHERE id = %(id)s AND session_id = %(session)s AND NOT EXISTS (SELECT FROM beat)
        """,
        {
            "id": playback_id,
            "session": identity.session_id,
            "position": position_seconds,
            "sequence": sequence,
            "late": late_seconds,
        },
    ).fetchone()
    if row is None:
        raise PlaybackUnknown
    if row[1] is not None:
        raise PlaybackEnded(row[1])
    return float(row[0])


def resume_position(
    connection: Connection[Any], user_id: str, video_id: str, *, duration_seconds: float, tail_seconds: float
) -> float:
    """Where this user goes on with the title; 0 for a first time and after watching to the end."""
    row = connection.execute(
        "SELECT position_seconds FROM progress WHERE user_id = %s AND video_id = %s", (user_id, video_id)
    ).fetchone()
    return float(row[0]) if row and row[0] < duration_seconds - tail_seconds else 0.0


def named(connection: Connection[Any], playback_ids: list[str]) -> dict[str, Watched]:
    """The open ones of these playbacks, by id."""
    with connection.cursor(row_factory=class_row(Watched)) as cursor:
        rows = cursor.execute(
            """
            SELECT p.id, p.user_id, u.username, p.video_id, v.title, p.door, p.device, host(p.client) AS client,
                   p.started_at, p.position_seconds, p.bytes + p.estimated_bytes AS bytes
              FROM playbacks p JOIN users u ON u.id = p.user_id JOIN videos v ON v.id = p.video_id
             WHERE p.id = ANY(%s::uuid[]) AND p.ended_at IS NULL
            """,
            (playback_ids,),
        ).fetchall()
    return {row.id.hex: row for row in rows}
