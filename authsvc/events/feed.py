"""The one that hears of changes and tells them to all streams: a thread, with a connection of its own.

1. LISTEN, then number what has no number: a change that commits after that wakes it.
2. Read what was numbered since, and how that is now: once for all streams.
3. Put before each stream what its listener may know.
4. Every few seconds ask which sessions go on, and end the streams of the others.
5. Without PostgreSQL nobody can be checked: all streams end, and begin again where they were when it is back.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection
from pydantic_core import to_json

from authsvc.events import changes
from authsvc.events.audience import Audience, Hearer, Stream
from authsvc.events.changes import Change, Event
from authsvc.events.settings import EventsSettings
from catalog.pool import CONNECT_TIMEOUT_SECONDS

_GOING_ON: LiteralString = "SELECT session_id, user_id, role, second_factor FROM listening_sessions(%s)"
_AT_ONCE = 500
_FORGET_EVERY_SECONDS = 60.0
_AGAIN_SECONDS = 1.0

logger = structlog.get_logger(__name__)


class Feed:
    """Begins at `start`, needs no PostgreSQL for that, and ends with `stop`."""

    def __init__(self, settings: EventsSettings, audience: Audience) -> None:
        self._settings, self._audience = settings, audience
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        # When it was last known which sessions go on, by the monotonic clock.
        self._looked_at = float("-inf")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._audience.dismiss()

    @property
    def is_blind(self) -> bool:
        """Was it not known for too long which sessions go on? PostgreSQL may hang and say nothing."""
        return time.monotonic() - self._looked_at > self._settings.event_blind_seconds

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connected() as connection:
                    self._follow(connection)
            except psycopg.Error as error:
                logger.warning("dependency_unavailable", dependency="PostgreSQL", reason=str(error))
            except Exception:
                logger.exception("feed_failed")
            self._audience.dismiss()
            self._stopping.wait(_AGAIN_SECONDS)

    def _connected(self) -> Connection[Any]:
        return psycopg.connect(
            self._settings.database_url,
            autocommit=True,
            application_name="kinetoscope-events-feed",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            prepare_threshold=1,
            options=f"-c statement_timeout={self._settings.database_statement_ms} -c timezone=UTC",
        )

    def _follow(self, connection: Connection[Any]) -> None:
        connection.execute("LISTEN changes")
        while changes.number(connection, _AT_ONCE):
            pass
        position = changes.kept(connection)[1]
        forget_at = 0.0
        self._look(connection)
        self._audience.tell(position, lambda _: lambda _: b"")
        while not self._stopping.is_set():
            position = self._tell(connection, position)
            now = time.monotonic()
            if now - self._looked_at >= self._settings.event_session_seconds:
                self._look(connection)
            if now >= forget_at:
                changes.forget(connection, self._settings.event_kept_seconds)
                forget_at = now + _FORGET_EVERY_SECONDS
            left = self._looked_at + self._settings.event_session_seconds - time.monotonic()
            for _ in connection.notifies(timeout=max(left, 0), stop_after=1):
                pass

    def _tell(self, connection: Connection[Any], position: int) -> int:
        """Tell what is new, and answer up to which number."""
        while True:
            numbered = changes.number(connection, _AT_ONCE)
            # Another process may have given the numbers.
            new = changes.since(connection, position, to=2**62, limit=_AT_ONCE)
            if new:
                position = new[-1].seq
                self._audience.tell(position, partial(self._prepare, connection, new))
            elif not numbered:
                return position

    @staticmethod
    def _prepare(
        connection: Connection[Any], new: Sequence[Change], hearers: Sequence[Hearer]
    ) -> Callable[[Hearer], bytes]:
        return Told(connection, changes.events(connection, new) if hearers else [], hearers).to

    def _look(self, connection: Connection[Any]) -> None:
        began, streams = time.monotonic(), self._audience.streams()
        known = standing(connection, [stream.hearer.session_id for stream in streams]) if streams else {}
        for stream in streams:
            if not goes_on(stream, known):
                stream.end()
        self._looked_at = began


class Told:
    """What of some events is told to whom, as text/event-stream (HTML, 9.2.5)."""

    def __init__(self, connection: Connection[Any], events: Sequence[Event], hearers: Sequence[Hearer]) -> None:
        self._events = [(event, _lines(event)) for event in events]
        videos = {event.to_viewers_of for event in events if event.to_viewers_of is not None}
        self._seen = changes.viewers(connection, videos, {(hearer.user_id, hearer.role) for hearer in hearers})

    def to(self, hearer: Hearer) -> bytes:
        """The number goes with the last that is told of a change: who is cut off before it gets the whole again."""
        mine = [(event, lines) for event, lines in self._events if self._concerns(event, hearer)]
        text = b""
        for at, (event, lines) in enumerate(mine):
            is_last = at + 1 == len(mine) or mine[at + 1][0].seq != event.seq
            text += (b"id: %d\n" % event.seq if is_last else b"") + lines
        return text

    def _concerns(self, event: Event, hearer: Hearer) -> bool:
        if event.to_user == hearer.user_id or (event.to_admins and hearer.role == "admin"):
            return True
        return (event.to_viewers_of, hearer.user_id, hearer.role) in self._seen


def standing(connection: Connection[Any], sessions: Sequence[UUID]) -> dict[UUID, tuple[UUID, str, bool]]:
    """Of those of these sessions that go on: their user, role and whether a second factor was shown."""
    return {row[0]: row[1:] for row in connection.execute(_GOING_ON, (list(sessions),))}


def goes_on(stream: Stream, known: dict[UUID, tuple[UUID, str, bool]]) -> bool:
    """Is its session the same user's, with the same rights as at its begin?"""
    found = known.get(stream.hearer.session_id)
    if found is None or found[0] != stream.hearer.user_id:
        return False
    if stream.standing is None:
        stream.standing = found[1:]
    return stream.standing == found[1:]


def _lines(event: Event) -> bytes:
    # JSON has no line ends outside of strings, and none of their own inside (RFC 8259, 7).
    return b"event: %s\ndata: %s\n\n" % (event.name.encode(), to_json(event.content))
