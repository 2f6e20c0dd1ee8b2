"""Calls that may be repeated: the first answer is kept under the client's key, and a repeat gets it again.

As draft-ietf-httpapi-idempotency-key-header says: a repeat while the first still runs is refused, and so is the same
key with another request. Kept in the Redis that may lose things: a repeat after that runs again, as it would without
a key, and a store that is away never stops a call. Each caller has room for so many bytes in `seconds`, so that one
can't push out what the others have there; beyond that an answer is not kept. What is kept can't be read without the
service's secret by name, and holds no password: names and fingerprints are HMACs.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError

from authsvc.stores.live import LiveUnavailable, Script

# Longer than any call lives (gunicorn ends it after 30 s): after a crash the key is free again.
RUNNING_SECONDS = 60
# A larger answer is not kept; none of this interface is.
LONGEST_BYTES = 65_536
_TAKE = Script("quota")

logger = logging.getLogger(__name__)


class KeyRunning(Exception):
    """The first call with this key has not ended yet."""


class KeyReused(Exception):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to give again."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to run a call once. `name` is None when the store is away."""

    name: str | None
    fingerprint: str
    room: str = ""


class Repeats:
    """The answers that repeats get, for `seconds` after the first."""

    def __init__(self, cache: "Redis", secret: SecretStr, seconds: int, bytes_each: int) -> None:
        self._cache, self._seconds, self._bytes_each = cache, seconds, bytes_each
        # Not the key itself, which signs tokens: one derived from it for this purpose.
        self._secret = hmac.digest(secret.get_secret_value().encode(), b"kinetoscope idempotency", "sha256")
        # Calls that ran without this because the store was away.
        self.failed_open = 0

    def begin(self, caller: str, call: str, key: str, request: bytes, *, room: str) -> Attempt | Answer:
        """Claim the key of `caller` for `call`, or get the answer of the first; `room` is whose bytes the answer takes.

        Raises KeyRunning, KeyReused.
        """
        attempt = Attempt("ks:repeat:" + self._digest(caller, call, key), self._digest(call, request), room)
        try:
            there = self._cache.set(
                attempt.name or "", json.dumps([attempt.fingerprint]), nx=True, get=True, ex=RUNNING_SECONDS
            )
        except RedisError as error:
            self.failed_open += 1
            logger.warning("idempotency failed open, %d times so far: %s", self.failed_open, error)
            return Attempt(None, "")
        if not isinstance(there, bytes):
            return attempt
        fingerprint, *answer = json.loads(there)
        if not hmac.compare_digest(fingerprint, attempt.fingerprint):
            raise KeyReused
        if not answer:
            raise KeyRunning
        return Answer(*answer)

    def finish(self, attempt: Attempt, answer: Answer | None) -> None:
        """Keep the answer; None sets the key free, because nothing was changed."""
        if attempt.name is None:
            return
        try:
            if answer is None or len(answer.body) > LONGEST_BYTES:
                self._cache.delete(attempt.name)
                return
            stored = json.dumps([attempt.fingerprint, answer.status, dict(answer.headers), answer.body])
            if self._has_room(attempt, len(stored)):
                self._cache.set(attempt.name, stored, ex=self._seconds)
            else:
                self._cache.delete(attempt.name)
        except (RedisError, LiveUnavailable) as error:
            self.failed_open += 1
            logger.warning("idempotency failed open, %d times so far: %s", self.failed_open, error)

    def _has_room(self, attempt: Attempt, size_bytes: int) -> bool:
        room = f"ks:quota:repeats:{attempt.room}"
        left, _ = _TAKE(self._cache, room, self._seconds * 1000, self._bytes_each, size_bytes)
        return bool(left >= 0)

    def _digest(self, *parts: str | bytes) -> str:
        encoded = [part.encode() if isinstance(part, str) else part for part in parts]
        # Lengths in front, so that no two lists of parts read the same.
        text = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()
