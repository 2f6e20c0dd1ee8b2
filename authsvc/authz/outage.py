"""How long has Redis been away? One clock for all workers, and a pause between attempts for each.

The clock lies in memory that is shared over the fork, so gunicorn's master imports this module
(gunicorn_authz.py). Otherwise a worker that is asked for the first time late in an outage would start the grace anew.
"""

import mmap
import struct
import time

_BEGAN = struct.Struct("=d")
# Anonymous and shared: an aligned double is written in one piece.
_shared = mmap.mmap(-1, mmap.PAGESIZE)


class Pause:
    """After a failure, leave a dependency alone for a while: time-outs of many requests must not add up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def begin(self) -> None:
        self._until = time.monotonic() + self._seconds

    def leave_alone(self) -> bool:
        """Has it failed so recently that asking again would only wait for another time-out?"""
        return time.monotonic() < self._until


class Outage(Pause):
    """The outage of Redis. Times are of the monotonic clock, which all processes share."""

    def failed(self) -> None:
        """Note a failure."""
        self.begin()
        if not _BEGAN.unpack_from(_shared)[0]:
            _BEGAN.pack_into(_shared, 0, time.monotonic())

    def answered(self) -> None:
        """Note an answer: the outage is over, for all workers."""
        if _BEGAN.unpack_from(_shared)[0]:
            _BEGAN.pack_into(_shared, 0, 0.0)

    def age(self) -> float:
        """Seconds since any worker first failed; 0 while all is well."""
        began: float = _BEGAN.unpack_from(_shared)[0]
        return time.monotonic() - began if began else 0.0
