"""What admins change of a title: its texts, and who may see it."""

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from authsvc.sharing.viewers import Lost, end_lost

# Each field is a column of the same name, and nothing else can be changed here.
_ASSIGNMENTS: dict[str, LiteralString] = {
    "title": "title = %(title)s",
    "description": "description = %(description)s",
    "tags": "tags = %(tags)s",
    "visibility": "visibility = %(visibility)s",
    # Null: the indexer gives it its root's with the next scan.
    "renditions": "renditions = %(renditions)s, renditions_chosen = %(renditions)s",
}
# What nothing beside the title's file changes any more, once somebody has written something else there.
_MARKS: dict[str, LiteralString] = {
    "title": "CASE WHEN title <> %(title)s THEN ARRAY['title'] ELSE '{}' END",
    "description": "CASE WHEN description <> %(description)s THEN ARRAY['description'] ELSE '{}' END",
    "tags": "CASE WHEN tags <> %(tags)s THEN ARRAY['tags'] ELSE '{}' END",
}


def hold(connection: Connection[Any], video_id: str) -> None:
    """Hold a title, if there is one, until the transaction ends: nobody else changes it meanwhile."""
    connection.execute("SELECT FROM videos WHERE id = %s FOR NO KEY UPDATE", (video_id,))


def edit(connection: Connection[Any], video_id: str, changes: Mapping[str, Any]) -> Lost | None:
    """Change the fields named in `changes`; None when there is no such title.

    A visibility that is given again tells the live store again: whoever got an error may repeat the call.
    """
    assignments: list[LiteralString] = [_ASSIGNMENTS[name] for name in changes]
    marked: list[LiteralString] = [_MARKS[name] for name in changes if name in _MARKS]
    if marked:
        assignments.append(f"edited = ARRAY(SELECT unnest(edited) UNION SELECT unnest({' || '.join(marked)}))")
    with connection.transaction():
        changed = connection.execute(
            f"UPDATE videos SET {', '.join([*assignments, 'changed_at = now()'])}"
            " WHERE id = %(id)s AND removed_at IS NULL",
            {**changes, "id": video_id},
        ).rowcount
        if not changed:
            return None
        if "visibility" not in changes:
            return Lost()
        video = UUID(video_id)
        return Lost(videos=[video], playbacks=end_lost(connection, videos=[video]))
