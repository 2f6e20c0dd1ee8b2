"""One stream: the question that Nginx asks, and the text that its listener gets until it ends.

The other end of `location = /_events` in nginx/kinetoscope/api.conf.j2. The interface has checked who asks, as at each
of its calls, and has Nginx ask here with the ids; the session is looked up here once more, and then every few seconds.
"""

import re
import select
import socket
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import to_json

from authsvc.events import changes, feed
from authsvc.events.audience import Audience, Full, Hearer, Stream
from authsvc.events.feed import Feed
from authsvc.events.problem import Problem
from authsvc.events.question import Unreadable
from authsvc.events.settings import EventsSettings
from authsvc.stores.database import Database, DatabaseUnavailable
from catalog.contract import forms
from catalog.contract.words import ROLES

_ID = re.compile(forms.ID, re.ASCII)
_NUMBER = re.compile(r"[0-9]{0,18}", re.ASCII)
_HEARTBEAT = b":\n\n"
_AWAY_SECONDS = 5
_FULL_SECONDS = 30

logger = structlog.get_logger(__name__)


def read(environ: Mapping[str, Any]) -> tuple[Hearer, int | None]:
    """Who asks, and up to which number everything was told before; None: nothing was. Raises Unreadable."""
    session, user = environ.get("HTTP_X_SESSION_ID", ""), environ.get("HTTP_X_USER_ID", "")
    role, after = environ.get("HTTP_X_ROLE", ""), environ.get("HTTP_X_AFTER", "")
    if not (_ID.fullmatch(session) and _ID.fullmatch(user) and role in ROLES and _NUMBER.fullmatch(after)):
        raise Unreadable
    return Hearer(UUID(session), UUID(user), role), int(after) if after else None


class Listening:
    """The streams of this process."""

    def __init__(self, settings: EventsSettings) -> None:
        self._settings = settings
        self._audience = Audience(settings.event_streams, settings.event_streams_per_user)
        self._feed = Feed(settings, self._audience)
        # Of its own: who comes again after an outage, with all others, takes none from those who wait for a film.
        self._database = Database(
            settings.database_url,
            application_name="kinetoscope-events-streams",
            connections=settings.event_connections,
            wait_seconds=settings.database_wait_seconds,
            statement_ms=settings.database_statement_ms,
        )
        self._feed.start()

    def open(self, hearer: Hearer, after: int | None, connection: socket.socket | None) -> "Text":
        """A stream for a listener at this connection. Raises Problem."""
        stream = Stream(hearer, self._settings.event_queue)
        try:
            begin = self._begin(stream, after, self._joined(stream))
        except BaseException:
            self._audience.leave(stream)
            raise
        return Text(self._settings, self._audience, self._feed, stream, connection, begin)

    def _joined(self, stream: Stream) -> int:
        try:
            position = self._audience.join(stream)
        except Full as error:
            raise Problem(
                429,
                "As many streams of events as there may be are open. Close one of yours, or try again later.",
                code="event_streams",
                retry_after_seconds=_FULL_SECONDS,
            ) from error
        if position is None or self._feed.is_blind:
            raise _away()
        return position

    def _begin(self, stream: Stream, after: int | None, position: int) -> bytes:
        """What is told first: what was missed, and whether that was all of it."""
        try:
            with self._database.connection() as connection:
                if not feed.goes_on(stream, feed.standing(connection, [stream.hearer.session_id])):
                    raise Problem(401, "Your session has ended. Sign in again.", code="session")
                missed = self._missed(connection, after, position)
                told = feed.Told(connection, changes.events(connection, missed or []), [stream.hearer])
        except DatabaseUnavailable as error:
            logger.warning("dependency_unavailable", dependency="PostgreSQL", reason=str(error))
            raise _away() from error
        content = to_json({"resumed": missed is not None, "heartbeat_seconds": self._settings.event_heartbeat_seconds})
        retry_ms = int(self._settings.event_retry_seconds * 1000)
        # Its number holds for who was told all that stands before it.
        hello = b"id: %d\nevent: hello\ndata: %s\n\n" % (position, content)
        return b"retry: %d\n%s%s" % (retry_ms, told.to(stream.hearer), hello)

    def _missed(self, connection: Any, after: int | None, position: int) -> list[changes.Change] | None:
        """The changes since `after`; None when they are not known any more, too many, or were never asked for."""
        if after is None:
            return None
        floor, last = changes.kept(connection)
        if not floor <= after <= last:
            return None
        most = self._settings.event_resume_changes
        found = changes.since(connection, after, to=position, limit=most + 1)
        return found if len(found) <= most else None

    def close(self) -> None:
        self._feed.stop()
        self._database.close()


class Text:
    """The body of the answer, piece by piece, for as long as its listener is there and may listen."""

    def __init__(
        self,
        settings: EventsSettings,
        audience: Audience,
        feed: Feed,
        stream: Stream,
        connection: socket.socket | None,
        begin: bytes,
    ) -> None:
        self._settings, self._audience, self._feed, self._stream = settings, audience, feed, stream
        self._begin: bytes | None = begin
        self._connection = connection
        self._events = select.poll()
        self._events.register(stream.fileno(), select.POLLIN)
        self._room = select.poll()
        if connection is not None:
            self._events.register(connection.fileno(), select.POLLRDHUP)
            self._room.register(connection.fileno(), select.POLLOUT | select.POLLRDHUP)

    def __iter__(self) -> "Text":
        return self

    def __next__(self) -> bytes:
        if self._begin is not None:
            begin, self._begin = self._begin, None
            return begin
        beat_at = time.monotonic() + self._settings.event_heartbeat_seconds
        while not self._feed.is_blind:
            told = self._stream.take()
            if told is None:
                break
            left = beat_at - time.monotonic()
            if told or left <= 0:
                if not self._has_room():
                    break
                return told or _HEARTBEAT
            # No longer than it may be unknown whether the session goes on.
            ready = self._events.poll(min(left, self._settings.event_blind_seconds) * 1000)
            if any(found & ~select.POLLIN for _, found in ready):
                break
        raise StopIteration

    def _has_room(self) -> bool:
        """Does whoever reads take anything? What fits is sent without waiting for them."""
        if self._connection is None:
            return True
        ready = self._room.poll(self._settings.event_send_seconds * 1000)
        return bool(ready) and ready[0][1] == select.POLLOUT

    def close(self) -> None:
        """Called at the end of the answer, however that came."""
        self._audience.leave(self._stream)


def _away() -> Problem:
    return Problem(
        503, "Something that this needs does not answer. Try again in a moment.", retry_after_seconds=_AWAY_SECONDS
    )
