"""The SQL of what lies beside films: which pictures and notes were looked at, and what the notes tell."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from indexer.names import title_from
from indexer.reconcile import Place
from indexer.store import Database
from media.nfo import Note

_AT: LiteralString = """
SELECT v.id, v.library_root, v.path, v.picture_digest, v.note_digest
  FROM unnest(%s::text[], %s::bytea[]) AS place (root, path)
  JOIN videos v ON v.library_root = place.root AND sha256(v.path) = sha256(place.path)
 WHERE v.removed_at IS NULL AND v.status = 'ready'
"""

# What a person changed stays. So does what is neither as the last note told it nor as it is without one: the release
# before this one did not write down who changed what.
_TELL: LiteralString = """
UPDATE videos
   SET title = CASE WHEN 'title' <> ALL(edited) AND (title = %(named)s OR title = told ->> 'title')
                    THEN coalesce(%(title)s, %(named)s) ELSE title END,
       description = CASE WHEN 'description' <> ALL(edited)
                           AND (description = '' OR description = told ->> 'description')
                          THEN coalesce(%(description)s, '') ELSE description END,
       tags = CASE WHEN 'tags' <> ALL(edited) AND (tags = '{}' OR to_jsonb(tags) = told -> 'tags')
                   THEN %(tags)s ELSE tags END,
       told = %(told)s, told_year = %(year)s, original_title = %(original_title)s, show_title = %(show)s,
       season = %(season)s, episode = %(episode)s, people = %(people)s, note_digest = %(digest)s,
       note_remark = %(remark)s, changed_at = now()
 WHERE id = %(id)s
"""


class Beside(NamedTuple):
    """A ready title, and by what the pictures and notes beside it were known when they were looked at last."""

    id: UUID
    root: str
    path: bytes
    of_pictures: bytes
    of_notes: bytes


def ready_at(database: Database, places: Sequence[Place]) -> list[Beside]:
    """The ready titles at these places."""
    with database.cursor(row_factory=args_row(Beside), binary=True) as cursor:
        roots, paths = [root for root, _ in places], [path for _, path in places]
        return cursor.execute(_AT, (roots, paths)).fetchall()


def make_pictures_due(database: Database, videos: list[UUID]) -> None:
    """Have the posters of these titles made anew; what they have stays until then."""
    database.execute("UPDATE videos SET pictured_at = NULL WHERE id = ANY(%s)", (videos,))


def tell(database: Database, title: Beside, note: Note, of_notes: bytes, remark: str | None) -> None:
    """Let the title be what a note tells of it, where nobody said otherwise; an empty note takes back the last one."""
    values: dict[str, Any] = asdict(note)
    told = {name: values[name] for name in ("title", "description", "tags") if values[name]}
    values |= {"id": title.id, "named": title_from(title.path), "told": Jsonb(told)}
    database.execute(_TELL, values | {"digest": of_notes, "remark": remark})
