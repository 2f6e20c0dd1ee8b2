"""A crowd of viewers with a pace: bursts of ranges with pauses, or one long answer read as fast as it is watched.

What arrives is dropped inside the kernel (recv with MSG_TRUNC, tcp(7)), so that the crowd takes little from the cores
that it shares with the server. With TLS it makes the handshake and sends its requests, and then drops the records
unread: deciphering is the viewers' work, and they have machines of their own.
"""

import resource
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.load import ANSWER_SECONDS, request
from bench.measure import percentile
from bench.servers import FILM_BYTES, Server

# A long answer may lag by so many periods before what the player holds is used up.
BUFFERED_PERIODS = 2
DISCARD_BYTES = 4 << 20


@dataclass(frozen=True)
class Plan:
    """What one viewer does: every period, a range of so many bytes on each of its sockets; or, `paced`, one answer of
    which it takes so many bytes a period. With `probe` its first socket begins with two bytes, as players do."""

    path: str
    headers: tuple[str, ...]
    range_bytes: int
    every_seconds: float
    sockets: int = 1
    paced: bool = False
    probe: bool = False


@dataclass
class Outcome:
    """What the crowd met. A stall is a burst that was due before the last one was over, or an empty buffer."""

    seconds: float = 0
    received: int = 0
    requests: int = 0
    stalls: int = 0
    failures: int = 0
    first_ms: tuple[float, ...] = ()

    def first(self, percent: float) -> float:
        return percentile(list(self.first_ms), percent)


class Crowd:
    """All viewers, in one thread."""

    def __init__(self, server: Server, plans: list[Plan]) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = sum(plan.sockets for plan in plans) + 512
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))
        self.server, self.plans, self.outcome = server, plans, Outcome()
        self.poll = select.epoll()
        self.asking: dict[int, Asking] = {}
        self.first_ms: list[float] = []
        self.discard = bytearray(DISCARD_BYTES)
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def run(self, seconds: float, midway: Callable[[], None] = lambda: None) -> Outcome:
        """Connect, begin evenly over one period, and go on for so long; `midway` is called once in the middle."""
        viewers = [[Asking(self, plan, is_first=not at) for at in range(plan.sockets)] for plan in self.plans]
        began = time.monotonic()
        # Everybody has the same period, so due times keep their order.
        due = [began + plan.every_seconds * number / len(viewers) for number, plan in enumerate(self.plans)]
        end, middle, at = began + seconds, began + seconds / 2, 0
        while (now := time.monotonic()) < end:
            while due[at] <= now:
                for asking in viewers[at]:
                    asking.next(now)
                due[at] += self.plans[at].every_seconds
                at = (at + 1) % len(viewers)
            if now >= middle:
                midway()
                middle = end + 1
            for descriptor, _ in self.poll.poll(max(min(due[at] - now, 0.05), 0)):
                self.asking[descriptor].receive()
        for asking in self.asking.values():
            asking.socket.close()
        self.outcome.seconds, self.outcome.first_ms = seconds, tuple(self.first_ms)
        return self.outcome


class Asking:
    """One connection of a viewer."""

    def __init__(self, crowd: Crowd, plan: Plan, *, is_first: bool) -> None:
        self.crowd, self.plan = crowd, plan
        self.probed = not (plan.probe and is_first)
        self.socket = socket.create_connection((crowd.server.address, crowd.server.port), timeout=ANSWER_SECONDS)
        self.tls = self._shake_hands() if crowd.server.tls else None
        self.socket.setblocking(False)
        # Bytes that may be taken now; a paced reader is given more each period.
        self.credit, self.place = 0, (id(self) << 12) % (FILM_BYTES >> 1)
        self.asked_at, self.waiting, self.is_open = 0.0, False, False
        crowd.asking[self.socket.fileno()] = self
        crowd.poll.register(self.socket.fileno(), 0)

    def _shake_hands(self) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.crowd.context.wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self.socket.sendall(outgoing.read())
                incoming.write(self.socket.recv(65_536))
            else:
                self.socket.sendall(outgoing.read())
                return tls, outgoing

    def next(self, now: float) -> None:
        """The period is over: ask the next range, or take more of the long answer."""
        plan = self.plan
        if plan.paced:
            if not self.is_open:
                self._ask(FILM_BYTES - self.place, now)
            elif self.credit > BUFFERED_PERIODS * plan.range_bytes:
                self.crowd.outcome.stalls += 1
            self.credit += plan.range_bytes
        elif self.credit > 0:
            self.crowd.outcome.stalls += 1
            return
        else:
            self._ask_range(now, plan.range_bytes if self.probed else 2)
        self.crowd.poll.modify(self.socket.fileno(), select.EPOLLIN)

    def _ask_range(self, now: float, length: int) -> None:
        self._ask(length, now)
        self.credit = length
        if self.probed:
            self.place = (self.place + length) % (FILM_BYTES - length)

    def _ask(self, length: int, now: float) -> None:
        content = request(self.plan.path, self.place, length, list(self.plan.headers))
        if self.tls:
            self.tls[0].write(content)
            content = self.tls[1].read()
        self.socket.send(content)
        self.asked_at, self.waiting, self.is_open = now, True, True

    def receive(self) -> None:
        """Take what is there, up to the credit of a paced reader."""
        crowd = self.crowd
        most = min(self.credit, DISCARD_BYTES) if self.plan.paced else DISCARD_BYTES
        try:
            wrong = self.waiting and not self.tls and self.socket.recv(12, socket.MSG_PEEK) != b"HTTP/1.1 206"
            count = self.socket.recv_into(crowd.discard, most, socket.MSG_TRUNC)
        except BlockingIOError:
            return
        except OSError:
            wrong, count = True, 0
        if wrong or not count:
            crowd.outcome.failures += 1
            crowd.poll.modify(self.socket.fileno(), 0)
            return
        if self.waiting:
            crowd.first_ms.append((time.monotonic() - self.asked_at) * 1000)
            crowd.outcome.requests += 1
            self.waiting = False
        crowd.outcome.received += count
        self.credit -= count
        if self.credit <= 0 and not self.probed:
            self.probed = True
            self._ask_range(time.monotonic(), self.plan.range_bytes)
        if self.plan.paced and self.credit <= 0:
            crowd.poll.modify(self.socket.fileno(), 0)
