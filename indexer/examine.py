"""What is done to one file, by a thread of the pool: open, judge, sample, probe, picture. Writes nothing."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from indexer.fingerprint import fingerprint
from indexer.names import shown_filename
from indexer.permission import Reader
from indexer.reconcile import Found
from indexer.settings import IndexerSettings
from indexer.store import PictureDue
from indexer.walk import Listing
from media import covers, faults
from media.beneath import changed_at, open_beneath
from media.companions import NONE, Companions
from media.extent import missing_bytes
from media.faults import Fault
from media.nfo import Note, read_note
from media.poster import make_poster
from media.probe import probe
from media.report import Probed
from media.sandbox import Sandbox
from media.sniff import HEAD_BYTES, Container, sniff

# The longest path a link can lead to: PATH_MAX less the final NUL.
_MAX_PATH = 4095
# What openat2(2) says of a link.
_LINKS = (errno.ELOOP, errno.EXDEV)

Seen = TypeVar("Seen")


class Vanished(Exception):  # not an error: people move files while a scan runs
    """The file went away after the walk."""


class Unsettled(Exception):  # not an error either
    """The file changed while it was looked at."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file as it was when it was opened: a container to probe, or a fault."""

    found: Found
    fingerprint: bytes | None = None
    container: Container | None = None
    fault: Fault | None = None
    # Bytes lacking at its end by what the container declares.
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A poster, or why there is none; why pictures beside the film were passed by; and by what those were known."""

    poster: bytes | Fault
    remark: str | None
    of_pictures: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What notes beside a film tell, if any does, and why others were passed by."""

    note: Note | None
    remark: str | None


@dataclass(frozen=True, slots=True)
class Examiner:
    """`roots` are open descriptors of the roots' folders, `listings` what lies below them; `reader` is None when
    permissions are not checked."""

    settings: IndexerSettings
    sandbox: Sandbox
    reader: Reader | None
    roots: Mapping[str, int]
    listings: Mapping[str, Listing | None]

    def companions(self, root: str, path: bytes) -> Companions:
        """What lay beside a film when its folder was listed."""
        listing = self.listings.get(root)
        return listing.companions.get(path, NONE) if listing else NONE

    def status(self, found: Found) -> Found:
        """`found` with the size and time it has now. Raises `Vanished`."""
        try:
            with self._opened(found.root, found.path) as (_, status):
                return replace(found, size=status.st_size, mtime_ns=changed_at(status))
        except PermissionError:
            return found

    def examine(self, found: Found) -> Examined:
        """Open the file and judge it without any tool. Raises `Vanished`, and `Unsettled` when it has grown."""
        if len(os.fsencode(found.root)) + 1 + len(found.path) > _MAX_PATH:
            return Examined(found, fault=faults.PATH_TOO_LONG)
        try:
            with self._opened(found.root, found.path) as (descriptor, status):
                if (status.st_size, changed_at(status)) != (found.size, found.mtime_ns):
                    raise Unsettled
                return self._judged(found, descriptor)
        except Vanished:
            raise
        except OSError as error:
            return Examined(found, fault=faults.not_opened(error))

    def _judged(self, found: Found, descriptor: int) -> Examined:
        if found.size == 0:
            return Examined(found, fault=faults.EMPTY)
        content = fingerprint(descriptor, found.size)
        path = os.path.join(os.fsencode(found.root), found.path)
        if self.reader and (obstacle := self.reader.obstacle(path)):
            return Examined(found, content, fault=faults.unreadable(obstacle[0], self.reader.name, obstacle[1]))
        container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.path.basename(found.path))
        if isinstance(container, Fault):
            return Examined(found, content, fault=container)
        return Examined(found, content, container, missing=missing_bytes(descriptor, found.size, container.family))

    def probe(self, examined: Examined) -> Probed | Fault:
        """What the video is. Raises `Vanished`, `Unsettled` and `SandboxError`."""
        if examined.container is None:
            return examined.fault or faults.NO_VIDEO
        found = examined.found
        try:
            with self._opened(found.root, found.path) as (descriptor, before):
                probed = probe(self.sandbox, self.settings, descriptor, examined.container, examined.missing)
                after = os.fstat(descriptor)
        except OSError as error:
            return faults.not_opened(error)
        for status in (before, after):
            if (status.st_size, changed_at(status)) != (found.size, found.mtime_ns):
                raise Unsettled
        return probed

    def picture(self, due: PictureDue) -> Picture | None:
        """A poster: of a picture beside the film, else of the cover in it, else of what it shows. None when the file is
        not what was probed any more. Raises `SandboxError`.
        """
        beside = self.companions(due.root, due.path)
        known, remarks = beside.of_pictures, list[str]()
        for name in beside.pictures[: self.settings.covers]:
            try:
                made = self._beside(due.root, due.path, name, self.settings.cover_bytes, self._cover)
            except OSError as error:
                made, known = Fault(f"can't be read now: {error.strerror}"), b""  # so the next scan looks again
            if isinstance(made, bytes):
                return Picture(made, _joined(remarks), known)
            remarks.append(_remark(name, made))
        try:
            with self._opened(due.root, due.path) as (descriptor, status):
                if (status.st_size, changed_at(status)) != (due.size, due.mtime_ns):
                    return None
                return Picture(self._shown(due, descriptor), _joined(remarks), known)
        except (OSError, Vanished):
            return None

    def _shown(self, due: PictureDue, descriptor: int) -> bytes | Fault:
        container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.path.basename(due.path))
        if isinstance(container, Fault):
            return container
        if due.cover_track is not None:
            cover = covers.from_track(self.sandbox, self.settings, descriptor, container, due.cover_track)
            if isinstance(cover, bytes):
                return cover
        return make_poster(self.sandbox, self.settings, descriptor, container, due.subject)

    def _cover(self, descriptor: int) -> bytes | Fault:
        return covers.from_picture(self.sandbox, self.settings, descriptor)

    def notes(self, root: str, path: bytes) -> Told:
        """What the first note beside a film tells that tells anything. Raises `OSError` when the disk does."""
        remarks: list[str] = []
        for name in self.companions(root, path).notes:
            note = self._beside(root, path, name, self.settings.note_bytes, self._note)
            if isinstance(note, Note):
                return Told(note, _joined(remarks))
            if isinstance(note, Fault):
                remarks.append(_remark(name, note))
        return Told(None, _joined(remarks))

    def _note(self, descriptor: int) -> Note | Fault | None:
        with open(descriptor, "rb", closefd=False) as file:
            return read_note(file.read(self.settings.note_bytes))

    def _beside(
        self, root: str, path: bytes, name: bytes, most_bytes: int, look: Callable[[int], Seen]
    ) -> Seen | Fault:
        """What `look` makes of the file `name` beside a film; or why not, as the end of a sentence about it.

        Raises `OSError` when the disk does, which may pass.
        """
        try:
            with self._opened(root, os.path.join(os.path.dirname(path), name)) as (descriptor, status):
                if not stat.S_ISREG(status.st_mode):
                    return Fault("is no file")
                if status.st_size > most_bytes:
                    return Fault(f"is larger than it may be ({status.st_size:,} bytes; at most {most_bytes:,})")
                return look(descriptor)
        except Vanished:
            return Fault("went away")
        except PermissionError:
            return Fault("can't be read: the indexer may not open it")
        except OSError as error:
            if error.errno not in _LINKS:
                raise
            return Fault("is a link, and links are not followed")

    @contextmanager
    def _opened(self, root: str, path: bytes) -> Iterator[tuple[int, os.stat_result]]:
        try:
            descriptor = open_beneath(self.roots[root], path)
        except (FileNotFoundError, NotADirectoryError):
            raise Vanished from None
        try:
            yield descriptor, os.fstat(descriptor)
        finally:
            os.close(descriptor)


def _remark(name: bytes, fault: Fault) -> str:
    return f"{shown_filename(name)} {fault.sentence}."


def _joined(remarks: list[str]) -> str | None:
    return " ".join(remarks) or None
