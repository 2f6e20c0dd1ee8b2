"""Users: who they are, what they may be changed to, and their end.

Whatever shuts somebody out answers the sessions that it ended: pass them to `enforce` after the commit, so that the
doors know at once. Where that fails, the ledger makes up for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from redis import Redis

from authsvc import audit
from authsvc.audit import Event
from authsvc.people.confusables import skeletons
from authsvc.people.names import checked_email, checked_username, compared
from authsvc.sessions import sessions
from authsvc.sessions.sessions import Ended
from authsvc.settings import LiveSettings
from catalog.rows import only

_COLUMNS: LiteralString = "id, username, email, role, is_active, created_at"
# A guest session has a row too (guests.py), which is nobody that could be named.
_PERSON: LiteralString = "password_hash IS NOT NULL"
_WHATS = {"username": "username", "email": "e-mail address"}


class NameTaken(Exception):
    """Another user has this username or e-mail address, or one that looks like it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"this {_WHATS[kind]} is taken, or looks like one that is")
        self.kind = kind


class UserUnknown(Exception):
    """There is no such user."""


class LastAdmin(Exception):
    """Without this user nobody could administer the service."""


@dataclass(frozen=True, slots=True)
class User:
    """A user without the password."""

    id: UUID
    username: str
    email: str | None
    role: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, for the audit trail: None is the command line of the box."""

    user_id: UUID | None = None
    client: str | None = None


def create(connection: Connection[Any], *, username: str, email: str | None, password_hash: str, role: str) -> User:
    """Add a user. Raises InvalidName or NameTaken."""
    username = checked_username(username)
    email = checked_email(email) if email else None
    try:
        with connection.transaction(), connection.cursor(row_factory=class_row(User)) as cursor:
            row = only(
                cursor.execute(
                    f"""
                INSERT INTO users (username, username_key, email, email_key, password_hash, role)
                VALUES (%s, %s, %s, %s, %s, %s)
                RETURNING {_COLUMNS}
                """,
                    (username, compared(username), email, compared(email) if email else None, password_hash, role),
                )
            )
            _claim(connection, row.id, "username", username)
            _claim(connection, row.id, "email", email)
    except UniqueViolation as error:
        raise _taken(error) from error
    return row


def by_name(connection: Connection[Any], username: str) -> User | None:
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM users WHERE {_PERSON} AND username_key = %s", (compared(username),)
        ).fetchone()


def by_id(connection: Connection[Any], user_id: UUID | str) -> User | None:
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM users WHERE id = %s", (user_id,)).fetchone()


def page(
    connection: Connection[Any],
    *,
    limit: int | None = None,
    after: str | None = None,
    query: str | None = None,
    role: str | None = None,
    is_active: bool | None = None,
) -> list[User]:
    """Users by name, from behind the name `after`; `query` is a part of the name."""
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM users
             WHERE {_PERSON} AND (%(after)s::text IS NULL OR username_key > %(after)s)
               AND (%(query)s::text IS NULL OR strpos(username_key, %(query)s) > 0)
               AND (%(role)s::text IS NULL OR role = %(role)s)
               AND (%(active)s::boolean IS NULL OR is_active = %(active)s)
             ORDER BY username_key
             LIMIT %(limit)s
            """,
            {
                "after": compared(after) if after else None,
                "query": compared(query) if query else None,
                "role": role,
                "active": is_active,
                "limit": limit,
            },
        ).fetchall()


def credentials(connection: Connection[Any], username: str) -> tuple[User, str] | None:
    """The user of that name and the stored hash; disabled users too, so that they cost the same."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, password_hash FROM users WHERE {_PERSON} AND username_key = %s", (compared(username),)
    ).fetchone()
    return (User(*row[:-1]), row[-1]) if row else None


def rehash(connection: Connection[Any], user_id: UUID, old_hash: str, new_hash: str) -> None:
    """The same password under today's parameters, unless it was changed meanwhile."""
    connection.execute(
        "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s", (new_hash, user_id, old_hash)
    )


def set_password(
    connection: Connection[Any], user_id: UUID, password_hash: str, *, actor: Actor, but: UUID | str | None = None
) -> list[Ended]:
    """Change the password and end every session, except `but`. A reset that was under way is void."""
    with connection.transaction():
        changed = connection.execute(
            "UPDATE users SET password_hash = %s, password_changed_at = now() WHERE id = %s", (password_hash, user_id)
        )
        if not changed.rowcount:
            raise UserUnknown
        connection.execute("DELETE FROM password_resets WHERE user_id = %s", (user_id,))
        ended = sessions.end_all(connection, user_id, "password_changed", but=but)
        audit.record(
            connection,
            Event.PASSWORD_CHANGED,
            actor=actor.user_id,
            subject=user_id,
            client=actor.client,
            sessions_ended=len(ended),
        )
    return ended


def change(
    connection: Connection[Any], user_id: UUID | str, *, actor: Actor, **wanted: str | bool | None
) -> tuple[User, list[Ended]]:
    """Change role, is_active or email, whichever is named; all of it or nothing.

    Disabling ends every session. Raises UserUnknown, LastAdmin, InvalidName, NameTaken.
    """
    if unknown := wanted.keys() - {"role", "is_active", "email"}:
        raise TypeError(f"users have no {unknown}")
    try:
        with connection.transaction():
            before, is_last_admin = _locked(connection, user_id)
            after = {"role": before.role, "is_active": before.is_active, "email": before.email} | wanted
            email = checked_email(str(after["email"])) if after["email"] else None
            if is_last_admin and (after["role"] != "admin" or not after["is_active"]):
                raise LastAdmin
            # First, for the row's own trigger ends them too, and then nobody would know which.
            ended = [] if after["is_active"] else sessions.end_all(connection, before.id, "disabled")
            with connection.cursor(row_factory=class_row(User)) as cursor:
                changed = only(
                    cursor.execute(
                        f"""
                    UPDATE users SET role = %s, is_active = %s, email = %s, email_key = %s WHERE id = %s
                    RETURNING {_COLUMNS}
                    """,
                        (after["role"], after["is_active"], email, compared(email) if email else None, before.id),
                    )
                )
            if email != before.email:
                connection.execute("DELETE FROM look_alikes WHERE user_id = %s AND kind = 'email'", (before.id,))
                _claim(connection, before.id, "email", email)
            if changed != before:
                audit.record(
                    connection,
                    Event.USER_CHANGED,
                    actor=actor.user_id,
                    subject=before.id,
                    client=actor.client,
                    role=changed.role if changed.role != before.role else None,
                    is_active=changed.is_active if changed.is_active != before.is_active else None,
                    email_changed=changed.email != before.email,
                )
    except UniqueViolation as error:
        raise _taken(error) from error
    return changed, ended


def delete(connection: Connection[Any], user_id: UUID | str, *, actor: Actor) -> list[Ended]:
    """Take away a user and every row that tells of the person. Raises UserUnknown, LastAdmin."""
    with connection.transaction():
        user, is_last_admin = _locked(connection, user_id)
        if is_last_admin:
            raise LastAdmin
        ended = sessions.end_all(connection, user.id, "deleted")
        # Before the row goes: the trail keeps the random id, and the link between the two goes with the row.
        audit.record(connection, Event.USER_DELETED, actor=actor.user_id, subject=user.id, client=actor.client)
        connection.execute("DELETE FROM users WHERE id = %s", (user.id,))
    return ended


def hold(connection: Connection[Any], user_id: UUID | str) -> User:
    """Hold a user until the transaction ends: nobody else changes the account meanwhile. Raises UserUnknown."""
    return _locked(connection, user_id)[0]


def enforce(live: "Redis", settings: LiveSettings, user_id: UUID, ended: Iterable[Ended] = ()) -> None:
    """Have the doors know of a change to a user, after its commit: now, not at the next look into PostgreSQL.

    Raises LiveUnavailable.
    """
    sessions.invalidate_user(live, user_id)
    for each in ended:
        sessions.leave_tombstone(live, settings, each)


def _locked(connection: Connection[Any], user_id: UUID | str) -> tuple[User, bool]:
    """The user, and whether nobody else administers; until the end of the transaction both stay so.

    All rows in one go and in one order, so that of two admins who remove each other one waits and then finds it is
    the last. Raises UserUnknown.
    """
    wanted = UUID(str(user_id))
    with connection.cursor(row_factory=class_row(User)) as cursor:
        rows = cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM users WHERE id = %s OR (role = 'admin' AND is_active)
             ORDER BY id FOR NO KEY UPDATE
            """,
            (wanted,),
        ).fetchall()
    user = next((row for row in rows if row.id == wanted), None)
    if user is None:
        raise UserUnknown
    return user, _administers(user) and not any(_administers(row) for row in rows if row is not user)


def _administers(user: User) -> bool:
    return user.role == "admin" and user.is_active


def _claim(connection: Connection[Any], user_id: UUID, kind: str, name: str | None) -> None:
    """Nobody else may look like this; in an order, so that two claims never wait for each other. Raises NameTaken."""
    for skeleton in skeletons(name) if name else ():
        try:
            connection.execute(
                "INSERT INTO look_alikes (kind, skeleton, user_id) VALUES (%s, %s, %s)", (kind, skeleton, user_id)
            )
        except UniqueViolation as error:
            raise NameTaken(kind) from error


def _taken(error: UniqueViolation) -> NameTaken:
    return NameTaken("email" if error.diag.constraint_name == "users_email_key_unique" else "username")
