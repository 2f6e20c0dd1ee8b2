"""One way to open PostgreSQL: a small pool of named, time-bounded connections."""

import select
from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

CONNECT_TIMEOUT_SECONDS = 2
CHECKOUT_TIMEOUT_SECONDS = 3.0
STATEMENT_TIMEOUT_MS = 5_000
# The pool doubles its pause after each failed attempt (10 s to recover from an outage of 20 s, measured). Giving up
# early makes the next request connect anew (0.1 s).
RECONNECT_TIMEOUT_SECONDS = 1.0
IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
# The second time a connection is asked something it prepares it. Each of a pool's connections learns by itself, and a
# statement of a search that is not prepared costs a third more.
PREPARE_THRESHOLD = 1


def check_idle(connection: Connection[TupleRow]) -> None:
    """Raise OperationalError when an idle connection is of no more use.

    PostgreSQL says nothing to an idle connection but that it hangs up, so one with nothing to read is good, which costs
    no question: that would be asked before each request. What is to be read may be a notice as well; then it is asked.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def open_pool(
    database_url: str,
    *,
    application_name: str,
    max_size: int,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    connection_class: type[Connection[TupleRow]] = Connection,
    configure: Callable[[Connection[Any]], None] | None = None,
) -> ConnectionPool[Connection[TupleRow]]:
    """A pool of at most `max_size` connections that opens in the background.

    Returns at once even when PostgreSQL is down: a service must start without it. Taking a connection raises
    `psycopg_pool.PoolTimeout` after CHECKOUT_TIMEOUT_SECONDS. Open it after the fork: its threads do not
    survive one (psycopg documentation, "Connection pools"). `configure` sees each connection once, before anybody.
    """
    return ConnectionPool(
        database_url,
        min_size=1,
        max_size=max_size,
        timeout=CHECKOUT_TIMEOUT_SECONDS,
        reconnect_timeout=RECONNECT_TIMEOUT_SECONDS,
        check=check_idle,
        connection_class=connection_class,
        configure=configure,
        open=True,
        name=application_name,
        kwargs={
            "application_name": application_name,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "prepare_threshold": PREPARE_THRESHOLD,
            "options": (
                f"-c statement_timeout={statement_timeout_ms}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}"
                " -c timezone=UTC"
            ),
        },
    )
