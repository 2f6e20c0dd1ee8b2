"""Was the wall clock set? Until it is known that it stays so, nothing ends for good because its time is over."""

import time
from typing import Any

import structlog
from psycopg import Connection

from catalog.rows import only

logger = structlog.get_logger(__name__)


class Steps:
    """Compares PostgreSQL's clock, by which sessions end, with a clock that nobody sets."""

    def __init__(self, step_seconds: float, settle_seconds: float) -> None:
        self._step_seconds, self._settle_seconds = step_seconds, settle_seconds
        self._ahead: float | None = None
        self._doubtful_until = 0.0

    def in_doubt(self, connection: Connection[Any]) -> bool:
        """Has the clock moved by more than a step since the last call, or not long ago? Raises psycopg.Error."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM now())::double precision")
            wall: float = only(cursor)[0]
        now = time.monotonic()
        moved = 0.0 if self._ahead is None else wall - now - self._ahead
        self._ahead = wall - now
        if abs(moved) > self._step_seconds:
            logger.warning("clock_was_set", seconds=round(moved))
            self._doubtful_until = now + self._settle_seconds
        return now < self._doubtful_until
