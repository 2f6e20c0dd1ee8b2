"""`python -m authsvc.ledger`: rounds until SIGTERM. Starts, and goes on, without Redis and without PostgreSQL."""

import contextlib
import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

import psycopg
import structlog
from psycopg import Connection, sql
from pydantic import ValidationError

from authsvc.ledger.cutter_client import Cutter
from authsvc.ledger.revocations import CHANNEL
from authsvc.ledger.rounds import Rounds
from authsvc.ledger.settings import LedgerSettings
from authsvc.ledger.sockets import SocketTable
from authsvc.stores import live
from authsvc.watching.leases import GLANCE
from catalog import logs

_CONNECT_SECONDS = 2
# Between two rounds at least: lines of Nginx's logs are a tenth of a second late (channels.py counts on it).
_LEAST_SECONDS = 0.5

logger = structlog.get_logger(__name__)


class Stop:
    """Set by a signal; what waits looks at it."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._want)

    def _want(self, _number: int, _frame: FrameType | None) -> None:
        self.wanted = True


def run(settings: LedgerSettings, stop: Stop) -> None:
    """Rounds at the pace of `tick_seconds`; in between, PostgreSQL's announcements are taken at once."""
    store = live.connect(
        settings.redis_live_url,
        timeout_seconds=settings.redis_timeout_seconds,
        username=settings.redis_username,
        password=settings.redis_live_password,
    )
    rounds = Rounds(settings, store, SocketTable(settings.media_port), Cutter(settings.cutter_socket))
    connection: Connection[Any] | None = None
    database_is_away = False
    _say_ready()
    while not stop.wanted:
        began = time.monotonic()
        try:
            if connection is None:
                connection = _connect(settings)
                rounds.begin(connection)
                if database_is_away:
                    logger.info("database_is_back")
                database_is_away = False
            rounds.round(connection)
            _wait(rounds, connection, began, settings, stop)
        except psycopg.Error as error:
            if not database_is_away:
                logger.warning("database_unavailable", error=str(error))
            database_is_away = True
            if connection is not None:
                connection.close()
                connection = None
            rounds.round(None)
            time.sleep(max(began + settings.tick_seconds - time.monotonic(), 0))
    if connection is not None:
        with contextlib.suppress(psycopg.Error):
            # At a shutdown Nginx is going too: the last bytes that are seen are those that are booked.
            rounds.round(connection)
        connection.close()


def _connect(settings: LedgerSettings) -> Connection[Any]:
    connection = psycopg.connect(
        settings.database_url,
        autocommit=True,
        application_name="kinetoscope-ledger",
        connect_timeout=_CONNECT_SECONDS,
        options=f"-c statement_timeout={settings.database_statement_ms} -c timezone=UTC",
    )
    for channel in (CHANNEL, GLANCE):
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    return connection


def _wait(rounds: Rounds, connection: Connection[Any], began: float, settings: LedgerSettings, stop: Stop) -> None:
    """Until the next round is due; tells Redis of ends as they are announced, and what is open when somebody waits.

    The round comes early when what has ended is to be cut.
    """
    until = began + settings.tick_seconds
    while not stop.wanted and (left := until - time.monotonic()) > 0:
        channels = {notice.channel for notice in connection.notifies(timeout=left, stop_after=1)}
        if GLANCE in channels:
            rounds.glance()
        if CHANNEL in channels and rounds.tell(connection):
            due = time.monotonic() + settings.cut_after_seconds
            until = min(until, max(due, began + _LEAST_SECONDS))


def _say_ready() -> None:
    """sd_notify(3); without systemd nothing."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
            service_manager.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


def main() -> int:
    logs.configure()
    try:
        settings = LedgerSettings.load()
    except ValidationError as error:
        logger.warning("settings_wrong", error=str(error))
        return 2
    run(settings, Stop())
    return 0


if __name__ == "__main__":
    sys.exit(main())
