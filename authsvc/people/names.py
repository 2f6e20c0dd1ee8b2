"""Names of users and their e-mail addresses: what may be stored, and when two are one."""

import unicodedata

from authsvc.people.confusables import skeletons

LONGEST_USERNAME = 64
LONGEST_EMAIL = 254
# An entry of an index holds 2700 bytes; one character can become 18 by normalisation.
_LONGEST_KEY_BYTES = 2000


class InvalidName(ValueError):
    """A username or e-mail address that can't be stored."""


def compared(name: str) -> str:
    """A name as it is compared: NFKC, case folded (Unicode TR 31, UAX 15); folding may undo NFKC, so once more."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checked_username(name: str) -> str:
    """The name without surrounding space. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= LONGEST_USERNAME:
        raise InvalidName(f"a username has 1 to {LONGEST_USERNAME} characters")
    if not name.isprintable():
        raise InvalidName("a username has no control characters")
    _check_keys(name, "username")
    return name


def checked_email(email: str) -> str:
    """The address without surrounding space. Raises InvalidName; whether mail arrives is not known here."""
    email = email.strip()
    local, at, domain = email.rpartition("@")
    if not (local and at and domain) or len(email) > LONGEST_EMAIL or not email.isprintable() or " " in email:
        raise InvalidName(f"an e-mail address is name@domain of at most {LONGEST_EMAIL} characters")
    _check_keys(email, "e-mail address")
    return email


def _check_keys(name: str, what: str) -> None:
    keys = [compared(name), *skeletons(name)]
    if len(keys) < 2 or not keys[0]:
        raise InvalidName(f"this {what} has nothing to see in it")
    if max(len(key.encode()) for key in keys) > _LONGEST_KEY_BYTES:
        raise InvalidName(f"this {what} is too long when it is written out")
