"""Where an upload lands: a name of its own below its root, which never was another file's."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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


def free_name(folder: int, stem: str, suffix: str, is_taken: Callable[[bytes], bool]) -> bytes:
    """The first name in `folder` that no file has and that is not taken: as it is called, then with a number.

    Raises OSError.
    """
    for number in range(1, _MOST_OF_ONE_NAME):
        name = os.fsencode(f"{stem}.{suffix}" if number == 1 else f"{stem} ({number}).{suffix}")
        if not is_taken(name) and not _is_there(folder, name):
            return name
    raise OSError(errno.EEXIST, f"there are {_MOST_OF_ONE_NAME} files of that name")


def give_name(growing: Path, root: str, path: bytes) -> None:
    """Give the file its name in the library, and take the first one away. Done twice it is done once.

    Raises FileExistsError when another file has got that name meanwhile, and OSError.
    """
    *folders, name = path.split(b"/")
    with opened(root, folders) as folder:
        try:
            os.link(growing, name, dst_dir_fd=folder)
        except FileNotFoundError:  # an attempt before this one has done all of it
            if not _is_there(folder, name):
                raise
            return
        except FileExistsError:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not os.path.samestat(there, growing.stat()):
                raise
    growing.unlink(missing_ok=True)


def _is_there(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
