"""When is a session alive? Said once for SQL and once for Python; `over` in stores/lua/common.lua says it for Redis.

A session is over when somebody ended it, when its user was disabled, when its longest life has passed (`expired`), or
when nobody used it for too long (`idle`; devices rest for as long as they like). The cases of
tests/integration/sessions/test_alive.py hold all of them to that.

The fragments want `sessions s` and, where they say so, `users u` in the statement.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, LiteralString

from authsvc.settings import LiveSettings

# Kinds of sessions that no rest ends.
RESTING_KINDS: Final = frozenset({"device"})

# Nobody has ended it, and its longest life is not over.
OPEN: Final[LiteralString] = "(s.ended_at IS NULL AND s.expires_at > now())"
# Its user may use it, too. Wants `users u`.
ALIVE: Final[LiteralString] = f"({OPEN} AND u.is_active)"
# Unused for `%(idle)s` seconds.
IDLE: Final[LiteralString] = "(s.kind <> 'device' AND s.last_seen_at <= now() - make_interval(secs => %(idle)s))"
# Over by time and not ended yet, and the word for why.
OVER: Final[LiteralString] = f"(s.ended_at IS NULL AND (s.expires_at <= now() OR {IDLE}))"
WHY_OVER: Final[LiteralString] = "CASE WHEN s.expires_at <= now() THEN 'expired' ELSE 'idle' END"


def may_rest_seconds(settings: LiveSettings, kind: str) -> float:
    """How long a session of this kind may go unused; 0 for as long as it lasts."""
    return 0 if kind in RESTING_KINDS else settings.session_idle_seconds


def over(
    expires_at: datetime, last_seen_at: datetime, rest_seconds: float, now: datetime
) -> Literal["expired", "idle"] | None:
    """Why a session is over by time at `now`; None while it is not. `rest_seconds` is 0 where no rest ends it."""
    if expires_at <= now:
        return "expired"
    if rest_seconds and last_seen_at + timedelta(seconds=rest_seconds) <= now:
        return "idle"
    return None
