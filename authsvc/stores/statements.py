"""Which request a statement in PostgreSQL's log belongs to.

PostgreSQL logs a statement that failed or was slow, and knows nothing of requests. To have it know, each request would
have to say so first: a round trip more for each connection that is taken (`SET application_name`), or a comment in each
statement, which then can't be prepared. Both are paid by all for the few that are logged. So it is told afterwards, and
of those alone:

1. The cursor notes a statement that failed, or took as long as PostgreSQL's own `log_min_duration_statement`.
2. When the request gives its connection back, one statement more writes the notes into PostgreSQL's log (RAISE LOG):
   `LOG:  request 8f0c...: statement failed (57014)`. No other request has had the connection in between, so the lines
   of one process id that stand together belong together.

A connection that broke can tell nothing; then the service's own log has the error with the request's id.
"""

import contextlib
import time
from collections.abc import Iterable
from typing import Any, Self

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

# What one request may add to the log, however many of its statements fail.
NOTES_AT_MOST = 10


class TracedConnection(Connection[TupleRow]):
    """A connection that remembers which of its statements PostgreSQL has logged."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cursor_factory = TracedCursor
        self.slow_seconds = float("inf")
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        if len(self.notes) < NOTES_AT_MOST:
            self.notes.append(text)

    def tell(self, request_id: str) -> None:
        """Write the notes into PostgreSQL's log; without any, nothing is asked.

        `request_id` has letters, digits, `_` and `-` alone (authsvc/api/protocol/guard.py, authsvc/authz/question.py).
        In a transaction that has failed, or on a connection that is closed, they are dropped.
        """
        notes, self.notes = self.notes, []
        if not notes or self.closed or self.info.transaction_status is not TransactionStatus.IDLE:
            return
        raised = " ".join(f"RAISE LOG 'request {request_id}: {note}';" for note in notes)
        # The request itself is done; a connection that breaks here is the pool's matter.
        with contextlib.suppress(psycopg.Error):
            Cursor(self).execute(sql.SQL("DO {}").format(sql.Literal(f"BEGIN {raised} END")), prepare=False)


class TracedCursor(Cursor[Any]):
    """Notes what PostgreSQL logs of the statements it runs."""

    def execute(self, *arguments: Any, **named: Any) -> Self:
        """As psycopg's own, which says more."""
        with _Watched(self.connection):
            return super().execute(*arguments, **named)

    def executemany(self, *arguments: Any, **named: Any) -> None:
        """As psycopg's own, which says more."""
        with _Watched(self.connection):
            super().executemany(*arguments, **named)


class _Watched:
    """A statement under way. A class and not a generator: each statement pays for it."""

    __slots__ = ("_connection", "_started")

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        connection = self._connection
        if not isinstance(connection, TracedConnection):
            return
        if isinstance(error, psycopg.Error) and error.sqlstate:
            connection.note(f"statement failed ({error.sqlstate})")
            return
        seconds = time.monotonic() - self._started
        if seconds >= connection.slow_seconds:
            connection.note(f"statement took {seconds * 1000:.0f} ms")


def learn_threshold(connection: Connection[Any]) -> None:
    """Ask PostgreSQL, once for a connection, what it calls slow (milliseconds; -1 for nothing)."""
    if isinstance(connection, TracedConnection):
        row: Iterable[Any] | None = connection.execute(
            "SELECT setting::int FROM pg_settings WHERE name = 'log_min_duration_statement'"
        ).fetchone()
        connection.commit()
        (milliseconds,) = row or (-1,)
        connection.slow_seconds = milliseconds / 1000 if milliseconds >= 0 else float("inf")
