"""Waiting for what happens in another process, which tells nobody when it does."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(ask: Callable[[], Answer], within: float = 10, *, every: float = 0.25) -> Answer:
    """Ask until the answer is true or `within` seconds are over; the last answer is what the caller asserts on."""
    deadline = time.monotonic() + within
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer
