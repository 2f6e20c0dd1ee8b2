"""One attempt at a job, as the work itself sees it: where it may write, what it reports, how it publishes."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from catalog.locks import lock_video
from media.sandbox import Sandbox
from worker import attempts, offered, published
from worker.attempts import Job
from worker.settings import WorkerSettings
from worker.sources import Source, SourceChanged, opened, same_content

# The attempt's folder in the published tree: this and its `run_id`.
SCRATCH = ".job-"
_REPORT_SECONDS = 1.0

logger = structlog.get_logger(__name__)


class JobFailed(Exception):
    """The work can't be done, however often it is tried. The message is what people read."""


class Superseded(Exception):
    """The job was cancelled, or another worker has it: this attempt may change nothing any more."""


class Stopping(Exception):  # not an error: the job is given back
    """The worker is to end."""


class Deferred(Exception):  # not an error: the job is given back, behind others
    """Nobody waits for the rest of this work, and somebody does for that of another job."""


class NoRoomYet(Exception):  # not an error: the job is given back for a while
    """What the work needs is taken by other work. The message is what people read."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file to publish under `name`; `path` lies in the attempt's folder."""

    name: str
    path: Path
    media_type: str


class Attempt:
    """What the function of a kind gets. Every method may raise `Superseded` and `Stopping`: let them through."""

    def __init__(
        self,
        job: Job,
        settings: WorkerSettings,
        sandbox: Sandbox,
        database: Connection[Any],
        folder: Path,
        is_over: threading.Event,
        is_stopping: threading.Event,
    ) -> None:
        self.job, self.settings, self.sandbox, self.database, self.folder = job, settings, sandbox, database, folder
        self._is_over, self._is_stopping = is_over, is_stopping
        self._reported: tuple[str, float] = ("", 0.0)
        self._source: Source | None = None

    def check(self) -> None:
        """Whether the attempt may go on; asks nobody."""
        if self._is_over.is_set():
            raise Superseded
        if self._is_stopping.is_set():
            raise Stopping

    def report(self, stage: str, fraction: float, speed: float | None = None) -> None:
        """Say how far the job is: `fraction` of all of it from 0 to 1, `speed` in seconds of film a second.

        Written once a second, and at once where a stage begins. PostgreSQL may be away: the work goes on.
        """
        self.check()
        last_stage, last_time = self._reported
        if stage == last_stage and time.monotonic() - last_time < _REPORT_SECONDS:
            return
        self._reported = (stage, time.monotonic())
        try:
            goes_on = attempts.report(self.database, self.job, stage, min(max(fraction, 0.0), 1.0), speed)
        except psycopg.OperationalError as error:
            logger.warning("progress_not_written", job=self.job.id.hex, error=str(error))
            return
        if not goes_on:
            raise Superseded

    @contextmanager
    def source(self) -> Iterator[Source]:
        """The title's file, open. Raises `JobFailed` when the title is not to be played, and `SourceChanged` when the
        file is not the one that was indexed (the next scan sees to that; the job is tried again).
        """
        if self.job.video_id is None:
            raise JobFailed("The job names no title.")
        with opened(self.database, self.job.video_id) as source:
            if source is None:
                raise JobFailed("The title has left the library, or can't be played.")
            self._source = source
            yield source

    def publish(
        self,
        files: Sequence[Made],
        withdraw: Collection[str] = (),
        record: Callable[[Connection[Any]], None] | None = None,
        *,
        last: bool = False,
    ) -> None:
        """Put `files` into the title's folder in their order, take the names of `withdraw` away, and write both down
        with what `record` writes: in one transaction, as far as a file system knows any. With `last` the job is done in
        that transaction too, so that a worker that is killed after it has nothing to do again.

        Nothing is changed when the attempt is over, or the title's content is not that of `source` any more.
        """
        video = self.job.video_id
        if video is None:
            raise JobFailed("The job names no title.")
        home = self.settings.titles_dir / video.hex
        with self.database.transaction():
            if not attempts.hold(self.database, self.job):
                raise Superseded
            lock_video(self.database, video)
            if self._source is not None and not same_content(self.database, self._source):
                raise SourceChanged("The file has changed meanwhile.")
            for made in files:
                sync(made.path)
                # A worker that was stopped here and wakes has lost the transaction, and with it the right to go on.
                self.database.execute("SELECT")
                made.path.chmod(0o640)
                size = made.path.stat().st_size
                made.path.rename(home / made.name)
                published.note(self.database, video, made.name, made.media_type, size)
            for name in withdraw:
                published.forget(self.database, video, name)
            if record is not None:
                record(self.database)
            offered.renew(self.database, home, self.folder, video)
            # What manifests led to goes when they don't any more.
            for name in withdraw:
                (home / name).unlink(missing_ok=True)
            self.database.execute("UPDATE videos SET changed_at = now() WHERE id = %s", (video,))
            if last:
                attempts.finish(self.database, self.job)


def sync(path: Path) -> None:
    """Wait until the file's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
