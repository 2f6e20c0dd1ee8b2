"""Accounting: the log's lines, and what no line tells, into the book."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection

from authsvc.ledger import book, unlogged
from authsvc.ledger.account_log import AccountLog, Chunk, FileKey
from authsvc.ledger.channels import Channel, Channels
from authsvc.ledger.settings import LedgerSettings
from authsvc.ledger.sockets import Socket, SocketTable

# A socket's farewell follows the line of its last answer by less than this.
_FAREWELL_SECONDS = 0.05
_FAREWELLS_KEPT = 10_000

logger = structlog.get_logger(__name__)


class Accounting:
    """Step 3 of a round, and its part of step 7. Everything with a connection raises psycopg.Error."""

    def __init__(self, settings: LedgerSettings, table: SocketTable) -> None:
        self._table = table
        self._least = settings.unlogged_bytes
        self._log = AccountLog(Path(settings.account_log))
        self._unlogged = unlogged.Unlogged(settings.unlogged_bytes, settings.unlogged_seconds)
        self._positions: dict[FileKey, int] = {}
        self._farewells: dict[str, Socket] = {}
        # Lines that this round found, by peer and number of the connection.
        self._finished: Counter[tuple[str, int]] = Counter()

    def begin(self, connection: Connection[Any], channels: Channels) -> None:
        """Take over what PostgreSQL knows."""
        self._positions = book.positions(connection)
        sockets = {unlogged.Key(socket.cookie, socket.peer): socket for socket in self._table.look()}
        rows = self._unlogged.load(connection, sockets, time.monotonic())
        for key, row in rows.items():
            channels.settled_at_least(key.cookie, row.settled)
        if len(channels):
            return
        for key, socket in sockets.items():
            if known := rows.get(key):
                channels.restore(socket._replace(acked=known.acked), known.settled)
            else:
                channels.restore(socket)

    def book(self, connection: Connection[Any], sockets: list[Socket]) -> dict[str, int] | None:
        """Book the log. Answers the bytes of finished answers by peer; None if there may be more."""
        waiting = {socket.peer: socket.waiting for socket in sockets}
        self._finished = Counter()
        whole = False
        try:
            for chunk in self._log.unread(self._positions):
                sizes = self._unlogged.known_sizes(chunk, self._arrived(chunk, waiting))
                explained = self._unlogged.explained_by(chunk)
                book.write(connection, chunk, sizes, explained)
                self._positions[chunk.file] = chunk.end
                self._unlogged.explain(explained)
                for answer in chunk.answers:
                    self._finished[answer.peer, answer.serial] += answer.bytes
            whole = True
        except book.PositionMoved:
            logger.warning("position_moved")
            self._positions = book.positions(connection)
        except OSError as error:
            logger.warning("account_log_unreadable", error=str(error))
        while len(self._farewells) > _FAREWELLS_KEPT:
            del self._farewells[next(iter(self._farewells))]
        return self._by_peer() if whole else None

    def part(self, gone: Iterable[Channel], now: float) -> None:
        """These connections are gone."""
        self._farewells |= self._table.farewells()
        self._unlogged.part(gone, self._farewells, self._finished, now)
        self._finished = Counter()

    def keep(self, connection: Connection[Any], channels: Channels, now: float) -> None:
        """Write down what is under way, and book what no line will tell. The log was read to its end before."""
        self._unlogged.keep(connection, channels, now)
        at = datetime.now(UTC)
        lost = [
            (UUID(channel.latest), channel.missing, at)
            for channel in channels
            if channel.latest and channel.missing >= self._least
        ]
        for playback, size, _ in lost:
            logger.warning("lines_missing", playback=playback.hex, bytes=size)
        book.estimate(connection, lost)

    def forget(self, connection: Connection[Any]) -> None:
        """Drop what is of no use any more."""
        book.forget_files(connection, list(self._log.keys()))
        unlogged.forget(connection)

    def _arrived(self, chunk: Chunk, waiting: Mapping[str, int]) -> dict[int, int]:
        """What arrived of aborted answers: what Nginx handed over, less what was never acknowledged."""
        # On HTTP/1.1 an aborted answer is the last on its connection.
        aborted: dict[str, int] = {
            answer.peer: index for index, answer in enumerate(chunk.answers) if not answer.completed
        }
        self._farewells |= self._table.farewells()
        if any(peer not in self._farewells and peer not in waiting for peer in aborted):
            time.sleep(_FAREWELL_SECONDS)
            self._farewells |= self._table.farewells()
        arrived: dict[int, int] = {}
        for peer, index in aborted.items():
            last = self._farewells.pop(peer, None)
            left = last.waiting if last else waiting.get(peer, 0)
            arrived[index] = max(chunk.answers[index].bytes - left, 0)
        return arrived

    def _by_peer(self) -> dict[str, int]:
        sums: defaultdict[str, int] = defaultdict(int)
        for (peer, _), size in self._finished.items():
            sums[peer] += size
        return sums
