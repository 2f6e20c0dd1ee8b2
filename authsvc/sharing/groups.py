"""Groups of users, for whom titles may be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import class_row

from authsvc.people.names import compared
from authsvc.sharing.viewers import Lost, Named, end_lost
from catalog.rows import only


class GroupUnknown(Exception):
    """There is no such group."""


class UserUnknown(Exception):
    """There is no such user."""


class GroupNameTaken(Exception):
    """Another group has this name."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group with the number of its members."""

    id: UUID
    name: str
    members: int


def everyone(connection: Connection[Any]) -> list[Group]:
    """All groups, by name."""
    with connection.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(
            "SELECT g.id, g.name, (SELECT count(*) FROM group_members m WHERE m.group_id = g.id) AS members"
            " FROM groups g ORDER BY g.name_key"
        ).fetchall()


def create(connection: Connection[Any], name: str) -> Group:
    """Raises GroupNameTaken."""
    with _unique_name():
        row = only(
            connection.execute(
                "INSERT INTO groups (name, name_key) VALUES (%s, %s) RETURNING id", (name, compared(name))
            )
        )
    return Group(row[0], name, 0)


def hold(connection: Connection[Any], group_id: str) -> None:
    """Hold a group, if there is one, until the transaction ends: nobody else renames or deletes it meanwhile."""
    connection.execute("SELECT FROM groups WHERE id = %s FOR NO KEY UPDATE", (group_id,))


def rename(connection: Connection[Any], group_id: str, name: str) -> None:
    """Raises GroupUnknown, GroupNameTaken."""
    with _unique_name():
        renamed = connection.execute(
            "UPDATE groups SET name = %s, name_key = %s WHERE id = %s", (name, compared(name), group_id)
        ).rowcount
    if not renamed:
        raise GroupUnknown


def name_of(connection: Connection[Any], group_id: str) -> str:
    """Raises GroupUnknown."""
    row = connection.execute("SELECT name FROM groups WHERE id = %s", (group_id,)).fetchone()
    if row is None:
        raise GroupUnknown
    return str(row[0])


def members(connection: Connection[Any], group_id: str) -> list[Named]:
    """The members, by name."""
    with connection.cursor(row_factory=class_row(Named)) as cursor:
        return cursor.execute(
            "SELECT u.id, u.username AS name FROM group_members JOIN users u ON u.id = user_id WHERE group_id = %s"
            " ORDER BY u.username_key",
            (group_id,),
        ).fetchall()


def delete(connection: Connection[Any], group_id: str) -> Lost:
    """Take the group and what it allowed away. Raises GroupUnknown."""
    with connection.transaction():
        # Waits for whoever adds a member right now, and nobody can after it.
        if not connection.execute("SELECT FROM groups WHERE id = %s FOR UPDATE", (group_id,)).rowcount:
            raise GroupUnknown
        former = [member.id for member in members(connection, group_id)]
        connection.execute("DELETE FROM groups WHERE id = %s", (group_id,))
        return Lost(users=former, playbacks=end_lost(connection, users=former))


def add(connection: Connection[Any], group_id: str, user_id: str) -> Lost:
    """Make a user a member, who may be one already. Raises GroupUnknown, UserUnknown."""
    try:
        connection.execute(
            "INSERT INTO group_members (group_id, user_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (group_id, user_id)
        )
    except ForeignKeyViolation as error:
        raise _unknown(error) from error
    return Lost(users=[UUID(user_id)])


def remove(connection: Connection[Any], group_id: str, user_id: str) -> Lost:
    """The user is no member (any more). Raises GroupUnknown."""
    name_of(connection, group_id)
    with connection.transaction():
        connection.execute("DELETE FROM group_members WHERE group_id = %s AND user_id = %s", (group_id, user_id))
        return Lost(users=[UUID(user_id)], playbacks=end_lost(connection, users=[UUID(user_id)]))


def _unknown(error: ForeignKeyViolation) -> Exception:
    return UserUnknown() if error.diag.constraint_name == "group_members_user_id_fkey" else GroupUnknown()


@contextmanager
def _unique_name() -> Iterator[None]:
    try:
        yield
    except UniqueViolation as error:
        raise GroupNameTaken from error
