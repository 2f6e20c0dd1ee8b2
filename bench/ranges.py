"""What protection costs: ranged reads through the doors beside the same Nginx unguarded, Caddy and Node.

One run on one machine, without TLS, on loopback: in each round every subject is loaded once with each range size by
wrk (one thread, 32 connections, random places of one file in the page cache), one after the other; guarded and
unguarded follow each other and change places from round to round. CPU is what the server's processes used (utime +
stime of /proc/<pid>/stat), so that the load generator beside them does not count. Medians over the rounds, with a 95 %
bootstrap interval; ratios are taken within a round.

The doors are the project's own templates, authz the real one under gunicorn with Redis and PostgreSQL. Caddy asks the
same authz for each request (forward_auth, with the headers of the contract). Node asks nobody.

    python -m bench.ranges [--rounds N] [--seconds N]      writes bench/results/ranges.{md,json}
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.nginx_server import NginxServer, free_ports
from tests.integration.postgres import PostgresServer
from tests.integration.stack import Stack

HERE = Path(__file__).parent
RESULTS = HERE / "results"
FILM_BYTES = 256 << 20
SIZES = {"64 KiB": 64 << 10, "1 MiB": 1 << 20}
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
UNGUARDED, SIGNED, HEADER = "Nginx, unguarded", "Nginx, signed door", "Nginx, header door"
CADDY, NODE = "Caddy, file_server + forward_auth", "Node, createReadStream().pipe()"
# What we promise, and this run can hold against itself: highest CPU per GB, guarded to unguarded.
PROMISED = {"64 KiB": 1.40, "1 MiB": 1.15}

PLAIN_SERVERS = """
    server {{
        listen 127.0.0.1:{unguarded};
        location /titles/ {{ alias {titles}/; }}
    }}
    server {{
        listen 127.0.0.1:{guarded};
        include {conf}/kinetoscope/problems.conf;
        include {conf}/kinetoscope/doors.conf;
    }}
"""

CADDYFILE = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    bind 127.0.0.1
    handle_path /stream/* {{
        forward_auth unix/{authz} {{
            uri /decide
            header_up X-Door header
            header_up X-Kind media:source
            header_up X-Video-Id {video}
            header_up X-Method GET
            header_up X-Real-IP 127.0.0.1
            header_up X-Conn "1 127.0.0.1 1"
            header_up X-Request-Id 00000000000000000000000000000000
        }}
        root * {titles}
        file_server
    }}
}}
"""


@dataclass(frozen=True)
class Run:
    """One load on one subject."""

    requests: int
    gigabytes: float
    seconds: float
    cpu_seconds: float
    errors: int
    p99_ms: float

    @property
    def microseconds_a_request(self) -> float:
        return self.cpu_seconds / self.requests * 1e6

    @property
    def seconds_a_gigabyte(self) -> float:
        return self.cpu_seconds / self.gigabytes

    @property
    def megabytes_a_second(self) -> float:
        return self.gigabytes * 1000 / self.seconds


@dataclass
class Subject:
    """A server under test: where, with which headers, and whose CPU counts."""

    name: str
    url: Callable[[], str]
    headers: Callable[[], list[str]]
    pids: Callable[[], list[int]]
    runs: dict[str, list[Run]] = field(default_factory=lambda: {size: [] for size in SIZES})

    def load(self, size: str, seconds: int) -> None:
        """One run, remembered. Raises when an answer was not the range asked for."""
        url, pids = self.url(), self.pids()
        command = [
            "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "ranges.lua"), url, "--",
            str(SIZES[size]), str(FILM_BYTES), *self.headers(),
        ]  # fmt: skip
        before = cpu_seconds(pids)
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = cpu_seconds(pids) - before
        said: dict[str, Any] = json.loads(shown.split("RESULT ", 1)[1])
        run = Run(
            said["requests"], said["bytes"] / 1e9, said["microseconds"] / 1e6, used, said["errors"], said["p99"] / 1e3
        )
        if run.errors or said["bytes"] < said["requests"] * SIZES[size]:
            raise RuntimeError(f"{self.name} at {size}: {run.errors} errors, {said}")
        self.runs[size].append(run)


def cpu_seconds(pids: list[int]) -> float:
    """CPU time of the processes since they started, user and system (proc(5), fields 14 and 15)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def interval(values: list[float]) -> tuple[float, float, float]:
    """Median, and the 95 % interval of the median by bootstrap (2,000 resamples, always the same ones)."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[49], medians[1949]


@contextlib.contextmanager
def child(command: list[str], port: int) -> Iterator[int]:
    """A server of others on `port` of loopback; its process id."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while subprocess.run(["bash", "-c", f": < /dev/tcp/127.0.0.1/{port}"], capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not listen on {port}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def subjects() -> Iterator[list[Subject]]:
    """Every server started, the same film behind each."""
    unguarded, guarded, caddy_port, node_port = free_ports(4)

    def plain(nginx: NginxServer) -> str:
        return PLAIN_SERVERS.format(
            unguarded=unguarded, guarded=guarded, titles=nginx.titles, conf=nginx.folder / "conf"
        )

    with contextlib.ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer.started())
        postgres.prepare_template()
        stack = opened.enter_context(Stack.running(postgres, more=plain))
        film = stack.nginx.folder / "film-of-the-bench.mp4"
        write_film(film)
        source = stack.nginx.titles / stack.video_id / "source.mp4"
        source.unlink()
        source.symlink_to(film)

        def token() -> str:
            return str(stack.sign_in()["access_token"])

        def bearer() -> list[str]:
            return [f"Authorization: Bearer {token()}"]

        def link() -> str:
            return f"http://127.0.0.1:{guarded}{stack.grant(token())['links']['source']}"

        path = f"{stack.video_id}/source.mp4"
        found = [
            Subject(UNGUARDED, lambda: f"http://127.0.0.1:{unguarded}/titles/{path}", list, stack.nginx.workers),
            Subject(SIGNED, link, list, stack.nginx.workers),
            Subject(HEADER, lambda: f"http://127.0.0.1:{guarded}/stream/{path}", bearer, stack.nginx.workers),
        ]
        if shutil.which("caddy"):
            caddyfile = stack.nginx.folder / "Caddyfile"
            caddyfile.write_text(
                CADDYFILE.format(
                    port=caddy_port, authz=stack.nginx.authz_socket, video=stack.video_id, titles=stack.nginx.titles
                )
            )
            run = ["caddy", "run", "--config", str(caddyfile), "--adapter", "caddyfile"]
            caddy = opened.enter_context(child(run, caddy_port))
            found.append(
                Subject(CADDY, lambda: f"http://127.0.0.1:{caddy_port}/stream/{path}", bearer, lambda: [caddy])
            )
        if shutil.which("node"):
            node = opened.enter_context(
                child(["node", str(HERE / "node_pipe.mjs"), str(node_port), str(film)], node_port)
            )
            found.append(Subject(NODE, lambda: f"http://127.0.0.1:{node_port}/", list, lambda: [node]))
        yield found


def write_film(path: Path) -> None:
    """Bytes that are really there, and in the page cache."""
    with path.open("wb") as file:
        block = random.Random(3).randbytes(1 << 20)
        for _ in range(FILM_BYTES >> 20):
            file.write(block)


def report(found: list[Subject], rounds: int, seconds: int, busy: float) -> str:
    """The tables, as Markdown."""
    lines = [
        f"Ranged reads, {rounds} rounds of {seconds} s each, {CONNECTIONS} connections, plain HTTP on loopback.",
        f"{os.cpu_count()} cores, shared with the load. Median [95 % interval]. Load average before: {busy:.1f}.",
        "(On a busy machine each connection's decision a second falls on few requests: then the ratios say nothing.)",
        "",
    ]
    for size in SIZES:
        lines += [
            f"### {size}", "",
            "| server | CPU a request, µs | CPU a GB, s | of unguarded Nginx | MB/s | requests/s | p99, ms |",
            "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        base = found[0].runs[size]
        for subject in found:
            runs = subject.runs[size]
            ratios = [run.seconds_a_gigabyte / other.seconds_a_gigabyte for run, other in zip(runs, base, strict=True)]
            cells = [
                _cell([run.microseconds_a_request for run in runs], ".0f"),
                _cell([run.seconds_a_gigabyte for run in runs], ".3f"),
                _cell(ratios, ".2f"),
                _cell([run.megabytes_a_second for run in runs], ".0f"),
                f"{statistics.median(run.requests / run.seconds for run in runs):.0f}",
                f"{statistics.median(run.p99_ms for run in runs):.1f}",
            ]
            lines.append(f"| {subject.name} | {' | '.join(cells)} |")
        lines.append("")
        for guarded in found[1:3]:
            ratio, low, high = interval(
                [
                    run.seconds_a_gigabyte / other.seconds_a_gigabyte
                    for run, other in zip(guarded.runs[size], base, strict=True)
                ]
            )
            verdict = "kept" if ratio <= PROMISED[size] else "NOT kept"
            lines.append(
                f"{guarded.name}: {ratio:.2f} [{low:.2f}, {high:.2f}] of the CPU of unguarded Nginx per GB "
                f"(promise: at most {PROMISED[size]:.2f}, {verdict})."
            )
        lines.append("")
    missing = {CADDY, NODE} - {subject.name for subject in found}
    lines += [f"Not measured, since it is not installed here: {name}." for name in sorted(missing)]
    return "\n".join(lines).rstrip() + "\n"


def _cell(values: list[float], form: str) -> str:
    middle, low, high = interval(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=int, default=3)
    given = arguments.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as home:
        # Caddy wants a home of its own; nothing of the person who runs this is touched.
        os.environ |= {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        with subjects() as found:
            for subject in found:
                subject.load("1 MiB", 1)
                subject.runs["1 MiB"].clear()
            for number in range(given.rounds):
                # Guarded and unguarded change places; the others follow.
                order = found[:3] if number % 2 == 0 else found[2::-1]
                for size in SIZES:
                    for subject in [*order, *found[3:]]:
                        subject.load(size, given.seconds)
                sys.stderr.write(f"round {number + 1} of {given.rounds}\n")
    text = report(found, given.rounds, given.seconds, busy)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ranges.md").write_text(text)
    runs = {
        subject.name: {size: [vars(run) for run in many] for size, many in subject.runs.items()} for subject in found
    }
    (RESULTS / "ranges.json").write_text(json.dumps(runs, indent=1))
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
