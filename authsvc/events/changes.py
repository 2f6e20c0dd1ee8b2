"""What changed, in the order in which it is told; and how that is now, as those see it whom it concerns.

A change is noted by PostgreSQL in the transaction that makes it. Its number (`seq`) it gets after the commit, by
`number_changes`, which one process at a time runs: it sees only what is committed, so a number that appears is above
all that were seen before, whatever began or ended first. Whoever was told all up to a number goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from authsvc.library import jobs
from authsvc.library.visibility import condition

_SINCE: LiteralString = """
    SELECT seq, topic, subject, user_id FROM changes WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT %s
"""
_UPLOADS: LiteralString = """
    SELECT id, user_id, name, title, state, reason, size_bytes, video_id, appended,
           ((size_bytes + part_size_bytes - 1) / part_size_bytes)::integer AS parts
      FROM uploads WHERE id = ANY(%s)
"""
_SCANS: LiteralString = "SELECT id, started_at, finished_at, summary FROM scans WHERE id = ANY(%s)"
_PLAYBACKS: LiteralString = """
    SELECT p.id, p.user_id, p.video_id, v.title, p.device, p.started_at, p.ended_at, p.end_reason
      FROM playbacks p JOIN videos v ON v.id = p.video_id WHERE p.id = ANY(%s)
"""
_SEEN: LiteralString = f"""
    SELECT v.id, l.user_id, l.role
      FROM unnest(%s::uuid[], %s::text[]) AS l (user_id, role) JOIN videos v ON v.id = ANY(%s)
     WHERE {condition("l.role", "l.user_id")}
"""


class Change(NamedTuple):
    """Something that was told under this number; `user_id` where it is somebody's alone."""

    seq: int
    topic: str
    subject: str
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of one change. Its hearers: admins or not, this user, and whoever sees this title."""

    seq: int
    name: str
    content: dict[str, Any]
    to_admins: bool = False
    to_user: UUID | None = None
    to_viewers_of: UUID | None = None


def number(connection: Connection[Any], most: int) -> int:
    """Give numbers to changes that have none; how many got one."""
    row = connection.execute("SELECT number_changes(%s)", (most,)).fetchone()
    return int(row[0]) if row else 0


def kept(connection: Connection[Any]) -> tuple[int, int]:
    """Whoever was told everything up to the first number or more can go on; the second is the last number given."""
    row = connection.execute("SELECT floor, last FROM changes_kept()").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def forget(connection: Connection[Any], seconds: float) -> None:
    """Changes that are older."""
    connection.execute("SELECT forget_changes(%s)", (seconds,))


def since(connection: Connection[Any], after: int, *, to: int, limit: int) -> list[Change]:
    """The numbered ones in their order, from behind `after`."""
    return [Change(*row) for row in connection.execute(_SINCE, (after, to, limit))]


def events(connection: Connection[Any], changes: Sequence[Change]) -> list[Event]:
    """How what changed is now: the last change of each row tells it, in the order of their numbers."""
    last = {(change.topic, change.subject): change for change in changes}
    told: list[Event] = []
    by_topic = {"job": _of_jobs, "upload": _of_uploads, "scan": _of_scans, "playback": _of_playbacks}
    for topic, of_topic in by_topic.items():
        wanted = {change.subject: change for change in last.values() if change.topic == topic}
        if wanted:
            told += of_topic(connection, wanted)
    return sorted(told, key=lambda event: event.seq)


def viewers(
    connection: Connection[Any], videos: set[UUID], people: set[tuple[UUID, str]]
) -> set[tuple[UUID, UUID, str]]:
    """Which of these titles which of these people, each a user in a role, see: title, user and role."""
    if not videos or not people:
        return set()
    ids, acting = zip(*people, strict=True)
    return set(connection.execute(_SEEN, (list(ids), list(acting), list(videos))).fetchall())


def _of_jobs(connection: Connection[Any], wanted: dict[str, Change]) -> list[Event]:
    told = []
    for job in jobs.several(connection, [UUID(subject) for subject in wanted]):
        seq = wanted[str(job.id)].seq
        if job.video_id is not None:
            content = {"video_id": job.video_id.hex, "job": jobs.work(job)}
            told.append(Event(seq, "making", content, to_viewers_of=job.video_id))
        told.append(Event(seq, "job", jobs.whole(job), to_admins=True, to_user=job.user_id))
    return told


def _of_uploads(connection: Connection[Any], wanted: dict[str, Change]) -> list[Event]:
    told = []
    for row in _rows(connection, _UPLOADS, [UUID(subject) for subject in wanted]):
        change = wanted.pop(str(row["id"]))
        video, owner = row["video_id"], row.pop("user_id")
        content = row | {"id": row["id"].hex, "video_id": video.hex if video else None}
        told.append(Event(change.seq, "upload", content, to_user=owner))
    for subject, change in wanted.items():
        content = {"id": UUID(subject).hex, "state": "gone"}
        told.append(Event(change.seq, "upload", content, to_user=change.user_id))
    return told


def _of_scans(connection: Connection[Any], wanted: dict[str, Change]) -> list[Event]:
    rows = _rows(connection, _SCANS, [int(subject) for subject in wanted])
    return [Event(wanted[str(row["id"])].seq, "scan", row, to_admins=True) for row in rows]


def _of_playbacks(connection: Connection[Any], wanted: dict[str, Change]) -> list[Event]:
    return [
        Event(
            wanted[str(row["id"])].seq,
            "playback",
            {
                "playback_id": row["id"].hex,
                "state": "ended" if row["ended_at"] else "begun",
                "reason": row["end_reason"],
                "video": {"id": row["video_id"].hex, "title": row["title"]},
                "device": row["device"],
                "started_at": row["started_at"],
                "ended_at": row["ended_at"],
            },
            to_user=row["user_id"],
        )
        for row in _rows(connection, _PLAYBACKS, [UUID(subject) for subject in wanted])
    ]


def _rows(connection: Connection[Any], statement: LiteralString, ids: Sequence[UUID | int]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as rows:
        return rows.execute(statement, (list(ids),)).fetchall()
