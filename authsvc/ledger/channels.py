"""Channels: each TCP connection of a client, the answers that are open on it, and how its bytes move.

Which answers are open is told by Nginx (open_answers.py), with its number of the connection and the peer. A port is
used again by the same client sooner or later, so the kernel's cookie of the socket decides which connection is meant: a
number that belonged to another socket never counts for this one.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from authsvc.ledger.open_answers import Carrier, OpenAnswers
from authsvc.ledger.sockets import Socket

# Less than this is an answer of the interface on the same connection, unless more is waiting to be sent.
_MEDIA_BYTES = 16_384
# TLS and HTTP/2 add at most a 128th to what is sent, and each answer has a head.
_FRAMES, _HEAD_BYTES = 128, 1024


def framed(size: int) -> int:
    """Bytes on the connection of an answer with a body of `size` bytes, about and rather more: 0 of 0."""
    return size + size // _FRAMES + _HEAD_BYTES if size else 0


@dataclass(slots=True)
class Channel:
    """One connection. The numbers are of the last look unless they say otherwise."""

    socket: Socket
    # Its answers; None while there was none.
    carrier: Carrier | None = None
    # Bytes acknowledged since the look before.
    grown: int = 0
    # Of all bytes acknowledged, those that finished answers explain, about; and all at the last two looks after which
    # the account log was read to its end. Its lines are a tenth of a second late at most, so what was acknowledged at
    # the look before the last is explained by a line that has come since.
    settled: int = 0
    read: int = 0
    read_before: int = 0
    # Bytes of which this look shows that no line of the log will come for them.
    missing: int = 0
    # Looks since media last moved or waited on it.
    still: int = 0
    # Since when it has had an answer open that nobody may go on with.
    over_since: float | None = None
    # Was it there before the first ledger was? Then it may carry answers that nobody told of.
    is_older: bool = False
    # When an answer began that nobody was let in for, and its bytes.
    stray_since: float | None = None
    stray_bytes: int = 0

    @property
    def http2(self) -> bool:
        return self.carrier is not None and self.carrier.http2

    @property
    def playbacks(self) -> set[str]:
        """Those with an answer open on it, of whatever kind."""
        return {answer.playback for answer in self.carrier.open.values()} if self.carrier else set()

    @property
    def watched(self) -> set[str]:
        """Those with an answer that takes a lease: open, or since the look before."""
        return {answer.playback for answer in self.carrier.lately if answer.takes_lease} if self.carrier else set()

    @property
    def under_way(self) -> int:
        """Bytes of the answers that are under way, about."""
        return max(self.socket.acked - self.settled, 0)

    @property
    def latest(self) -> str | None:
        """The playback of the latest answer."""
        return self.carrier.latest if self.carrier else None

    @property
    def moves(self) -> bool:
        """Do bytes of media move on it?"""
        return self.grown > 0 and (self.socket.waiting > 0 or self.grown >= _MEDIA_BYTES)

    def looked(self, now: Socket, explained: int | None) -> None:
        """Take over what the next look saw; `explained` is None when the log was not read to its end.

        A socket that is torn down may say that it has sent nothing: what was seen to arrive has arrived.
        """
        now = now._replace(acked=max(now.acked, self.socket.acked))
        self.grown = now.acked - self.socket.acked
        unexplained = max(self.grown - (explained or 0), 0)
        self.socket = now
        self.missing = 0
        self.still = 0 if now.waiting or unexplained >= _MEDIA_BYTES else self.still + 1
        if explained:
            self._settle(explained)
        if explained is not None:
            self.read_before, self.read = self.read, now.acked
        self.stray_bytes += unexplained

    def _settle(self, explained: int) -> None:
        """Answers have ended. On HTTP/1.1 nothing else was under way then, so all before them is over."""
        self.settled += framed(explained)
        if not self.http2:
            self.missing = max(self.read_before - self.settled, 0)
            self.settled += self.missing
        self.settled = min(self.settled, self.socket.acked + self.socket.waiting)

    def note_over(self, over: AbstractSet[str], now: float) -> None:
        """Since when has an answer been open on it of a playback that may not go on?"""
        if self.playbacks.isdisjoint(over):
            self.over_since = None
        elif self.over_since is None:
            self.over_since = now

    def is_over(self, now: float, seconds: float) -> bool:
        """Has such an answer been open for so long?"""
        return self.over_since is not None and now - self.over_since >= seconds

    def is_stray(self, now: float, seconds: float, after_bytes: int) -> bool:
        """Nobody was let in on it: has one answer gone on for that long, and carried that much?

        An empty queue at any look is the pause between two answers, of the interface for instance.
        """
        if self.playbacks or self.is_older or self.stray_since is None or not self.socket.waiting:
            self.stray_since, self.stray_bytes = now, 0
        return now - self.stray_since >= seconds and self.stray_bytes >= after_bytes


class Channels:
    """All connections of the media port."""

    def __init__(self, answers: OpenAnswers) -> None:
        self._answers = answers
        self._by_cookie: dict[int, Channel] = {}
        # (peer, serial) -> cookie of the socket that it was.
        self._owners: dict[tuple[str, int], int] = {}
        # What the last look found no more.
        self.gone: list[Channel] = []
        self._has_looked = False

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_cookie.values())

    def __len__(self) -> int:
        return len(self._by_cookie)

    def settled_at_least(self, cookie: int, settled: int) -> None:
        """PostgreSQL knows of more answers that ended than this was told of."""
        if channel := self._by_cookie.get(cookie):
            channel.settled = max(channel.settled, settled)

    def restore(self, socket: Socket, settled: int | None = None) -> None:
        """What was known of a socket before a restart of the ledger, if anything was."""
        carrier = self._answers.of(socket.peer)
        if carrier is None or carrier.cookie != socket.cookie:
            return
        explained = socket.acked if settled is None else settled
        self._by_cookie[socket.cookie] = Channel(
            socket, carrier, settled=explained, read=socket.acked, read_before=min(explained, socket.acked)
        )
        self._owners[socket.peer, carrier.serial] = socket.cookie

    def look(self, sockets: Iterable[Socket], finished: Mapping[str, int] | None) -> None:
        """Take over a look. The answers log was read before it, so what it names and is not there is gone.

        `finished` are bytes of answers that ended since, by peer; None when the account log was not read to its end.
        """
        seen = {socket.cookie: socket for socket in sockets}
        self.gone = [self._by_cookie.pop(cookie) for cookie in self._by_cookie.keys() - seen.keys()]
        peers = {socket.peer for socket in seen.values()}
        self._answers.keep_only(peers)
        for cookie, socket in seen.items():
            channel = self._by_cookie.get(cookie)
            if channel is None:
                # All that it has carried so far is new.
                channel = self._by_cookie[cookie] = Channel(socket._replace(acked=0, waiting=0))
                channel.is_older = self._answers.is_first and not self._has_looked
            channel.looked(socket, None if finished is None else finished.get(socket.peer, 0))
            self._bind(channel)
        self._owners = {key: cookie for key, cookie in self._owners.items() if key[0] in peers}
        self._has_looked = True

    def _bind(self, channel: Channel) -> None:
        peer, cookie = channel.socket.peer, channel.socket.cookie
        carrier = self._answers.of(peer)
        if carrier is None or carrier is channel.carrier:
            return
        if self._owners.setdefault((peer, carrier.serial), carrier.cookie or cookie) != cookie:
            # Of a connection that had this peer before.
            self._answers.forget([peer])
            return
        if channel.carrier is None:
            # What it carried before anybody was let in on it was not media.
            channel.settled = max(channel.settled, channel.socket.acked - channel.grown)
        channel.carrier, carrier.cookie = carrier, cookie
