"""Failed sign-ins are counted per known device, or per address and account, in the live store.

Not in the cache: that drops what was not asked for lately, so whoever guesses could push the count of it out with
answers that are kept for repeats, or with titles. A count is written for an attempt that gets a hash, and goes when it
is given back or its window is over: hashes bound what all of them take.

Each attempt is counted before the password is looked at, so that a thousand at once can't all slip through, and taken
back when it succeeds. A limiter that breaks does not break sign-in: it lets through and counts that.
"""

import hashlib
import logging
from contextlib import suppress

from redis import Redis

from authsvc.people.names import compared
from authsvc.sessions.addresses import neighbourhood
from authsvc.settings import ApiSettings
from authsvc.stores.live import LiveUnavailable, Script

_TAKE = Script("throttle")
_GIVE_BACK = Script("throttle_give_back")

logger = logging.getLogger(__name__)


class Throttled(Exception):
    """Too many failed attempts. `first` is true once in a window: it is worth writing down then."""

    def __init__(self, retry_after_seconds: float, first: bool) -> None:
        super().__init__()
        self.retry_after_seconds, self.first = retry_after_seconds, first


def account_digest(username: str) -> str:
    """What stands for an account in counters, whether or not there is one."""
    return hashlib.sha256(compared(username).encode()).hexdigest()[:32]


class FactorThrottle:
    """Codes of an authenticator app that one user may get wrong within the window: a million are soon tried.

    Only who knows the password comes this far, so nobody else can use it to keep the owner out.
    """

    def __init__(self, live: "Redis", settings: ApiSettings) -> None:
        self._live, self._most = live, settings.second_factor_failures
        self._window_ms = settings.second_factor_window_seconds * 1000

    def take(self, user_id: str) -> None:
        """Count an attempt. Raises Throttled."""
        try:
            wait_ms, first = _TAKE(self._live, self._window_ms, f"ks:throttle:factor:{user_id}", self._most)
        except LiveUnavailable:
            logger.warning("second factor throttle failed open")
            return
        if wait_ms:
            raise Throttled(wait_ms / 1000, bool(first))

    def give_back(self, user_id: str) -> None:
        """The attempt was good: it does not count."""
        with suppress(LiveUnavailable):
            _GIVE_BACK(self._live, f"ks:throttle:factor:{user_id}")


class LoginThrottle:
    """The counters of an attempt to sign in: the device's own, or the three of a stranger."""

    def __init__(self, live: "Redis", settings: ApiSettings) -> None:
        self._live = live
        self._settings = settings
        # Attempts let through because the counters could not be reached.
        self.failed_open = 0

    def take(self, username: str, client: str | None, device_id: str | None = None) -> None:
        """Count an attempt; `device_id` is a known device's. Raises Throttled when there were too many."""
        counters = self._counters(username, client, device_id)
        arguments = [part for pair in counters.items() for part in pair]
        try:
            wait_ms, first = _TAKE(self._live, self._settings.login_window_seconds * 1000, *arguments)
        except LiveUnavailable:
            self.failed_open += 1
            logger.warning("login throttle failed open, %d times so far", self.failed_open)
            return
        if wait_ms:
            raise Throttled(wait_ms / 1000, bool(first))

    def give_back(self, username: str, client: str | None, device_id: str | None = None) -> None:
        """The attempt was good: it does not count."""
        try:
            _GIVE_BACK(self._live, *self._counters(username, client, device_id))
        except LiveUnavailable:
            self.failed_open += 1

    def _counters(self, username: str, client: str | None, device_id: str | None) -> dict[str, int]:
        """Key and limit of each."""
        settings = self._settings
        if device_id:
            return {f"ks:throttle:device:{device_id}": settings.login_failures_per_device}
        address = neighbourhood(client) if client else "unknown"
        account = account_digest(username)
        return {
            f"ks:throttle:address:{address}": settings.login_failures_per_address,
            f"ks:throttle:pair:{account}:{address}": settings.login_failures_per_account_and_address,
            f"ks:throttle:account:{account}": settings.login_failures_per_account,
        }
