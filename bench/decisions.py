"""How many uncached decisions a second authz answers, with the load beside it on the same cores.

The real service under gunicorn as its unit starts it, with real Redis and PostgreSQL; asked over its unix socket in the
words of Nginx, a connection for each question, by a few processes that each wait for an answer before they ask again.
So what is measured is the service's ceiling, not a queue. CPU is what the workers (or Redis) used, from /proc.

    python -m bench.decisions [--rounds N] [--seconds N] [--clients N] [--against FOLDER] [--quick]

`--against` names another checkout of this repository: its service and this one are loaded in turns within each round,
and the ratios say what a change brought, whatever else the machine is doing. Writes bench/results/decisions.md.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from pydantic import SecretStr

from authsvc.people import accounts
from authsvc.sessions import sessions
from authsvc.sessions.tokens import Issuer
from bench import needs
from bench.measure import TICKS, interval
from bench.report import publish
from catalog import roles
from testbed.servers import gunicorn
from testbed.servers.child import Child
from testbed.servers.postgres import Database, PostgresServer
from testbed.servers.redis_server import RedisServer
from testbed.services.world import PRIVATE_PEM, PUBLIC_PEM, password_hash

VIEWERS = 40
DOORS = ("signed", "header")
# What issue and design promise on two cores.
PROMISED, WISHED = 2500, 4000


@dataclass(frozen=True)
class Run:
    """One load on one service."""

    decisions: int
    refused: int
    seconds: float
    worker_seconds: float
    redis_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.decisions / self.seconds


@dataclass
class Service:
    """authz of one checkout, listening."""

    name: str
    socket: Path
    child: Child
    redis_pid: int
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def cpu(self) -> tuple[float, float]:
        """Seconds of the workers and of Redis so far."""
        pid = self.child.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(map(_cpu, workers)), _cpu(str(self.redis_pid))


def _cpu(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def fill(database: Database) -> dict[str, list[bytes]]:
    """Viewers with a session and a playback each; their questions, as Nginx sends them, by door."""
    issuer = Issuer(SecretStr(PRIVATE_PEM), "a1", 3600)
    questions: dict[str, list[bytes]] = {door: [] for door in DOORS}
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for number in range(VIEWERS):
            user = accounts.create(
                owner, username=f"viewer{number}", email=None, password_hash=password_hash(), role="user"
            )
            session = sessions.start(
                owner, user_id=user.id, kind="program", device="bench", client="127.0.0.1", life_seconds=3600
            ).session_id.hex
            video, playback = f"{number:032x}", f"{number + 4096:032x}"
            owner.execute(
                "INSERT INTO videos (id, library_root, path, fingerprint, size_bytes, mtime_ns, filename, title,"
                " container, duration_seconds, status)"
                " VALUES (%s, '/l', %s, 'f', 1, 1, 'f.mp4', 't', 'mp4', 600, 'ready')",
                (video, video.encode()),
            )
            owner.execute(
                "INSERT INTO playbacks (id, session_id, user_id, video_id, door, device, client)"
                " VALUES (%s, %s, %s, %s, 'signed', 'bench', '127.0.0.1')",
                (playback, session, user.id, video),
            )
            token = issuer.issue(user.id.hex, session)
            questions["signed"].append(_question(number, "signed", video, playback, None))
            questions["header"].append(_question(number, "header", video, None, token))
    return questions


def _question(number: int, door: str, video: str, playback: str | None, token: str | None) -> bytes:
    lines = ["GET /decide HTTP/1.0", f"X-Door: {door}", "X-Kind: media:source", f"X-Video-Id: {video}"]
    lines += [f"X-Playback-Id: {playback}"] if playback else []
    lines += [
        "X-Method: GET", f"X-Real-IP: 192.0.2.{number}", f"X-Conn: {number} 192.0.2.{number} 40000",
        f"X-Request-Id: {number:032x}", "Host: authz", "Connection: close",
    ]  # fmt: skip
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode()


def load(service: Service, door: str, questions: list[bytes], clients: int, seconds: float) -> None:
    """Ask for `seconds` from `clients` processes, and note the run."""
    pipes = [os.pipe() for _ in range(clients)]
    before, started = service.cpu(), time.monotonic()
    for number, (_, write) in enumerate(pipes):
        if os.fork() == 0:  # pragma: no cover
            _ask(str(service.socket), questions[number::clients], started + seconds, write)
    refused = 0
    times: list[float] = []
    for read, write in pipes:
        os.close(write)
        with os.fdopen(read, "rb") as answers:
            content = answers.read()
        refused += struct.unpack_from("=q", content)[0]
        times += struct.unpack(f"={(len(content) - 8) // 4}f", content[8:])
    for _ in pipes:
        os.wait()
    took, after = time.monotonic() - started, service.cpu()
    times.sort()
    middle, high = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
    run = Run(len(times), refused, took, after[0] - before[0], after[1] - before[1], middle, high)
    service.runs.setdefault(door, []).append(run)


def _ask(path: str, questions: list[bytes], until: float, write: int) -> None:  # pragma: no cover
    """One client process; never returns."""
    times: list[float] = []
    refused, number = 0, 0
    clock = time.monotonic
    while (began := clock()) < until:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(path)
            asking.sendall(questions[number % len(questions)])
            answer = b""
            while b"\r\n\r\n" not in answer and (more := asking.recv(4096)):
                answer += more
        times.append(clock() - began)
        refused += answer[9:12] != b"204"
        number += 1
    with os.fdopen(write, "wb") as out:
        out.write(struct.pack("=q", refused) + struct.pack(f"={len(times)}f", *times))
    os._exit(0)


@contextlib.contextmanager
def services(folders: list[Path], clients: int) -> Iterator[tuple[list[Service], dict[str, list[bytes]]]]:
    """authz of each checkout, with one database and one Redis behind all."""
    with contextlib.ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer.started())
        postgres.prepare_template()
        database = opened.enter_context(postgres.cloned_database())
        live = opened.enter_context(RedisServer.started("live"))
        redis_pid = int(live.client().info("server")["process_id"])
        questions = fill(database)
        (live.folder / "credentials").mkdir()
        (live.folder / "credentials/access_jwt_public").write_text(json.dumps({"a1": PUBLIC_PEM}))
        found = []
        for number, folder in enumerate(folders):
            path = live.folder / f"authz{number}.sock"
            environment = {
                "PATH": os.environ["PATH"], "PYTHONPATH": str(folder),
                "CREDENTIALS_DIRECTORY": str(live.folder / "credentials"),
                "KINETOSCOPE_DATABASE_URL": database.url_for(roles.AUTHZ),
                "KINETOSCOPE_REDIS_LIVE_URL": live.url,
                "KINETOSCOPE_STREAMS_PER_USER": "0", "KINETOSCOPE_STREAMS_PER_SESSION": "0",
            }  # fmt: skip
            child = gunicorn.bound("authz", path, live.folder / f"authz{number}.log", environment, checkout=folder)
            opened.callback(child.stop)
            found.append(Service("this checkout" if number == 0 else str(folder), path, child, redis_pid))
        for service in found:
            for door in DOORS:
                load(service, door, questions[door], clients, 0.5)
            service.runs.clear()
        yield found, questions


def report(found: list[Service], clients: int, seconds: float, busy: float) -> str:
    """The table, as Markdown."""
    rounds = len(found[0].runs[DOORS[0]])
    lines = [
        f"Uncached decisions of media, {rounds} rounds of {seconds:g} s each, {clients} clients, over the unix socket.",
        f"{os.cpu_count()} cores, shared with the load, Redis and whatever else ran. Median [95 % interval].",
        f"Load average before: {busy:.1f}.",
        "",
        "| service | door | decisions/s | p50, ms | p99, ms | CPU of a worker, µs | CPU of Redis, µs | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for service in found:
        for door in DOORS:
            runs, base = service.runs[door], found[-1].runs[door]
            ratio = [run.rate / other.rate for run, other in zip(runs, base, strict=True)]
            cells = [
                _cell([run.rate for run in runs], ".0f"),
                f"{statistics.median(run.p50_ms for run in runs):.2f}",
                f"{statistics.median(run.p99_ms for run in runs):.2f}",
                _cell([run.worker_seconds / run.decisions * 1e6 for run in runs], ".0f"),
                _cell([run.redis_seconds / run.decisions * 1e6 for run in runs], ".0f"),
                _cell(ratio, ".2f") if service is not found[-1] else "1",
            ]
            lines.append(f"| {service.name} | {door} | {' | '.join(cells)} |")
    refused = sum(run.refused for service in found for runs in service.runs.values() for run in runs)
    best = statistics.median(run.rate for run in found[0].runs["signed"])
    verdict = "kept" if best >= PROMISED else "NOT kept"
    lines += [
        "",
        f"Signed door: {best:.0f} a second (promise: at least {PROMISED}, {verdict}; wished: {WISHED}).",
        f"Answers other than 204: {refused}.",
    ]
    return "\n".join(lines) + "\n"


def _cell(values: list[float], form: str) -> str:
    middle, low, high = interval(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--against", type=Path, help="another checkout, loaded in turns with this one")
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    given = arguments.parse_args()
    if given.quick:
        given.rounds, given.seconds = 2, 0.3
    needs.install(*needs.STORES)
    folders = [gunicorn.REPOSITORY, *([given.against.resolve()] if given.against else [])]
    busy = os.getloadavg()[0]
    with services(folders, given.clients) as (found, questions):
        for number in range(given.rounds):
            for door in DOORS:
                for service in found if number % 2 == 0 else found[::-1]:
                    load(service, door, questions[door], given.clients, given.seconds)
            sys.stderr.write(f"round {number + 1} of {given.rounds}\n")
    text = report(found, given.clients, given.seconds, busy)
    publish("decisions.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
