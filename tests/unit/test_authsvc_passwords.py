"""Passwords: argon2id with RFC 9106's parameters, and bounds on what is taken."""

import pytest

from authsvc.passwords import LONGEST, SHORTEST, Checker, UnacceptablePassword, hash_password, is_outdated


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


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_length_is_bounded(length: int) -> None:
    with pytest.raises(UnacceptablePassword):
        hash_password("x" * length)
