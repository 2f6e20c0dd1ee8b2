"""What else may lie beside a film, by its name: pictures for its poster, and notes (.nfo) that tell what it is.

The names are those of Kodi and Jellyfin. A picture or note without the film's name is for the film only where its
folder holds no other.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

# In the order in which they are preferred.
_PICTURE_SUFFIXES: Final = (b".jpg", b".jpeg", b".png", b".webp")
_NOTE_SUFFIX: Final = b".nfo"
# Behind the film's name, best first: what Kodi makes of an episode is a thumb.
_OF_A_FILM: Final = (b"-poster", b"", b"-thumb")
_OF_A_FOLDER: Final = (b"poster", b"folder", b"cover")
_NOTE_OF_A_FOLDER: Final = b"movie"


@dataclass(frozen=True, slots=True)
class Companions:
    """The names of what lies beside one film, best first, and by what the pictures and the notes are known."""

    pictures: tuple[bytes, ...] = ()
    notes: tuple[bytes, ...] = ()
    # Digests; empty: there are none.
    of_pictures: bytes = b""
    of_notes: bytes = b""

    @classmethod
    def of(
        cls, pictures: Iterable[bytes], notes: Iterable[bytes], stem: bytes, known: Mapping[bytes, os.stat_result]
    ) -> "Companions":
        """Of those names that are `known`, for the film named `stem`."""
        there = tuple(name for name in pictures if name in known)
        told = tuple(name for name in notes if name in known)
        return cls(there, told, _digest(there, stem, known), _digest(told, stem, known))


NONE: Final = Companions()


def may_be_one(name: bytes) -> bool:
    """Is a file of this name a picture or a note?"""
    suffix = os.path.splitext(name)[1].lower()
    return suffix == _NOTE_SUFFIX or suffix in _PICTURE_SUFFIXES


def beside(films: Collection[bytes], names: Iterable[bytes]) -> dict[bytes, tuple[list[bytes], list[bytes]]]:
    """Pictures and notes among the `names` of a folder by the film that they are for, best first."""
    pictures: dict[bytes, list[bytes]] = defaultdict(list)
    notes: dict[bytes, list[bytes]] = defaultdict(list)
    for name in names:
        stem, suffix = os.path.splitext(name)
        (notes if suffix.lower() == _NOTE_SUFFIX else pictures)[stem].append(name)
    stems = {os.path.splitext(film)[0] for film in films}
    shared = _shared(pictures, notes) if len(stems) == 1 else ([], [])
    found = {}
    for film in films:
        stem = os.path.splitext(film)[0]
        of_film = [name for behind in _OF_A_FILM for name in _ordered(pictures.get(stem + behind, ()))]
        told = _ordered(notes.get(stem, ()))
        both = list(dict.fromkeys(of_film + shared[0])), list(dict.fromkeys(told + shared[1]))
        if any(both):
            found[film] = both
    return found


def _shared(
    pictures: Mapping[bytes, list[bytes]], notes: Mapping[bytes, list[bytes]]
) -> tuple[list[bytes], list[bytes]]:
    """What is for the only film of a folder, however its name is written."""
    named: dict[bytes, list[bytes]] = defaultdict(list)
    for stem, names in pictures.items():
        named[stem.lower()] += names
    of_folder = [name for word in _OF_A_FOLDER for name in _ordered(named.get(word, ()))]
    return of_folder, _ordered([name for stem in notes if stem.lower() == _NOTE_OF_A_FOLDER for name in notes[stem]])


def _ordered(names: Collection[bytes]) -> list[bytes]:
    if len(names) < 2:  # nearly always, and a library has many
        return list(names)
    suffixes = (*_PICTURE_SUFFIXES, _NOTE_SUFFIX)
    return sorted(names, key=lambda name: (suffixes.index(os.path.splitext(name)[1].lower()), name))


def _digest(names: Iterable[bytes], stem: bytes, known: Mapping[bytes, os.stat_result]) -> bytes:
    """By name (without the film's own: both may be renamed together), size, time, and who may read it."""
    lines = b"".join(
        b"%s\0%d %d %d %d\n" % (name.removeprefix(stem), of.st_size, of.st_mtime_ns, of.st_mode, of.st_uid)
        for name in names
        for of in (known[name],)
    )
    return hashlib.blake2b(lines, digest_size=16).digest() if lines else b""
