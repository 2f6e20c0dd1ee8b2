"""Rows of statements that always answer one."""

from typing import TypeVar

from psycopg import Cursor

Row = TypeVar("Row")


def only(cursor: "Cursor[Row]") -> Row:
    """The row of a statement that answers one or raises: INSERT ... RETURNING, an aggregate, a row that is locked.

    Raises LookupError when there is none all the same, which is a fault of the statement.
    """
    row = cursor.fetchone()
    if row is None:
        raise LookupError("a statement that always answers a row has answered none")
    return row
