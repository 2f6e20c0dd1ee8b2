"""How soon a job begins, how soon after its worker died, and whether anything is ever published twice.

    python -m bench.jobs [--quick] [--trials N]

Real workers with their usual pace on a PostgreSQL of its own. A trial has two workers and one job; the worker that has
it is killed, or stopped until the other has done the job and then woken, at a moment drawn at random, from before the
job's tool runs to after its publication.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
from uuid import UUID

import psycopg

from bench import needs
from testbed.servers.postgres import PostgresServer
from testbed.services.library import clip, library_of
from testbed.services.workers import PACE, Workers
from testbed.waiting import eventually

_PUBLICATIONS = """
CREATE TABLE publications (job uuid, run uuid);
GRANT INSERT ON publications TO "kinetoscope-worker";
"""


def begun_after(workers: Workers, count: int) -> list[float]:
    """Milliseconds from the commit to the job's tool running, for `count` jobs one after the other."""
    found = []
    for number in range(count):
        go = workers.library.folder / f"go-{number}"
        go.touch()
        committed = time.time()
        job = workers.job(until=str(go), note=f"begin {number}", moments=True)
        workers.awaited(job, "done")
        found.append((moments(workers)[job] - committed) * 1000)
    return found


def moments(workers: Workers) -> dict[UUID, float]:
    """When the last tool of each job first said something, in seconds since 1970."""
    lines = workers.moments.read_text().splitlines() if workers.moments.exists() else []
    return {UUID(line["job"]): line["at"] for line in map(json.loads, lines)}


def begun_later_than(workers: Workers, job: UUID, moment: float) -> float:
    """When the job's tool first said something after `moment`; waits for it."""
    eventually(lambda: moments(workers).get(job, 0.0) > moment, within=120, every=0.05)
    begun = moments(workers).get(job, 0.0)
    if begun <= moment:
        raise RuntimeError(f"the job was not begun:\n{workers.logs()}")
    return begun


def begun_again_after(workers: Workers, count: int) -> list[float]:
    """Seconds from the kill of a worker to the job's tool running in another."""
    found = []
    for number in range(count):
        go = workers.library.folder / f"again-{number}"
        workers.start("first", **PACE)
        job = workers.job(until=str(go), note=f"again {number}", moments=True)
        begun_later_than(workers, job, 0.0)
        workers.start("second", **PACE)
        killed = time.time()
        workers.running["first"].process.kill()
        found.append(begun_later_than(workers, job, killed) - killed)
        go.touch()
        workers.awaited(job, "done")
        workers.stop_all()
    return found


def published_twice(workers: Workers, video: UUID, count: int, seed: int) -> tuple[int, int]:
    """Of `count` trials, how many published twice and how many published nothing."""
    chance = random.Random(seed)
    twice = never = 0
    for number in range(count):
        for name in ("first", "second"):
            child = workers.running.get(name)
            if child is None or child.process.poll() is not None:
                workers.start(name)
        job = workers.job(
            "text", video_id=video, publish=["sub-en.vtt"], pause=chance.uniform(0, 0.4), note=f"{number}"
        )
        workers.awaited(job, "running", "done")
        time.sleep(chance.uniform(0, 0.8))
        having = str(workers.row(job)["worker"]).removeprefix("test/")
        victim = workers.running[having].process
        stops = chance.random() < 0.5
        os.kill(victim.pid, signal.SIGSTOP if stops else signal.SIGKILL)
        if not stops:
            # Else the next trial might take it for one that lives.
            victim.wait()
        workers.awaited(job, "done", within=90)
        if stops:
            os.kill(victim.pid, signal.SIGCONT)
            workers.awaited(workers.job(note=f"after {number}"), "done")
        runs = publications(workers, job)
        twice += runs > 1
        never += runs == 0
        sys.stderr.write(f"\rtrial {number + 1} of {count}: {twice} twice, {never} never ")
    sys.stderr.write("\n")
    return twice, never


def publications(workers: Workers, job: UUID) -> int:
    with psycopg.connect(workers.database.owner_url) as owner:
        row = owner.execute("SELECT count(*) FROM publications WHERE job = %s", (job,)).fetchone()
    return int(row[0]) if row else 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    arguments.add_argument("--trials", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    needs.install(*needs.STORES, "ffmpeg", "bubblewrap")
    begins, deaths, trials = (5, 1, 2) if given.quick else (100, 10, given.trials)
    with (
        PostgresServer.started() as postgres,
        needs.prepared(postgres).cloned_database() as database,
        library_of(database) as library,
    ):
        with psycopg.connect(database.owner_url) as owner:
            owner.execute(_PUBLICATIONS)
        library.put("film.mp4", clip())
        library.scan()
        workers = Workers(library)
        try:
            workers.start("one", **PACE)
            soon = begun_after(workers, begins)
            workers.stop_all()
            again = begun_again_after(workers, deaths)
            twice, never = published_twice(workers, library.row("film.mp4")["id"], trials, given.seed)
        finally:
            workers.stop_all()
    sys.stdout.write(
        "| | median | 95 % | most | promise |\n|---|---|---|---|---|\n"
        f"| commit to tool, ms ({begins}) | {_row(soon)} | 95 % <= 100 |\n"
        f"| kill to tool, s ({deaths}) | {_row(again)} | <= 45 |\n"
        f"| published twice, of {trials} kills and stops | {twice} | | | 0 |\n"
        f"| never published, of {trials} | {never} | | | 0 |\n"
    )
    return 0


def _row(values: list[float]) -> str:
    ordered = sorted(values)
    return (
        f"{statistics.median(ordered):.1f} | {ordered[max(0, round(0.95 * len(ordered)) - 1)]:.1f} | {ordered[-1]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
