"""Where a bench finds users, a library and the interface: on scratch servers of this machine, or in a box that is
nobody's."""

import contextlib
import http.client
import secrets
import shlex
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from authsvc.sessions.sessions import Identity
from testbed.servers.gunicorn import Service
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis_server import RedisServer
from testbed.services.world import House, World
from testbed.viewers.box import Access, Viewer

ANSWER_SECONDS = 10
# A user's quota of calls would else end the run.
USERS = 20
# What roles/postgres sets on a host of 4 GiB.
AS_ON_A_BOX = {
    "shared_buffers": "512MB", "work_mem": "8MB", "random_page_cost": "1.1", "effective_io_concurrency": "200",
}  # fmt: skip


class Place(Protocol):
    """A library whose titles the bench writes, and the interface that is asked about them."""

    # Of its users.
    tokens: list[str]

    def rows(self, statement: str) -> list[list[str]]:
        """What PostgreSQL answers its owner."""
        ...

    def get(self, path: str, token: str) -> int:
        """The status, after the whole answer. For many threads at a time."""
        ...


class Scratch:
    """PostgreSQL, Redis, and the interface under gunicorn as its unit runs it; a new connection for each call."""

    def __init__(self, world: World) -> None:
        self.world = world
        users = [world.user(f"user{n}") for n in range(USERS)]
        self.people = [Identity(user.id.hex, world.session(user)[0], "user", "program") for user in users]
        self.tokens = [world.token(user, who.session_id) for user, who in zip(users, self.people, strict=True)]
        self._service: Service

    @contextlib.contextmanager
    def serving(self) -> Iterator["Scratch"]:
        with tempfile.TemporaryDirectory() as folder:
            self._service = Service(self.world, "api", Path(folder))
            try:
                yield self
            finally:
                self._service.stop()

    def rows(self, statement: str) -> list[list[str]]:
        cursor = self.world.owner.execute(statement.encode())
        return [[str(value) for value in row] for row in cursor] if cursor.description else []

    def get(self, path: str, token: str) -> int:
        response, _ = self._service.get(path, {"Authorization": f"Bearer {token}"})
        return int(response.status)


@contextlib.contextmanager
def scratch() -> Iterator[Scratch]:
    with (
        PostgresServer.started(**AS_ON_A_BOX) as server,
        RedisServer.started("live") as live,
        RedisServer.started("cache") as cache,
    ):
        server.prepare_template()
        with House.opened(server) as house, World(house, live, cache) as world, Scratch(world).serving() as place:
            yield place


class Box:
    """A provisioned box, asked from outside through Nginx; each thread keeps its connection, as a browser does."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._trust = ssl.create_default_context(cafile=access.ca_file)
        self._mine = threading.local()
        self.tokens = [self._token(f"reader-{n}-{secrets.token_hex(3)}") for n in range(USERS)]

    def _token(self, name: str) -> str:
        password = secrets.token_urlsafe(18)
        self.shell(f"kinetoscope user add --username {name} --role user --email {name}@example.org", password)
        return Viewer(self._access, name, password).token

    def shell(self, line: str, stdin: str = "") -> str:
        """What the line prints, run as root on the box."""
        command = [*shlex.split(self._access.ssh_command), line]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    def rows(self, statement: str) -> list[list[str]]:
        psql = "runuser -u postgres -- psql -X -qAt -F '\t' -v ON_ERROR_STOP=1 kinetoscope"
        return [line.split("\t") for line in self.shell(psql, statement).splitlines()]

    def get(self, path: str, token: str) -> int:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = http.client.HTTPSConnection(
                self._access.url.removeprefix("https://").rstrip("/"), timeout=ANSWER_SECONDS, context=self._trust
            )
        self._mine.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = self._mine.connection.getresponse()
        response.read()
        return int(response.status)
