"""What the cache keeps of the library, so that PostgreSQL need not tell it again: titles, and what is featured.

Who may see a title is never kept: it is asked each time, with the stamp of the title. The stamp is part of the key, so
a change by anybody (the indexer writes to PostgreSQL alone) makes the next reader miss; nothing is older than its life
either way. A cache that is away, slow or full costs the time it saved and nothing else.

    ks:title:<video>:<stamp>         JSON of the title's page without ratings
    ks:featured:<audience>:<stamp>   JSON of ids: {popular: [...], recent: [...]}
"""

import json
import time
from collections.abc import Callable
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

_PAUSE_SECONDS = 1.0

logger = structlog.get_logger(__name__)


class Kept:
    """JSON by key, for `seconds`."""

    def __init__(self, cache: "Redis", seconds: float) -> None:
        self._cache = cache
        self._life_ms = round(seconds * 1000)
        self._alone_until = 0.0

    def get(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is kept, else what `make` answers, which is kept from then on."""
        if time.monotonic() < self._alone_until:
            return make()
        try:
            found = self._cache.get(key)
            if found is not None:
                return dict(json.loads(found))
        except (RedisError, ValueError) as error:
            self._leave_alone(error)
            return make()
        made = make()
        try:
            self._cache.set(key, json.dumps(made, default=str), px=self._life_ms)
        except RedisError as error:
            self._leave_alone(error)
        return made

    def _leave_alone(self, error: Exception) -> None:
        """For a while: the time-outs of many requests must not add up."""
        self._alone_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("cache_unavailable", reason=type(error).__name__)
