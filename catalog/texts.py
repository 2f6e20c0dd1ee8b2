"""Text that somebody else wrote (a file's name, a tag), made fit to be stored and shown."""

import re
import unicodedata

# What turns the direction of the text around it: embeddings, overrides and isolates (Unicode Standard Annex 9). The
# marks U+200E, U+200F and U+061C only place themselves, and right-to-left titles need them.
_TURNING = "\u202a-\u202e\u2066-\u2069"
# Control characters, what breaks a line, and half surrogates, which no encoding takes.
_UNFIT = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_TURNING}\ud800-\udfff]")

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


def cleaned(text: str, instead: str) -> str:
    """`text` on one line, with `instead` for each control character, bidi override and half surrogate.

    Everything else stays as it is: joiners, without which Persian words and joined emoji fall apart, spaces that don't
    break, and characters that are newer than this Python.
    """
    return _UNFIT.sub(instead, text)


def is_visible(text: str) -> bool:
    """Would anybody see anything of `text`?"""
    return any(unicodedata.category(sign) not in _UNSEEN for sign in text)
