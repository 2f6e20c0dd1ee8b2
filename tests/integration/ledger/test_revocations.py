"""Every end in PostgreSQL reaches Redis, whoever made it; a disabled user and a withdrawn title end what runs."""

from typing import Any

import psycopg
import pytest

from authsvc.ledger import revocations
from authsvc.ledger.rounds import Rounds
from authsvc.ledger.settings import LedgerSettings
from catalog import roles
from testbed.services.world import Asker, World


class NoSockets:
    def look(self) -> list[Any]:
        return []

    def farewells(self) -> dict[str, int]:
        return {}


@pytest.fixture
def ledger(world: World) -> psycopg.Connection:
    world.owner.execute("TRUNCATE revocations")
    return psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True)


def tell(world: World, ledger: psycopg.Connection) -> None:
    settings = LedgerSettings(database_url="", redis_live_url=world.redis_live.url)
    rounds = Rounds(settings, world.redis_live.client(roles.LEDGER), NoSockets(), None)  # type: ignore[arg-type]  # no connections
    rounds.tell(ledger)


@pytest.mark.parametrize(
    ("statement", "status", "deny"),
    [
        ("UPDATE sessions SET ended_at = now(), end_reason = 'by hand'", 401, "session"),
        ("DELETE FROM sessions", 401, "session"),
        ("UPDATE users SET is_active = false", 401, "session"),
        ("DELETE FROM users", 401, "session"),
        ("UPDATE users SET role = 'guest'", 403, "forbidden"),
        ("UPDATE videos SET removed_at = now()", 403, "forbidden"),
        ("DELETE FROM videos", 403, "forbidden"),
    ],
)
def test_what_sql_takes_away_is_refused_at_the_next_request(
    world: World, ledger: psycopg.Connection, statement: str, status: int, deny: str
) -> None:
    video = world.video()
    _, token = world.session(world.user("alice"))
    ask = Asker(world.authz_app)
    assert ask.header(video, token).status_code == 204
    world.owner.execute(statement)
    assert ask.header(video, token).status_code == 204, "nobody has told Redis yet: it proves nothing"
    tell(world, ledger)
    refused = ask.header(video, token)
    assert (refused.status_code, refused.headers["X-Deny"]) == (status, deny)
    assert revocations.pending(ledger) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE sessions SET ended_at = now(), end_reason = 'logout'", "session"),
        ("UPDATE users SET is_active = false", "session"),
        ("UPDATE users SET role = 'guest'", "withdrawn"),
        ("UPDATE videos SET removed_at = now()", "removed"),
        ("UPDATE videos SET status = 'broken', status_reason = 'x'", "withdrawn"),
    ],
)
def test_the_running_playback_ends_with_the_reason(
    world: World, ledger: psycopg.Connection, statement: str, reason: str
) -> None:
    video = world.video()
    _, token = world.session(world.user("alice"))
    assert Asker(world.authz_app).header(video, token).status_code == 204
    world.owner.execute(statement)
    tell(world, ledger)
    assert world.owner.execute("SELECT end_reason FROM playbacks").fetchone() == (reason,)
    assert world.redis_live.client().zcard("ks:leases:box") == 0


def test_a_stop_by_hand_bars_the_header_door_as_the_interface_does(world: World, ledger: psycopg.Connection) -> None:
    video = world.video()
    _, token = world.session(world.user("alice"))
    ask = Asker(world.authz_app)
    ask.header(video, token)
    world.owner.execute("UPDATE playbacks SET ended_at = now(), end_reason = 'stopped'")
    tell(world, ledger)
    assert ask.header(video, token).headers["X-Deny"] == "gone"


def test_an_end_is_kept_until_redis_has_heard_of_it(world: World, ledger: psycopg.Connection) -> None:
    video = world.video()
    _, token = world.session(world.user("alice"))
    ask = Asker(world.authz_app)
    ask.header(video, token)
    world.owner.execute("UPDATE playbacks SET ended_at = now(), end_reason = 'stopped'")
    world.redis_live.stop()
    tell(world, ledger)
    assert len(revocations.pending(ledger)) == 1
    world.redis_live.start()
    tell(world, ledger)
    assert revocations.pending(ledger) == []


def test_a_rolled_back_end_is_never_told(world: World, ledger: psycopg.Connection) -> None:
    world.session(world.user("alice"))
    with world.owner.transaction(force_rollback=True):
        world.owner.execute("UPDATE sessions SET ended_at = now(), end_reason = 'by hand'")
    assert revocations.pending(ledger) == []


def test_who_is_named_goes_on_until_the_name_is_taken_away(world: World, ledger: psycopg.Connection) -> None:
    """By SQL, of which no trigger tells: the review finds it."""
    video, alice = world.video(visibility="named"), world.user("alice")
    world.owner.execute("INSERT INTO video_users (video_id, user_id) VALUES (%s, %s)", (video, alice.id))
    _, token = world.session(alice)
    playback = Asker(world.authz_app).header(video, token).headers["X-Playback-Id"]

    def review() -> set[str]:
        return revocations.end_what_may_not_go_on(ledger, playbacks=[playback], users=[], videos=[])

    assert review() == set()
    world.owner.execute("DELETE FROM video_users")
    assert review() == {playback}
    assert world.owner.execute("SELECT end_reason FROM playbacks").fetchone() == ("withdrawn",)
