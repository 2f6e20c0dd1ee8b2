"""How work for a worker is created: in the transaction that makes it necessary."""

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from catalog.contract.words import JobKind, JobUrgency
from catalog.rows import only

_ENQUEUE: LiteralString = "SELECT enqueue_job(%s, %s, %s, %s, %s)"


def enqueue(
    connection: Connection[Any],
    kind: JobKind,
    *,
    video_id: UUID | None = None,
    parameters: Mapping[str, Any] | None = None,
    requested_by: UUID | None = None,
    urgency: JobUrgency = "backlog",
) -> UUID:
    """The id of the job, which exists when the transaction of `connection` commits; a worker hears of it then.

    Where equal work (kind, title and parameters) is queued or running, that is the answer, and its urgency the greater
    of both.
    """
    row = connection.execute(_ENQUEUE, (kind, video_id, Jsonb(dict(parameters or {})), requested_by, urgency))
    job: UUID = only(row)[0]
    return job
