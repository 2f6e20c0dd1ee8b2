"""Streams of events, without a server: who takes too little, who has left, and who may not listen any more."""

import contextlib
import socket
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from authsvc.events.audience import Audience, Full, Hearer, Stream
from authsvc.events.feed import Feed
from authsvc.events.listening import Text
from authsvc.events.settings import EventsSettings

SETTINGS = EventsSettings(event_send_seconds=0.05, event_heartbeat_seconds=0.05, event_queue=3)


def hearer(user: UUID | None = None) -> Hearer:
    return Hearer(uuid4(), user or uuid4(), "user")


class Sighted(Feed):
    """It has just looked."""

    @property
    def is_blind(self) -> bool:
        return False


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        yield near, far


def fill(connection: socket.socket) -> None:
    """Until it takes nothing more."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            connection.send(bytes(4096))


def opened(audience: Audience, connection: socket.socket, feed: type[Feed] = Sighted) -> tuple[Stream, Text]:
    audience.tell(0, lambda _: lambda _: b"")
    stream = Stream(hearer(), SETTINGS.event_queue)
    assert audience.join(stream) == 0
    return stream, Text(SETTINGS, audience, feed(SETTINGS, audience), stream, connection, b"begin")


def test_it_tells_what_is_put_in_order_and_signs_of_life(pair: tuple[socket.socket, socket.socket]) -> None:
    stream, text = opened(Audience(9, 9), pair[0])
    assert next(text) == b"begin"
    assert next(text) == b":\n\n"
    stream.put(b"one ")
    stream.put(b"two")
    assert next(text) == b"one two"
    assert next(text) == b":\n\n"


def test_who_takes_nothing_is_left_and_so_is_who_has_too_much_before_them(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    stream, text = opened(Audience(9, 9), pair[0])
    next(text)
    fill(pair[0])
    stream.put(b"one")
    assert list(text) == []
    other, text = opened(Audience(9, 9), pair[0])
    for _ in range(SETTINGS.event_queue + 1):
        other.put(b"more")
    assert list(text) == [b"begin"], "nothing of what was waiting: it goes on from its last number"


def test_who_hangs_up_counts_no_more(pair: tuple[socket.socket, socket.socket]) -> None:
    audience = Audience(9, 9)
    stream, text = opened(audience, pair[0])
    pair[1].close()
    assert list(text) == [b"begin"]
    assert audience.streams() == [stream]
    text.close()
    text.close()
    assert audience.streams() == []
    stream.put(b"for nobody")


def test_a_feed_that_can_not_look_tells_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    stream, text = opened(Audience(9, 9), pair[0], Feed)
    stream.put(b"of somebody who may not hear it any more")
    assert list(text) == [b"begin"]


def test_streams_are_counted_by_user_and_in_all() -> None:
    audience = Audience(3, 2)
    assert audience.join(Stream(hearer(), 1)) is None, "nothing is told yet"
    audience.tell(5, lambda _: lambda _: b"")
    user = uuid4()
    for _ in range(2):
        assert audience.join(Stream(hearer(user), 1)) == 5
    with pytest.raises(Full):
        audience.join(Stream(hearer(user), 1))
    audience.join(Stream(hearer(), 1))
    with pytest.raises(Full):
        audience.join(Stream(hearer(), 1))
    for stream in audience.streams():
        audience.leave(stream)
    assert audience.join(Stream(hearer(user), 1)) == 5
