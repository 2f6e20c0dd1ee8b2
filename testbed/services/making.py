"""What makes things of the titles of a test's library: a worker's settings, and what people want of it."""

from typing import Any
from uuid import UUID

import psycopg

from catalog import jobs, roles
from catalog.contract.words import JobKind
from testbed.services.library import Library
from worker.settings import WorkerSettings


def settings(library: Library, *kinds: JobKind, **options: Any) -> WorkerSettings:
    """Of a worker that takes these kinds, fast, and tries nothing again while a test lasts."""
    values: dict[str, Any] = {
        "database_url": library.database.url_for(roles.WORKER), "titles_dir": library.titles, "retry_seconds": 3600,
        "rendition_preset": "veryfast",
    }  # fmt: skip
    return WorkerSettings(job_kinds=kinds, **(values | options))


def wish(library: Library, video: UUID, kind: JobKind, **parameters: Any) -> UUID:
    """Have it made, as the interface does."""
    with psycopg.connect(library.database.url_for(roles.API)) as connection:
        return jobs.enqueue(connection, kind, video_id=video, parameters=parameters)


def want(library: Library, video: UUID, *segments: int) -> str:
    """Wait for these, as the service does that viewers wait at; how the job is then."""
    with psycopg.connect(library.database.url_for(roles.EVENTS), autocommit=True) as connection:
        for segment in segments:
            row = connection.execute("SELECT state FROM want_instant(%s, %s, NULL)", (video, segment)).fetchone()
    assert row is not None
    state: str = row[0]
    return state
