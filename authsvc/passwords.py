"""Passwords: argon2id (RFC 9106), a bounded number at once, and the same cost for names that do not exist."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 8
LONGEST = 1024

# argon2-cffi's defaults are RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes.
_hasher = PasswordHasher()


class UnacceptablePassword(ValueError):
    """The password is too short or too long."""


class HashingBusy(Exception):
    """Too many passwords are being checked right now."""


def hash_password(password: str) -> str:
    """A PHC string to store. Raises UnacceptablePassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UnacceptablePassword(f"a password has {SHORTEST} to {LONGEST} characters")
    return _hasher.hash(password)


class Checker:
    """Checks passwords, at most `at_once` at a time: each takes 64 MiB, and a storm must not eat the box."""

    def __init__(self, at_once: int, wait_seconds: float) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._wait_seconds = wait_seconds
        self._nobodys = _hasher.hash("nobody has this password")

    def matches(self, password: str, stored: str | None) -> bool:
        """Is it the password of this hash? `None` (no such user) costs as much and is always False.

        Raises HashingBusy when no place becomes free in time.
        """
        with self._place():
            try:
                verified = _hasher.verify(stored or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return verified and stored is not None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise HashingBusy
        try:
            yield
        finally:
            self._places.release()


def is_outdated(stored: str) -> bool:
    """Was this hash made with other parameters than today's?"""
    return _hasher.check_needs_rehash(stored)
