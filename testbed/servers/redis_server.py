"""Redis for tests: a child server on a unix socket, that a test may stop and start to play an outage.

Its users are those of the role, with the role's rules; nobody's password but the tests' (redis_access.PASSWORD).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import redis

from testbed.servers import redis_access
from testbed.servers.child import Child, as_user, server_folder

USER = "redis"


class RedisServer:
    """One instance without TCP and without persistence; `more` are further arguments, which take precedence."""

    def __init__(self, folder: Path, name: str, *more: str) -> None:
        self.folder, self.name, self.more = folder, name, more
        self.socket = folder / "redis.sock"
        self._child: Child | None = None

    @classmethod
    @contextlib.contextmanager
    def started(cls, name: str) -> Iterator[Self]:
        with server_folder(USER) as folder:
            server = cls(folder, name)
            server.start()
            try:
                yield server
            finally:
                server.stop()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self, user: str | None = None) -> redis.Redis:
        """As somebody who may do everything, or as one of the services' users."""
        password = redis_access.PASSWORD if user else None
        return redis.Redis(unix_socket_path=str(self.socket), username=user, password=password)

    def start(self) -> None:
        command = [
            "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "777",
            "--save", "", "--appendonly", "no", "--dir", str(self.folder), "--daemonize", "no",
            *self.more,
        ]  # fmt: skip
        self._child = Child(as_user(USER, command), self.folder / "log", self._answers)
        for user, rules in redis_access.rules(self.name).items():
            # And the tests' own clock (authsvc_clock.py), which the services' scripts then read.
            client: Any = self.client()
            client.execute_command("ACL", "SETUSER", user, "reset", *rules, "%R~test:ahead")

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def emptied(self) -> Self:
        """Running again, if a test left it stopped, and without a key."""
        if self._child is None:
            self.start()
        self.client().flushall()
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False
