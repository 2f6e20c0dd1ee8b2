"""The rows of uploads, as jobs change them. Whatever a job writes there it writes while the upload is in the state that
the job is for: one that was cancelled meanwhile is changed by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from catalog.contract.words import RenditionPolicy, UploadState, Visibility
from catalog.uploads import Cut

_COLUMNS: LiteralString = """
    id, user_id, name, size_bytes, part_size_bytes, sha256, title, description, visibility, renditions, library_root,
    folder, appended, digest_state, state, video_id
"""
# A last step that was cancelled, or failed for good, leaves nobody who would end the upload.
_ORPHANED: LiteralString = """
UPDATE uploads u
   SET state = 'refused', expires_at = now() + make_interval(secs => %s),
       reason = coalesce(
           (SELECT j.reason FROM jobs j
             WHERE j.kind = 'upload' AND j.parameters ->> 'upload' = replace(u.id::text, '-', '')
             ORDER BY j.created_at DESC LIMIT 1), 'Its last step was cancelled.')
 WHERE state = 'checking'
   AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = 'upload' AND j.state IN ('queued', 'running')
                      AND j.parameters ->> 'upload' = replace(u.id::text, '-', ''))
"""
_EXPIRED: LiteralString = """
DELETE FROM uploads WHERE expires_at < now() AND (state <> 'done' OR video_id IS NULL)
"""
# There is one for each few parts; the last one says all that those before it did.
_FORGET_STEPS: LiteralString = """
DELETE FROM jobs WHERE kind = 'upload' AND state = 'done' AND parameters ->> 'upload' = %s
"""

Database = Connection[Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """A row. `appended` counts the first parts, those that are in the growing file."""

    id: UUID
    user_id: UUID
    name: str
    size_bytes: int
    part_size_bytes: int
    sha256: bytes | None
    title: str
    description: str
    visibility: Visibility | None
    # Its own policy; None: its root's.
    renditions: RenditionPolicy | None
    library_root: str
    folder: str
    appended: int
    # SHA-256 of those parts so far, to go on with; None where nobody began.
    digest_state: bytes | None
    state: UploadState
    # The title that it is to be, from when that is decided on.
    video_id: UUID | None

    @property
    def cut(self) -> Cut:
        return Cut(self.size_bytes, self.part_size_bytes)


def one(database: Database, upload: UUID, *, hold: bool = False) -> Upload | None:
    """None when it was cancelled; with `hold` it stays as it is until the transaction ends."""
    locked: LiteralString = "FOR UPDATE" if hold else ""
    with database.cursor(row_factory=class_row(Upload)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM uploads WHERE id = %s {locked}", (upload,)).fetchone()


def has_appended(database: Database, upload: UUID, number: int, digest_state: bytes | None) -> bool:
    """Note that the part is in the growing file; False when the upload is over, or somebody else has noted it."""
    statement: LiteralString = """
        UPDATE uploads SET appended = %s, digest_state = %s
         WHERE id = %s AND appended = %s AND state IN ('open', 'checking')"""
    return database.execute(statement, (number, digest_state, upload, number - 1)).rowcount == 1


def refuse(database: Database, upload: UUID, reason: str, kept_seconds: float) -> bool:
    """Note why it is no title; its owner can look for so long."""
    statement: LiteralString = """
        UPDATE uploads SET state = 'refused', reason = %s, expires_at = now() + make_interval(secs => %s)
         WHERE id = %s AND state = 'checking'"""
    return database.execute(statement, (reason, kept_seconds, upload)).rowcount == 1


def done(database: Database, upload: UUID, kept_seconds: float) -> bool:
    """Its title has its file."""
    statement: LiteralString = """
        UPDATE uploads SET state = 'done', expires_at = now() + make_interval(secs => %s)
         WHERE id = %s AND state = 'checking'"""
    return database.execute(statement, (kept_seconds, upload)).rowcount == 1


def title_path(database: Database, video: UUID) -> bytes | None:
    """Where the title's file is to be, below its root."""
    row = database.execute("SELECT path FROM videos WHERE id = %s", (video,)).fetchone()
    return bytes(row[0]) if row else None


def become(database: Database, upload: Upload, video: UUID) -> None:
    """It is to be the title `video`, with what its owner said of that."""
    said = [name for name in ("title", "description") if getattr(upload, name)]
    database.execute("UPDATE uploads SET video_id = %s WHERE id = %s", (video, upload.id))
    database.execute(
        "UPDATE videos SET title = coalesce(nullif(%s, ''), title), description = %s,"
        " visibility = coalesce(%s, visibility), edited = %s WHERE id = %s",
        (upload.title, upload.description, upload.visibility, said, video),
    )
    if upload.visibility is not None:
        # Instead of those that the folder names; an admin may name more.
        database.execute("DELETE FROM video_users WHERE video_id = %s", (video,))
        database.execute("DELETE FROM video_groups WHERE video_id = %s", (video,))
    if upload.visibility == "named":
        database.execute("INSERT INTO video_users (video_id, user_id) VALUES (%s, %s)", (video, upload.user_id))


def is_taken(database: Database, root: str, path: bytes) -> bool:
    """Does a title stand for that path?"""
    statement: LiteralString = """
        SELECT FROM videos WHERE library_root = %s AND sha256(path) = sha256(%s) AND removed_at IS NULL"""
    return database.execute(statement, (root, path)).rowcount == 1


def end_forgotten(database: Database, refused_seconds: float) -> None:
    """End those that nobody will end, and delete those whose time is over."""
    database.execute(_ORPHANED, (refused_seconds,))
    database.execute(_EXPIRED)


def living(database: Database) -> Mapping[str, Upload]:
    """Those that have something in the uploads folder or a growing file, by their id in hexadecimal."""
    with database.cursor(row_factory=class_row(Upload)) as cursor:
        rows = cursor.execute(f"SELECT {_COLUMNS} FROM uploads WHERE state <> 'done'").fetchall()
    return {row.id.hex: row for row in rows}


def forget_steps(database: Database, upload: UUID) -> None:
    """Of its steps that are done, whoever looks at jobs needs none once the next one has begun."""
    database.execute(_FORGET_STEPS, (upload.hex,))
