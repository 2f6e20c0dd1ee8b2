"""Jobs one after the other, each to its end."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from catalog.contract.words import JobKind
from media.sandbox import Sandbox
from worker import attempts
from worker.attempt import SCRATCH, Attempt, Deferred, JobFailed, NoRoomYet, Stopping, Superseded
from worker.attempts import Job
from worker.settings import WorkerSettings

_CONNECT_SECONDS = 5
_STATEMENT_MS = 60_000
# The pause before PostgreSQL is looked for again, and how soon a worker that waits hears that it is to stop.
_AWAY_SECONDS = 1.0
_STOP_SECONDS = 0.5
# A transaction in which a worker was stopped ends by itself, and with it what the worker held.
_IDLE_MS = 10_000

logger = structlog.get_logger(__name__)


def connect(settings: WorkerSettings) -> Connection[Any]:
    """Raises `psycopg.OperationalError` when PostgreSQL does not answer."""
    return psycopg.connect(
        settings.database_url,
        autocommit=True,
        application_name="kinetoscope-worker",
        connect_timeout=_CONNECT_SECONDS,
        options=f"-c statement_timeout={_STATEMENT_MS} -c idle_in_transaction_session_timeout={_IDLE_MS}"
        " -c timezone=UTC",
    )


class Runner:
    """Takes jobs in the name of `worker`, which no other process has."""

    def __init__(
        self,
        settings: WorkerSettings,
        sandbox: Sandbox,
        worker: str,
        kinds: Mapping[JobKind, Callable[[Attempt], None]],
        is_stopping: threading.Event,
    ) -> None:
        self._settings, self._sandbox, self._worker = settings, sandbox, worker
        self._kinds = {kind: work for kind, work in kinds.items() if kind in settings.job_kinds}
        self._is_stopping = is_stopping

    def run(self) -> None:
        """Until `is_stopping`. PostgreSQL may be away: it is looked for again."""
        while not self._is_stopping.is_set():
            try:
                with contextlib.closing(connect(self._settings)) as database:
                    self._listen(database)
            except psycopg.Error as error:
                logger.warning("database_unavailable", error=str(error))
                self._is_stopping.wait(_AWAY_SECONDS)

    def _listen(self, database: Connection[Any]) -> None:
        """Listening begins before the first look, so what is queued after a look is never missed."""
        database.execute("LISTEN jobs")
        while not self._is_stopping.is_set():
            self.run_due(database)
            look = time.monotonic() + self._settings.look_seconds
            while not self._is_stopping.is_set() and time.monotonic() < look:
                if any(True for _ in database.notifies(timeout=_STOP_SECONDS, stop_after=1)):
                    break

    def run_due(self, database: Connection[Any]) -> None:
        """All that may run now, one after the other."""
        while not self._is_stopping.is_set():
            job = attempts.claim(database, self._worker, list(self._kinds), self._settings.job_limits)
            if job is None:
                return
            self._run(job)

    def _run(self, job: Job) -> None:
        known = {"job": job.id.hex, "kind": job.kind, "attempt": job.attempts}
        logger.info("job_begins", **known)
        try:
            with (
                contextlib.closing(connect(self._settings)) as database,
                self._scratch(job) as folder,
                self._heartbeat(job) as is_over,
            ):
                attempt = Attempt(job, self._settings, self._sandbox, database, folder, is_over, self._is_stopping)
                self._kinds[job.kind](attempt)
        except Superseded:
            # Where it is ours all the same, its work was overtaken by other work: nothing is left to do.
            self._write(attempts.finish, job)
            logger.info("job_is_not_ours_any_more", **known)
        except Stopping:
            self._write(attempts.give_back, job)
            logger.info("job_given_back", **known)
        except Deferred:
            self._write(attempts.step_back, job)
            logger.info("job_lets_others_first", **known)
        except NoRoomYet as room:
            self._write(attempts.wait, job, str(room), self._settings.room_pause_seconds)
            logger.info("job_waits_for_room", reason=str(room), **known)
        except JobFailed as failure:
            self._write(attempts.fail, job, str(failure))
            logger.warning("job_failed", reason=str(failure), **known)
        except Exception as error:
            logger.exception("job_tried_in_vain", **known)
            self._write_error(job, error)
        else:
            self._write(attempts.finish, job)
            logger.info("job_done", **known)

    def _write_error(self, job: Job, error: Exception) -> None:
        reason = f"{error}" or type(error).__name__
        if job.attempts >= self._settings.job_attempts:
            self._write(attempts.fail, job, f"Tried {job.attempts} times: {reason}")
        else:
            self._write(attempts.try_again, job, reason, self._settings.retry_seconds)

    def _write(self, how: Callable[..., bool], job: Job, *values: object) -> None:
        """How it ended, on a new connection: the job's may have broken. In vain, the reaper sees the silence."""
        try:
            with contextlib.closing(connect(self._settings)) as database:
                how(database, job, *values)
        except psycopg.Error as error:
            logger.warning("end_of_job_not_written", job=job.id.hex, error=str(error))

    @contextlib.contextmanager
    def _scratch(self, job: Job) -> Iterator[Path]:
        folder = self._settings.titles_dir / f"{SCRATCH}{job.run_id.hex}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _heartbeat(self, job: Job) -> Iterator[threading.Event]:
        """An event that is set when the attempt is over, by somebody else's doing."""
        is_over, is_done = threading.Event(), threading.Event()
        pulse = threading.Thread(target=self._beat, args=(job, is_over, is_done), daemon=True)
        pulse.start()
        try:
            yield is_over
        finally:
            is_done.set()
            pulse.join()

    def _beat(self, job: Job, is_over: threading.Event, is_done: threading.Event) -> None:
        database: Connection[Any] | None = None
        while not is_done.wait(self._settings.heartbeat_seconds):
            try:
                if database is None or database.closed:
                    database = connect(self._settings)
                if not attempts.beat(database, job):
                    is_over.set()
                    break
            except psycopg.Error as error:
                logger.warning("heartbeat_not_written", job=job.id.hex, error=str(error))
                database = None
        if database is not None:
            database.close()


def leftovers(titles: Path) -> Iterator[Path]:
    """The scratch folders that are there."""
    with os.scandir(titles) as entries:
        for entry in entries:
            if entry.name.startswith(SCRATCH):
                yield Path(entry.path)
