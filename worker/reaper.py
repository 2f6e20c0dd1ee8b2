"""What nobody else notices: workers that died, jobs that were kept long enough, folders that were left behind.

A thread of every worker, on a timer of its own, so that no job holds it up; one at a time does the work.
"""

import shutil
import threading
import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import Connection

from worker import budget, remains, withdrawn
from worker.attempt import SCRATCH
from worker.runner import connect, leftovers
from worker.settings import WorkerSettings

_TRY: LiteralString = "SELECT pg_try_advisory_xact_lock(7234201002)"

# A row that is held is of an attempt that is just publishing: it lives.
_BEGIN_ANEW: LiteralString = """
UPDATE jobs
   SET state = CASE WHEN attempts >= %(attempts)s THEN 'failed' ELSE 'queued' END,
       reason = format('The worker died at it, %%s times by now.', attempts),
       ended_at = CASE WHEN attempts >= %(attempts)s THEN now() END,
       run_id = NULL
 WHERE id IN (SELECT id FROM jobs
               WHERE state = 'running'
                 AND (heartbeat_at < now() - make_interval(secs => %(silent)s) OR worker = %(dead)s)
                 FOR UPDATE SKIP LOCKED)
RETURNING id, state, attempts
"""

_FORGET: LiteralString = "DELETE FROM jobs WHERE ended_at < now() - make_interval(secs => %s)"

_FORGET_CHANGES: LiteralString = "SELECT forget_changes(%s)"

_RUNNING: LiteralString = "SELECT run_id FROM jobs WHERE state = 'running'"

logger = structlog.get_logger(__name__)


class Reaper:
    """`run` until `is_stopping`."""

    def __init__(self, settings: WorkerSettings, is_stopping: threading.Event) -> None:
        self._settings, self._is_stopping = settings, is_stopping
        self._budget_due = 0.0

    def run(self) -> None:
        database: Connection[Any] | None = None
        while not self._is_stopping.wait(self._settings.reap_seconds):
            try:
                if database is None or database.closed:
                    database = connect(self._settings)
                self.look(database)
            except (psycopg.Error, OSError) as error:
                logger.warning("reaper_can_not_look", error=str(error))
                if database is not None:
                    database.close()
                database = None

    def look(self, database: Connection[Any], *, dead: str | None = None) -> None:
        """Once. `dead` is a worker that is known to be dead: its name is about to be used again."""
        with database.transaction():
            taken = database.execute(_TRY).fetchone()
            if not (taken and taken[0]) and dead is None:
                return
            values = {"attempts": self._settings.job_attempts, "silent": self._settings.silent_seconds, "dead": dead}
            for job, state, attempts in database.execute(_BEGIN_ANEW, values).fetchall():
                logger.warning("worker_died_at_job", job=job.hex, state=state, attempts=attempts)
            database.execute(_FORGET, (self._settings.job_days * 86_400,))
            # First the folders, then the rows: a folder that is there is of an attempt that has its row already.
            folders = list(leftovers(self._settings.titles_dir))
            living = {run.hex for (run,) in database.execute(_RUNNING)}
        # While the events unit runs it does that, and much sooner.
        database.execute(_FORGET_CHANGES, (self._settings.change_seconds,))
        try:
            remains.sweep(database, self._settings)
        except OSError as error:
            logger.warning("uploads_not_swept", error=str(error))
        for folder in folders:
            if folder.name.removeprefix(SCRATCH) not in living:
                _remove(folder)
        self._keep_budget(database)
        withdrawn.sweep(database, self._settings.titles_dir, self._settings.withdrawn_hours)

    def _keep_budget(self, database: Connection[Any]) -> None:
        """Jobs see to it when they end. Else it was lowered, or what had to stay may leave by now."""
        if time.monotonic() < self._budget_due:
            return
        self._budget_due = time.monotonic() + self._settings.rendition_budget_seconds
        budget.tell(database, self._settings)
        budget.keep(database, self._settings)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    logger.info("leftover_removed", folder=folder.name)
