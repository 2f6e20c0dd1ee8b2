"""Where an upload lands: a name of its own below its root, which never was another file's."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from catalog.text import clean, has_something_to_see
from indexer.walk import IGNORED_FOLDERS

# Of 255 that file systems take: room for a suffix, a number, and what other tools put in front of a name.
_LONGEST_BYTES = 200
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_FOLDER_MODE = 0o755
_MOST_OF_ONE_NAME = 1000


def stem_of(name: str) -> str:
    """A file's name without its suffix, as it may stand in the library: one visible name on one line.

    >>> [stem_of(name) for name in ("Metropolis (1927).mkv", "Dr. Strangelove", "../../etc/passwd", ".hidden.mp4")]
    ['Metropolis (1927)', 'Dr. Strangelove', '_.._etc_passwd', 'hidden']
    """
    stem = _SUFFIX.sub("", clean(name, "_").replace("/", "_").replace("\\", "_"))
    stem = stem.encode()[:_LONGEST_BYTES].decode("utf-8", "ignore").strip().lstrip(".").strip()
    return stem if has_something_to_see(stem) else "Upload"


def folders_of(folder: str) -> list[bytes]:
    """The folders below the root, from the outermost on. One that a scan would pass by gets another name."""
    names = [os.fsencode(name) for name in folder.split("/") if name]
    return [name + b"_" if name.lower() in IGNORED_FOLDERS else name for name in names]


@contextmanager
def opened(root: str, folders: list[bytes]) -> Iterator[int]:
    """A descriptor of the innermost folder, which is made if need be. No link is followed below the root."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    at = os.open(root, flags)
    try:
        for name in folders:
            try:
                os.mkdir(name, _FOLDER_MODE, dir_fd=at)
                os.chmod(name, _FOLDER_MODE, dir_fd=at)
            except FileExistsError:
                pass
            below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


def land(growing: str, folder: int, stem: str, suffix: str, is_taken: Callable[[bytes], bool]) -> bytes:
    """Give the file a second name in `folder`, the first that is free: as it is called, then with a number.

    A name that an attempt before this one has given it is taken for it. Raises OSError.
    """
    for number in range(1, _MOST_OF_ONE_NAME):
        name = os.fsencode(f"{stem}.{suffix}" if number == 1 else f"{stem} ({number}).{suffix}")
        if is_taken(name):
            continue
        try:
            os.link(growing, name, dst_dir_fd=folder)
        except FileExistsError:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not os.path.samestat(there, os.stat(growing)):
                continue
        return name
    raise OSError(errno.EEXIST, f"there are {_MOST_OF_ONE_NAME} files of that name")
