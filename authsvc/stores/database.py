"""PostgreSQL as the services see it: a bounded wait for a connection, one exception for "not now"."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import PoolTimeout

from authsvc.stores.statements import TracedConnection, learn_threshold
from catalog.pool import open_pool


class DatabaseUnavailable(Exception):
    """PostgreSQL does not answer, or not in time."""


class Database:
    """A pool whose connections commit each statement; domain functions open transactions where they need them.

    Make it after the fork.
    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        connections: int,
        wait_seconds: float,
        statement_ms: int | None = None,
    ) -> None:
        limit = {} if statement_ms is None else {"statement_timeout_ms": statement_ms}
        self._pool = open_pool(
            url,
            application_name=application_name,
            max_size=connections,
            connection_class=TracedConnection,
            configure=learn_threshold,
            **limit,
        )
        self._wait_seconds = wait_seconds

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """A connection for the length of the block. Raises DatabaseUnavailable, from within the block too."""
        try:
            with self._pool.connection(timeout=self._wait_seconds) as connection:
                if not connection.autocommit:
                    connection.autocommit = True
                try:
                    yield connection
                finally:
                    _tell(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise DatabaseUnavailable(str(error)) from error

    def answers(self) -> bool:
        """Does PostgreSQL answer?"""
        try:
            with self.connection() as connection:
                connection.execute("SELECT 1")
        except DatabaseUnavailable:
            return False
        return True

    def close(self) -> None:
        self._pool.close()


def _tell(connection: Connection[Any]) -> None:
    """Have PostgreSQL's log name the request whose statements it holds, where it holds any."""
    if isinstance(connection, TracedConnection) and connection.notes:
        connection.tell(structlog.contextvars.get_contextvars().get("request_id", "unknown"))
