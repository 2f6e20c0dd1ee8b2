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
    # Bytes of the answer that is under way, about.
    under_way: int = 0
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
    def latest(self) -> str | None:
        return self.notes[-1].playback if self.notes else None

    def moves(self, http2_media_bytes: int) -> bool:
        """Do bytes of media move on it? On HTTP/2 other answers move too, so there it takes more to say so."""
        if self.http2:
            return self.grown - self.explained >= http2_media_bytes
        return self.grown > 0 and (self.socket.waiting > 0 or self.grown >= _MEDIA_BYTES)

    def looked(self, now: Socket, explained: int) -> None:
        """Take over what the next look saw."""
        self.grown = max(now.acked - self.socket.acked, 0)
        self.explained = explained
        unexplained = max(self.grown - explained, 0)
        self.under_way = unexplained if explained else self.under_way + unexplained
        self.stuck = now.waiting > 0 and self.socket.waiting > 0
        self.socket = now
        if self.since is not None:
            self.idle_business += unexplained

    def is_over(self, since: float, after_bytes: int) -> bool:
        """Nobody may use it any more: does it still carry more than answers that say so?"""
        if self.since is None:
            self.since, self.idle_business, self.stuck = since, 0, False
            return False
        return self.stuck or self.idle_business > after_bytes

    def is_stray(self, now: float, seconds: float, after_bytes: int) -> bool:
        """Nobody was let in on it: has it carried much, and without a pause, for that long?"""
        if self.since is None or not (self.grown or self.socket.waiting):
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

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_cookie.values())

    def __len__(self) -> int:
        return len(self._by_cookie)

    def restore(self, cookie: int, socket: Socket, notes: list[Note]) -> None:
        """What was known of a socket before a restart."""
        self._by_cookie[cookie] = Channel(socket, notes)
        for note in notes:
            self._owners[socket.peer, note.serial] = cookie

    def look(
        self, sockets: Iterable[Socket], notes: Mapping[str, list[Note]], finished: Mapping[str, int]
    ) -> list[str]:
        """Take over a look. `notes` and `finished` (bytes of answers that ended since) are by peer.

        Answers the peers whose notes have become void: no such connection exists any more.
        """
        seen = {socket.cookie: socket for socket in sockets}
        for cookie in [cookie for cookie in self._by_cookie if cookie not in seen]:
            del self._by_cookie[cookie]
        for cookie, socket in seen.items():
            channel = self._by_cookie.get(cookie)
            if channel is None:
                channel = self._by_cookie[cookie] = Channel(socket)
                # All that it has carried so far is new.
                channel.grown = socket.acked
            else:
                channel.looked(socket, finished.get(socket.peer, 0))
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
        if channel.notes and channel.notes[-1].serial != serial:
            channel.notes = []
        channel.notes = sorted((note for note in mine if note.serial == serial), key=lambda note: note.at)
