"""What is counted is the answer: each way in which the counting was once got round, from outside, as a viewer can.

On the stack of child processes and on a box alike (Site). Each row asserts, and answers its figure: seconds until a
cut, or how much moved at once.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from testbed.viewers.paced import Http1Reader, Http2Reader, Reading, Where

PROMISED_SECONDS = 10
# Begun, and known to the ledger: a look or two later.
KNOWN_SECONDS = 5


class Site(Protocol):
    """A place with a viewer who may watch `limit` titles at once, and a film that takes minutes at `slow`."""

    limit: int
    slow: float
    # A lease without a sign of life has lapsed after these seconds.
    lease_seconds: float

    def where(self, source: str | None = None) -> Where: ...
    def start(self, replace: str | None = None) -> tuple[int, dict[str, Any]]:
        """Status and body of a grant, perhaps in exchange for a playback."""
        ...

    def stop(self, grant: dict[str, Any]) -> None:
        """An admin ends it."""
        ...

    def list_entries(self) -> Sequence[str]:
        """The addresses of the product's own playlist, for a player that was added."""
        ...


def started(site: Site) -> tuple[dict[str, Any], str]:
    """A grant and the path of its film."""
    status, grant = site.start()
    assert status == 201, grant
    return grant, path(grant)


def path(grant: dict[str, Any]) -> str:
    source: str = grant["links"]["source"]
    return "/" + source.split("/", 3)[3] if source.startswith("https://") else source


def within(seconds: float, ask: Callable[[], bool]) -> float:
    """How long it took; fails when it is not so in time."""
    began = time.monotonic()
    while not ask():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def moving(readings: Sequence[Reading]) -> int:
    return sum(reading.status in {200, 206} and not reading.is_over and reading.moved_within(1) for reading in readings)


class MostMoving:
    """The most that moved at once for half a second; never more than `limit`.

    For a moment after a cut its reader goes on with what it has in its buffer.
    """

    def __init__(self, limit: int) -> None:
        self.found = 0
        self._limit = limit
        self._lately: deque[int] = deque(maxlen=4)

    def watch(self, readings: Sequence[Reading], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._lately.append(moving(readings))
            if len(self._lately) == self._lately.maxlen:
                self.found = max(self.found, min(self._lately))
            assert self.found <= self._limit, f"{self.found} move at once"
            time.sleep(0.15)


def most_moving(readings: Sequence[Reading], seconds: float, limit: int) -> int:
    most = MostMoving(limit)
    most.watch(readings, seconds)
    return most.found


def film_beside_another_on_http2(site: Site, end: Callable[[dict[str, Any]], None]) -> float:
    """A's film slowly and one byte of B on one HTTP/2 connection; A ends."""
    film, link = started(site)
    _, other = started(site)
    with Http2Reader(site.where()) as reader:
        reading = reader.read(link, bytes_a_second=site.slow).wait()
        assert reader.read(other, byte_range="0-0").finished().is_whole
        time.sleep(KNOWN_SECONDS)
        assert moving([reading]) == 1
        end(film)
        return within(PROMISED_SECONDS, lambda: reading.is_cut)


def film_that_a_cached_decision_let_in(site: Site) -> float:
    """On one HTTP/1.1 connection within a second: A's first byte, B's, and A whole. A keeps its lease, and is cut."""
    film, link = started(site)
    other, other_link = started(site)
    with Http1Reader(site.where()) as reader:
        for each in (link, other_link):
            assert reader.read(each, byte_range="0-0").finished().is_whole
        reading = reader.read(link, bytes_a_second=site.slow).wait()
        time.sleep(KNOWN_SECONDS)
        site.stop(other)
        time.sleep(KNOWN_SECONDS)
        assert moving([reading]) == 1, "the other's end is none of its business"
        site.stop(film)
        return within(PROMISED_SECONDS, lambda: reading.is_cut)


def more_titles_than_the_limit_on_http2(site: Site, rounds: int) -> int:
    """As many grants and long answers as may be on one connection, and again after a lease's time, and so on."""
    readings: list[Reading] = []
    most = 0
    with Http2Reader(site.where()) as reader:
        for number in range(rounds):
            if number:
                most = max(most, most_moving(readings, site.lease_seconds + 2, site.limit))
            for _ in range(site.limit):
                status, grant = site.start()
                if status == 201:
                    readings.append(reader.read(path(grant), bytes_a_second=site.slow).wait())
                else:
                    assert (status, grant["code"], len(grant["running"])) == (429, "streams", site.limit), grant
        most = max(most, most_moving(readings, KNOWN_SECONDS, site.limit))
        assert moving(readings) == site.limit, "those that were first go on"
    return most


def titles_replaced_while_they_are_read(site: Site, seconds: float) -> tuple[int, int]:
    """A viewer at the limit replaces title after title and leaves none of them. Answers the most that moved at once,
    and how many were granted.
    """
    running: list[str] = []
    readings: list[Reading] = []
    most, until = MostMoving(site.limit), time.monotonic() + seconds
    with contextlib.ExitStack() as opened:
        while time.monotonic() < until:
            replace = running.pop(0) if len(running) >= site.limit else None
            status, grant = site.start(replace)
            if status == 201:
                running.append(grant["playback_id"])
                reader = opened.enter_context(Http1Reader(site.where()))
                readings.append(reader.read(path(grant), bytes_a_second=10 * site.slow).wait())
            else:
                assert (status, grant["code"]) == (429, "streams"), grant
            most.watch(readings, 0.4)
    return most.found, len(readings)


@contextlib.contextmanager
def _by_addresses(site: Site, link: str) -> Iterator[Callable[[str], Reading]]:
    with contextlib.ExitStack() as opened:

        def read(source: str) -> Reading:
            return opened.enter_context(Http1Reader(site.where(source))).read(link, bytes_a_second=site.slow).wait()

        yield read


def new_addresses_while_others_read(site: Site, addresses: Sequence[str], pause_seconds: float) -> int:
    """One link; two addresses read it, then three new ones at a time, again and again: the first two move."""
    _, link = started(site)
    with _by_addresses(site, link) as read:
        first = [read(each) for each in addresses[:2]]
        time.sleep(KNOWN_SECONDS)
        readings, most = list(first), 0
        for at in range(2, len(addresses) - 2, 3):
            newcomers = [read(each) for each in addresses[at : at + 3]]
            assert [each.status for each in newcomers] == [403] * 3, "shared"
            readings += newcomers
            most = max(most, most_moving(readings, pause_seconds, 2))
        assert moving(first) == 2
    return most


def three_addresses_at_once(site: Site, addresses: Sequence[str]) -> float:
    """Begun in the same moment, so nobody was first: within seconds two go on."""
    _, link = started(site)
    with contextlib.ExitStack() as opened:
        readers = [opened.enter_context(Http1Reader(site.where(each))) for each in addresses[:3]]
        readings = [reader.read(link, bytes_a_second=site.slow) for reader in readers]
        for reading in readings:
            reading.wait()
        seconds = within(PROMISED_SECONDS, lambda: sum(reading.is_over for reading in readings) == 1)
        time.sleep(KNOWN_SECONDS)
        assert moving(readings) == 2
        return seconds


def address_after_address(site: Site, addresses: Sequence[str], pause_seconds: float) -> int:
    """A viewer on dual stack or two uplinks: each address reads to its end. Answers how many were one viewer."""
    _, link = started(site)
    for each in addresses:
        with Http1Reader(site.where(each)) as reader:
            reading = reader.read(link, byte_range="0-99999").finished()
            assert (reading.status, reading.received) == (206, 100_000), each
        time.sleep(pause_seconds)
    return len(addresses)


def phone_that_moves(site: Site, addresses: Sequence[str]) -> int:
    """Nobody closes its old connections: they are open, and nothing moves."""
    _, link = started(site)
    with _by_addresses(site, link) as read:
        for each in addresses:
            reading = read(each)
            assert reading.status == 200, each
            time.sleep(3)
            assert moving([reading]) == 1
            reading.bytes_a_second = 1e-3
            time.sleep(KNOWN_SECONDS)
    return len(addresses)


def many_http2_connections(site: Site, count: int, most: int) -> float:
    """By one link; as many go on as may be, and those ask on."""
    _, link = started(site)
    with contextlib.ExitStack() as opened:
        readers = [opened.enter_context(Http2Reader(site.where())) for _ in range(count)]
        readings = [reader.read(link, bytes_a_second=site.slow) for reader in readers]
        seconds = within(PROMISED_SECONDS, lambda: sum(not reading.is_over for reading in readings) == most)
        late = opened.enter_context(Http2Reader(site.where()))
        assert late.read(link, byte_range="0-0").finished().status == 403
        assert sum(not reading.is_over for reading in readings) == most
        known = next(reader for reader, reading in zip(readers, readings, strict=True) if not reading.is_over)
        assert known.read(link, byte_range="0-0").finished().status == 206
        return seconds


def skipping_through_the_list(site: Site, rate: float) -> int:
    """A player goes through the product's own playlist as fast as it can. Answers how many titles it began."""
    entries = [*site.list_entries()] * (3 * site.limit)
    for entry in entries[: 3 * site.limit]:
        with Http1Reader(site.where()) as reader:
            sent_on = reader.read(entry).finished()
            assert sent_on.status == 302, sent_on
            location = sent_on.headers["location"]
            link = "/" + location.split("/", 3)[3] if location.startswith("https://") else location
            with Http1Reader(site.where()) as player:
                begun = player.read(link, bytes_a_second=rate).wait()
                assert begun.status == 200, begun
    return 3 * site.limit
