"""What workers clear away beside dead workers and old jobs."""

import threading

import psycopg

from catalog import jobs, roles
from testbed.services.library import Library
from worker.reaper import Reaper
from worker.runner import connect
from worker.settings import WorkerSettings


def test_changes_that_nobody_tells_do_not_pile_up(library: Library) -> None:
    """As while the events unit is stopped for long."""
    settings = WorkerSettings(
        database_url=library.database.url_for(roles.WORKER), titles_dir=library.titles, change_seconds=3600
    )
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        for turn in range(3):
            jobs.enqueue(owner, "pictures", parameters={"n": turn})
        with connect(settings) as database:
            Reaper(settings, threading.Event()).look(database)
            assert owner.execute("SELECT count(*) FROM changes").fetchone() == (3,), "they are fresh"
            owner.execute("UPDATE changes SET changed_at = now() - interval '2 hours'")
            Reaper(settings, threading.Event()).look(database)
        assert owner.execute("SELECT count(*) FROM changes").fetchone() == (0,)
