"""Channels: each TCP connection of a client, which playbacks it carries, and how its bytes move.

What a connection carries is told by authz (`ks:connections`), by Nginx's number of the connection and the peer. A port
is used again by the same client sooner or later, so the kernel's cookie of the socket decides which of them is meant:
a number that belonged to another socket never counts for this one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from authsvc.ledger.sockets import Socket

# Less than this is an answer of the interface on the same connection, unless more is waiting to be sent.
_MEDIA_BYTES = 16_384
# TLS and HTTP/2 add at most a 128th to what is sent, and each answer has a head.
_FRAMES, _HEAD_BYTES = 128, 1024


def framed(size: int) -> int:
    """Bytes on the connection of an answer with a body of `size` bytes, about and rather more: 0 of 0."""
    return size + size // _FRAMES + _HEAD_BYTES if size else 0


class Note(NamedTuple):
    """A connection was let in for a playback."""

    serial: int
    playback: str
    http2: bool
    # Milliseconds of Redis's clock.
    at: int

    @classmethod
    def parse(cls, value: str) -> "Note":
        """Raises ValueError."""
        serial, playback, http2, at = value.split(" ")
        return cls(int(serial), playback, http2 == "1", int(at))

    def __str__(self) -> str:
        return f"{self.serial} {self.playback} {int(self.http2)} {self.at}"


@dataclass(slots=True)
class Channel:
    """One connection. The numbers are of the last look unless they say otherwise."""

    socket: Socket
    # Latest last; on HTTP/1.1 only the latest counts.
    notes: list[Note] = field(default_factory=list)
    # Bytes acknowledged since the look before, and how many of them finished answers explain.
    grown: int = 0
    explained: int = 0
    # Of all bytes acknowledged, those that finished answers explain, about; and all at the last look after which the
    # log was read to its end: what came before is explained by a line that came after.
    settled: int = 0
    read: int = 0
    # Bytes of which this look shows that no line of the log will come for them.
    missing: int = 0
    # Looks since media last moved or waited on it.
    still: int = 0
    # Was something waiting to be sent at this look and at the one before?
    stuck: bool = False
    # Bytes since it was found to have no business, and when that was.
    idle_business: int = 0
    since: float | None = None

    @property
    def http2(self) -> bool:
        return bool(self.notes) and self.notes[-1].http2

    @property
    def playbacks(self) -> list[str]:
        """What it may be carrying."""
        return [note.playback for note in (self.notes if self.http2 else self.notes[-1:])]

    @property
    def under_way(self) -> int:
        """Bytes of the answer that is under way, about."""
        return max(self.socket.acked - self.settled, 0)

    @property
    def latest(self) -> str | None:
        return self.notes[-1].playback if self.notes else None

    def moves(self, http2_media_bytes: int) -> bool:
        """Do bytes of media move on it? On HTTP/2 other answers move too, so there it takes more to say so."""
        if self.http2:
            return self.grown - self.explained >= http2_media_bytes
        return self.grown > 0 and (self.socket.waiting > 0 or self.grown >= _MEDIA_BYTES)

    def looked(self, now: Socket, explained: int | None) -> None:
        """Take over what the next look saw; `explained` is None when the log was not read to its end."""
        self.grown = max(now.acked - self.socket.acked, 0)
        self.explained = explained or 0
        unexplained = max(self.grown - self.explained, 0)
        self.stuck = now.waiting > 0 and self.socket.waiting > 0
        self.socket = now
        self.missing = 0
        self.still = 0 if now.waiting or unexplained >= _MEDIA_BYTES else self.still + 1
        if explained:
            self._settle(explained)
        if explained is not None:
            self.read = now.acked
        if self.since is not None:
            self.idle_business += unexplained

    def _settle(self, explained: int) -> None:
        """Answers have ended. On HTTP/1.1 nothing else was under way then, so all before the last look is over."""
        self.settled += framed(explained)
        if not self.http2:
            self.missing = max(self.read - self.settled, 0)
            self.settled += self.missing
        self.settled = min(self.settled, self.socket.acked + self.socket.waiting)

    def is_over(self, since: float, after_bytes: int) -> bool:
        """Nobody may use it any more: does it still carry more than answers that say so?"""
        if self.since is None:
            # What the kernel holds for the client by now was sent in time.
            self.since, self.idle_business, self.stuck = since, -self.socket.waiting, False
            return False
        return self.stuck or self.idle_business > after_bytes

    def is_stray(self, now: float, seconds: float, after_bytes: int) -> bool:
        """Nobody was let in on it: has one answer gone on for that long, and carried that much?

        An empty queue at any look is the pause between two answers, of the interface for instance.
        """
        if self.since is None or not self.socket.waiting:
            self.since, self.idle_business = now, 0
            return False
        return now - self.since >= seconds and self.idle_business >= after_bytes

    def has_business(self) -> None:
        self.since, self.idle_business = None, 0


class Channels:
    """All connections of the media port."""

    def __init__(self) -> None:
        self._by_cookie: dict[int, Channel] = {}
        # (peer, serial) -> cookie of the socket that it was.
        self._owners: dict[tuple[str, int], int] = {}
        # What the last look found no more.
        self.gone: list[Channel] = []

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_cookie.values())

    def __len__(self) -> int:
        return len(self._by_cookie)

    def settled_at_least(self, cookie: int, settled: int) -> None:
        """PostgreSQL knows of more answers that ended than this was told of."""
        if channel := self._by_cookie.get(cookie):
            channel.settled = max(channel.settled, settled)

    def restore(self, cookie: int, socket: Socket, notes: list[Note], settled: int | None = None) -> None:
        """What was known of a socket before a restart."""
        explained = socket.acked if settled is None else settled
        self._by_cookie[cookie] = Channel(socket, notes, settled=explained, read=socket.acked)
        for note in notes:
            self._owners[socket.peer, note.serial] = cookie

    def look(
        self, sockets: Iterable[Socket], notes: Mapping[str, list[Note]], finished: Mapping[str, int] | None
    ) -> list[str]:
        """Take over a look. `notes` and `finished` (bytes of answers that ended since) are by peer.

        `finished` is None when the log could not be read to its end.

        Answers the peers whose notes have become void: no such connection exists any more.
        """
        seen = {socket.cookie: socket for socket in sockets}
        self.gone = [self._by_cookie.pop(cookie) for cookie in self._by_cookie.keys() - seen.keys()]
        for cookie, socket in seen.items():
            channel = self._by_cookie.get(cookie)
            if channel is None:
                # All that it has carried so far is new.
                channel = self._by_cookie[cookie] = Channel(socket._replace(acked=0, waiting=0))
            channel.looked(socket, None if finished is None else finished.get(socket.peer, 0))
            if found := notes.get(socket.peer):
                self._bind(cookie, channel, found)
        peers = {socket.peer for socket in seen.values()}
        self._owners = {key: cookie for key, cookie in self._owners.items() if key[0] in peers or key[0] in notes}
        return [peer for peer in notes if peer not in peers]

    def _bind(self, cookie: int, channel: Channel, notes: list[Note]) -> None:
        peer = channel.socket.peer
        mine = [note for note in notes if self._owners.get((peer, note.serial), cookie) == cookie]
        if not mine:
            return
        serial = max(mine, key=lambda note: note.at).serial
        self._owners[peer, serial] = cookie
        if not channel.notes:
            # What it carried before anybody was let in on it was not media.
            channel.settled = max(channel.settled, channel.socket.acked - channel.grown)
            channel.has_business()
        channel.notes = sorted((note for note in mine if note.serial == serial), key=lambda note: note.at)
