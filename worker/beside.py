"""A copied set that is made beside what viewers wait for, by a thread of its own.

The thread runs tools and asks no database: what it makes is published by whoever began it, or not at all.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from media.faults import Fault
from media.material import Material
from worker import budget, copying
from worker.attempt import Attempt, JobFailed, NoRoomYet
from worker.copying import Copying
from worker.segments import Segments
from worker.sources import Source

_FOLDER: Final = "copied"

logger = structlog.get_logger(__name__)


class _Ended(Exception):
    """Nobody waits for the copy any more."""


class Beside:
    """Of a title whose `segments` are made meanwhile, for which `reserved` bytes are set aside.

    `paths` is what came of it; `fault` why nothing did, though it was tried.
    """

    def __init__(
        self, attempt: Attempt, source: Source, material: Material, segments: Segments, *, reserved: int
    ) -> None:
        self._attempt, self._source, self._material, self._segments = attempt, source, material, segments
        self._reserved = reserved
        # When each segment was asked for last.
        self._asked: dict[int, float] = {}
        self._may: bool | None = None
        self._is_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._share, self._speed = 0.0, None
        self.paths: Sequence[Path] | None = None
        self.fault: str | None = None

    _speed: float | None

    @property
    def is_running(self) -> bool:
        """Begun, and not over."""
        return self._thread is not None and self.paths is None and self.fault is None

    def asked(self, segments: Iterable[int]) -> None:
        """Viewers are there."""
        now = time.monotonic()
        self._asked |= dict.fromkeys(segments, now)

    def suffices(self) -> bool:
        """Called where nobody waits. Is the rest left to the copy? It is begun as soon as enough is there ahead of each
        viewer, so that none comes to an end while it takes a part of the cores.
        """
        if self.paths is not None:
            return True
        if self.fault is not None or self._lacking() is not None:
            return False
        if self._may is None:
            self._may = copying.hindrance(self._attempt, self._source) is None
        if self._may and self._thread is None:
            self._begin()
        return self.is_running or self.paths is not None

    def meanwhile(self, wanted: Sequence[int]) -> range | None:
        """What to encode while it is made: what is waited for, and what viewers come to soon. None: nothing."""
        first = wanted[0] if wanted else self._lacking()
        stretch = None if first is None else self._segments.missing([first])
        if stretch is None:
            return None
        return range(stretch.start, min(stretch.stop, stretch.start + self._attempt.settings.instant_ahead + 1))

    def report(self) -> None:
        """How far it is."""
        self._attempt.report(copying.STAGE, self._share, self._speed)

    def end(self) -> None:
        """Returns when no tool of it runs any more."""
        self._is_ended.set()
        if self._thread is not None:
            self._thread.join()

    def _lacking(self) -> int | None:
        """The first segment that is not there, of those that viewers of late come to next."""
        settings, count = self._attempt.settings, self._segments.pictures.count
        since = time.monotonic() - settings.instant_absence_seconds
        for number in sorted(number for number, when in self._asked.items() if when >= since):
            for ahead in range(number, min(number + settings.instant_ahead + 1, count)):
                if not self._segments.has(ahead):
                    return ahead
        return None

    def _begin(self) -> None:
        attempt, source, material = self._attempt, self._source, self._material
        try:
            budget.reserve(attempt, self._reserved + copying.reserved(source, material), is_watched=True)
        except (JobFailed, NoRoomYet) as error:
            self.fault = str(error)
            return
        folder = attempt.folder / _FOLDER
        folder.mkdir(mode=0o700)
        work = Copying(attempt, source, material, folder)
        self._thread = threading.Thread(target=self._make, args=(work,), name="copying", daemon=True)
        self._thread.start()

    def _make(self, work: Copying) -> None:
        """The tools die with this thread, which therefore outlives them."""
        try:
            made = work.make(self._heard)
            if isinstance(made, Fault):
                self.fault = made.sentence
            else:
                self.paths = made
        except _Ended:
            self.fault = "it was given up"
        except Exception as error:  # of a thread: whoever began it goes on without it
            logger.exception("copy_tried_in_vain", job=self._attempt.job.id.hex)
            self.fault = f"{error}" or type(error).__name__

    def _heard(self, share: float, speed: float | None) -> None:
        self._share, self._speed = share, speed
        if self._is_ended.is_set():
            raise _Ended
        self._attempt.check()
