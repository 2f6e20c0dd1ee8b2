"""What is done to one file, by a thread of the pool: open, judge, sample, probe, picture. Writes nothing."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from indexer.fingerprint import fingerprint
from indexer.permission import Reader
from indexer.reconcile import Found
from indexer.settings import IndexerSettings
from indexer.store import PictureDue
from media import faults
from media.beneath import changed_at, open_beneath
from media.extent import missing_bytes
from media.faults import Fault
from media.poster import make_poster
from media.probe import probe
from media.report import Probed
from media.sandbox import Sandbox
from media.sniff import HEAD_BYTES, Container, sniff

# The longest path a link can lead to: PATH_MAX less the final NUL.
_MAX_PATH = 4095


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
class Examiner:
    """`roots` are open descriptors of the roots' folders; `reader` is None when permissions are not checked."""

    settings: IndexerSettings
    sandbox: Sandbox
    reader: Reader | None
    roots: Mapping[str, int]

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

    def picture(self, due: PictureDue) -> bytes | Fault | None:
        """A poster; None when the file is not what was probed any more. Raises `SandboxError`."""
        try:
            with self._opened(due.root, due.path) as (descriptor, status):
                if (status.st_size, changed_at(status)) != (due.size, due.mtime_ns):
                    return None
                container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.path.basename(due.path))
                if isinstance(container, Fault):
                    return container
                return make_poster(self.sandbox, self.settings, descriptor, container, due.subject)
        except (OSError, Vanished):
            return None

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
