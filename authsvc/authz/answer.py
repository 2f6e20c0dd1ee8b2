"""What Nginx may be told: 204, 401 or 403, with the reason of a refusal in X-Deny."""

import math
from typing import NamedTuple

from catalog.contract.refusals import Deny


class Answer(NamedTuple):
    """A status with its headers; there is never a body."""

    status: str
    headers: tuple[tuple[str, str], ...]


# Nginx keeps a 204 for a second, and goes by it for 30 s while this service is dead.
_DECIDED = ("Cache-Control", "max-age=1, stale-if-error=30")
# Decided without Redis: that policy has 30 s of its own, which must not be added to.
_DECIDED_IN_OUTAGE = ("Cache-Control", "max-age=1")
# A verdict is kept as long as a yes, so that it takes the yes's place: else a connection that was let in, and then
# refused, would be let in again when this service dies.
_VERDICT = ("Cache-Control", "max-age=1")
_VERDICTS = frozenset([Deny.SESSION, Deny.GONE, Deny.FORBIDDEN, Deny.SHARED])
_NOT_STORED = ("Cache-Control", "no-store")
# Longest wait told to a client: there may be room before the first lease lapses.
_LONGEST_RETRY_SECONDS = 60


def allowed(playback_id: str, user_id: str, rate: int, *, in_outage: bool = False) -> Answer:
    """Go on. `rate` is in bytes a second for the connection, 0 without a cap."""
    return Answer(
        "204 NO CONTENT",
        (
            ("X-Playback-Id", playback_id),
            ("X-User-Id", user_id),
            ("X-Rate", str(rate)),
            _DECIDED_IN_OUTAGE if in_outage else _DECIDED,
        ),
    )


def denied(reason: Deny, retry_after_seconds: float | None = None) -> Answer:
    """Not now, or never, and why."""
    headers: tuple[tuple[str, str], ...] = (("X-Deny", reason.value), _VERDICT if reason in _VERDICTS else _NOT_STORED)
    if retry_after_seconds is not None:
        seconds = min(max(math.ceil(retry_after_seconds), 1), _LONGEST_RETRY_SECONDS)
        headers = (*headers, ("X-Retry-After", str(seconds)))
    return Answer("403 FORBIDDEN", headers)


# A part of an upload may come.
TAKEN = Answer("204 NO CONTENT", (("X-Taken", "yes"), _NOT_STORED))
# A question that can't be read: no reason is given.
REFUSED = Answer("403 FORBIDDEN", (_NOT_STORED,))
# RFC 6750, section 3: no error code when no credentials came.
NO_CREDENTIALS = Answer("401 UNAUTHORIZED", (("WWW-Authenticate", "Bearer"), _NOT_STORED))
BAD_CREDENTIALS = Answer(
    "401 UNAUTHORIZED",
    (("WWW-Authenticate", 'Bearer error="invalid_token"'), ("X-Deny", Deny.SESSION.value), _VERDICT),
)
