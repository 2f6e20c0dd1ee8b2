"""What may be a password (NIST SP 800-63B-4): long and not common; whatever it is made of."""

import pytest

from authsvc.signin.password_rules import LONGEST, PasswordRules, UnacceptablePassword

RULES = PasswordRules(shortest=15, guesses=1_000_000)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "liebe\u00e4u\u00dfere gr\u00fc\u00dfe",
        "\u043c\u043e\u0440\u043e\u0437\u0438\u0441\u043e\u043b\u043d\u0446\u0435\u0434\u0435\u043d\u044c",
        "829461057332948",
        "violet umbrella",
        "qzjxkvbpwmhtgyf",
        "\U0001f40e\U0001f50b\U0001f4ce lamp posts!",
        "vvv" + "iolet umbrellas" * 60,
    ],
)
def test_long_and_uncommon_is_enough(password: str) -> None:
    RULES.check(password, "alice", "alice@example.org")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "15 to 1024"),
        ("x7#Kq!9zLw$4mP", "15 to 1024"),
        ("\ufb03" * 4, "15 to 1024"),
        ("v" + "iolet umbrella " * 100, "15 to 1024"),
        ("passwordpassword", "a guesser"),
        ("P4ssw0rdP4ssw0rd", "a guesser"),
        ("aaaaaaaaaaaaaaaaaaaa", "a guesser"),
        ("123456789012345", "a guesser"),
        ("abcdefghijklmnopqrst", "a guesser"),
        ("qwertyuiopasdfghjkl", "a guesser"),
        ("alice@example.org", "a guesser"),
        ("alice.example.org.1", "a guesser"),
        ("Kinetoscope-Alice-12", "a guesser"),
        ("aliceALICEalice1990", "a guesser"),
    ],
)
def test_common_or_short_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(UnacceptablePassword, match=reason):
        RULES.check(password, "alice", "alice@example.org")


def test_length_counts_code_points_after_normalisation() -> None:
    with pytest.raises(UnacceptablePassword, match="15 to"):
        RULES.check("e\u0301" * 14)
    RULES.check("a\u0301\u00e8ioz \u00f1 tr\u00eamm \u00fcx")
    assert LONGEST >= 256
