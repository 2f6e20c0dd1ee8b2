"""The jobs of workers, as people see and steer them. Workers change the same rows (worker.attempts)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from catalog.contract.words import JobKind, JobPlace, JobState, JobUrgency

# How long the rest takes, if it goes on as it went so far; not told before the first hundredth says anything.
_JOBS: LiteralString = """
SELECT j.id, j.kind, j.state, j.urgency, j.stage, j.progress, j.speed, j.attempts, j.reason, j.created_at, j.started_at,
       j.ended_at, j.video_id, v.title AS video_title, j.requested_by AS user_id, u.username, f.id AS upload_id,
       f.name AS upload_name,
       CASE WHEN j.state = 'running' AND j.progress >= 0.01
            THEN extract(epoch FROM j.heartbeat_at - j.started_at)::float8 * (1 - j.progress) / j.progress
       END AS seconds_left
  FROM jobs j LEFT JOIN videos v ON v.id = j.video_id LEFT JOIN users u ON u.id = j.requested_by
       LEFT JOIN uploads f ON j.kind = 'upload' AND f.id = (j.parameters ->> 'upload')::uuid
"""
# Before what is wanted most, behind what is wanted least (jobs_next).
_MOVES: dict[JobPlace, LiteralString] = {
    "first": """
        UPDATE jobs SET urgency = 'wanted', turn = COALESCE(
               (SELECT min(turn) - 1 FROM jobs WHERE state = 'queued' AND urgency = 'wanted'), 0)
         WHERE id = %s AND state = 'queued'
    """,
    "last": """
        UPDATE jobs SET urgency = 'backlog', turn = COALESCE(
               (SELECT max(turn) + 1 FROM jobs WHERE state = 'queued' AND urgency = 'backlog'), 0)
         WHERE id = %s AND state = 'queued'
    """,
}
# `whose` is a user, or null: everybody's.
_OWN: LiteralString = "(%(whose)s::uuid IS NULL OR j.requested_by = %(whose)s)"


class JobUnknown(Exception):
    """There is no such job of yours."""


class JobEnded(Exception):
    """The job has ended already."""


class JobNotEnded(Exception):
    """The job has not failed and was not cancelled."""


class JobNotQueued(Exception):
    """The job does not wait for its turn."""


class JobRepeated(Exception):
    """The same work is queued or running already."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job with the names of its title and of who asked for it. `progress` is a share of 1, `speed` film per time."""

    id: UUID
    kind: JobKind
    state: JobState
    urgency: JobUrgency
    stage: str | None
    progress: float
    speed: float | None
    seconds_left: float | None
    attempts: int
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    video_id: UUID | None
    video_title: str | None
    user_id: UUID | None
    username: str | None
    upload_id: UUID | None
    upload_name: str | None


def page(
    connection: Connection[Any],
    whose: str | None,
    *,
    state: JobState | None,
    limit: int,
    after: tuple[str, str] | None = None,
) -> list[Job]:
    """The newest first, from behind `after` (when it was created, and its id)."""
    where: LiteralString = f"WHERE {_OWN} AND (%(state)s::text IS NULL OR j.state = %(state)s)"
    if after:
        where += " AND (j.created_at, j.id) < (%(moment)s::timestamptz, %(id)s::uuid)"
    moment, last = after or (None, None)
    values = {"whose": whose, "state": state, "limit": limit, "moment": moment, "id": last}
    with connection.cursor(row_factory=class_row(Job)) as rows:
        return rows.execute(f"{_JOBS} {where} ORDER BY j.created_at DESC, j.id DESC LIMIT %(limit)s", values).fetchall()


def one(connection: Connection[Any], whose: str | None, job: str | UUID) -> Job:
    """Raises `JobUnknown`."""
    with connection.cursor(row_factory=class_row(Job)) as rows:
        found = rows.execute(f"{_JOBS} WHERE j.id = %(id)s AND {_OWN}", {"whose": whose, "id": job}).fetchone()
    if found is None:
        raise JobUnknown
    return found


def several(connection: Connection[Any], jobs: Sequence[UUID]) -> list[Job]:
    """These jobs, the oldest first."""
    with connection.cursor(row_factory=class_row(Job)) as rows:
        return rows.execute(f"{_JOBS} WHERE j.id = ANY(%s) ORDER BY j.created_at, j.id", (list(jobs),)).fetchall()


def making(connection: Connection[Any], video_id: str) -> list[Job]:
    """What is queued and running for a title, and what failed and was not tried anew."""
    with connection.cursor(row_factory=class_row(Job)) as rows:
        return rows.execute(
            f"{_JOBS} WHERE j.video_id = %s AND (j.state IN ('queued', 'running') OR j.state = 'failed' AND NOT EXISTS"
            " (SELECT FROM jobs n WHERE n.video_id = j.video_id AND n.kind = j.kind AND n.created_at > j.created_at))"
            " ORDER BY j.created_at, j.id",
            (video_id,),
        ).fetchall()


def cancel(connection: Connection[Any], whose: str | None, job: str) -> None:
    """End it; the worker that has it kills its tools within seconds. Raises `JobUnknown` and `JobEnded`."""
    one(connection, whose, job)
    ended = connection.execute(
        "UPDATE jobs SET state = 'cancelled', run_id = NULL, ended_at = now()"
        " WHERE id = %s AND state IN ('queued', 'running')",
        (job,),
    )
    if not ended.rowcount:
        raise JobEnded


def retry(connection: Connection[Any], whose: str | None, job: str) -> Job:
    """Queue it once more, as somebody's wish. Raises `JobUnknown`, `JobNotEnded` and `JobRepeated`."""
    one(connection, whose, job)
    try:
        with connection.transaction():
            queued = connection.execute(
                """
                UPDATE jobs SET state = 'queued', urgency = 'wanted', attempts = 0, due_at = now(), stage = NULL,
                                progress = 0, speed = NULL, reason = NULL, started_at = NULL, ended_at = NULL
                 WHERE id = %s AND state IN ('failed', 'cancelled')
                """,
                (job,),
            )
            if not queued.rowcount:
                raise JobNotEnded
    except UniqueViolation as error:
        raise JobRepeated from error
    return one(connection, whose, job)


def move(connection: Connection[Any], job: str, place: JobPlace) -> Job:
    """Have it done before, or after, all others that are queued now. Raises `JobUnknown` and `JobNotQueued`.

    Of its own kind, to be exact: each kind has workers of its own.
    """
    one(connection, None, job)
    moved = connection.execute(_MOVES[place], (job,))
    if not moved.rowcount:
        raise JobNotQueued
    return one(connection, None, job)


def whole(job: Job) -> dict[str, Any]:
    """A job as those see it whom it concerns."""
    return work(job) | {
        "video": {"id": job.video_id.hex, "title": job.video_title} if job.video_id else None,
        "upload": {"id": job.upload_id.hex, "name": job.upload_name} if job.upload_id else None,
        "requested_by": {"id": job.user_id.hex, "username": job.username} if job.user_id else None,
    }


def work(job: Job) -> dict[str, Any]:
    """A job as everybody sees it who sees its title."""
    return {
        "id": job.id.hex,
        "kind": job.kind,
        "state": job.state,
        "urgency": job.urgency,
        "stage": job.stage,
        "progress": job.progress,
        "speed": job.speed,
        "seconds_left": job.seconds_left,
        "attempts": job.attempts,
        "reason": job.reason,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
    }
