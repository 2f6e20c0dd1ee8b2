"""One hash at a time for a caller: who asks for many waits in a line of their own, and not in everybody's.

A caller is a signed-in user, or a stranger by account and address. The turn is a key of the live store, so it holds
over all worker processes; it goes by itself when its worker died. Without the store each process keeps its own lines.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError

# Longer than a hash and the wait for its place can take (gunicorn ends a call after 30 s).
_HELD_MS = 30_000
_LOOK_AGAIN_SECONDS = 0.05


class TurnTaken(Exception):
    """The caller has as many hashes under way as may wait."""


class Turns:
    """Gives each caller one turn at a time; `waiting` more wait in each process, none longer than `wait_seconds`."""

    def __init__(self, live: "Redis", *, waiting: int, wait_seconds: float) -> None:
        self._live, self._waiting, self._wait_seconds = live, waiting, wait_seconds
        self._here: Counter[str] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def of(self, caller: str) -> Iterator[None]:
        """The caller's turn, for the length of the block. Raises TurnTaken."""
        with self._counting:
            if self._here[caller] > self._waiting:
                raise TurnTaken
            self._here[caller] += 1
        try:
            key = f"ks:throttle:turn:{caller}"
            self._take(key)
            try:
                yield
            finally:
                with suppress(RedisError):
                    self._live.delete(key)
        finally:
            with self._counting:
                self._here[caller] -= 1
                if not self._here[caller]:
                    del self._here[caller]

    def _take(self, key: str) -> None:
        deadline = time.monotonic() + self._wait_seconds
        with suppress(RedisError):
            while not self._live.set(key, "1", nx=True, px=_HELD_MS):
                if time.monotonic() >= deadline:
                    raise TurnTaken
                time.sleep(_LOOK_AGAIN_SECONDS)
