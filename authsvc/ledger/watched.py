"""What a look saw of each playback: its open answers, its connections, and to how many addresses its bytes move."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from authsvc.ledger.channels import Channel


class Seen(NamedTuple):
    """What Redis is told of a playback."""

    moves: bool
    # Answers that are open, and on how many connections.
    open: int
    connections: int
    # Connections that carry it: with an answer open, or none since.
    sockets: int
    bytes: int
    # Addresses to which its bytes move, as many as may be; and the names of the connections, where there are as many
    # as may be.
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


NOTHING = Seen(False, 0, 0, 0, 0)


@dataclass(slots=True)
class _Sums:
    moves: bool = False
    open: int = 0
    bytes: int = 0
    active: int = 0
    # Oldest first.
    carrying: list[Channel] = field(default_factory=list)
    # Address -> when its first answer of these began.
    moving: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Address:
    began: float
    # When its bytes last moved, and at which look.
    moved: float
    look: int


class Watched:
    """Looks at channels, and remembers which addresses moved lately."""

    def __init__(self, addresses: int, window_seconds: float, sockets: int) -> None:
        self._most_addresses, self._window, self._most_sockets = addresses, window_seconds, sockets
        self._addresses: defaultdict[str, dict[str, _Address]] = defaultdict(dict)
        self._look = 0
        # (playback, address) that had an answer at the last look.
        self._lately: set[tuple[str, str]] = set()
        # Connections of a playback beyond what it may have, by a look: address or socket too many.
        self.too_many: list[tuple[Channel, str]] = []

    def look(self, channels: Iterable[Channel], over: set[str], now: float) -> dict[str, Seen]:
        """By playback; those of `over` may have nothing, so nothing of theirs is too many. `now` is monotonic."""
        self._look += 1
        sums: defaultdict[str, _Sums] = defaultdict(_Sums)
        lately: set[tuple[str, str]] = set()
        for channel in sorted(channels, key=lambda channel: channel.carrier.serial if channel.carrier else 0):
            self._add(channel, sums, lately)
        self._lately = lately
        self.too_many = []
        for playback in self._addresses.keys() - sums.keys():
            self._move(playback, {}, now)
        return {playback: self._seen(playback, these, over, now) for playback, these in sums.items()}

    def _add(self, channel: Channel, sums: defaultdict[str, _Sums], lately: set[tuple[str, str]]) -> None:
        carrier = channel.carrier
        if carrier is None:
            return
        watched = channel.watched
        moves = channel.moves
        for playback in watched | ({carrier.latest} if channel.socket.established else set()):
            of_it = sums[playback]
            if channel.socket.established:
                of_it.carrying.append(channel)
            if playback in watched:
                of_it.moves |= moves
                of_it.active += channel.socket.established
                of_it.bytes += channel.under_way // len(watched)
        for answer in carrier.lately:
            if not answer.takes_lease:
                continue
            is_open = answer.request in carrier.open
            sums[answer.playback].open += is_open
            key = (answer.playback, answer.address)
            lately.add(key)
            # One that asks again and again counts as one whose answer is open; one whose answer is over is gone.
            if moves and (is_open or key in self._lately):
                moving = sums[answer.playback].moving
                moving[answer.address] = min(answer.at, moving.get(answer.address, answer.at))

    def _move(self, playback: str, moving: dict[str, float], now: float) -> list[str]:
        """The addresses that count, oldest first."""
        known = self._addresses[playback]
        for address, began in moving.items():
            seen = known.setdefault(address, _Address(began, now, self._look))
            seen.moved, seen.look = now, self._look
        # Two looks at least: on a busy machine they may be further apart than the window is long.
        for address, seen in list(known.items()):
            if now - seen.moved > self._window and self._look - seen.look > 1:
                del known[address]
        if not known:
            del self._addresses[playback]
        return sorted(known, key=lambda address: known[address].began)

    def _seen(self, playback: str, sums: _Sums, over: set[str], now: float) -> Seen:
        counting = self._move(playback, sums.moving, now)
        most = self._most_addresses or len(counting)
        connections = sums.carrying
        names: tuple[str, ...] = ()
        if playback not in over:
            strangers = set(counting[most:])
            for channel in sums.carrying:
                answers = channel.carrier.open.values() if channel.carrier else ()
                if any(each.playback == playback and each.address in strangers for each in answers):
                    self.too_many.append((channel, "addresses"))
            if 0 < self._most_sockets <= len(sums.carrying):
                connections = sums.carrying[: self._most_sockets]
                names = tuple(f"{each.carrier.serial} {each.socket.peer}" for each in connections if each.carrier)
                self.too_many += [(channel, "sockets") for channel in sums.carrying[self._most_sockets :]]
        return Seen(
            sums.moves,
            sums.open,
            sums.active,
            len(connections),
            sums.bytes,
            tuple(counting[:most]),
            names,
        )
