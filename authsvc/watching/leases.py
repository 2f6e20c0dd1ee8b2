"""Leases: the right of each running playback to move bytes, in the live store.

A playback holds one lease in three sets (session, user, box) or in none. It is *pending* from the grant to its first
media request, *streaming* while it asks or the bytes of its answers move, *idle* when it has not been heard of for a
while, *paused* while heartbeats say so. The scripts in stores/lua/ are the only ones that write; all times are Redis's.

At the limit a lease of the same session that nobody needs gives way (stores/lua/common.lua, spare_lease): one without
an open answer and without heartbeats, as when a player skips through a list. What is open is told by the ledger, every
two seconds, and at once to whoever waits for it (`look_again`). A playback that ends gives its lease back; while an
answer of it is open it keeps its place (*leaving*), until the ledger has cut it.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import Connection
from redis import Redis

from authsvc.settings import LiveSettings
from authsvc.stores.live import Script
from authsvc.watching.playbacks import Playback
from catalog.contract.words import LeaseState, PlaybackEnd

_GRANT = Script("grant")
_HEARTBEAT = Script("heartbeat")
_END = Script("end_playback")
_RUNNING = Script("running")
_ROOM = Script("room")
_LOOK = Script("look")
_LAST_LOOK = Script("last_look")
# Of NOTIFY: somebody waits for the ledger to tell what is open.
GLANCE = "glance"
_GLANCE_SECONDS = 2.0
_GLANCES_AT_ONCE = 2
_POLL_SECONDS = 0.02


class LimitReached(Exception):
    """As many leases are held as there may be.

    `is_leaving`: there is room but for playbacks that have ended and whose answers are still open, among them the one
    that was to be replaced.
    """

    def __init__(self, retry_after_seconds: float, *, is_leaving: bool = False) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
        self.is_leaving = is_leaving


class LeaseRefused(Exception):
    """The session has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held."""

    playback_id: str
    state: LeaseState
    # Connections with an open answer of it, and bytes of those; None while the ledger is away.
    connections: int | None = None
    bytes_under_way: int | None = None

    @property
    def is_running(self) -> bool:
        """Is somebody watching, or has paused?"""
        return self.state in {"streaming", "paused"}


class Leases:
    """What the JSON interface does with leases. Everything raises LiveUnavailable."""

    def __init__(self, live: "Redis", settings: LiveSettings) -> None:
        self._live = live
        self._settings = settings
        self._idle_ms = round(settings.lease_idle_seconds * 1000)
        self._paused_ms = round(settings.lease_paused_seconds * 1000)
        self._limits = (settings.streams_per_session, settings.streams_per_user, settings.streams_per_box)
        self._glances = threading.BoundedSemaphore(_GLANCES_AT_ONCE)
        self._ended = (round(settings.ended_playback_seconds * 1000), settings.ended_playbacks_per_session)

    def grant(
        self,
        playback: Playback,
        *,
        rate_bytes: int | None = None,
        replaces: Playback | None = None,
        has_looked: bool = True,
    ) -> None:
        """Take a lease for a new playback, ending another in the same step. Raises LimitReached, LeaseRefused.

        What is to be replaced has ended when LimitReached says that something is leaving; otherwise nothing has.
        `has_looked`: the ledger was asked already (look_again); until then no lease gives way for one that is leaving.
        """
        reply: list[Any] = _GRANT(
            self._live,
            playback.id.hex,
            playback.session_id.hex,
            playback.user_id.hex,
            playback.video_id.hex,
            rate_bytes or 0,
            *self._limits,
            round(self._settings.lease_pending_seconds * 1000),
            self._idle_ms,
            self._paused_ms,
            *self._ended,
            *((replaces.id.hex, replaces.session_id.hex, replaces.video_id.hex) if replaces else ("", "", "")),
            *self._settings.sparing_ms,
            int(has_looked),
        )
        if reply[0] == b"wait":
            raise LimitReached(reply[1] / 1000, is_leaving=True)
        if reply[0] == b"deny":
            if reply[1] == b"streams":
                raise LimitReached(reply[2] / 1000)
            raise LeaseRefused

    def make_room(self, playback: Playback) -> bool:
        """Would this playback get a lease now? A lease that can be spared has given way, if that was what it takes."""
        reply: int = _ROOM(
            self._live,
            playback.id.hex,
            playback.session_id.hex,
            playback.user_id.hex,
            *self._limits,
            self._idle_ms,
            self._paused_ms,
            *self._settings.sparing_ms,
        )
        return reply == 1

    def look_again(self, connection: Connection[Any], session_id: str, user_id: str) -> bool:
        """Wait until the ledger has told what is open by now: a player that skips has left its title a moment ago.

        False when that may not be waited for, or would help nobody. Takes less than half a second, up to 2 s where the
        ledger is behind; not inside a transaction.
        """
        if not _LAST_LOOK(self._live, session_id, user_id) or not self._glances.acquire(blocking=False):
            return False
        try:
            time.sleep(self._settings.answers_late_seconds)
            began = int(_LOOK(self._live)[0])
            connection.execute("SELECT pg_notify(%s, '')", (GLANCE,))
            deadline = time.monotonic() + _GLANCE_SECONDS
            while (
                not (seen := int(_LAST_LOOK(self._live, session_id, user_id)) >= began) and time.monotonic() < deadline
            ):
                time.sleep(_POLL_SECONDS)
            return seen
        finally:
            self._glances.release()

    def heartbeat(
        self, playback_id: str, session_id: str, user_id: str, *, paused: bool
    ) -> Literal["renewed", "lapsed", "ended"]:
        """Renew a lease that is held; a lapsed one stays lapsed until the next media request."""
        reply: bytes = _HEARTBEAT(
            self._live,
            playback_id,
            session_id,
            user_id,
            int(paused),
            self._idle_ms,
            self._paused_ms,
        )
        return reply.decode()  # type: ignore[return-value]  # the script answers one of the three

    def end(self, playback: Playback, reason: PlaybackEnd, *, bar_seconds: float = 0) -> None:
        """Drop the lease and refuse what is still asked with its links."""
        _END(
            self._live,
            playback.id.hex,
            playback.session_id.hex,
            playback.user_id.hex,
            playback.video_id.hex,
            reason,
            *self._ended,
            round(bar_seconds * 1000),
        )

    def of_user(self, user_id: str) -> list[Lease]:
        """The leases that this user's playbacks hold."""
        return self._running(f"user:{user_id}")

    def of_box(self) -> list[Lease]:
        """All leases that are held."""
        return self._running("box")

    def _running(self, which: str) -> list[Lease]:
        return [self._lease(row) for row in _RUNNING(self._live, which)]

    def _lease(self, row: list[bytes]) -> Lease:
        playback_id, now = row[0].decode(), int(row[1])
        fields = dict(zip(row[2::2], row[3::2], strict=True))
        counted = fields[b"looked"] == b"1"
        return Lease(
            playback_id,
            self._state(fields, now),
            int(fields.get(b"connections", 0)) if counted else None,
            int(fields.get(b"bytes", 0)) if counted else None,
        )

    def _state(self, fields: dict[bytes, bytes], now: int) -> LeaseState:
        seen, beat = int(fields.get(b"seen", 0)), int(fields.get(b"beat", 0))
        if b"paused" in fields:
            return "paused"
        if not seen:
            return "pending"
        # A heartbeat may be late by half before the player counts as silent.
        silent = now - max(seen, beat) > 1500 * self._settings.heartbeat_seconds
        return "idle" if silent else "streaming"
