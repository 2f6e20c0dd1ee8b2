"""What may be a password, by NIST SP 800-63B-4, section 3.1.1.2.

Long enough, and not among those that a guesser tries first; nothing is said about its composition. The list of those
is zxcvbn's: leaked passwords, names and words, and what people make of them (repeats, sequences, rows of a keyboard,
letters swapped for digits). What is left of a password without the account's own name and this service's has to be
one too.
"""

import re
from dataclasses import dataclass

from authsvc.signin.passwords import normalised

LONGEST = 1024
SERVICE = "kinetoscope"
# zxcvbn takes time with the square of the length and worse: what is common is so within its first characters.
_LOOKED_AT = 32
_WORDS = re.compile(r"[^\W_]+")
_SHORTEST_WORD = 3
# Characters that a password has beside the account's own words.
_REST = 8


class UnacceptablePassword(ValueError):
    """The password is too short, too long or too common; the argument says which."""


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """`shortest` counts code points after normalisation; a password found within `guesses` tries is refused."""

    shortest: int
    guesses: int

    def check(self, password: str, *own: str | None) -> None:
        """Raises UnacceptablePassword. `own` is what an attacker knows of the account: its name and address."""
        password = normalised(password)
        if not self.shortest <= len(password) <= LONGEST:
            raise UnacceptablePassword(f"a password has {self.shortest} to {LONGEST} characters")
        words = {SERVICE, *(word.lower() for text in own if text for word in (text, *_WORDS.findall(text)))}
        known = sorted((word for word in words if len(word) >= _SHORTEST_WORD), key=len, reverse=True)
        if _guessable(password, known, self.guesses) or _rest(password, known) < _REST:
            raise UnacceptablePassword(
                "this password is among the first that a guesser tries: it is common, repeats itself, or is made of"
                " the account's own name; several unrelated words make a good one"
            )


def _guessable(password: str, known: list[str], guesses: int) -> bool:
    # Here, for its lists cost 15 MB that the decision endpoint need not pay.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]

    return bool(zxcvbn(password[:_LOOKED_AT], known)["guesses"] < guesses)


def _rest(password: str, known: list[str]) -> int:
    """Characters of the password that are not part of words that everybody knows of this account."""
    rest = password.lower()
    for word in known:
        rest = rest.replace(word, "")
    return sum(character.isalnum() for character in rest)
