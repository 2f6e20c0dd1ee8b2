"""How a name looks: its skeletons, by Unicode's table of confusable characters (UTS 39, section 4).

Two names that share a skeleton can be taken for each other. The table is confusable-homoglyphs'.
"""

import functools
import json
import unicodedata
from importlib import resources

# Characters that show nothing (Default_Ignorable_Code_Point of DerivedCoreProperties.txt).
_IGNORABLE = frozenset(
    chr(code)
    for first, last in (
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip


def skeletons(name: str) -> list[str]:
    """What the name looks like as it is written and in small letters, each without regard to case; sorted.

    Both, for a look-alike may need its case: the capital in `AIice` is what makes it one of `Alice`, and a Cyrillic
    capital that looks like a Latin one has a small letter that may not. Empty when there is nothing to see.
    """
    written = unicodedata.normalize("NFKC", name)
    small = unicodedata.normalize("NFKC", written.casefold())
    return sorted({_skeleton(text) for text in (written, small)} - {""})


def _skeleton(text: str) -> str:
    visible = (character for character in unicodedata.normalize("NFD", text) if character not in _IGNORABLE)
    prototypes = _prototypes()
    looks = unicodedata.normalize("NFD", "".join(prototypes.get(character, character) for character in visible))
    return " ".join(looks.casefold().split())


@functools.cache
def _prototypes() -> dict[str, str]:
    """The character or characters that stand for all that look like them.

    The file lists for each character what it can be confused with: for one that is not the prototype of its class
    that is the prototype alone, and for the prototype all others.
    """
    text = (resources.files("confusable_homoglyphs") / "confusables.json").read_text("utf-8")
    alike: dict[str, list[str]] = {
        character: [other["c"] for other in others] for character, others in json.loads(text).items()
    }
    prototypes = {}
    for character, others in alike.items():
        if len(character) > 1 or len(others) > 1:
            continue
        (other,) = others
        is_pair = alike.get(other) == [character]
        prototypes[character] = min(character, other) if is_pair and len(other) == 1 else other
    return prototypes
