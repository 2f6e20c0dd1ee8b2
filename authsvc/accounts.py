"""Users: who they are and how they prove it."""

import unicodedata
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

ROLES = ("admin", "user", "guest")
LONGEST_USERNAME = 64
LONGEST_EMAIL = 254


class InvalidName(ValueError):
    """A username or e-mail address that can't be stored."""


class NameTaken(Exception):
    """Another user has this username or e-mail address."""


@dataclass(frozen=True, slots=True)
class User:
    """A user without the password."""

    id: UUID
    username: str
    email: str | None
    role: str
    is_active: bool


def compared(name: str) -> str:
    """A name as it is compared: NFKC, case folded (Unicode TR 31, UAX 15); folding may undo NFKC, so once more."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checked_username(name: str) -> str:
    """The name without surrounding space. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= LONGEST_USERNAME or not compared(name):
        raise InvalidName(f"a username has 1 to {LONGEST_USERNAME} characters")
    if not name.isprintable():
        raise InvalidName("a username has no control characters")
    return name


def checked_email(email: str) -> str:
    """The address without surrounding space. Raises InvalidName; whether mail arrives is not known here."""
    email = email.strip()
    local, at, domain = email.rpartition("@")
    if not (local and at and domain) or len(email) > LONGEST_EMAIL or not email.isprintable() or " " in email:
        raise InvalidName(f"an e-mail address is name@domain of at most {LONGEST_EMAIL} characters")
    return email


def create(connection: Connection[Any], *, username: str, email: str | None, password_hash: str, role: str) -> User:
    """Add a user. Raises InvalidName or NameTaken."""
    username = checked_username(username)
    email = checked_email(email) if email else None
    try:
        with connection.transaction(), connection.cursor(row_factory=class_row(User)) as cursor:
            row = cursor.execute(
                """
                INSERT INTO users (username, username_key, email, email_key, password_hash, role)
                VALUES (%s, %s, %s, %s, %s, %s)
                RETURNING id, username, email, role, is_active
                """,
                (username, compared(username), email, compared(email) if email else None, password_hash, role),
            ).fetchone()
    except UniqueViolation as error:
        what = "e-mail address" if error.diag.constraint_name == "users_email_key_unique" else "username"
        raise NameTaken(f"this {what} is taken") from error
    assert row is not None  # noqa: S101  # INSERT ... RETURNING answers a row or raises
    return row


def by_name(connection: Connection[Any], username: str) -> User | None:
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(
            "SELECT id, username, email, role, is_active FROM users WHERE username_key = %s", (compared(username),)
        ).fetchone()


def by_id(connection: Connection[Any], user_id: str) -> User | None:
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(
            "SELECT id, username, email, role, is_active FROM users WHERE id = %s", (user_id,)
        ).fetchone()


def everybody(connection: Connection[Any]) -> list[User]:
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute("SELECT id, username, email, role, is_active FROM users ORDER BY username_key").fetchall()


def credentials(connection: Connection[Any], username: str) -> tuple[User, str] | None:
    """The user of that name and the stored hash; disabled users too, so that they cost the same."""
    row = connection.execute(
        "SELECT id, username, email, role, is_active, password_hash FROM users WHERE username_key = %s",
        (compared(username),),
    ).fetchone()
    return (User(*row[:5]), row[5]) if row else None


def set_password(connection: Connection[Any], user_id: UUID, password_hash: str) -> None:
    connection.execute(
        "UPDATE users SET password_hash = %s, password_changed_at = now() WHERE id = %s", (password_hash, user_id)
    )


def rehash(connection: Connection[Any], user_id: UUID, old_hash: str, new_hash: str) -> None:
    """The same password under today's parameters, unless it was changed meanwhile."""
    connection.execute(
        "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s", (new_hash, user_id, old_hash)
    )
