"""The numbers of changes, as PostgreSQL gives them."""

import psycopg

from catalog import jobs, roles
from testbed.servers.postgres import Database


def test_what_is_numbered_at_once_keeps_its_order(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        for turn in range(60):
            jobs.enqueue(connection, "pictures", parameters={"n": turn})
        # On the disk they lie in another order now.
        connection.execute("UPDATE changes SET topic = topic WHERE id % 2 = 0")
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE changes")
    with psycopg.connect(database.url_for(roles.EVENTS)) as connection:
        numbered = connection.execute("SELECT number_changes(500)").fetchone()
        told = connection.execute("SELECT id FROM changes ORDER BY seq").fetchall()
    assert numbered == (60,)
    assert told == sorted(told)
