"""Folders of the library that carry a default: whom new titles below them are for. The indexer applies it."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from authsvc.sharing.viewers import require_known
from catalog.rows import only

LONGEST = 1024


class InvalidFolder(ValueError):
    """Not a folder as it must be written; the message says how."""


class FolderTaken(Exception):
    """The folder has a default already."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The default of one folder; `users` and `groups` are ids that count when the visibility is `named`."""

    id: UUID
    root: str
    folder: str
    visibility: str
    users: list[UUID]
    groups: list[UUID]


def checked(root: str, folder: str, roots: Collection[str]) -> tuple[str, str]:
    """Root and folder, without slashes at the folder's ends; the root is one of `roots`. Raises InvalidFolder."""
    if not root.startswith("/") or root == "/" or os.path.normpath(root) != root:
        raise InvalidFolder("root is an absolute path without `..`, `//` or a slash at its end")
    if root not in roots:
        raise InvalidFolder(f"root is none of the library's, which has {', '.join(roots) or 'none'}")
    folder = folder.strip("/")
    if folder and (os.path.normpath(folder) != folder or folder.startswith("..") or folder == "."):
        raise InvalidFolder("folder is a path below the root without `.`, `..` or `//`")
    if len(folder.encode()) > LONGEST or len(root) > LONGEST:
        raise InvalidFolder(f"a path has at most {LONGEST} bytes")
    return root, folder


def everyone(connection: Connection[Any]) -> list[Rule]:
    """All rules, by path."""
    with connection.cursor(row_factory=class_row(Rule)) as cursor:
        return cursor.execute(
            """
            SELECT r.id, r.library_root AS root, convert_from(r.folder, 'UTF8') AS folder, r.visibility,
                   ARRAY(SELECT user_id FROM folder_rule_users u WHERE u.rule_id = r.id ORDER BY 1) AS users,
                   ARRAY(SELECT group_id FROM folder_rule_groups g WHERE g.rule_id = r.id ORDER BY 1) AS groups
              FROM folder_rules r ORDER BY r.library_root, r.folder
            """
        ).fetchall()


def create(
    connection: Connection[Any],
    *,
    root: str,
    folder: str,
    visibility: str,
    users: set[str],
    groups: set[str],
    roots: Collection[str],
) -> Rule:
    """`roots` are the paths that the library has. Raises InvalidFolder, FolderTaken, UnknownViewers."""
    root, folder = checked(root, folder, roots)
    try:
        with connection.transaction():
            require_known(connection, users, groups)
            row = only(
                connection.execute(
                    "INSERT INTO folder_rules (library_root, folder, visibility) VALUES (%s, %s, %s) RETURNING id",
                    (root, folder.encode(), visibility),
                )
            )
            connection.execute("INSERT INTO folder_rule_users SELECT %s, unnest(%s::uuid[])", (row[0], list(users)))
            connection.execute("INSERT INTO folder_rule_groups SELECT %s, unnest(%s::uuid[])", (row[0], list(groups)))
    except UniqueViolation as error:
        raise FolderTaken from error
    return Rule(row[0], root, folder, visibility, sorted(map(UUID, users)), sorted(map(UUID, groups)))


def delete(connection: Connection[Any], rule_id: str) -> bool:
    """Take the default away; titles that got it keep what they have. False when there is no such rule."""
    return connection.execute("DELETE FROM folder_rules WHERE id = %s", (rule_id,)).rowcount == 1
