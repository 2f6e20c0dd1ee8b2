"""Uploads: a file of which parts arrive, until it is a title or refused.

    open -> checking -> done
                     -> refused

While it is open its parts come, in any order, and a job appends them. `complete` only looks whether all are there; the
last job does the rest. The row is what the door asks for and what the jobs go by: one that is deleted takes no part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.publishing.room import has_room
from authsvc.publishing.settings import UploadSettings
from catalog import jobs
from catalog.contract.words import RenditionPolicy, UploadState, Visibility
from catalog.locks import lock_room
from catalog.rows import only
from catalog.uploads import Cut, arrived, is_here

_COLUMNS: LiteralString = """
    id, user_id, name, size_bytes, part_size_bytes, sha256, modified_at, title, description, visibility, renditions,
    library_root, folder, appended, state, reason, video_id, created_at, expires_at
"""
# What is there or on its way: what became a title counts for as long as that is there.
_COUNTS: LiteralString = "(state <> 'done' OR video_id IS NOT NULL)"
_UNDER_WAY: LiteralString = "state IN ('open', 'checking')"
_LISTED = 100
_ASSIGNMENTS: dict[str, LiteralString] = {
    "title": "title = %(title)s",
    "description": "description = %(description)s",
    "visibility": "visibility = %(visibility)s",
    "renditions": "renditions = %(renditions)s",
    "folder": "folder = %(folder)s",
    "sha256": "sha256 = %(sha256)s",
}


class UploadUnknown(Exception):
    """There is no such upload of this user."""


class UploadOver(Exception):
    """The upload takes no part and no change any more."""


class TooMany(Exception):
    """The user has as many uploads under way as may be."""


class OverQuota(Exception):
    """More bytes than the user, or everybody together, may have uploaded."""


class NoSpace(Exception):
    """The disk has no room for the file."""


class PartsMissing(Exception):
    """Not all parts are there; `numbers` are missing."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__(f"{len(numbers)} parts are missing")
        self.numbers = numbers


@dataclass(frozen=True, slots=True)
class Upload:
    """A row. `appended` counts the first parts, those that are in the growing file already."""

    id: UUID
    user_id: UUID
    name: str
    size_bytes: int
    part_size_bytes: int
    sha256: bytes | None
    modified_at: datetime | None
    title: str
    description: str
    visibility: Visibility | None
    renditions: RenditionPolicy | None
    library_root: str
    folder: str
    appended: int
    state: UploadState
    reason: str | None
    video_id: UUID | None
    created_at: datetime
    expires_at: datetime

    @property
    def cut(self) -> Cut:
        return Cut(self.size_bytes, self.part_size_bytes)

    def arrived(self, folder: Path) -> list[int]:
        """The numbers of the parts that are here; all of them once it is not open any more."""
        if self.state != "open":
            return list(range(1, self.cut.count + 1))
        return list(arrived(folder, self.id.hex, self.cut, self.appended))


def create(
    connection: Connection[Any], settings: UploadSettings, user_id: str, *, root: str, size_bytes: int, **what: Any
) -> Upload:
    """Reserve room and begin: nothing is written when it is refused. `what` are further columns.

    Raises TooMany, OverQuota, NoSpace, and FolderAway.
    """
    with connection.transaction():
        lock_room(connection)
        under_way, own, everybody = only(
            connection.execute(
                f"""
                SELECT count(*) FILTER (WHERE user_id = %(user)s::uuid AND {_UNDER_WAY}),
                       coalesce(sum(size_bytes) FILTER (WHERE user_id = %(user)s::uuid), 0),
                       coalesce(sum(size_bytes), 0)
                  FROM uploads WHERE {_COUNTS}
                """,
                {"user": user_id},
            )
        )
        if under_way >= settings.uploads_per_user:
            raise TooMany
        for used, quota in ((own, settings.upload_user_bytes), (everybody, settings.upload_box_bytes)):
            if quota and used + size_bytes > quota:
                raise OverQuota
        spare = settings.upload_spare_bytes
        if not has_room(settings.uploads_dir, Path(root), size_bytes, spare, _expected(connection)):
            raise NoSpace
        row = what | {
            "id": uuid4(),
            "user_id": user_id,
            "library_root": root,
            "size_bytes": size_bytes,
            "part_size_bytes": Cut.of(size_bytes).part_size,
            "kept": settings.upload_kept_seconds,
        }
        with connection.cursor(row_factory=class_row(Upload)) as cursor:
            return only(
                cursor.execute(
                    f"""
                    INSERT INTO uploads (id, user_id, name, size_bytes, part_size_bytes, sha256, modified_at, title,
                                         description, visibility, renditions, library_root, folder, expires_at)
                    VALUES (%(id)s, %(user_id)s, %(name)s, %(size_bytes)s, %(part_size_bytes)s, %(sha256)s,
                            %(modified_at)s, %(title)s, %(description)s, %(visibility)s, %(renditions)s,
                            %(library_root)s, %(folder)s, now() + make_interval(secs => %(kept)s))
                    RETURNING {_COLUMNS}
                    """,
                    row,
                )
            )


def _expected(connection: Connection[Any]) -> dict[str, int]:
    """Bytes that uploads under way have still to bring into their library root, by root."""
    rows = connection.execute(
        f"""
        SELECT library_root, sum(size_bytes - least(appended::bigint * part_size_bytes, size_bytes))::bigint
          FROM uploads WHERE {_UNDER_WAY} GROUP BY library_root
        """
    )
    return dict(rows.fetchall())


def of_user(connection: Connection[Any], user_id: str) -> list[Upload]:
    """One's own that are not over for long, newest first."""
    with connection.cursor(row_factory=class_row(Upload)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM uploads WHERE user_id = %s AND expires_at > now()
             ORDER BY created_at DESC, id LIMIT %s
            """,
            (user_id, _LISTED),
        ).fetchall()


def one(connection: Connection[Any], user_id: str, upload_id: str, *, hold: bool = False) -> Upload:
    """One's own; with `hold` locked until the transaction ends. Raises UploadUnknown."""
    locked: LiteralString = "FOR UPDATE" if hold else ""
    with connection.cursor(row_factory=class_row(Upload)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM uploads WHERE id = %s AND user_id = %s AND expires_at > now() {locked}",
            (upload_id, user_id),
        ).fetchone()
    if found is None:
        raise UploadUnknown
    return found


def edit(connection: Connection[Any], upload: Upload, changes: Mapping[str, Any]) -> None:
    """Change what the title will be called, who sees it and where it lies. Raises UploadOver."""
    if upload.state not in ("open", "checking"):
        raise UploadOver
    if changes:
        assignments: LiteralString = ", ".join(_ASSIGNMENTS[name] for name in changes)
        connection.execute(f"UPDATE uploads SET {assignments} WHERE id = %(id)s", {**changes, "id": upload.id})


def expect_parts(connection: Connection[Any], settings: UploadSettings, upload: Upload) -> None:
    """Somebody is about to send parts: it is kept on, and what arrived before is appended. Raises UploadOver."""
    if upload.state != "open":
        raise UploadOver
    _keep(connection, settings, upload)
    following = upload.appended + 1
    if following <= upload.cut.count and is_here(settings.uploads_dir, upload.id.hex, upload.cut, following):
        _enqueue(connection, upload, "append")


def complete(connection: Connection[Any], settings: UploadSettings, upload: Upload) -> None:
    """No part is to come any more: look whether all are there. Done twice it is done once.

    Raises PartsMissing.
    """
    if upload.state != "open":
        return
    missing = set(range(1, upload.cut.count + 1)).difference(upload.arrived(settings.uploads_dir))
    if missing:
        raise PartsMissing(sorted(missing))
    connection.execute("UPDATE uploads SET state = 'checking' WHERE id = %s", (upload.id,))
    _keep(connection, settings, upload)
    _enqueue(connection, upload, "finish")


def cancel(connection: Connection[Any], upload: Upload) -> None:
    """Take it away with all that arrived. One that became a title stays that, and is listed no more."""
    if upload.state == "done":
        connection.execute("UPDATE uploads SET expires_at = now() WHERE id = %s", (upload.id,))
        return
    connection.execute("DELETE FROM uploads WHERE id = %s", (upload.id,))
    _enqueue(connection, upload, "remove")


def _keep(connection: Connection[Any], settings: UploadSettings, upload: Upload) -> None:
    connection.execute(
        "UPDATE uploads SET expires_at = now() + make_interval(secs => %s) WHERE id = %s",
        (settings.upload_kept_seconds, upload.id),
    )


def _enqueue(connection: Connection[Any], upload: Upload, step: str) -> None:
    parameters = {"upload": upload.id.hex, "step": step, "root": upload.library_root}
    jobs.enqueue(connection, "upload", parameters=parameters, requested_by=upload.user_id, urgency="upload")
