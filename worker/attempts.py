"""The rows of jobs, as workers change them.

Each attempt has a random `run_id`. All that it writes is conditional on it, so an attempt that was taken for dead and
goes on all the same changes nothing: whoever cancels a job, or gives it to another worker, takes its `run_id` away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from catalog.contract.words import JobKind

Database = Connection[Any]

# Any constant; whoever chooses a job holds it, so that limits hold.
_CHOOSING: LiteralString = "SELECT pg_advisory_xact_lock(7234201001)"

# What comes first of what is due and of a kind that has room: by urgency, then by turn. Of each kind one row is read. A
# title's renditions wait until what is being watched of it has been made. What only newer devices play comes last, and
# waits for all that makes titles playable.
_CLAIM: LiteralString = """
UPDATE jobs
   SET state = 'running', run_id = gen_random_uuid(), worker = %(worker)s, attempts = attempts + 1, stage = NULL,
       progress = 0, speed = NULL, reserved_bytes = 0, kept_bytes = 0,
       started_at = now(), heartbeat_at = now(), ended_at = NULL
 WHERE id = (SELECT next.id
               FROM unnest(%(kinds)s::text[]) AS known (kind)
              CROSS JOIN LATERAL (
                    SELECT id, array_position(ARRAY['wanted', 'upload', 'backlog'], urgency) AS rank, turn, created_at
                      FROM jobs j WHERE state = 'queued' AND kind = known.kind AND due_at <= now()
                       AND NOT (kind = 'rendition' AND EXISTS (
                                SELECT FROM jobs WHERE video_id = j.video_id AND kind = 'instant'
                                                   AND state IN ('queued', 'running')))
                       AND NOT (kind = 'extra' AND EXISTS (
                                SELECT FROM jobs WHERE kind IN ('rendition', 'instant')
                                                   AND (state = 'running' OR state = 'queued' AND due_at <= now())))
                     ORDER BY rank, turn, created_at LIMIT 1) AS next
              WHERE (SELECT count(*) FROM jobs WHERE state = 'running' AND kind = known.kind)
                    < COALESCE((%(limits)s::jsonb ->> known.kind)::integer, 1000000)
              ORDER BY known.kind = 'extra', next.rank, next.turn, next.created_at
              LIMIT 1)
RETURNING id, run_id, kind, video_id, parameters, requested_by, attempts
"""

_HEARTBEAT: LiteralString = "UPDATE jobs SET heartbeat_at = now() WHERE id = %s AND run_id = %s"

_REPORT: LiteralString = """
UPDATE jobs SET stage = %s, progress = %s, speed = %s, heartbeat_at = now() WHERE id = %s AND run_id = %s
"""

_HOLD: LiteralString = "SELECT FROM jobs WHERE id = %s AND run_id = %s FOR UPDATE"

_END: LiteralString = """
UPDATE jobs
   SET state = %s, run_id = NULL, reason = %s, progress = CASE WHEN %s THEN 1 ELSE progress END, ended_at = now()
 WHERE id = %s AND run_id = %s
"""

_GIVE_BACK: LiteralString = """
UPDATE jobs SET state = 'queued', run_id = NULL, attempts = attempts - 1 WHERE id = %s AND run_id = %s
"""

_STEP_BACK: LiteralString = """
UPDATE jobs SET state = 'queued', run_id = NULL, attempts = attempts - 1, urgency = 'backlog'
 WHERE id = %s AND run_id = %s
"""

_WAIT: LiteralString = """
UPDATE jobs
   SET state = 'queued', run_id = NULL, attempts = attempts - 1, reason = %s,
       due_at = now() + make_interval(secs => %s)
 WHERE id = %s AND run_id = %s
"""

_AGAIN: LiteralString = """
UPDATE jobs
   SET state = 'queued', run_id = NULL, reason = %s, due_at = now() + make_interval(secs => %s * 2 ^ (attempts - 1))
 WHERE id = %s AND run_id = %s
"""


@dataclass(frozen=True, slots=True)
class Job:
    """An attempt at a job, as it was claimed."""

    id: UUID
    run_id: UUID
    kind: JobKind
    video_id: UUID | None
    parameters: dict[str, Any]
    requested_by: UUID | None
    attempts: int


def claim(database: Database, worker: str, kinds: Sequence[JobKind], limits: Mapping[JobKind, int]) -> Job | None:
    """The job that comes first, begun for `worker`; None when nothing is due that may run now."""
    with database.transaction(), database.cursor(row_factory=class_row(Job)) as cursor:
        cursor.execute(_CHOOSING)
        values = {"worker": worker, "kinds": list(kinds), "limits": Jsonb(dict(limits))}
        return cursor.execute(_CLAIM, values).fetchone()


def beat(database: Database, job: Job) -> bool:
    """Say that the attempt goes on; False when it is over."""
    return database.execute(_HEARTBEAT, (job.id, job.run_id)).rowcount == 1


def report(database: Database, job: Job, stage: str, progress: float, speed: float | None) -> bool:
    """Write how far it is; False when the attempt is over."""
    return database.execute(_REPORT, (stage, progress, speed, job.id, job.run_id)).rowcount == 1


def hold(database: Database, job: Job) -> bool:
    """Keep the attempt from ending until the transaction does; False when it is over."""
    return database.execute(_HOLD, (job.id, job.run_id)).rowcount == 1


def finish(database: Database, job: Job) -> bool:
    """The work is done."""
    return database.execute(_END, ("done", None, True, job.id, job.run_id)).rowcount == 1


def fail(database: Database, job: Job, reason: str) -> bool:
    """The work can't be done; `reason` is what people read."""
    return database.execute(_END, ("failed", reason[:500], False, job.id, job.run_id)).rowcount == 1


def give_back(database: Database, job: Job) -> bool:
    """The worker stops: the attempt does not count."""
    return database.execute(_GIVE_BACK, (job.id, job.run_id)).rowcount == 1


def step_back(database: Database, job: Job) -> bool:
    """Others come first from now on; the attempt does not count."""
    return database.execute(_STEP_BACK, (job.id, job.run_id)).rowcount == 1


def wait(database: Database, job: Job, reason: str, pause_seconds: float) -> bool:
    """There is no room for it now; the attempt does not count, and the next one is after `pause_seconds`."""
    return database.execute(_WAIT, (reason[:500], pause_seconds, job.id, job.run_id)).rowcount == 1


def try_again(database: Database, job: Job, reason: str, pause_seconds: float) -> bool:
    """Something that may pass was in the way; the next attempt is after `pause_seconds`, or twice as much, ..."""
    return database.execute(_AGAIN, (reason[:500], pause_seconds, job.id, job.run_id)).rowcount == 1
