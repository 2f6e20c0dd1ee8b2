"""What people show of themselves."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as the user sees it."""

    id: UUID
    username: str
    role: str
    display_name: str | None
    email: str | None


def of_user(connection: Connection[Any], user_id: str) -> Profile | None:
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(
            "SELECT id, username, role, display_name, email FROM users WHERE id = %s", (user_id,)
        ).fetchone()


def set_display_name(connection: Connection[Any], user_id: UUID, name: str | None) -> None:
    """None: the username is shown."""
    connection.execute("UPDATE users SET display_name = %s WHERE id = %s", (name, user_id))
