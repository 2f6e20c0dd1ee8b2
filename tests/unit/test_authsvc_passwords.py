"""Passwords: argon2id with RFC 9106's parameters, and a storm that is bounded."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from authsvc.signin import passwords
from authsvc.signin.passwords import Checker, HashingBusy, hash_password, is_outdated


def test_hash_is_argon2id_of_the_low_memory_profile() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not is_outdated(stored)
    assert is_outdated(stored.replace("t=3", "t=2"))
    checker = Checker(at_once=1, wait_seconds=1)
    assert checker.matches("correct horse", stored)
    assert not checker.matches("correct hors", stored)
    assert not checker.matches("nobody has this password", None), "the stand-in's own password is no way in"
    assert not checker.matches("correct horse", "not a hash")


def test_password_is_the_same_from_every_keyboard() -> None:
    composed, decomposed, wide = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me", "\uff43af\u00e9 cr\u00e8me"
    checker = Checker(at_once=1, wait_seconds=1)
    assert all(checker.matches(text, hash_password(composed)) for text in (composed, decomposed, wide))


class Slow:
    """A hasher that stands still until it is let go, and says how many were in it at once."""

    def __init__(self) -> None:
        self.gate, self.entered = threading.Event(), threading.Semaphore(0)
        self.inside = self.peak = 0
        self._counting = threading.Lock()

    def hash(self, _: str) -> str:
        return "stored"

    def verify(self, _stored: str, _password: str) -> bool:
        with self._counting:
            self.inside += 1
            self.peak = max(self.peak, self.inside)
        self.entered.release()
        assert self.gate.wait(20)
        with self._counting:
            self.inside -= 1
        return True


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    hasher = Slow()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    yield hasher
    hasher.gate.set()


def outcome(checker: Checker, known: bool = False) -> str:
    try:
        return "good" if checker.matches("password", "stored", known=known) else "bad"
    except HashingBusy:
        return "busy"


def test_storm_takes_no_more_places_than_there_are(slow: Slow) -> None:
    checker = Checker(at_once=3, wait_seconds=20, waiting=2)
    with ThreadPoolExecutor(32) as pool:
        storm = [pool.submit(outcome, checker) for _ in range(32)]
        for _ in range(3):
            assert slow.entered.acquire(timeout=20)
        # Three run and two wait; all others are turned away at once, while the first still run.
        turned_away = [future for future in storm if _done(future)]
        assert len(turned_away) == 27
        slow.gate.set()
        results = [future.result(20) for future in storm]
    assert (slow.peak, results.count("good"), results.count("busy")) == (3, 5, 27)


def _done(future: "object") -> bool:
    try:
        return future.result(timeout=0.3) == "busy"  # type: ignore[attr-defined, no-any-return]
    except TimeoutError:
        return False


def test_known_device_gets_in_while_strangers_storm(slow: Slow) -> None:
    checker = Checker(at_once=2, wait_seconds=20, reserved=1, waiting=1)
    with ThreadPoolExecutor(16) as pool:
        storm = [pool.submit(outcome, checker) for _ in range(15)]
        assert slow.entered.acquire(timeout=20)
        owner = pool.submit(outcome, checker, True)
        assert slow.entered.acquire(timeout=20), "the owner waits for strangers"
        assert slow.peak == 2
        slow.gate.set()
        assert owner.result(20) == "good"
        assert {future.result(20) for future in storm} == {"good", "busy"}
    assert slow.peak == 2


def test_strangers_may_use_what_one_place_there_is() -> None:
    assert outcome(Checker(at_once=1, wait_seconds=1, reserved=1)) == "bad"


def test_who_waits_too_long_is_told(slow: Slow) -> None:
    checker = Checker(at_once=1, wait_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(outcome, checker)
        assert slow.entered.acquire(timeout=20)
        assert outcome(checker) == "busy"
        slow.gate.set()
        assert first.result(20) == "good"
    slow.gate.set()
    assert outcome(checker) == "good", "a place was lost"
