"""Failed sign-ins are counted per address and per account, in the Redis that may lose counts.

Each attempt is counted before the password is looked at, so that a thousand at once can't all slip through, and taken
back when it succeeds. A limiter that breaks does not break sign-in: it lets through and counts that.
"""

import hashlib
import logging

from redis import Redis

from authsvc.accounts import compared
from authsvc.addresses import neighbourhood
from authsvc.live import LiveUnavailable, Script
from authsvc.settings import ApiSettings

_TAKE = Script("throttle")
_GIVE_BACK = Script("throttle_give_back")

logger = logging.getLogger(__name__)


class Throttled(Exception):
    """Too many failed attempts; the argument is how many seconds to wait."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class LoginThrottle:
    """The three counters of an attempt to sign in."""

    def __init__(self, cache: "Redis", settings: ApiSettings) -> None:
        self._cache = cache
        self._window_ms = settings.login_window_seconds * 1000
        self._limits = (
            settings.login_failures_per_address,
            settings.login_failures_per_account_and_address,
            settings.login_failures_per_account,
        )
        # Attempts let through because the counters could not be reached.
        self.failed_open = 0

    def take(self, username: str, client: str | None) -> None:
        """Count an attempt. Raises Throttled when there were too many."""
        keys = self._keys(username, client)
        arguments = [part for pair in zip(keys, self._limits, strict=True) for part in pair]
        try:
            wait_ms: int = _TAKE(self._cache, self._window_ms, *arguments)
        except LiveUnavailable:
            self.failed_open += 1
            logger.warning("login throttle failed open, %d times so far", self.failed_open)
            return
        if wait_ms:
            raise Throttled(wait_ms / 1000)

    def give_back(self, username: str, client: str | None) -> None:
        """The attempt was good: it does not count."""
        try:
            _GIVE_BACK(self._cache, *self._keys(username, client))
        except LiveUnavailable:
            self.failed_open += 1

    def _keys(self, username: str, client: str | None) -> tuple[str, str, str]:
        address = neighbourhood(client) if client else "unknown"
        account = hashlib.sha256(compared(username).encode()).hexdigest()[:32]
        return (
            f"ks:throttle:address:{address}",
            f"ks:throttle:pair:{account}:{address}",
            f"ks:throttle:account:{account}",
        )
