"""What opens an account is drawn by the operating system, and there is enough of it."""

import math
import random
from collections.abc import Callable

import pyotp
import pytest

from authsvc.sessions import tokens
from authsvc.signin import recovery_codes

MAKERS: list[tuple[Callable[[], str], float]] = [
    (recovery_codes.new_code, 112),
    (pyotp.random_base32, 128),
    (tokens.new_opaque_token, 256),
]


@pytest.mark.parametrize(("make", "bits"), MAKERS)
def test_secret_is_long_enough_and_uses_every_sign_everywhere(make: Callable[[], str], bits: float) -> None:
    drawn = [make() for _ in range(2000)]
    # A separator has one value, the last sign of a token in base64url fewer than the others.
    places = [len(set(column)) for column in zip(*drawn, strict=True)]
    assert sum(map(math.log2, places)) >= bits
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("make", [make for make, _ in MAKERS])
def test_secret_does_not_come_from_the_generator_that_can_be_seeded(make: Callable[[], str]) -> None:
    state = random.getstate()
    try:
        random.seed(7)
        first = make()
        random.seed(7)
        assert make() != first
    finally:
        random.setstate(state)
