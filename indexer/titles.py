"""The published tree: `titles/<video id>/` holds a title's files under fixed names, and Nginx reads nothing else.

The indexer writes `source.<ext>` (a link to the library file) and `poster.jpg`; workers write the rest, which goes when
the file changes. Everything appears by a rename: a reader sees the old or the new, and a kill leaves at most something
whose name begins with a dot, which Nginx never serves and `sweep` removes. Folders are 0750 and files 0640 by the
process's umask; the group, the web server's, comes from the setgid bit of `titles/` (never
chmod: it would drop that bit).
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from catalog.contract import forms

UMASK = 0o027
_TITLE = re.compile(forms.ID, re.ASCII)
_NEW, _GONE = ".new-", ".gone-"


class TitlesError(Exception):
    """The published tree can't be used."""


@dataclass(frozen=True, slots=True)
class Titles:
    """The published tree below `folder`. Whoever changes a title holds its advisory lock."""

    folder: Path

    def check(self) -> None:
        """Raises `TitlesError` with the remedy when the folder is missing or can't be written."""
        if not self.folder.is_dir():
            raise TitlesError(f"{self.folder} is not a folder. Create it: install -d -m 2750 -g www-data {self.folder}")
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise TitlesError(f"{self.folder} can't be written by this user ({os.geteuid()}).")

    def published(self) -> set[str]:
        """The ids, in hexadecimal, of the titles that have a folder."""
        with os.scandir(self.folder) as entries:
            return {entry.name for entry in entries if _TITLE.fullmatch(entry.name)}

    def sweep(self) -> None:
        """Remove what a killed run left unfinished. Only while no other scan runs."""
        with os.scandir(self.folder) as entries:
            leftovers = [entry.path for entry in entries if entry.name.startswith((_NEW, _GONE))]
        for path in leftovers:
            shutil.rmtree(path)

    def link_source(self, video: UUID, name: str, target: bytes) -> None:
        """Let `name` (source.<ext>) lead to the library file `target`, and no other source be there.

        Raises `OSError` (ENAMETOOLONG when the target's path is longer than a link can hold).
        """
        home = self._home(video)
        if not home.is_dir():
            fresh = self.folder / f"{_NEW}{video.hex}"
            # For the group as the umask or, where workers write too, the folder's access list has it.
            fresh.mkdir(mode=0o770)
            _link(target, fresh / name)
            fresh.rename(home)
            return
        _link(target, home / f".{name}")
        (home / f".{name}").rename(home / name)
        self.withdraw(video, [old for old in self.sources(video) if old != name])

    def sources(self, video: UUID) -> list[str]:
        """The names under which the title's source is there: one, or none."""
        return [path.name for path in self._home(video).glob("source.*")]

    def has(self, video: UUID, name: str) -> bool:
        return (self._home(video) / name).is_file()

    def put_picture(self, video: UUID, name: str, content: bytes) -> None:
        """Write `content` whole, or not at all. Raises `OSError`."""
        home = self._home(video)
        unfinished = home / f".{name}"
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(home / name)

    def withdraw(self, video: UUID, names: Iterable[str]) -> None:
        """Take files and folders away from a title; those that are not there are no error."""
        for name in list(names):
            path = self._home(video) / name
            # What was made while it was watched (forms.NOW) is a folder of its own.
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()

    def withdraw_made(self, video: UUID) -> None:
        """Take away all that was made of the title's file: everything but its source."""
        home = self._home(video)
        if home.is_dir():
            self.withdraw(video, {path.name for path in home.iterdir()}.difference(self.sources(video)))

    def remove(self, video: UUID) -> None:
        """Take the whole title away."""
        gone = self.folder / f"{_GONE}{video.hex}"
        with contextlib.suppress(FileNotFoundError):
            self._home(video).rename(gone)
            shutil.rmtree(gone)

    def _home(self, video: UUID) -> Path:
        return self.folder / video.hex


def _link(target: bytes, at: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        at.unlink()
    os.symlink(target, os.fsencode(at))
