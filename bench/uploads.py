"""What an upload costs the server: the project's door beside bare Nginx and beside @uploadx/core, which is of Node.

    python -m bench.uploads [--quick] [--rounds N]      writes bench/results/uploads.md; about three minutes

The same client sends the same parts over three connections, without TLS; the servers take turns. CPU is of the server
alone: Nginx's workers and authz; of "to the library" the worker that hashes, assembles and looks at the film, too, and
its tools. Bare Nginx is another server of the same process: `dav_methods PUT` with the same buffer and nobody asked.
Everything lies on one disk. @uploadx/core takes the parts of a file in their order, so there it is a file a connection.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import needs
from bench.measure import cpu_seconds
from bench.report import cell, publish, table
from bench.servers import children
from catalog.uploads import MIB
from testbed.servers.child import Child
from testbed.servers.nginx_server import NginxServer
from testbed.servers.ports import free_ports, listens
from testbed.servers.postgres import PostgresServer
from testbed.services.library import made_by_ffmpeg
from testbed.stack import Stack
from testbed.uploading import LANES, Uploader

_LISTENERS = """
    server {{
        listen 127.0.0.1:{door};
        include {conf}/kinetoscope/problems.conf;
        include {conf}/kinetoscope/uploads.conf;
    }}
    server {{
        listen 127.0.0.1:{bare};
        location /bare/ {{
            alias {bare_folder}/;
            dav_methods PUT;
            client_max_body_size 64m;
            client_body_buffer_size 1m;
            client_body_temp_path {bare_folder}/parts;
        }}
    }}
"""
_UPLOADX = Path(__file__).parent / "uploadx"
# Node and npm come with .venv.
_BIN = Path(sys.executable).parent
_PART = 16 * MIB
# That one call gives.
_LINKS = 16


@dataclass(frozen=True)
class Cost:
    """CPU seconds a GB (10^9 bytes), and GB a second by the clock."""

    cpu: float
    rate: float


class Bench:
    """All servers on loopback, and a film of `parts` parts that they are sent."""

    def __init__(self, stack: Stack, ports: dict[str, int], node: Child, parts: int) -> None:
        self.stack, self._ports, self._node = stack, ports, node
        clip = made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p")
        rest = parts * _PART - len(clip)
        # Behind the clip a box that players skip.
        self.film = clip + rest.to_bytes(4, "big") + b"free" + os.urandom(rest - 8)
        self._token = stack.sign_in("bob")["access_token"]

    def turn(self) -> dict[str, Cost]:
        """Each way once, in a random order."""
        ways = {
            "door": self.door,
            "bare Nginx": self.bare,
            "@uploadx/core": self.uploadx,
            "to the library": self.library,
        }
        return {name: ways[name]() for name in random.sample(list(ways), len(ways))}

    def door(self) -> Cost:
        upload = self._begun()
        cost = self._sent("door", self._links(upload), self._of_nginx())
        upload.call("DELETE", f"/{upload.upload['id']}")
        self._clear(self.stack.nginx.uploads)
        return cost

    def bare(self) -> Cost:
        count = len(self.film) // _PART
        cost = self._sent(
            "bare", {f"/bare/{number}": (number * _PART, _PART) for number in range(count)}, self._of_nginx()
        )
        self._clear(self.stack.nginx.folder / "bare")
        return cost

    def uploadx(self) -> Cost:
        began, before = time.monotonic(), cpu_seconds(self._of_node())
        size = len(self.film) // LANES // _PART * _PART or _PART
        with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
            list(lanes.map(self._uploadx, [size] * LANES))
        gb = size * LANES / 1e9
        cost = Cost((cpu_seconds(self._of_node()) - before) / gb, gb / (time.monotonic() - began))
        self._clear(self.stack.nginx.folder / "uploadx")
        return cost

    def library(self) -> Cost:
        """With a worker, from the first part to the title that plays."""
        self.stack.start_worker("bench-worker")
        try:
            worker = self.stack.process("bench-worker").pid
            began, before = time.monotonic(), _with_children(worker)
            upload = self._begun()
            nginx = self._sent("door", self._links(upload), self._of_nginx())
            upload.complete()
            told = upload.over(within=300)
            if told["state"] != "done":
                raise SystemExit(f"The upload failed: {told['reason']}")
            gb = len(self.film) / 1e9
            return Cost(nginx.cpu + (_with_children(worker) - before) / gb, gb / (time.monotonic() - began))
        finally:
            self.stack.stop("bench-worker")
            self._clear(self.stack.uploaded)

    def _begun(self) -> Uploader:
        upload = Uploader(self.stack, self.film, self._token)
        upload.begin(f"{secrets.token_hex(6)}.mp4")
        return upload

    @staticmethod
    def _links(upload: Uploader) -> dict[str, tuple[int, int]]:
        last = upload.upload["parts"]
        calls = [range(first, min(first + _LINKS, last + 1)) for first in range(1, last + 1, _LINKS)]
        links = [link for numbers in calls for link in upload.links(numbers)]
        return {link["href"]: (link["offset"], link["length"]) for link in links}

    def _sent(self, server: str, targets: dict[str, tuple[int, int]], pids: list[int]) -> Cost:
        before, began = cpu_seconds(pids), time.monotonic()
        todo = list(targets.items())

        def lane(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._ports[server], timeout=60)
            for target, (at, length) in todo[number::LANES]:
                connection.request("PUT", target, memoryview(self.film)[at : at + length], {"Host": "localhost"})
                _good(connection.getresponse(), 201)
            connection.close()

        with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
            list(lanes.map(lane, range(LANES)))
        took, gb = time.monotonic() - began, sum(length for _, length in targets.values()) / 1e9
        return Cost((cpu_seconds(pids) - before) / gb, gb / took)

    def _uploadx(self, size: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["node"], timeout=60)
        told = json.dumps({"name": f"{secrets.token_hex(6)}.mp4"})
        kind = {"Content-Type": "application/json", "X-Upload-Content-Length": str(size),
                "X-Upload-Content-Type": "video/mp4"}  # fmt: skip
        connection.request("POST", "/files", told, kind)
        address = _good(connection.getresponse(), 201).headers["Location"]
        path = "/" + address.split("/", 3)[-1] if "://" in address or address.startswith("//") else address
        for at in range(0, size, _PART):
            span = {"Content-Range": f"bytes {at}-{at + _PART - 1}/{size}"}
            connection.request("PUT", path, memoryview(self.film)[at : at + _PART], span)
            _good(connection.getresponse(), 200 if at + _PART >= size else 308)
        connection.close()

    def _of_nginx(self) -> list[int]:
        authz = self.stack.process("authz").pid
        return [*self.stack.nginx.serving(), authz, *children(authz)]

    def _of_node(self) -> list[int]:
        return [self._node.process.pid, *children(self._node.process.pid)]

    @staticmethod
    def _clear(folder: Path) -> None:
        """Files only: folders are the servers'."""
        for path in folder.rglob("*"):
            if path.is_file():
                path.unlink(missing_ok=True)


def _good(answer: http.client.HTTPResponse, status: int) -> http.client.HTTPResponse:
    said = answer.read()
    if answer.status != status:
        raise SystemExit(f"{answer.status} instead of {status}: {said[:500]!r}")
    return answer


def _with_children(pid: int) -> float:
    """CPU time of the process and of the tools that have ended (proc(5), fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def started(parts: int) -> Iterator[Bench]:
    names = ("door", "bare", "node")
    ports = dict(zip(names, free_ports(len(names)), strict=True))

    def listeners(nginx: NginxServer) -> str:
        for folder in ("bare", "uploadx"):
            (nginx.folder / folder).mkdir(exist_ok=True)
            shutil.chown(nginx.folder / folder, *_owner(nginx.uploads))
        return _LISTENERS.format(conf=nginx.folder / "conf", bare_folder=nginx.folder / "bare", **ports)

    with PostgresServer.started() as postgres:
        postgres.prepare_template()
        with (
            tempfile.TemporaryDirectory() as modules,
            Stack.running(postgres, more=listeners, nginx_upload_rate="1000r/s") as stack,
        ):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_UPLOADX / name, modules)
            npm = [
                str(_BIN / "npm"),
                "ci",
                "--omit=optional",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--silent",
            ]
            subprocess.run(npm, cwd=modules, check=True, env=os.environ | {"PATH": f"{_BIN}:{os.environ['PATH']}"})
            serve = [_BIN / "node", _UPLOADX / "server.mjs", ports["node"], stack.nginx.folder / "uploadx"]
            node = Child(
                [str(word) for word in serve],
                stack.nginx.logs / "node.log", lambda: listens(ports["node"]), cwd=Path(modules), env=os.environ,
            )  # fmt: skip
            try:
                yield Bench(stack, ports, node, parts)
            finally:
                node.stop()


def _owner(path: Path) -> tuple[str, str]:
    return path.owner(), path.group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=needs.QUICK)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    needs.install(*needs.SERVERS)
    rounds, parts = (1, 3) if arguments.quick else (arguments.rounds, 33)
    with started(parts) as bench:
        turns = [_told(bench.turn()) for _ in range(rounds)]
    names = ["bare Nginx", "door", "to the library", "@uploadx/core"]
    rows = [
        [name, cell([turn[name].cpu for turn in turns], ".2f"), cell([turn[name].rate for turn in turns], ".2f")]
        for name in names
    ]
    against: list[tuple[str, str, Callable[[Cost], float]]] = [
        ("door", "@uploadx/core", lambda cost: cost.cpu), ("to the library", "@uploadx/core", lambda cost: cost.cpu),
        ("door", "bare Nginx", lambda cost: cost.rate), ("door", "bare Nginx", lambda cost: cost.cpu),
    ]  # fmt: skip
    words = ["CPU", "CPU", "throughput", "CPU"]
    pairs = [
        [f"{one} / {other}, {word}", cell([of(turn[one]) / of(turn[other]) for turn in turns], ".2f")]
        for (one, other, of), word in zip(against, words, strict=True)
    ]
    publish(
        "uploads.md",
        table(["upload", "CPU s a GB", "GB a second"], rows) + "\n" + table(["in pairs", f"{rounds} rounds"], pairs),
    )


def _told(turn: dict[str, Cost]) -> dict[str, Cost]:
    best = min(turn, key=lambda name: turn[name].cpu)
    sys.stderr.write(f"{statistics.fmean(cost.cpu for cost in turn.values()):.2f} s a GB, least: {best}\n")
    return turn


if __name__ == "__main__":
    main()
