"""The whole box in a few numbers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.sessions.alive import OPEN
from catalog import renditions
from catalog.rows import only

_NEXT = 3


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of what is there; sessions are those that live."""

    users: int
    disabled: int
    sessions: int
    # By status: ready, waiting, broken.
    videos: dict[str, int]
    # By state, of those that were not cancelled and are not done.
    jobs: dict[str, int]


@dataclass(frozen=True, slots=True)
class Scan:
    """A look through the library; `finished_at` is null while it runs."""

    started_at: datetime
    finished_at: datetime | None
    summary: dict[str, Any]


def of(connection: Connection[Any]) -> Overview:
    """As PostgreSQL knows it."""
    with connection.cursor(row_factory=class_row(Overview)) as cursor:
        return only(
            cursor.execute(
                f"""
            SELECT (SELECT count(*) FROM users) AS users,
                   (SELECT count(*) FROM users WHERE NOT is_active) AS disabled,
                   (SELECT count(*) FROM sessions s WHERE {OPEN}) AS sessions,
                   (SELECT coalesce(jsonb_object_agg(status, number), '{{}}')
                      FROM (SELECT status, count(*) AS number FROM videos WHERE removed_at IS NULL GROUP BY status) v
                   ) AS videos,
                   (SELECT coalesce(jsonb_object_agg(state, number), '{{}}')
                      FROM (SELECT state, count(*) AS number FROM jobs
                             WHERE state IN ('queued', 'running', 'failed') GROUP BY state) j
                   ) AS jobs
            """
            )
        )


def kept(connection: Connection[Any]) -> dict[str, Any]:
    """What renditions take and may take (bytes; null: as much as they like), and the titles whose leave next."""
    budget, spared_hours = renditions.budget(connection)
    return {
        "bytes": renditions.kept_bytes(connection),
        "budget_bytes": budget or None,
        "leave_next": [one.title for one in renditions.leaving(connection, spared_hours, _NEXT)] if budget else [],
    }


def latest_scan(connection: Connection[Any]) -> Scan | None:
    with connection.cursor(row_factory=class_row(Scan)) as cursor:
        return cursor.execute(
            "SELECT started_at, finished_at, summary FROM scans ORDER BY started_at DESC LIMIT 1"
        ).fetchone()
