"""What people read instead of a file name."""

import os
import re

from catalog.text import clean, has_something_to_see
from media.report import storable

_LONGEST_TITLE = 300
# Dots and underscores stand for spaces where a name has no spaces, but not within a number such as 5.1 or 2.0.
_STAND_IN = re.compile(r"_|(?<!\d)\.|\.(?!\d)|(?<=\d\d)\.|\.(?=\d\d)")


def shown_filename(path: bytes) -> str:
    """The file's name for people: undecodable bytes and control characters replaced, on one line."""
    return clean(os.path.basename(path).decode("utf-8", "replace"), "\N{REPLACEMENT CHARACTER}")


def title_from(path: bytes) -> str:
    """A title made of the file's name: without its suffix, and with spaces where dots or underscores stood in.

    >>> title_from(b"films/The_Great.Train_Robbery.mp4")
    'The Great Train Robbery'
    >>> title_from(b"Metropolis.1927.1080p.5.1.mkv")
    'Metropolis 1927 1080p 5.1'
    >>> title_from(b"Dr. Strangelove.mkv")
    'Dr. Strangelove'
    """
    stem = os.path.splitext(os.path.basename(path))[0].decode("utf-8", "replace")
    if " " not in stem:
        stem = _STAND_IN.sub(" ", stem)
    title = storable(stem, _LONGEST_TITLE).strip(" -_")
    return title if has_something_to_see(title) else "Untitled"
