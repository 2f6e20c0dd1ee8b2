"""Nginx's answers log: a line when an answer begins, and one when it is over (nginx/kinetoscope/logs.conf.j2).

    +<request id> <time> <connection> <peer> <port> <client> <playback> <method> <kind> <protocol>
    -<request id>

Both come from the worker that sends the answer, through one buffer of it: an end never comes before its beginning. The
file lies in memory. What was read is given back to the kernel (a hole at its beginning), so it needs no rotation; it is
read on where the state of the ledger ends, which is written before anything is given back.
"""

import ctypes
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from authsvc.sessions.addresses import neighbourhood
from catalog.contract import forms

_ID = f"({forms.ID})"
_BEGUN = re.compile(
    rf"\+{_ID} ([0-9]{{1,12}})\.([0-9]{{3}}) ([0-9]{{1,20}}) ([0-9a-f:.]{{2,45}}) ([0-9]{{1,5}}) ([0-9a-f:.]{{2,45}})"
    rf" {_ID} (GET|HEAD) ([a-z0-9:]*) HTTP/([0-9.]{{3}})".encode()
)
_ENDED = re.compile(f"-{_ID}".encode())
_CHUNK_BYTES = 1 << 20
# Flags of fallocate(2).
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_GIVE_BACK_BYTES = 1 << 16
_PAGE = 4096

logger = structlog.get_logger(__name__)
_libc = ctypes.CDLL(None, use_errno=True)


class Begun(NamedTuple):
    """An answer that authz, or Nginx's cache of it, said yes to."""

    request: str
    # Seconds since the epoch.
    at: float
    # Nginx's number of the connection, and its peer as the kernel's socket table has it.
    serial: int
    peer: str
    # The viewer's address, or the /64 it is in; behind a reverse proxy not the peer's.
    address: str
    playback: str
    # A GET of media or manifest takes a lease; the rest needs permission only.
    takes_lease: bool
    http2: bool


class Ended(NamedTuple):
    """The answer to this request is over, however."""

    request: str


class AnswersLog:
    """The file at a path, read onwards from `position` of the file with that `inode`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self.inode, self.position = 0, 0
        self._given_back = 0
        self._is_away = False

    def read(self) -> Iterator[Begun | Ended]:
        """What is new. A file that is not there is told once, and has nothing new."""
        try:
            yield from self._lines(self._opened())
            self._is_away = False
        except OSError as error:
            if not self._is_away:
                logger.warning("answers_log_unreadable", error=str(error))
            self._is_away = True

    def give_back(self) -> None:
        """What was read is kept elsewhere by now: free its memory."""
        whole = self.position // _PAGE * _PAGE
        if self._file is None or whole - self._given_back < _GIVE_BACK_BYTES:
            return
        start, length = ctypes.c_int64(self._given_back), ctypes.c_int64(whole - self._given_back)
        if _libc.fallocate(self._file, _KEEP_SIZE | _PUNCH_HOLE, start, length):
            logger.warning("answers_log_not_given_back", error=os.strerror(ctypes.get_errno()))
        self._given_back = whole

    def _opened(self) -> int:
        """The file at the path, which may be another one than before."""
        found = self._path.stat(follow_symlinks=False)
        if self._file is not None:
            if found.st_ino == os.fstat(self._file).st_ino and found.st_size >= self.position:
                return self._file
            os.close(self._file)
            self._file = None
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is not a file", str(self._path))
        self._file = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if found.st_ino != self.inode or found.st_size < self.position:
            self.inode, self.position = found.st_ino, 0
        # What a ledger before this one read and did not give back goes with the first piece.
        self._given_back = 0
        return self._file

    def _lines(self, file: int) -> Iterator[Begun | Ended]:
        if self.position == 0:
            self.position = _first_line(file)
        while part := os.pread(file, _CHUNK_BYTES, self.position):
            whole = part.rfind(b"\n") + 1
            if not whole:
                if len(part) < _CHUNK_BYTES:
                    return
                whole = len(part)
            self.position += whole
            for line in part[:whole].splitlines():
                if (entry := parse(line)) is not None:
                    yield entry
                else:
                    logger.warning("answers_log_line_unreadable", length=len(line))


def _first_line(file: int) -> int:
    """Where the first whole line begins, behind the hole that an earlier ledger left."""
    try:
        start = os.lseek(file, 0, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return os.fstat(file).st_size
        raise
    return start and start + os.pread(file, _PAGE, start).find(b"\n") + 1


def parse(line: bytes) -> Begun | Ended | None:
    """What a line says; None when Nginx did not write it."""
    if ended := _ENDED.fullmatch(line):
        return Ended(ended[1].decode())
    found = _BEGUN.fullmatch(line)
    if found is None:
        return None
    request, seconds, thousandths, serial, peer, port, client, playback, method, kind, protocol = (
        part.decode() for part in found.groups()
    )
    return Begun(
        request,
        int(seconds) + int(thousandths) / 1000,
        int(serial),
        f"{peer} {port}",
        neighbourhood(client) or client,
        playback,
        method == "GET" and (kind == "manifest" or kind.startswith("media:")),
        protocol == "2.0",
    )
