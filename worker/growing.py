"""The file that the parts of an upload become: each is written to its place, and gone when that is on the disk.

Written at its own offset, so an attempt that was taken for dead and goes on writes the same bytes to the same place.
Needs the disk once, and one part more: what is in the growing file lies nowhere else.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from catalog import uploads

_CHUNK = 1 << 20
# Readable for the web server and the indexer, as everything in the library is; its folder is not.
_MODE, _FOLDER_MODE = 0o644, 0o711
# Where the kernel does not copy between these two file systems, or a system call filter hides the call.
_COPIED_BY_US = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


class Growing:
    """Open for reading and writing until `close`."""

    def __init__(self, root: Path, upload: str) -> None:
        self.path = uploads.growing(root, upload)
        if not self.path.parent.is_dir():
            self.path.parent.mkdir(exist_ok=True)
            self.path.parent.chmod(_FOLDER_MODE)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.descriptor = os.open(self.path, flags, _MODE)
        os.fchmod(self.descriptor, _MODE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def take(self, part: Path, offset: int, length: int, check: Callable[[], None]) -> None:
        """Write the part to its place, and have it on the disk. Raises OSError, and what `check` raises."""
        descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            done = 0
            while done < length:
                check()
                done += _copied(descriptor, self.descriptor, min(_CHUNK * 16, length - done), done, offset + done)
        finally:
            os.close(descriptor)
        os.fdatasync(self.descriptor)


def _copied(source: int, target: int, length: int, at: int, to: int) -> int:
    """How many bytes were copied; the kernel does it where it can, without a way through this process."""
    try:
        if copied := os.copy_file_range(source, target, length, at, to):
            return copied
    except OSError as error:
        if error.errno not in _COPIED_BY_US:
            raise
    chunk = os.pread(source, min(_CHUNK, length), at)
    if not chunk:
        raise OSError(errno.EIO, "the part is shorter than it was")
    return os.pwrite(target, chunk, to)
