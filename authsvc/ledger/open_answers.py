"""Open answers: which have begun and are not over, connection by connection, as the answers log tells.

A connection is named by its peer and by Nginx's number of it. Of two with the same peer the one with the later answer
is the one that is there: a port is used again only after its connection is closed. On HTTP/1.1 an answer ends the one
before it, whatever became of its line.
"""

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from authsvc.ledger.answers_log import AnswersLog, Begun, Ended

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Carrier:
    """A connection with answers."""

    peer: str
    serial: int
    http2: bool
    # The playback of the latest answer, and when that began.
    latest: str
    at: float
    open: dict[str, Begun] = field(default_factory=dict)
    # Those that were open at some time since the last look, and those of them that took a lease the look before.
    lately: set[Begun] = field(default_factory=set)
    # The kernel's cookie of the socket, once it is known; what was there when the ledger started last is sure.
    cookie: int | None = None


class OpenAnswers:
    """The answers that are open, by connection."""

    def __init__(self, log: AnswersLog, state: Path) -> None:
        self._log, self._state = log, state
        self._carriers: dict[str, Carrier] = {}
        self._by_request: dict[str, Carrier] = {}
        self._written, self._is_kept = "", True
        # No ledger was here before: Nginx may have begun answers before it told of any.
        self.is_first = True
        # Playbacks whose open answers have changed since `changed` was asked.
        self._changed: set[str] = set()
        self._load()

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._carriers.values())

    def of(self, peer: str) -> Carrier | None:
        """The connection with this peer."""
        return self._carriers.get(peer)

    def read(self) -> None:
        """Take over what the log tells."""
        for line in self._log.read():
            if isinstance(line, Ended):
                self._end(line.request)
            else:
                self._begin(line)

    def changed(self) -> dict[str, int]:
        """How many answers are open of the playbacks where that has changed since the last call."""
        names, self._changed = self._changed, set()
        if not names:
            return {}
        counts = Counter(answer.playback for carrier in self for answer in carrier.open.values() if answer.takes_lease)
        return {playback: counts[playback] for playback in names}

    def looked(self) -> None:
        """A look is over: what has ended before it is not of late any more."""
        for carrier in self:
            carrier.lately = set(carrier.open.values())

    def forget(self, peers: Iterable[str]) -> None:
        """These connections do not exist any more, and so no answer on them."""
        for peer in peers:
            if carrier := self._carriers.pop(peer, None):
                for request in list(carrier.open):
                    self._end(request, carrier)

    def keep_only(self, peers: Container[str]) -> None:
        self.forget([peer for peer in self._carriers if peer not in peers])

    def save(self) -> None:
        """Write the state for the next start, then free what was read. Without it the log is read again."""
        state = json.dumps(
            {
                "inode": self._log.inode,
                "position": self._log.position,
                "carriers": [
                    [each.peer, each.serial, each.http2, each.latest, each.at, each.cookie, list(each.open.values())]
                    for each in self
                ],
            }
        )
        if state == self._written:
            return
        try:
            part = self._state.with_suffix(".part")
            part.write_text(state)
            part.replace(self._state)
        except OSError as error:
            if self._is_kept:
                logger.warning("answers_not_kept", error=str(error))
            self._is_kept = False
            return
        self._is_kept = True
        self._written = state
        self._log.give_back()

    def _load(self) -> None:
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
            carriers = [
                Carrier(peer, serial, http2, latest, at, {answer[0]: Begun(*answer) for answer in open_}, cookie=cookie)
                for peer, serial, http2, latest, at, cookie, open_ in state["carriers"]
            ]
            inode, position = int(state["inode"]), int(state["position"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            logger.warning("answers_state_unreadable", error=str(error))
            return
        self.is_first = False
        self._log.inode, self._log.position = inode, position
        self._carriers = {carrier.peer: carrier for carrier in carriers}
        self._by_request = {request: carrier for carrier in carriers for request in carrier.open}
        self.looked()

    def _begin(self, answer: Begun) -> None:
        carrier = self._carriers.get(answer.peer)
        if carrier is not None and carrier.serial != answer.serial:
            if carrier.at > answer.at:
                return
            self.forget([answer.peer])
            carrier = None
        if carrier is None:
            carrier = Carrier(answer.peer, answer.serial, answer.http2, answer.playback, answer.at)
            self._carriers[answer.peer] = carrier
        if not answer.http2:
            for request in list(carrier.open):
                self._end(request)
        carrier.latest, carrier.at = answer.playback, answer.at
        carrier.open[answer.request] = answer
        carrier.lately.add(answer)
        self._by_request[answer.request] = carrier
        self._changed.add(answer.playback)

    def _end(self, request: str, carrier: Carrier | None = None) -> None:
        carrier = self._by_request.pop(request, carrier)
        if carrier is not None and (answer := carrier.open.pop(request, None)):
            self._changed.add(answer.playback)
