"""Who listens: a stream each, with what it has not taken yet.

What is told is put before each stream by one thread, the feed; each stream's own thread takes it. A stream that is
taken from too slowly is closed rather than waited for: its browser comes again and goes on where it was.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID


class Hearer(NamedTuple):
    """Who listens, and as what. `role` is the one that the session acts in."""

    session_id: UUID
    user_id: UUID
    role: str


class Full(Exception):
    """There are as many streams as may be: of this user, or of all."""


class Stream:
    """What one listener has still to take."""

    def __init__(self, hearer: Hearer, most: int) -> None:
        self.hearer = hearer
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._is_open = True
        # The role and the second factor at its begin, as PostgreSQL has them: when these change, it ends.
        self.standing: tuple[str, bool] | None = None

    def fileno(self) -> int:
        """Readable when there is something to take, or the end."""
        return self._wake

    def put(self, told: bytes) -> None:
        """To be taken; or its end, when too much is waiting."""
        with self._lock:
            if len(self._waiting) >= self._most:
                self._end()
            elif self._is_open:
                self._waiting.append(told)
                os.eventfd_write(self._wake, 1)

    def take(self, most_bytes: int = 32_768) -> bytes | None:
        """What is waiting, or as much of it; empty when there is nothing, None at its end."""
        with self._lock:
            if not self._is_open:
                return None
            taken: list[bytes] = []
            while self._waiting and sum(map(len, taken)) < most_bytes:
                taken.append(self._waiting.popleft())
            if not self._waiting:
                self._calm()
            return b"".join(taken)

    def end(self) -> None:
        """Nothing that is waiting is taken any more."""
        with self._lock:
            self._end()

    def close(self) -> None:
        """Nobody takes anything any more; not to be used afterwards."""
        with self._lock:
            self._is_open = False
            if self._wake >= 0:
                os.close(self._wake)
                self._wake = -1

    def _end(self) -> None:
        if self._is_open:
            self._is_open = False
            self._waiting.clear()
            os.eventfd_write(self._wake, 1)

    def _calm(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)


class Audience:
    """The streams. `position` is the number up to which those that are there have been told."""

    def __init__(self, most: int, most_of_user: int) -> None:
        self._most, self._most_of_user = most, most_of_user
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        # None: nobody is told anything now.
        self.position: int | None = None

    def join(self, stream: Stream) -> int | None:
        """Have it told what comes after the answer; None when nothing is told now. Raises Full."""
        with self._lock:
            if self.position is None:
                return None
            of_user = sum(other.hearer.user_id == stream.hearer.user_id for other in self._streams)
            if len(self._streams) >= self._most or of_user >= self._most_of_user:
                raise Full
            self._streams.add(stream)
            return self.position

    def leave(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)
        stream.close()

    def streams(self) -> list[Stream]:
        with self._lock:
            return list(self._streams)

    def tell(self, position: int, prepare: Callable[[list[Hearer]], Callable[[Hearer], bytes]]) -> None:
        """Put before each stream what `prepare` has for its listener (empty: nothing). It is asked while nobody can
        join, so that who joins later is told all that follows `position`, and who is there all up to it."""
        with self._lock:
            told = prepare([stream.hearer for stream in self._streams])
            self.position = position
            for stream in self._streams:
                if text := told(stream.hearer):
                    stream.put(text)

    def dismiss(self) -> None:
        """End all, and let nobody in until something is told again."""
        with self._lock:
            self.position = None
            for stream in self._streams:
                stream.end()
