"""Quotas: how many calls a user, or an address of somebody unknown, may make in a minute, by class of call.

Nginx's limit_req is the outer wall, by address alone; this one knows who asks and tells how much is left. Counted in
the Redis that may lose counts. A limiter that breaks breaks no call: it lets through, counts that, and leaves the
store alone for a second, so that time-outs can't pile up.
"""

import logging
import time
from dataclasses import dataclass
from enum import StrEnum

from redis import Redis

from authsvc.settings import ApiSettings
from authsvc.stores.live import LiveUnavailable, Script

WINDOW_SECONDS = 60
_RETRY_SECONDS = 1.0
_TAKE = Script("quota")

logger = logging.getLogger(__name__)


class CallClass(StrEnum):
    """What a call costs the box, roughly."""

    GENERAL = "general"
    # Passwords and codes are guessed there.
    LOGIN = "login"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True)
class Quota:
    """A caller's quota after this call. `left` is -1 when the call was too many; `seconds` is then how long to wait,
    else how long until the quota is whole again."""

    call_class: CallClass
    calls: int
    left: int
    seconds: int


class Quotas:
    """The counters, by class and caller."""

    def __init__(self, cache: "Redis", settings: ApiSettings) -> None:
        self._cache = cache
        self._calls = {
            CallClass.GENERAL: settings.general_calls_per_minute,
            CallClass.LOGIN: settings.login_calls_per_minute,
            CallClass.STREAMING: settings.streaming_calls_per_minute,
        }
        self._asked_again_at = 0.0
        # Calls let through because the counters could not be reached.
        self.failed_open = 0

    def take(self, call_class: CallClass, caller: str, cost: int = 1) -> Quota | None:
        """Count a call of `caller` as so many calls; None when it can't be counted."""
        calls = self._calls[call_class]
        if time.monotonic() < self._asked_again_at:
            self.failed_open += 1
            return None
        try:
            left, wait_ms = _TAKE(self._cache, f"ks:quota:{call_class}:{caller}", WINDOW_SECONDS * 1000, calls, cost)
        except LiveUnavailable as error:
            self.failed_open += 1
            self._asked_again_at = time.monotonic() + _RETRY_SECONDS
            logger.warning("quotas failed open, %d times so far: %s", self.failed_open, error)
            return None
        return Quota(call_class, calls, left, -(-wait_ms // 1000))
