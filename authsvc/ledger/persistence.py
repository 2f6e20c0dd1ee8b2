"""What is live, kept in PostgreSQL and put back: after a restart of the ledger, and after Redis was wiped."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from redis import Redis

from authsvc.ledger.live_store import HeldLease
from authsvc.ledger.settings import LedgerSettings
from authsvc.stores.live import Script
from authsvc.watching import rehydration

_RESTORE = Script("restore")
_BAR = Script("bar")
_TICKET = Script("ticket")
# A deadline is written again only when it has moved by this much: one write a viewer in so many seconds.
_LAG = timedelta(seconds=15)


class Memory:
    """Writes what has changed since it last wrote."""

    def __init__(self) -> None:
        self._leases: dict[str, tuple[datetime, int | None]] = {}

    def load(self, connection: Connection[Any]) -> None:
        """Learn what is written already."""
        leases = connection.execute("SELECT playback_id, deadline, paused_since FROM leases").fetchall()
        self._leases = {
            playback.hex: (deadline, round(paused.timestamp() * 1000) if paused else None)
            for playback, deadline, paused in leases
        }

    def keep_leases(self, connection: Connection[Any], leases: Iterable[HeldLease]) -> None:
        began = datetime.now(UTC)
        now = {
            lease.playback_id: (began + timedelta(milliseconds=lease.milliseconds_left), lease.paused_since)
            for lease in leases
        }
        gone = self._leases.keys() - now.keys()
        changed = {
            playback: lease
            for playback, lease in now.items()
            if (stored := self._leases.get(playback)) is None
            or stored[1] != lease[1]
            or abs(stored[0] - lease[0]) > _LAG
        }
        if not gone and not changed:
            return
        with connection.transaction(), connection.cursor() as cursor:
            if gone:
                cursor.execute("DELETE FROM leases WHERE playback_id = ANY(%s::uuid[])", (list(gone),))
            cursor.executemany(
                """
                INSERT INTO leases (playback_id, deadline, paused_since)
                SELECT p.id, %s, %s FROM playbacks p WHERE p.id = %s
                ON CONFLICT (playback_id) DO UPDATE
                    SET deadline = excluded.deadline, paused_since = excluded.paused_since
                """,
                [(at, _moment(paused) if paused else None, playback) for playback, (at, paused) in changed.items()],
            )
        self._leases = {playback: changed.get(playback) or self._leases[playback] for playback in now}


def restore(connection: Connection[Any], live: "Redis", settings: LedgerSettings) -> int:
    """Put leases and stops back into a wiped store; answers how many leases. Raises LiveUnavailable."""
    longest = round(settings.lease_paused_seconds * 1000)
    rows = connection.execute(
        """
        SELECT p.id, p.session_id, p.user_id, p.video_id, p.door, coalesce(p.rate_bytes, 0), l.paused_since,
               extract(epoch FROM greatest(l.deadline, p.started_at + make_interval(secs => %s)) - now()) * 1000
          FROM playbacks p LEFT JOIN leases l ON l.playback_id = p.id
         WHERE p.ended_at IS NULL
           AND greatest(l.deadline, p.started_at + make_interval(secs => %s)) > now()
        """,
        (settings.lease_pending_seconds, settings.lease_pending_seconds),
    ).fetchall()
    for playback, session, user, video, door, rate, paused, left in rows:
        _RESTORE(
            live, playback.hex, session.hex, user.hex, video.hex, door, rate,
            rehydration.milliseconds(paused) if paused else "", round(left), longest,
        )  # fmt: skip
    barred = connection.execute(
        """
        SELECT session_id, video_id, id, extract(epoch FROM ended_at + make_interval(secs => %s) - now()) * 1000
          FROM playbacks WHERE end_reason = 'stopped' AND ended_at > now() - make_interval(secs => %s)
        """,
        (settings.stream_ban_seconds, settings.stream_ban_seconds),
    ).fetchall()
    for session, video, playback, left in barred:
        _BAR(live, session.hex, video.hex, playback.hex, max(round(left), 1))
    return len(rows)


def remember(connection: Connection[Any], live: "Redis", settings: LedgerSettings, playback: str) -> bool:
    """Load a playback that Redis does not know; False when there is none such. Raises LiveUnavailable."""
    ticket = int(_TICKET(live))
    known = rehydration.of_playback(connection, playback, known_seconds=0)
    if known is None:
        return False
    rehydration.remember(live, settings, known, ticket, whose="ledger")
    return True


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
