"""Is there room for one more upload? Its bytes are reserved before the first of them is sent.

What is free on a disk is what the kernel says, less what the uploads under way have still to bring, less what is to
stay free. Parts come to the disk of the uploads folder and move to that of their library root, nearly always the same
one; a part is there twice for a moment.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from catalog import uploads


class FolderAway(Exception):
    """The uploads folder or a library root is not there."""


def has_room(folder: Path, root: Path, wanted: int, spare: int, expected: Mapping[str, int]) -> bool:
    """Is there room for `wanted` bytes, in the uploads folder and then in `root`?

    `expected` is what uploads under way have still to bring, by their root. Raises FolderAway.
    """
    places = {folder: _disk(folder)} | {Path(each): _disk(_seen(Path(each))) for each in {*expected, str(root)}}
    for place in (folder, root):
        disk = places[place]
        coming = sum(
            size for each, size in expected.items() if disk in (places[folder], places[Path(each)])
        )  # fmt: skip
        if _free(_seen(place)) - spare - coming < wanted + uploads.LARGEST_PART:
            return False
    return True


def _seen(root: Path) -> Path:
    """Of a root the interface sees the folder in which uploads grow, and no film."""
    growing = root / uploads.GROWING
    return growing if growing.is_dir() else root


def _disk(folder: Path) -> int:
    try:
        return folder.stat().st_dev
    except OSError as error:
        raise FolderAway(str(folder)) from error


def _free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
