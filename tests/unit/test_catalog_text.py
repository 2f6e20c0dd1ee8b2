"""What people read is shown as it was written; what would lie about itself is not."""

import doctest
import unicodedata

import pytest

from catalog import text

SHOWN = [
    "Ca va\u202f? Oui\u202f!", "100\u00a0%", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\u0915\u094d\u200d\u0937", "x\u200fy",
    "\u00ad", "\u3000", "\U0001fae9", "\ue000",
]  # fmt: skip
HIDDEN = ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c",
          "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\ud800", "\udcff"]  # fmt: skip


@pytest.mark.parametrize("shown", SHOWN)
def test_what_languages_need_is_shown_as_it_is(shown: str) -> None:
    assert text.is_clean(shown)
    assert text.clean(shown) == shown


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_would_lie_about_itself_is_replaced(hidden: str) -> None:
    assert not text.is_clean(f"a{hidden}b")
    assert text.clean(f"a{hidden}b") == "a\N{REPLACEMENT CHARACTER}b"
    assert text.clean(f"a{hidden}b", " ") == "a b"


def test_every_character_is_either() -> None:
    unseen = {chr(point) for point in range(0x110000) if not text.is_shown(chr(point))}
    assert {unicodedata.category(sign) for sign in unseen} == {"Cc", "Cs", "Zl", "Zp", "Cf"}
    assert len(unseen) == 65 + 2048 + 2 + 9


@pytest.mark.parametrize(
    ("written", "there"), [("a", True), ("\u200d\u00a0 \ufeff", False), ("", False), ("\u2764\ufe0f", True)]
)
def test_spaces_and_joiners_alone_are_nothing_to_see(written: str, there: bool) -> None:
    assert text.has_something_to_see(written) is there


def test_examples_hold() -> None:
    assert doctest.testmod(text).failed == 0
