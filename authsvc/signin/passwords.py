"""Passwords: argon2id (RFC 9106), a bounded number at once, and the same cost for names that do not exist."""

import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from authsvc.signin.turns import Turns, TurnTaken

# argon2-cffi's defaults are RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes.
_hasher = PasswordHasher()


class HashingBusy(Exception):
    """Too many passwords are being checked right now."""


def normalised(password: str) -> str:
    """The same code points whatever keyboard it was typed on: NFKC (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """A PHC string to store. What may be a password is said by password_rules."""
    return _hasher.hash(normalised(password))


def is_outdated(stored: str) -> bool:
    """Was this hash made with other parameters than today's?"""
    return _hasher.check_needs_rehash(stored)


class Checker:
    """Checks and makes hashes, at most `at_once` at a time: each takes 64 MiB, and a storm must not eat the box.

    `reserved` of the places are for known devices alone, so that a storm of strangers can't keep their owners out. At
    most `waiting` wait for a place in each of the two lines, none longer than `wait_seconds`: who waits holds a thread
    of the service, and some have to be left for everything else. The lines are fair: who came first is served first,
    and with `turns` each caller stands in them once.
    """

    def __init__(
        self, at_once: int, wait_seconds: float, *, reserved: int = 0, waiting: int = 2, turns: Turns | None = None
    ) -> None:
        self._strangers = _Places(max(at_once - reserved, 1), waiting)
        self._everybody = _Places(at_once, waiting)
        self._free = threading.Condition()
        self._wait_seconds, self._turns = wait_seconds, turns
        self._nobodys = _hasher.hash("nobody has this password")

    def matches(self, password: str, stored: str | None, *, known: bool = False, caller: str | None = None) -> bool:
        """Is it the password of this hash? `None` (no such user) costs as much and is always False.

        `known` is true for a device that this account has signed in from before; `caller` is whose turn it takes.
        Raises HashingBusy when no place becomes free in time.
        """
        with self._turn(caller), self._held(known):
            try:
                verified = _hasher.verify(stored or self._nobodys, normalised(password))
            except (VerificationError, InvalidHashError):
                return False
        return verified and stored is not None

    def hash(self, password: str, *, known: bool = False, caller: str | None = None) -> str:
        """`hash_password` in one of the places. Raises HashingBusy."""
        with self._turn(caller), self._held(known):
            return hash_password(password)

    @contextmanager
    def _turn(self, caller: str | None) -> Iterator[None]:
        try:
            with self._turns.of(caller) if self._turns and caller else nullcontext():
                yield
        except TurnTaken as error:
            raise HashingBusy from error

    @contextmanager
    def _held(self, known: bool) -> Iterator[None]:
        lines = [self._everybody] if known else [self._strangers, self._everybody]
        with self._free:
            if lines[0].has_a_line or not all(line.has_room for line in lines):
                lines[0].queue(self._free, lambda: all(line.has_room for line in lines), self._wait_seconds)
            for line in lines:
                line.running += 1
        try:
            yield
        finally:
            with self._free:
                for line in lines:
                    line.running -= 1
                self._free.notify_all()


class _Places:
    """How many run, of how many that may; and who waits for it."""

    def __init__(self, most: int, waiting: int) -> None:
        self._most, self._longest = most, waiting
        self.running = 0
        self._line: deque[object] = deque()

    @property
    def has_room(self) -> bool:
        return self.running < self._most

    @property
    def has_a_line(self) -> bool:
        return bool(self._line)

    def queue(self, free: threading.Condition, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for one's turn in the line and until `ready`; call it with `free` held. Raises HashingBusy."""
        if len(self._line) >= self._longest:
            raise HashingBusy
        me = object()
        self._line.append(me)
        try:
            if not free.wait_for(lambda: self._line[0] is me and ready(), seconds):
                raise HashingBusy
        finally:
            self._line.remove(me)
            # Who stands behind is first now.
            free.notify_all()
