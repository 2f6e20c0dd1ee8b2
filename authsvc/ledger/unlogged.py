"""Answers that the account log does not have: those under way, and those that were broken off together with Nginx.

Nginx writes a line when an answer is over. A worker that is killed, a box that reboots and a full disk leave answers
without one. So:

1. Each round the connections with much under way are kept in PostgreSQL: bytes acknowledged, bytes that lines explain.
2. A line that is booked is added to what explains them, in the transaction that books it.
3. A connection that is gone, also at a start, is given some seconds for its line. Then what nothing explains is booked
   as an estimate, in the transaction that says so in its row.
4. A line that comes later still is booked less what is in the book already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from psycopg import Connection

from authsvc.ledger import book
from authsvc.ledger.account_log import Chunk
from authsvc.ledger.channels import Channel, framed
from authsvc.ledger.sockets import Socket

# A row is written again when the client has got this much more.
_STEP_BYTES = 65_536
# On HTTP/2 nothing tells that no answer is under way, but that nothing moves or waits for so many looks.
_STILL_LOOKS = 5

logger = structlog.get_logger(__name__)


class Key(NamedTuple):
    """A connection of this or an earlier boot."""

    cookie: int
    peer: str


class Connected(NamedTuple):
    """A connection as its line in the log names it."""

    peer: str
    serial: int


class Row(NamedTuple):
    """What is known of a connection."""

    serial: int
    playback: str
    http2: bool
    acked: int
    settled: int

    @property
    def bytes(self) -> int:
        """That arrived and are in no line."""
        return max(self.acked - self.settled, 0)


class Unlogged:
    """`least` bytes are worth a row; a connection that is gone waits `seconds` for its line."""

    def __init__(self, least: int, seconds: float) -> None:
        self._least, self._seconds = least, seconds
        # As PostgreSQL has it.
        self._stored: dict[Key, Row] = {}
        # Connections that are gone, and since when.
        self._gone: dict[Key, tuple[Row, float]] = {}
        # Bytes in the book that a line may still explain.
        self._booked: Counter[Connected] = Counter()

    def load(self, connection: Connection[Any], present: Iterable[Key], now: float) -> dict[Key, Row]:
        """Take over what PostgreSQL knows; answers what it knows of the connections that are present."""
        rows = connection.execute(
            "SELECT cookie::text, host(address) || ' ' || port, serial, playback_id, is_http2, acked, settled, booked"
            "  FROM unlogged"
        ).fetchall()
        self._stored, self._booked = {}, Counter()
        for cookie, peer, serial, playback, http2, acked, settled, booked in rows:
            key = Key(int(cookie), peer)
            if booked:
                self._booked[Connected(key.peer, serial)] += booked
                self._gone.pop(key, None)
            else:
                self._stored[key] = Row(serial, playback.hex, http2, acked, settled)
        there = set(present)
        for key in self._stored.keys() - there:
            row, since = self._gone.get(key, (self._stored[key], now))
            self._gone[key] = (row._replace(settled=max(row.settled, self._stored[key].settled)), since)
        return {key: self._stored[key] for key in self._stored.keys() & there}

    # -- lines --

    def known_sizes(self, chunk: Chunk, arrived: Mapping[int, int]) -> dict[int, int]:
        """What is left to book of answers, by index: `arrived`, less what is in the book already."""
        sizes, left = dict(arrived), self._booked.copy()
        for index, answer in enumerate(chunk.answers):
            if known := left[Connected(answer.peer, answer.serial)]:
                size = sizes.get(index, answer.bytes)
                sizes[index] = max(size - known, 0)
                left[Connected(answer.peer, answer.serial)] -= min(size, known)
        return sizes

    def explained_by(self, chunk: Chunk) -> dict[tuple[str, int], int]:
        """Bytes of the chunk's answers on connections that have a row."""
        rows = {Connected(key.peer, row.serial) for key, row in self._stored.items()} | self._booked.keys()
        explained: Counter[tuple[str, int]] = Counter()
        for answer in chunk.answers if rows else ():
            if Connected(answer.peer, answer.serial) in rows:
                explained[answer.peer, answer.serial] += framed(answer.bytes)
        return explained

    def explain(self, lines: Mapping[tuple[str, int], int]) -> None:
        """The lines of `explained_by` have been booked."""
        for key, row in self._stored.items():
            if size := lines.get((key.peer, row.serial)):
                self._stored[key] = row._replace(settled=row.settled + size)
        for key, (row, since) in self._gone.items():
            if size := lines.get((key.peer, row.serial)):
                self._gone[key] = (row._replace(settled=row.settled + size), since)
        for (peer, serial), size in lines.items():
            self._booked[Connected(peer, serial)] -= size
        self._booked = +self._booked

    # -- connections --

    def part(
        self,
        gone: Iterable[Channel],
        farewells: Mapping[str, Socket],
        finished: Mapping[tuple[str, int], int],
        now: float,
    ) -> None:
        """These connections are gone; `finished` are the lines that this round found."""
        for channel in gone:
            if (row := _row(channel)) is None:
                continue
            last = farewells.get(channel.socket.peer)
            # A connection that is reset forgets what it had sent.
            acked = max(row.acked, last.acked) if last and last.cookie == channel.socket.cookie else row.acked
            explained = row.settled + framed(finished.get((channel.socket.peer, row.serial), 0))
            self._gone[_key(channel)] = (row._replace(acked=acked, settled=explained), now)

    def keep(self, connection: Connection[Any], channels: Iterable[Channel], now: float) -> None:
        """Write down what has changed, and book what has waited long enough. The log was read to its end before."""
        self._gone = {key: (row, since) for key, (row, since) in self._gone.items() if row.bytes >= self._least}
        rows = {key: row for key, (row, _) in self._gone.items()}
        for channel in channels:
            row = _row(channel)
            if row is not None and row.bytes >= self._least:
                rows[_key(channel)] = row
        self._write(connection, rows)
        self._book(connection, [key for key, (_, since) in self._gone.items() if now - since >= self._seconds])

    def _write(self, connection: Connection[Any], rows: Mapping[Key, Row]) -> None:
        void = self._stored.keys() - rows.keys()
        changed = {
            key: row
            for key, row in rows.items()
            if (stored := self._stored.get(key)) is None
            or row.settled != stored.settled
            or row.acked - stored.acked >= _STEP_BYTES
            or (key in self._gone and row != stored)
        }
        if void:
            connection.execute(
                "DELETE FROM unlogged u"
                " USING unnest(%s::numeric[], %s::inet[], %s::integer[]) k (cookie, address, port)"
                " WHERE (u.cookie, u.address, u.port) = (k.cookie, k.address, k.port)",
                _columns(void),
            )
        if changed:
            connection.execute(
                """
                INSERT INTO unlogged (cookie, address, port, serial, playback_id, is_http2, acked, settled)
                SELECT n.cookie, n.address, n.port, n.serial, p.id, n.is_http2, n.acked, n.settled
                  FROM unnest(%s::numeric[], %s::inet[], %s::integer[], %s::bigint[], %s::uuid[], %s::boolean[],
                              %s::bigint[], %s::bigint[])
                       n (cookie, address, port, serial, playback_id, is_http2, acked, settled)
                  JOIN playbacks p ON p.id = n.playback_id
                ON CONFLICT (cookie, address, port) DO UPDATE
                    SET serial = excluded.serial, playback_id = excluded.playback_id, is_http2 = excluded.is_http2,
                        acked = excluded.acked, settled = excluded.settled, seen_at = now(), booked = 0
                """,
                [*_columns(changed), *(list(column) for column in zip(*changed.values(), strict=True))],
            )
        self._stored = {key: changed.get(key) or self._stored[key] for key in rows}

    def _book(self, connection: Connection[Any], keys: list[Key]) -> None:
        if not keys:
            return
        with connection.transaction():
            booked = connection.execute(
                """
                UPDATE unlogged u SET booked = u.acked - u.settled
                  FROM unnest(%s::numeric[], %s::inet[], %s::integer[]) k (cookie, address, port)
                 WHERE (u.cookie, u.address, u.port) = (k.cookie, k.address, k.port) AND u.booked = 0
                       AND u.acked > u.settled
                RETURNING u.playback_id, u.booked, u.seen_at
                """,
                _columns(keys),
            ).fetchall()
            book.estimate(connection, booked)
        for playback, size, _ in booked:
            logger.warning("answer_without_line", playback=playback.hex, bytes=size)
        for key in keys:
            row, _ = self._gone.pop(key)
            self._stored.pop(key, None)
            self._booked[Connected(key.peer, row.serial)] += row.bytes


def forget(connection: Connection[Any]) -> None:
    """Drop what was booked over a day ago: no line explains it any more."""
    connection.execute("DELETE FROM unlogged WHERE booked > 0 AND seen_at < now() - interval '1 day'")


def _key(channel: Channel) -> Key:
    return Key(channel.socket.cookie, channel.socket.peer)


def _row(channel: Channel) -> Row | None:
    """None where no answer can be under way."""
    carrier = channel.carrier
    if carrier is None or (carrier.http2 and channel.still >= _STILL_LOOKS):
        return None
    return Row(carrier.serial, carrier.latest, carrier.http2, channel.socket.acked, channel.settled)


def _columns(keys: Iterable[Key]) -> list[list[Any]]:
    parts = [(key.cookie, key.peer.split(" ")) for key in keys]
    return [
        [cookie for cookie, _ in parts],
        [address for _, (address, _) in parts],
        [int(port) for _, (_, port) in parts],
    ]
