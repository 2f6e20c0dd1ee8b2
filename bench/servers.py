"""The servers under test, all started, the same film behind each.

The doors are the project's own templates, authz the real one under gunicorn with Redis and PostgreSQL. Unguarded Nginx
is the same process with a location of its own. Caddy asks the same authz for each request (forward_auth, with the
headers of the contract). Node and Flask ask nobody.
"""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import established, kernel_bytes
from testbed.servers.child import Child
from testbed.servers.nginx_server import NginxServer
from testbed.servers.ports import free_ports, listens
from testbed.servers.postgres import PostgresServer
from testbed.services.world import PATIENCE
from testbed.stack import Stack

HERE = Path(__file__).parent
FILM_BYTES = 256 << 20
WORKER_CONNECTIONS = 16_384

LISTENERS = """
    server {{
        listen 127.0.0.1:{unguarded} backlog=16384;
        location /titles/ {{ alias {titles}/; }}
    }}
    server {{
        listen 127.0.0.1:{unguarded_tls} ssl backlog=16384;
        location /titles/ {{ alias {titles}/; }}
    }}
    server {{
        listen 127.0.0.1:{guarded} backlog=16384;
        include {conf}/kinetoscope/problems.conf;
        include {conf}/kinetoscope/doors.conf;
    }}
    server {{
        listen 127.0.0.1:{guarded_tls} ssl backlog=16384;
        include {conf}/kinetoscope/problems.conf;
        include {conf}/kinetoscope/doors.conf;
    }}
    server {{
        listen 127.0.0.1:{accel};
        location /accel/ {{ proxy_pass http://unix:{flask}; }}
        location /internal/ {{ internal; alias {titles}/; }}
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
class Server:
    """Where a server is, with which headers it is asked, and whose CPU counts."""

    name: str
    port: int
    path: Callable[[], str]
    pids: Callable[[], list[int]]
    headers: Callable[[], list[str]] = list
    tls: bool = False
    address: str = "127.0.0.1"
    # With links each connection reads its own.
    links: tuple[str, ...] = ()

    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.address}:{self.port}{self.path()}"


@dataclass
class House:
    """Every server, and links for as many viewers as wanted."""

    stack: Stack
    unguarded: Server
    unguarded_tls: Server
    signed: Server
    signed_tls: Server
    header: Server
    header_tls: Server
    others: list[Server]
    missing: list[str]

    def side_by_side(self) -> list[list[Server]]:
        """Groups whose members take turns; the first of each is what the others are compared with."""
        return [
            [self.unguarded, self.signed, self.header],
            [self.unguarded_tls, self.signed_tls, self.header_tls],
            self.others,
        ]

    def pair(self, *, tls: bool) -> list[Server]:
        """Unguarded and guarded."""
        return [self.unguarded_tls, self.signed_tls] if tls else [self.unguarded, self.signed]

    def renew(self) -> None:
        """Give Nginx new workers."""
        self.stack.nginx.reload()

    def socket_bytes(self, server: Server) -> int:
        """Kernel memory of its connections."""
        return kernel_bytes(subprocess.run(established(server.port), capture_output=True, text=True, check=True).stdout)

    def links(self, count: int) -> list[str]:
        """Paths of so many playbacks, one for each viewer, granted by the API as to every viewer."""
        token = self.stack.sign_in()["access_token"]
        call = f"POST /api/v1/videos/{self.stack.video_id}/playback HTTP/1.1\r\nHost: localhost\r\n"
        call += f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        with self.stack.connection() as connection:
            answers = [connection.exchange(call.encode()) for _ in range(count)]
        return [str(json.loads(answer.body)["links"]["source"]) for answer in answers]


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def write_film(path: Path, size_bytes: int = FILM_BYTES) -> None:
    """Bytes that are really there, in the page cache and on the disk; behind what the file holds already."""
    with path.open("ab") as file:
        block = random.Random(3).randbytes(1 << 20)
        for _ in range(size_bytes >> 20):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def started(*, patient: bool) -> Iterator[House]:
    """Everything, on loopback; `patient` services wait for their stores longer than the product does, for a run whose
    numbers mean nothing.
    """
    names = ("unguarded", "unguarded_tls", "guarded", "guarded_tls", "accel", "caddy", "node", "flask_port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))

    def listeners(nginx: NginxServer) -> str:
        return LISTENERS.format(
            titles=nginx.titles, conf=nginx.folder / "conf", flask=nginx.folder / "run/flask.sock", **ports
        )

    with contextlib.ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer.started())
        postgres.prepare_template()
        stack = opened.enter_context(
            Stack.running(
                postgres,
                more=listeners,
                nginx_worker_connections=WORKER_CONNECTIONS,
                nginx_api_rate="1000r/s",
                settings={"streaming_calls_per_minute": 1_000_000},
                patience=PATIENCE if patient else {},
            )
        )
        film = stack.nginx.folder / "film-of-the-bench.mp4"
        write_film(film)
        source = stack.nginx.titles / stack.video_id / "source.mp4"
        source.unlink()
        source.symlink_to(film)
        name = f"{stack.video_id}/source.mp4"
        nginx = stack.nginx.serving

        def bearer() -> list[str]:
            return [f"Authorization: Bearer {stack.sign_in()['access_token']}"]

        def link() -> str:
            return str(stack.grant(str(stack.sign_in()["access_token"]))["links"]["source"])

        def plain() -> str:
            return f"/titles/{name}"

        def stream() -> str:
            return f"/stream/{name}"

        def beside(name: str, command: list[str], port: str, **environment: str) -> int:
            """A server of others; its process id."""
            one = Child(
                command, stack.nginx.logs / f"{name}.log", lambda: listens(ports[port]), cwd=HERE.parent,
                env=os.environ | environment,
            )  # fmt: skip
            opened.callback(one.stop)
            return one.process.pid

        others, missing = [], []
        if shutil.which("caddy"):
            caddyfile = stack.nginx.folder / "Caddyfile"
            caddyfile.write_text(
                CADDYFILE.format(
                    port=ports["caddy"], authz=stack.nginx.authz_socket, video=stack.video_id, titles=stack.nginx.titles
                )
            )
            run = ["caddy", "run", "--config", str(caddyfile), "--adapter", "caddyfile"]
            caddy = beside("caddy", run, "caddy")
            others.append(Server("Caddy, file_server + forward_auth", ports["caddy"], stream, lambda: [caddy], bearer))
        else:
            missing.append("Caddy")
        if shutil.which("node"):
            run = ["node", str(HERE / "node_pipe.mjs"), str(ports["node"]), str(film)]
            node = beside("node", run, "node")
            # The command may be a script that starts Node.
            others.append(
                Server("Node, createReadStream().pipe()", ports["node"], lambda: "/", lambda: [node, *children(node)])
            )
        else:
            missing.append("Node")
        sock = stack.nginx.folder / "run/flask.sock"
        run = [
            sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{ports['flask_port']}", "-b", f"unix:{sock}",
            "--log-level", "critical", "--no-control-socket", "bench.flask_files:app",
        ]  # fmt: skip
        flask = beside("flask", run, "flask_port", BENCH_FILM=str(film))
        others += [
            Server("Nginx, X-Accel-Redirect of Flask", ports["accel"], lambda: f"/accel/{name}",
                   lambda: nginx() + children(flask)),
            Server("Flask, send_file", ports["flask_port"], lambda: f"/send/{name}", lambda: children(flask)),
        ]  # fmt: skip
        yield House(
            stack=stack,
            unguarded=Server("Nginx, unguarded", ports["unguarded"], plain, nginx),
            unguarded_tls=Server("Nginx, unguarded, TLS", ports["unguarded_tls"], plain, nginx, tls=True),
            signed=Server("Nginx, signed door", ports["guarded"], link, nginx),
            signed_tls=Server("Nginx, signed door, TLS", ports["guarded_tls"], link, nginx, tls=True),
            header=Server("Nginx, header door", ports["guarded"], stream, nginx, bearer),
            header_tls=Server("Nginx, header door, TLS", ports["guarded_tls"], stream, nginx, bearer, tls=True),
            others=others,
            missing=missing,
        )
