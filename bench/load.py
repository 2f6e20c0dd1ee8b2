"""Ranged reads as fast as they go, by wrk; and the time to the first byte of one read after the other."""

import json
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import cpu_seconds
from bench.servers import FILM_BYTES, Server

HERE = Path(__file__).parent
CONNECTIONS = 32
ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Run:
    """One load on one server as fast as it goes."""

    requests: int
    gigabytes: float
    seconds: float
    cpu_seconds: float
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


def as_fast_as_it_goes(server: Server, range_bytes: int, seconds: int) -> Run | None:
    """Ranged reads at random places by wrk; None when not one was over in that time, or so few
    that they took no measurable CPU (a tick is 10 ms). Raises on a wrong answer."""
    url, pids = server.url(), server.pids()
    command = [
        "wrk", f"-t{len(server.links) or 1}", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={ANSWER_SECONDS}s", "-s",
        str(HERE / "ranges.lua"), url, "--", str(range_bytes), str(FILM_BYTES), *server.headers(), *server.links,
    ]  # fmt: skip
    before = cpu_seconds(pids)
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(pids) - before
    said: dict[str, Any] = json.loads(shown.split("RESULT ", 1)[1])
    if any(said["errors"].values()) or said["bytes"] < said["requests"] * range_bytes:
        raise RuntimeError(f"{server.name}: {said}")
    if not said["requests"] or not used:
        return None
    return Run(said["requests"], said["bytes"] / 1e9, said["microseconds"] / 1e6, used, said["p99"] / 1e3)


def request(path: str, first: int, length: int, headers: list[str]) -> bytes:
    host = [] if any(header.startswith("Host: ") for header in headers) else ["Host: 127.0.0.1"]
    lines = [f"GET {path} HTTP/1.1", *host, f"Range: bytes={first}-{first + length - 1}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def first_bytes(server: Server, count: int) -> list[float]:
    """Milliseconds from a request to the first byte of its answer, one after the other on one open connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    path, headers, found = server.path(), server.headers(), []
    opened: socket.socket | None = None
    for number in range(count):
        if opened is None:
            opened = socket.create_connection((server.address, server.port), timeout=ANSWER_SECONDS)
            opened = context.wrap_socket(opened) if server.tls else opened
        first = (number * 7919 << 16) % (FILM_BYTES - 65_536)
        began = time.perf_counter()
        opened.sendall(request(path, first, 65_536, headers))
        left = opened.recv(65_536)
        found.append((time.perf_counter() - began) * 1000)
        if not left.startswith(b"HTTP/1.1 206"):
            raise RuntimeError(f"{server.name}: {left[:200]!r}")
        head, _, body = left.partition(b"\r\n\r\n")
        wanted = 65_536 - len(body)
        while wanted > 0 and (more := opened.recv(wanted)):
            wanted -= len(more)
        # A server that keeps no connection open (gunicorn's sync workers) gets a new one, which is not counted.
        if b"connection: close" in head.lower():
            opened.close()
            opened = None
    if opened is not None:
        opened.close()
    return found
