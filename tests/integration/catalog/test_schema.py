"""The migrations: repeatable, safe side by side, and granting each role no more than it needs."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from catalog import roles
from catalog.migrate import migrate
from testbed.servers.postgres import USER, Database, PostgresServer


def test_a_second_migration_changes_nothing(database: Database) -> None:
    before, after = migrate(database.owner_url)
    assert before == after is not None


def test_two_deploys_at_once_migrate_once(postgres: PostgresServer) -> None:
    with postgres.cloned_database(template="template0") as empty, ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(migrate, [empty.owner_url] * 2))
    assert sorted(before is None for before, _ in outcomes) == [False, True]


def test_an_index_that_another_icu_has_sorted_is_built_anew(postgres: PostgresServer, database: Database) -> None:
    told = "SELECT collversion FROM pg_collation WHERE collname = 'natural_order'"
    built = "SELECT relfilenode FROM pg_class WHERE relname = 'videos_by_title'"
    with psycopg.connect(postgres.url(database.name, USER), autocommit=True) as superuser:
        version, before = superuser.execute(told).fetchone(), superuser.execute(built).fetchone()
        migrate(database.owner_url)
        assert superuser.execute(built).fetchone() == before
        superuser.execute("UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'natural_order'")
        migrate(database.owner_url)
        assert superuser.execute(told).fetchone() == version
        assert superuser.execute(built).fetchone() != before


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (roles.AUTHZ, "SELECT password_hash FROM users"),
        (roles.AUTHZ, "SELECT * FROM refresh_tokens"),
        (roles.AUTHZ, "UPDATE playbacks SET ended_at = now(), end_reason = 'x'"),
        (roles.AUTHZ, "INSERT INTO playbacks DEFAULT VALUES"),
        (roles.API, "DELETE FROM videos"),
        (roles.API, "UPDATE videos SET status = 'ready'"),
        (
            roles.API,
            "SELECT open_header_playback(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), NULL)",
        ),
        (roles.API, "UPDATE audit_events SET event = 'nothing'"),
        (roles.API, "DELETE FROM audit_events"),
        (roles.API, "TRUNCATE audit_events"),
        (roles.API, "UPDATE audit_subjects SET user_id = gen_random_uuid()"),
        (roles.API, "DELETE FROM audit_subjects"),
        (roles.AUTHZ, "SELECT * FROM audit_events"),
        (roles.AUTHZ, "SELECT cut_addresses(90)"),
        (roles.AUTHZ, "SELECT cut_audit_addresses(90, 1)"),
        (roles.LEDGER, "SELECT forget_audit_events(400, 1)"),
        (roles.INDEXER, "SELECT * FROM audit_subjects"),
        (roles.INDEXER, "SELECT * FROM users"),
        (roles.EVENTS, "SELECT * FROM videos"),
        (roles.EVENTS, "SELECT * FROM jobs"),
        (roles.EVENTS, "UPDATE jobs SET urgency = 'wanted'"),
        (roles.EVENTS, "SELECT password_hash FROM users"),
        (roles.EVENTS, "SELECT id FROM sessions"),
        (roles.EVENTS, "DELETE FROM changes"),
        (roles.API, "SELECT number_changes(1)"),
        (roles.EVENTS, "SELECT * FROM instant_wants"),
        (roles.EVENTS, "INSERT INTO instant_wants (video_id, segment) VALUES (gen_random_uuid(), 0)"),
        (roles.EVENTS, "SELECT enqueue_job('upload', NULL, '{}', NULL, 'wanted')"),
        (roles.INDEXER, "INSERT INTO subtitles DEFAULT VALUES"),
        (roles.API, "DELETE FROM subtitles"),
        (roles.INDEXER, "SELECT * FROM sessions"),
        (roles.API, "CREATE TABLE mine ()"),
        (roles.INDEXER, "CREATE TABLE mine ()"),
        (roles.AUTHZ, "CREATE TABLE mine ()"),
    ],
)
def test_a_role_may_not_do_what_is_not_its_task(database: Database, role: str, statement: str) -> None:
    with (
        psycopg.connect(database.url_for(role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_a_header_playback_is_opened_once_and_never_for_an_ended_session(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        session, video = _session_and_video(owner)
        ask = "SELECT open_header_playback(gen_random_uuid(), %s, %s, '192.0.2.1')"
        with psycopg.connect(database.url_for(roles.AUTHZ), autocommit=True) as authz:
            first = authz.execute(ask, (session, video)).fetchone()
            again = authz.execute(ask, (session, video)).fetchone()
            owner.execute("UPDATE sessions SET ended_at = now(), end_reason = 'logout'")
            ended = authz.execute(ask, (session, video)).fetchone()
    assert first == again != (None,)
    assert ended == (None,)


def _session_and_video(owner: psycopg.Connection) -> tuple[object, object]:
    user = owner.execute(
        "INSERT INTO users (username, username_key, password_hash) VALUES ('alice', 'alice', 'x') RETURNING id"
    ).fetchone()
    assert user
    session = owner.execute(
        "INSERT INTO sessions (user_id, kind, expires_at) VALUES (%s, 'program', now() + interval '1 day')"
        " RETURNING id",
        user,
    ).fetchone()
    video = owner.execute(
        "INSERT INTO videos (library_root, path, fingerprint, size_bytes, mtime_ns, filename, title, status,"
        " container, duration_seconds) VALUES ('/l', 'a.mp4', '\\x00', 1, 1, 'a.mp4', 'a', 'ready', 'mp4', 1)"
        " RETURNING id"
    ).fetchone()
    assert session
    assert video
    return session[0], video[0]
