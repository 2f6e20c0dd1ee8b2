"""Subtitle files beside a film, by their names: `Film.srt`, `Film.en.srt`, `Film.pt-BR.forced.srt`, `Film.de.sdh.ass`.

A file belongs to the film whose name it goes on from; of several (`Film.mkv`, `Film.en.mkv`) to the longest. What is
between says the language and what it is for, in any order; other words are its title.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from media import languages
from media.cues import SUFFIXES
from media.report import storable

_FORCED = frozenset({"forced", "foreign"})
# `hi` is also a language's code: it means this behind a language.
_HEARING_IMPAIRED = frozenset({"sdh", "cc", "hoh"})
_HEARING_OR_HINDI = "hi"
_DEFAULT = "default"
_LONGEST_TITLE = 200
# Parts of a name that are looked at from its end: no film's name is found by more.
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Described:
    """What a subtitle is. `language` is of ISO 639, or `und`."""

    language: str = languages.UNKNOWN
    title: str | None = None
    is_default: bool = False
    is_forced: bool = False
    is_hearing_impaired: bool = False


def is_sidecar(name: bytes) -> bool:
    """Is a file of this name a text subtitle?"""
    return os.path.splitext(name)[1][1:].lower().decode("ascii", "replace") in SUFFIXES


def by_stem(names: Iterable[bytes], stems: Collection[bytes]) -> Mapping[bytes, list[bytes]]:
    """The sidecars among the names of a folder, sorted, by the films' names without suffix (`stems`) they belong to."""
    found = defaultdict(list)
    for name in sorted(name for name in names if is_sidecar(name)):
        stem = os.path.splitext(name)[0]
        for _ in range(_MOST_WORDS):
            if stem in stems:
                found[stem].append(name)
                break
            stem, dot, _ = stem.rpartition(b".")
            if not dot:
                break
    return found


def described(name: bytes, stem: bytes) -> Described:
    """What the sidecar `name` of the film `stem` says of itself.

    >>> described(b"Film.pt-BR.forced.srt", b"Film")
    Described(language='pt', title='pt-BR', is_default=False, is_forced=True, is_hearing_impaired=False)
    >>> described(b"Film.en.hi.Director.srt", b"Film")
    Described(language='en', title='Director', is_default=False, is_forced=False, is_hearing_impaired=True)
    """
    language, title = None, []
    flags = set()
    for word in os.path.splitext(name)[0][len(stem) :].decode("utf-8", "replace").split("."):
        small = word.lower()
        if small in _FORCED:
            flags.add("is_forced")
        elif small in _HEARING_IMPAIRED or (small == _HEARING_OR_HINDI and language):
            flags.add("is_hearing_impaired")
        elif small == _DEFAULT:
            flags.add("is_default")
        elif language is None and (meant := languages.of_word(word)):
            language = meant
            title += [word] if "-" in word or "_" in word else []  # the region is worth telling
        elif word:
            title.append(word)
    told = storable(" ".join(title), _LONGEST_TITLE) or None
    return Described(language or languages.UNKNOWN, told, **dict.fromkeys(flags, True))


def digest(sidecars: Iterable[tuple[bytes, int, int]]) -> bytes:
    """What a film's sidecars are known by: name behind the film's, size and time of each. Empty when it has none."""
    lines = b"".join(b"%s\0%d %d\n" % sidecar for sidecar in sorted(sidecars))
    return hashlib.blake2b(lines, digest_size=16).digest() if lines else b""
