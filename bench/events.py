"""How long after its commit a change is read by those who listen, through Nginx, while many listen.

    python -m bench.events [--quick] [--streams N] [--changes N] [--a-second N]

Nginx, the interface and the service of events under gunicorn, as their units run them. All listen for one user, whose
job goes on: its progress is written so many times a second, each time in a transaction of its own. The lag is from just
before that begins to the last line of the event at each listener. The listeners are threads of one process, on the same
cores as all that they measure, so what they find is more than it was.
"""

import argparse
import multiprocessing
import multiprocessing.synchronize
import sys
import time
from contextlib import ExitStack
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench import needs
from bench.measure import percentile, resident_bytes
from bench.report import publish, table
from catalog import jobs
from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.listener import Listener

PROMISED_SECONDS = 1.0
_PATIENCE_SECONDS = 60
# The progress tells the number of the change.
_STEPS = 10_000


def listens(
    port: int,
    ca_file: Path,
    tokens: list[str],
    begun: "SimpleQueue[int]",
    found: "SimpleQueue[list[tuple[int, float]]]",
    over: multiprocessing.synchronize.Event,
) -> None:
    """A process of listeners: of each event the number of the change and when it came, by the monotonic clock."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(Listener(port, ca_file, Authorization=f"Bearer {token}")) for token in tokens]
        for listener in listeners:
            listener.next("hello")
        begun.put(sum(listener.status == 200 for listener in listeners))
        over.wait(_PATIENCE_SECONDS * 10)
        came = [event for listener in listeners for event in listener.come() if event.name == "job"]
        found.put([(round(event.content["progress"] * _STEPS) - 1, event.at) for event in came])


def changed(stack: Stack, changes: int, a_second: float, job: UUID) -> dict[int, float]:
    """When each change was made, by its number."""
    committed: dict[int, float] = {}
    with psycopg.connect(stack.database.owner_url, autocommit=True) as worker:
        began = time.monotonic()
        for number in range(changes):
            time.sleep(max(0.0, began + number / a_second - time.monotonic()))
            committed[number] = time.monotonic()
            worker.execute(
                "UPDATE jobs SET progress = %s, heartbeat_at = now() WHERE id = %s", ((number + 1) / _STEPS, job)
            )
    return committed


def began(stack: Stack, username: str) -> UUID:
    """A job of this user that runs."""
    with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
        row = owner.execute("SELECT id FROM users WHERE username = %s", (username,)).fetchone()
        job = jobs.enqueue(owner, "rendition", video_id=UUID(stack.video_id), requested_by=row[0] if row else None)
        owner.execute(
            "UPDATE jobs SET state = 'running', run_id = gen_random_uuid(), started_at = now(), heartbeat_at = now()"
            " WHERE id = %s",
            (job,),
        )
    return job


def memory(stack: Stack) -> int:
    """Bytes of the service of events: gunicorn's master and its worker."""
    master = stack.process("events").pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return resident_bytes([master, *map(int, children)])


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    arguments.add_argument("--streams", type=int, default=200)
    arguments.add_argument("--changes", type=int, default=150)
    arguments.add_argument("--a-second", type=float, default=5)
    given = arguments.parse_args()
    needs.install(*needs.SERVERS)
    streams, count = (4, 10) if given.quick else (given.streams, given.changes)
    settings: dict[str, Any] = {"event_streams": streams, "event_streams_per_user": streams}
    with (
        PostgresServer.started() as postgres,
        Stack.running(
            needs.prepared(postgres), settings=settings, nginx_api_rate="1000r/s", nginx_api_burst=1000
        ) as stack,
    ):
        job = began(stack, stack.other_username)
        tokens = [stack.sign_in(stack.other_username)["access_token"]] * streams
        context = multiprocessing.get_context("spawn")
        begun, found, over = context.SimpleQueue(), context.SimpleQueue(), context.Event()
        listening = context.Process(
            target=listens, args=(stack.nginx.https_port, stack.nginx.ca_file, tokens, begun, found, over)
        )
        listening.start()
        sys.stderr.write(f"{begun.get()} streams are open\n")
        committed = changed(stack, count, given.a_second, job)
        time.sleep(PROMISED_SECONDS)
        used = memory(stack)
        over.set()
        came = found.get()
        listening.join(_PATIENCE_SECONDS)
    lags = [at - committed[number] for number, at in came if number in committed]
    late = percentile(lags, 95)
    header = ["streams", "changes a second", "heard of all", "lag: median, ms", "95 %", "99 %", "most", "service, MiB"]
    figures = [f"{1000 * percentile(lags, part):.0f}" for part in (50, 95, 99, 100)]
    heard = f"{len(lags) / (streams * count):.1%}"
    row = [str(streams), f"{given.a_second:g}", heard, *figures, f"{used / (1 << 20):.0f}"]
    kept = "kept" if late <= PROMISED_SECONDS else "missed"
    publish("events.md", table(header, [row]) + f"\nPromise: 95 % within {PROMISED_SECONDS:g} s; {kept}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
