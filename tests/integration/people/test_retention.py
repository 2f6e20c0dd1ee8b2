"""What is kept of people goes in its time: what is due and nothing else, by index, in small steps."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection, sql

from authsvc import audit
from authsvc.audit import Event
from authsvc.library import popularity
from authsvc.people import retention
from authsvc.people.retention import RetentionSettings
from catalog import roles
from testbed.services.viewer import Viewer
from testbed.services.world import World


def settings(**changed: Any) -> RetentionSettings:
    return RetentionSettings(**{"retention_pause_seconds": 0, **changed})


@pytest.fixture
def interface(world: World) -> Iterator["Connection[Any]"]:
    """PostgreSQL as the timer's unit has it."""
    with psycopg.connect(world.database.url_for(roles.API), autocommit=True) as connection:
        yield connection


def count(world: World, table: str) -> int:
    row = world.owner.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]  # a name of ours
    assert row is not None
    return int(row[0])


def test_addresses_lose_their_end_in_the_trail_after_a_while(world: World, interface: "Connection[Any]") -> None:
    for client in ("192.0.2.77", "2001:db8:1:2:3:4:5:6", None):
        audit.record(world.owner, Event.LOGIN, actor=None, client=client)
    world.owner.execute("UPDATE audit_events SET at = now() - interval '91 days'")
    audit.record(world.owner, Event.LOGIN, actor=None, client="192.0.2.78")
    assert retention.run(interface, settings())["addresses of events"] == 2
    assert set(retention.run(interface, settings()).values()) == {0}
    clients = [entry.client for entry in audit.page(interface, limit=10)]
    assert clients == ["192.0.2.78", None, "2001:db8:1:2::/64", "192.0.2.0/24"]


def test_addresses_of_sessions_and_playbacks_lose_their_end_too_while_what_runs_keeps_its_own(
    world: World, interface: "Connection[Any]"
) -> None:
    alice, video = world.user("alice"), world.video()
    session_id, token = world.session(alice)
    asked = {"X-Real-IP": "2001:db8:1:2:3:4:5:6", "Authorization": f"Bearer {token}"}
    ended, runs = (
        world.client().post(f"/api/v1/videos/{video}/playback", headers=asked).get_json()["playback_id"]
        for _ in range(2)
    )
    world.owner.execute("UPDATE sessions SET client = '192.0.2.77'")
    world.client().delete(f"/api/v1/playbacks/{ended}", headers=asked)
    assert set(retention.run(interface, settings()).values()) == {0}, "not yet"
    world.owner.execute("UPDATE sessions SET created_at = now() - interval '91 days'")
    world.owner.execute(
        "UPDATE playbacks SET started_at = now() - interval '92 days', ended_at = ended_at - interval '91 days'"
    )
    done = retention.run(interface, settings())
    assert (done["addresses of sessions"], done["addresses of playbacks"]) == (1, 1)
    assert set(retention.run(interface, settings()).values()) == {0}
    (listed,) = world.client().get("/api/v1/users/me/sessions", headers=asked).get_json()["items"]
    assert (listed["session_id"], listed["client"]) == (session_id, "192.0.2.0/24")
    exported = world.client().get("/api/v1/users/me/export", headers=asked).get_json()
    assert [session["client"] for session in exported["sessions"]] == ["192.0.2.0/24"]
    assert {UUID(playback["id"]).hex: playback["client"] for playback in exported["playbacks"]} == {
        ended: "2001:db8:1:2::/64",
        runs: "2001:db8:1:2:3:4:5:6",
    }


@pytest.mark.parametrize(
    "statement",
    ["SELECT cut_audit_addresses(6, 1000)", "SELECT forget_audit_events(89, 1000)", "SELECT cut_addresses(6)"],
)
def test_whoever_breaks_into_the_service_can_not_wipe_the_traces_of_today(
    interface: "Connection[Any]", statement: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        interface.execute(cast("Any", statement))


def test_what_is_due_goes_and_what_is_young_or_alive_stays(world: World, interface: "Connection[Any]") -> None:
    alice, video = world.user("alice"), world.video()
    sessions = {name: world.session(alice)[0] for name in ("old", "young", "alive")}
    world.owner.execute(
        """
        INSERT INTO playbacks (id, session_id, user_id, video_id, door, started_at, ended_at, end_reason)
        SELECT gen_random_uuid(), s.id, s.user_id, %s, 'signed', now() - age, now() - over, CASE WHEN over IS NULL THEN
               NULL ELSE 'ended' END
          FROM sessions s, (VALUES (interval '190 days', interval '181 days'), ('190 days', '179 days'),
                                   ('190 days', NULL)) AS t (age, over) WHERE s.id = ANY(%s::uuid[])
        """,
        (video, [sessions["young"], sessions["alive"]]),
    )
    for name, days in (("old", 181), ("young", 179)):
        world.owner.execute(
            "UPDATE sessions SET created_at = now() - interval '190 days', end_reason = 'logout',"
            " ended_at = now() - make_interval(days => %s) WHERE id = %s",
            (days, sessions[name]),
        )
    world.owner.execute("UPDATE sessions SET created_at = now() - interval '900 days' WHERE ended_at IS NULL")
    world.owner.execute(
        "UPDATE refresh_tokens t SET expires_at = now() - make_interval(days => CASE s.id WHEN %s THEN 8 ELSE 6 END),"
        " used_at = now() FROM sessions s WHERE s.id = t.session_id AND s.id <> %s",
        (sessions["young"], sessions["alive"]),
    )
    for days in (399, 401):
        audit.record(world.owner, Event.LOGIN, actor=alice.id)
        world.owner.execute(
            "UPDATE audit_events SET at = now() - make_interval(days => %s)"
            " WHERE id = (SELECT max(id) FROM audit_events)",
            (days,),
        )
    done = retention.run(interface, settings(whole_address_days=3660))
    assert {name: number for name, number in done.items() if number} == {
        "refresh tokens": 1, "playbacks": 2, "sessions": 1, "events": 1,
    }  # fmt: skip
    left = world.owner.execute("SELECT id FROM sessions ORDER BY id").fetchall()
    assert {row[0].hex for row in left} == {sessions["young"], sessions["alive"]}
    # The session that ended took its open playback along, as ever; the other one still runs.
    assert count(world, "playbacks WHERE ended_at IS NULL") == 1
    assert (count(world, "audit_events"), count(world, "refresh_tokens")) == (1, 1)


def test_what_people_see_stays_right_when_their_old_playbacks_are_gone(
    world: World, interface: "Connection[Any]"
) -> None:
    alice, long_ago, lately = Viewer(world, "alice"), world.video("Long Ago"), world.video("Lately")
    for video, position in ((long_ago, 100), (lately, 200)):
        one = alice.play(video).get_json()["playback_id"]
        assert alice.beat(one, position).status_code == 204
        alice.call("DELETE", f"/playbacks/{one}")
    world.owner.execute("INSERT INTO traffic SELECT now(), user_id, video_id, 1000 FROM playbacks")
    world.owner.execute(
        "UPDATE playbacks SET started_at = now() - interval '200 days', ended_at = now() - interval '199 days'"
        " WHERE video_id = %s",
        (long_ago,),
    )

    def seen() -> Any:
        popularity.refresh(interface, 0)
        kept = alice.call("GET", "/users/me/history").get_json()
        on = alice.call("GET", "/users/me/continue").get_json()
        order = world.owner.execute("SELECT id, popularity FROM videos ORDER BY popularity DESC, id").fetchall()
        return kept, on, order, count(world, "traffic"), alice.play(long_ago).get_json()["resume_seconds"]

    before = seen()
    assert [entry["position_seconds"] for entry in before[0]["items"]] == [200, 100]
    assert retention.run(interface, settings())["playbacks"] == 1
    world.owner.execute("DELETE FROM playbacks WHERE ended_at IS NULL")
    assert seen() == before


MANY = 12_000


@pytest.fixture
def years_of_use(world: World) -> World:
    """As much as counts, half of it due."""
    alice, video = world.user("alice"), world.video()
    world.owner.execute(
        """
        INSERT INTO sessions (user_id, kind, client, created_at, last_seen_at, expires_at, ended_at, end_reason)
        SELECT %(user)s, 'program', '192.0.2.1', at, at, at + interval '1 day', at + interval '1 hour', 'logout'
          FROM (SELECT now() - interval '1 year' * n / %(many)s AS at FROM generate_series(1, %(many)s) n) t
        """,
        {"user": alice.id, "many": MANY},
    )
    world.owner.execute(
        """
        INSERT INTO playbacks (id, session_id, user_id, video_id, door, client, started_at, ended_at, end_reason)
        SELECT gen_random_uuid(), id, user_id, %s, 'signed', client, created_at, ended_at, 'session' FROM sessions
        """,
        (video,),
    )
    world.owner.execute(
        "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at, used_at)"
        " SELECT sha256(id::text::bytea), id, expires_at, created_at FROM sessions"
    )
    world.owner.execute(
        "INSERT INTO audit_events (at, event, client)"
        " SELECT now() - interval '800 days' * n / %s, 'login', '192.0.2.1' FROM generate_series(1, %s) n",
        (MANY, MANY),
    )
    # The plans are those of full tables throughout: not of what autovacuum finds of them in the middle of a run.
    for table in ("sessions", "playbacks", "refresh_tokens", "audit_events"):
        world.owner.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(sql.Identifier(table)))
    world.owner.execute("ANALYZE sessions, playbacks, refresh_tokens, audit_events")
    return world


TABLES = ("sessions", "playbacks", "refresh_tokens", "audit_events", "device_tokens", "unlogged", "leases")


def test_no_step_reads_a_whole_table_or_takes_more_than_its_share(
    years_of_use: World, interface: "Connection[Any]"
) -> None:
    world, limits = years_of_use, settings(retention_batch_rows=500)
    for rule in retention.RULES:
        plan = interface.execute(
            f"EXPLAIN {rule.step}", {"days": rule.days(limits), "most": limits.retention_batch_rows}
        ).fetchall()
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text, text
        assert "Index" in text or "Result" in text, text

    # What functions and cascades read is in no plan, but PostgreSQL counts it.
    def scans() -> dict[str, int]:
        world.owner.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        rows = world.owner.execute(
            "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY(%s)", (list(TABLES),)
        ).fetchall()
        return dict(rows)

    before = scans()
    done = retention.run(interface, limits)
    interface.execute("SELECT pg_stat_force_next_flush()")
    read = {table: rows - before[table] for table, rows in scans().items() if rows - before[table]}
    assert read == {}, "rows that were read without an index"
    assert min(done.values()) > 1000
    assert count(world, "playbacks WHERE ended_at < now() - interval '180 days'") == 0
    assert count(world, "sessions WHERE ended_at < now() - interval '180 days'") == 0
    assert count(world, "sessions") == count(world, "playbacks") > MANY * 0.4


def test_a_run_that_has_no_more_time_leaves_the_rest_to_the_next(
    years_of_use: World, interface: "Connection[Any]"
) -> None:
    short = retention.run(interface, settings(retention_batch_rows=100, retention_longest_seconds=1e-9))
    assert sum(short.values()) == 0
    one_step = retention.run(interface, settings(retention_batch_rows=100, retention_longest_seconds=0.001))
    assert 0 < sum(one_step.values()) < 5000
    assert retention.run(interface, settings())["sessions"] > 1000


def test_two_runs_at_once_share_the_work_and_do_not_wait_for_a_row_that_is_held(
    years_of_use: World, interface: "Connection[Any]"
) -> None:
    with psycopg.connect(years_of_use.database.owner_url) as other:
        held = other.execute("SELECT id FROM playbacks ORDER BY ended_at LIMIT 1 FOR UPDATE").fetchone()
        interface.execute("SET lock_timeout = '1s'")
        for rule in (rule for rule in retention.RULES if rule.name == "playbacks"):
            taken = interface.execute(rule.step, {"days": rule.days(settings()), "most": 100}).rowcount
            assert taken == 100
        other.rollback()
    assert years_of_use.owner.execute("SELECT FROM playbacks WHERE id = %s", held).fetchone() is not None


def test_sessions_may_not_be_kept_for_less_than_their_playbacks() -> None:
    with pytest.raises(ValueError, match="session_days is shorter than playback_days"):
        settings(session_days=100)
