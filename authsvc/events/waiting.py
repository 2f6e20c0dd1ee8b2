"""The wait for a file that a worker makes.

PostgreSQL hears what is waited for: `want_instant` has a worker begin, and says whether there is any hope. That it is
there says the folder, into which a worker moves each file when it is whole.
"""

import os
import select
import socket
import stat
import time
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import structlog

from authsvc.events.problem import Problem
from authsvc.events.question import Wanted
from authsvc.events.settings import EventsSettings
from authsvc.stores.database import Database, DatabaseUnavailable
from catalog.contract.forms import NOW

_WANT: LiteralString = "SELECT state, reason FROM want_instant(%s, %s, %s)"
_LEAVE: LiteralString = "SELECT leave_instant(%s, %s)"
# Whoever is told so after a wait can ask at once; who finds PostgreSQL away can't.
_AFTER_A_WAIT_SECONDS = 1
_IN_AN_OUTAGE_SECONDS = 5

logger = structlog.get_logger(__name__)


class CallerLeft(Exception):
    """Nobody waits any more."""


class Caller:
    """The connection that Nginx asks by. Nginx closes it when the viewer has gone: after a seek many do."""

    def __init__(self, connection: socket.socket | None) -> None:
        self._poll = select.poll()
        if connection is not None:
            self._poll.register(connection.fileno(), select.POLLRDHUP)

    def stays(self, seconds: float) -> None:
        """Let this time pass. Raises CallerLeft as soon as that is so."""
        if self._poll.poll(seconds * 1000):
            raise CallerLeft


class Waiting:
    """Waits of viewers, each in a thread of its own."""

    def __init__(self, settings: EventsSettings, database: Database) -> None:
        self._settings, self._database = settings, database

    def until_there(self, wanted: Wanted, caller: Caller) -> None:
        """Returns when the file is there. Raises Problem when it is not to be had, or not yet, and CallerLeft."""
        path = self._settings.titles_dir / wanted.video_id / NOW / wanted.file
        deadline, asked_at = time.monotonic() + self._settings.instant_wait_seconds, float("-inf")
        while not _is_there(path):
            now = time.monotonic()
            if now >= deadline:
                raise Problem(
                    503,
                    "It is still being made. Ask again.",
                    code="being_made",
                    retry_after_seconds=_AFTER_A_WAIT_SECONDS,
                )
            if now - asked_at >= self._settings.instant_ask_seconds:
                self._want(wanted)
                asked_at = now
            try:
                caller.stays(self._settings.instant_look_seconds)
            except CallerLeft:
                self._leave(wanted)
                raise

    def _leave(self, wanted: Wanted) -> None:
        """Say that it is not waited for any more, so that nothing is made in vain before what is."""
        try:
            with self._database.connection() as connection:
                connection.execute(_LEAVE, (UUID(wanted.video_id), wanted.segment))
        except DatabaseUnavailable:  # then it is forgotten by itself, some seconds later
            logger.info("leave_not_told", video=wanted.video_id, segment=wanted.segment)

    def _want(self, wanted: Wanted) -> None:
        """Say that it is waited for. Raises Problem where that is in vain."""
        try:
            with self._database.connection() as connection:
                row = connection.execute(
                    _WANT, (UUID(wanted.video_id), wanted.segment, UUID(wanted.user_id))
                ).fetchone()
        except DatabaseUnavailable as error:
            logger.warning("dependency_unavailable", dependency="PostgreSQL", reason=str(error))
            raise Problem(
                503,
                "Something that this needs does not answer. Try again in a moment.",
                retry_after_seconds=_IN_AN_OUTAGE_SECONDS,
            ) from error
        state, reason = row or ("unknown", None)
        if state == "unknown":
            raise Problem(404, "There is nothing at this address.")
        if state == "kept":
            raise Problem(410, "It is kept by now. Start watching anew.", code="kept")
        if state in {"failed", "cancelled"}:
            raise Problem(409, f"It can't be made: {reason or 'it was cancelled.'}", code="not_made")


def _is_there(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
