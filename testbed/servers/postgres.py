"""PostgreSQL for tests: one server a session, one cloned database a test."""

import contextlib
import itertools
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from catalog import roles
from catalog.migrate import migrate
from testbed.servers.child import Child, as_user, server_folder

USER = "postgres"
TEMPLATE = "template_migrated"
SETTINGS = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "shared_buffers": "64MB", "max_connections": "100",
    # As on the box (roles/postgres).
    "jit": "off",
}  # fmt: skip


def newest_binaries() -> Path:
    """The folder of the newest server that Debian's packages installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]


class Database:
    """One cloned database. Roles sign in by name (`trust`): the grants are those of production."""

    def __init__(self, server: "PostgresServer", name: str) -> None:
        self.server, self.name = server, name

    def url_for(self, role: str) -> str:
        return self.server.url(self.name, role)

    @property
    def owner_url(self) -> str:
        return self.url_for(roles.OWNER)


class PostgresServer:
    """A child server in a folder of its own, without TCP."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = SETTINGS | dict(settings)
        self.binaries = newest_binaries()
        self._serial = itertools.count(1)
        self._child: Child | None = None

    @classmethod
    @contextlib.contextmanager
    def started(cls, **settings: str) -> Iterator[Self]:
        """With these settings besides SETTINGS."""
        with server_folder(USER) as folder:
            server = cls(folder, settings)
            server._initialise()
            server.start()
            try:
                yield server
            finally:
                server.stop()

    def _initialise(self) -> None:
        command = [
            str(self.binaries / "initdb"), "--pgdata", str(self.folder / "data"), "--username", USER,
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ]  # fmt: skip
        subprocess.run(as_user(USER, command), check=True, capture_output=True, cwd=self.folder)

    def start(self) -> None:
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        command = [
            str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options,
        ]  # fmt: skip
        self._child = Child(as_user(USER, command), self.folder / "log", self._answers, cwd=self.folder)

    def stop(self) -> None:
        """Fast shutdown: open connections are cut, as when the service is stopped."""
        if self._child is not None:
            self._child.process.send_signal(signal.SIGINT)
            self._child.stop()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", USER)).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str, role: str) -> str:
        return f"host={self.folder} dbname={database} user={role}"

    def prepare_template(self) -> None:
        """Make the service roles, then migrate one database that the tests clone."""
        with psycopg.connect(self.url("postgres", USER), autocommit=True) as connection:
            for role in (roles.OWNER, *roles.SERVICE_ROLES):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(TEMPLATE), sql.Identifier(roles.OWNER))
            )
        migrate(self.url(TEMPLATE, roles.OWNER))

    @contextlib.contextmanager
    def cloned_database(self, template: str = TEMPLATE) -> Iterator[Database]:
        name = f"test_{next(self._serial)}"
        with psycopg.connect(self.url("postgres", USER), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(roles.OWNER), sql.Identifier(template)
                )
            )
        try:
            yield Database(self, name)
        finally:
            with psycopg.connect(self.url("postgres", USER), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
