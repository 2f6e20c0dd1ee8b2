"""Text that people read: what is shown as it is, and what could not be shown for what it is.

Shown: every letter and sign, spaces of all widths (U+00A0, U+202F), joiners (Persian and Indic words need them, and so
do emoji of several people), signs that are newer than this Python's tables. Not shown: control characters, line and
paragraph separators, what turns the direction of the text around it (UAX 9: embeddings, overrides, isolates), and half
of a surrogate pair, which is not text.
"""

import unicodedata
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_CATEGORIES: Final = frozenset(["Cc", "Cs", "Zl", "Zp"])
_UNSEEN: Final = _CATEGORIES | {"Cf", "Zs"}
_TURNS: Final = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def is_shown(sign: str) -> bool:
    """Is this character shown as it is?

    >>> [is_shown(sign) for sign in "a\\u00a0\\u200d"], [is_shown(sign) for sign in "\\n\\u202e\\ud800"]
    ([True, True, True], [False, False, False])
    """
    return sign not in _TURNS and unicodedata.category(sign) not in _CATEGORIES


def is_clean(text: str) -> bool:
    """Is all of it shown? Then it is one line, too."""
    return (text.isascii() and text.isprintable()) or all(map(is_shown, text))


def clean(text: str, replacement: str = REPLACEMENT) -> str:
    """The text with a replacement for each character that is not shown."""
    return text if is_clean(text) else "".join(sign if is_shown(sign) else replacement for sign in text)


def has_something_to_see(text: str) -> bool:
    """Is there more in it than spaces, joiners and their like?"""
    return any(unicodedata.category(sign) not in _UNSEEN for sign in text)
