"""Workers as processes of their own, for tests to stop and kill.

    python -m testbed.services.workers NAME

runs a worker whose kinds do what the job's parameters say (`trial` below): a test decides what happens in a job.
"""

import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from catalog import jobs, logs, roles
from catalog.contract.words import JOB_KINDS, JobKind, JobUrgency
from media.sandbox import Sandbox
from testbed.servers.child import Child
from testbed.servers.postgres import Database
from testbed.services.library import Library
from testbed.waiting import eventually
from worker import cli, kinds
from worker.attempt import Attempt, JobFailed, Made
from worker.attempts import Job
from worker.runner import Runner
from worker.settings import WorkerSettings

REPOSITORY = Path(__file__).parents[2]
# As on a host, from the settings' defaults.
PACE: Mapping[str, object] = {
    name: WorkerSettings.model_fields[name].default
    for name in ("heartbeat_seconds", "silent_seconds", "reap_seconds", "look_seconds", "retry_seconds")
}
# What a test can't wait for as long as an operator can.
QUICKLY: Mapping[str, object] = {
    "heartbeat_seconds": 0.2, "silent_seconds": 5, "reap_seconds": 0.3, "look_seconds": 0.3, "retry_seconds": 0.1,
}  # fmt: skip


def trial(attempt: Attempt) -> None:
    """`fail`, `raise`: how it ends. `until`: a file that it waits for, with a tool inside the sandbox beside it; with
    `moments` it writes down when that tool was first heard. `publish`: names to publish then, `pause` seconds before
    the commit. `dies`, `dies_then`: it takes its worker along, at once or after that. What a scan asks for is no
    trial."""
    wanted = attempt.job.parameters
    if "diary" not in wanted:
        return
    with Path(wanted["diary"]).open("a") as diary:
        diary.write(f"{wanted.get('note', attempt.job.id)}\n")
    if wanted.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if "raise" in wanted:
        raise RuntimeError(wanted["raise"])
    if "fail" in wanted:
        raise JobFailed(wanted["fail"])
    with attempt.source() if wanted.get("publish") else _nothing():
        if "until" in wanted:
            _wait_with_a_tool(attempt, Path(wanted["until"]))
        made = []
        for name in wanted.get("publish", []):
            path = attempt.folder / name
            path.write_text(f"{attempt.job.attempts}")
            made.append(Made(name, path, "text/plain"))
        if made:
            note = functools.partial(_note_publication, attempt.job, wanted.get("pause"))
            attempt.publish(made, record=note, last=True)
            if wanted.get("dies_then"):
                os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class _Come(Exception):
    """The file is there."""


def _note_publication(job: Job, pause: float | None, database: Connection[Any]) -> None:
    """In the publication's own transaction, for who counts them."""
    if pause is not None:
        database.execute("INSERT INTO publications VALUES (%s, %s)", (job.id, job.run_id))
        time.sleep(pause)


def _wait_with_a_tool(attempt: Attempt, until: Path) -> None:
    def look(line: bytes) -> None:
        attempt.report("waiting", 0.5, 2.0)
        if line == b"begun" and attempt.job.parameters.get("moments"):
            with (Path(attempt.job.parameters["diary"]).parent / "moments").open("a") as moments:
                moments.write(json.dumps({"job": attempt.job.id.hex, "at": time.time()}) + "\n")
        if until.exists():
            raise _Come

    try:
        attempt.sandbox.make(
            ["/usr/bin/sh", "-c", "echo made >made; echo begun; exec sleep 1000"], attempt.folder,
            descriptor=None, file_bytes=1 << 20, silence_seconds=300, on_progress=look,
        )  # fmt: skip
    except _Come:
        return
    raise RuntimeError("the tool ended by itself")


def work_off(settings: WorkerSettings, until: Callable[[], bool] = lambda: False) -> None:
    """Do in this process all that is due of the settings' kinds, as the product does it, or `until` something is so; a
    test may watch or break what is called."""
    is_stopping = threading.Event()
    sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)
    thread = threading.Thread(target=Runner(settings, sandbox, "test/this", kinds.KINDS, is_stopping).run)
    thread.start()
    due: LiteralString = (
        "SELECT FROM jobs WHERE state = 'running' OR (state = 'queued' AND due_at <= now() AND kind = ANY(%s))"
    )
    try:
        with psycopg.connect(settings.database_url, autocommit=True) as database:
            kinds_due = (list(settings.job_kinds),)
            eventually(lambda: database.execute(due, kinds_due).rowcount == 0 or until(), within=120, every=0.02)
    finally:
        is_stopping.set()
        thread.join()


@dataclass
class Workers:
    """Started by name; all are gone at the end of the test."""

    library: Library
    running: dict[str, Child] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.library.database

    @property
    def diary(self) -> Path:
        return self.library.folder / "diary"

    @property
    def moments(self) -> Path:
        return self.library.folder / "moments"

    def start(self, name: str, **settings: object) -> Child:
        """Its log is at `log(name)`."""
        wanted = {
            **QUICKLY,
            "database_url": self.database.url_for(roles.WORKER),
            "titles_dir": self.library.titles,
            **settings,
        }
        environment = {f"KINETOSCOPE_{key.upper()}": _text(value) for key, value in wanted.items()}
        log = self.log(name)
        log.unlink(missing_ok=True)
        self.running[name] = Child(
            [sys.executable, "-m", "testbed.services.workers", name], log, lambda: '"worker_ready"' in log.read_text(),
            cwd=REPOSITORY, env={"PATH": os.environ["PATH"], **environment},
        )  # fmt: skip
        return self.running[name]

    def log(self, name: str) -> Path:
        return self.library.folder / f"worker-{name}.log"

    def stop_all(self) -> None:
        for child in self.running.values():
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGCONT)
            child.stop()

    def job(
        self,
        kind: JobKind = "pictures",
        *,
        urgency: JobUrgency = "backlog",
        requested_by: UUID | None = None,
        video_id: UUID | None = None,
        role: str = roles.API,
        **parameters: object,
    ) -> UUID:
        """Enqueued and committed as the API does it."""
        with psycopg.connect(self.database.url_for(role)) as connection:
            return jobs.enqueue(
                connection, kind, parameters={"diary": str(self.diary), **parameters}, video_id=video_id,
                requested_by=requested_by, urgency=urgency,
            )  # fmt: skip

    def row(self, job: UUID) -> dict[str, Any]:
        statement: LiteralString = "SELECT * FROM jobs WHERE id = %s"
        with psycopg.connect(self.database.owner_url, row_factory=dict_row) as owner:
            found = owner.execute(statement, (job,)).fetchone()
        assert found is not None
        return found

    def awaited(self, job: UUID, *states: str, within: float = 30) -> dict[str, Any]:
        """The row as soon as the job is in one of the states."""
        eventually(lambda: self.row(job)["state"] in states, within=within, every=0.05)
        row = self.row(job)
        assert row["state"] in states, (row, self.logs())
        return row

    def notes(self) -> list[str]:
        """What began, in order."""
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def logs(self) -> str:
        return "\n".join(self.log(name).read_text()[-3000:] for name in self.running)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def main() -> None:
    logs.configure()
    os.umask(cli.UMASK)
    # What is watched while it is made is no trial: it has no parameters.
    does = {kind: kinds.KINDS[kind] if kind == "instant" else trial for kind in JOB_KINDS}
    cli.work(WorkerSettings(), f"test/{sys.argv[1]}", does)


if __name__ == "__main__":
    main()
