"""What the library shows first: what is watched most, and what is new."""

from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection

# Of these, those that a viewer may see are shown.
_CANDIDATES = 200
_PLAYABLE: LiteralString = "v.removed_at IS NULL AND v.status = 'ready'"


def stamp(connection: Connection[Any]) -> str:
    """Changes when a title joins and when popularity is computed anew."""
    row: tuple[datetime | None, datetime | None] | None = connection.execute(
        "SELECT (SELECT max(added_at) FROM videos WHERE removed_at IS NULL),"
        " (SELECT nullif(at, '-infinity') FROM popularity_computed)"
    ).fetchone()
    return ":".join(str(moment.timestamp()) if moment else "never" for moment in row or ())


def candidates(connection: Connection[Any], *, public_only: bool) -> dict[str, Any]:
    """{popular: ids, recent: ids}, best first. Whoever shows them asks who may see them."""
    whose: LiteralString = " AND v.visibility = 'public'" if public_only else ""
    orders: dict[str, LiteralString] = {
        "popular": " AND v.popularity > 0 ORDER BY v.popularity DESC, v.id DESC",
        "recent": " ORDER BY v.added_at DESC, v.id DESC",
    }
    return {
        name: [
            row[0].hex
            for row in connection.execute(
                f"SELECT v.id FROM videos v WHERE {_PLAYABLE}{whose}{order} LIMIT {_CANDIDATES}"
            )
        ]
        for name, order in orders.items()
    }
