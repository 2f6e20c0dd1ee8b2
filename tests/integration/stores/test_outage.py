"""Redis or PostgreSQL away: who was watching goes on for a while, nobody new comes in, nothing hangs."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authsvc.authz import outage
from authsvc.authz.outage import Outage
from testbed.servers.redis_server import RedisServer
from testbed.services.world import Asker, House, World

# How long an application waits for a store that hangs or is away, where a test lets it: long enough for a busy machine.
WAIT_SECONDS = 1.0


@pytest.fixture
def world(house: House, redis_live: RedisServer, redis_cache: RedisServer) -> Iterator[World]:
    # Applications of its own for each test: an outage leaves a pause behind.
    with World(house, redis_live, redis_cache).with_settings(outage_retry_seconds=1) as world:
        yield world


@pytest.fixture(autouse=True)
def no_outage_yet() -> Iterator[None]:
    """The clock of an outage is shared by everything in this process."""
    Outage(1).answered()
    yield
    Outage(1).answered()


def watching(world: World, ask: Asker) -> tuple[str, str, str]:
    """Somebody at both doors; the title, the token, the signed playback."""
    _, token = world.session(world.user("alice"))
    video = world.video()
    bearer = {"Authorization": f"Bearer {token}"}
    one = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).get_json()["playback_id"]
    assert ask.signed(video, one).status_code == ask.header(video, token).status_code == 204
    return video, token, one


def opened_earlier(world: World, seconds: float) -> None:
    world.owner.execute("UPDATE playbacks SET started_at = now() - make_interval(secs => %s)", (seconds,))


@contextmanager
def hanging(server: RedisServer) -> Iterator[None]:
    """Redis takes connections and does not answer."""
    pid = int(server.client().info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_without_redis_a_known_playback_goes_on_and_a_new_one_is_busy(world: World) -> None:
    ask = Asker(world.authz_app)
    video, token, one = watching(world, ask)
    opened_earlier(world, 6)
    newcomer = world.session(world.user("bob"))[1]
    world.redis_live.stop()
    for response in (ask.signed(video, one), ask.header(video, token)):
        assert response.status_code == 204, response.headers
        assert response.headers["Cache-Control"] == "max-age=1", "30 s of our own, not 30 of Nginx's on top"
        assert len(response.headers["X-Playback-Id"]) == 32
    for response in (ask.header(video, newcomer), ask.header(world.video(), token)):
        assert (response.status_code, response.headers["X-Deny"]) == (403, "busy")
        assert response.headers["X-Retry-After"] == "5"
    assert ask.header(video, newcomer, kind="picture").status_code == 204, "permission alone PostgreSQL can tell"
    assert ask(video).status_code == 401
    world.redis_live.start()
    time.sleep(1.1)
    assert ask.header(video, newcomer).status_code == 204


def test_playback_opened_just_before_the_outage_is_busy(world: World) -> None:
    ask = Asker(world.authz_app)
    video, token, one = watching(world, ask)
    opened_earlier(world, 4)
    world.redis_live.stop()
    assert ask.signed(video, one).headers["X-Deny"] == "busy"
    assert ask.header(video, token).headers["X-Deny"] == "busy"


def test_grace_is_over_after_its_time(world: World) -> None:
    ask = Asker(world.with_settings(outage_grace_seconds=0.6).authz_app)
    video, _, one = watching(world, ask)
    opened_earlier(world, 60)
    world.redis_live.stop()
    assert ask.signed(video, one).status_code == 204
    time.sleep(0.7)
    assert ask.signed(video, one).headers["X-Deny"] == "busy"


def test_ended_session_and_playback_stay_out_during_an_outage(world: World) -> None:
    ask = Asker(world.authz_app)
    video, token, one = watching(world, ask)
    opened_earlier(world, 60)
    world.redis_live.stop()
    world.owner.execute("UPDATE playbacks SET ended_at = now(), end_reason = 'stopped' WHERE door = 'signed'")
    assert ask.signed(video, one).headers["X-Deny"] == "gone"
    world.owner.execute("UPDATE sessions SET ended_at = now(), end_reason = 'logout'")
    assert ask.header(video, token).status_code == 401
    assert ask.header(video, token, kind="picture").status_code == 401


def test_hidden_title_and_other_title_stay_out_during_an_outage(world: World) -> None:
    ask = Asker(world.authz_app)
    video, token, one = watching(world, ask)
    opened_earlier(world, 60)
    world.redis_live.stop()
    swapped = ask.signed(world.video(), one)
    assert (swapped.status_code, "X-Deny" in swapped.headers) == (403, False)
    world.owner.execute("UPDATE videos SET removed_at = now() WHERE id = %s", (video,))
    assert ask.signed(video, one).headers["X-Deny"] == "forbidden"
    assert ask.header(video, token).headers["X-Deny"] == "forbidden"


def test_hanging_redis_costs_one_timeout_a_second(world: World) -> None:
    ask = Asker(world.with_settings(redis_timeout_seconds=WAIT_SECONDS).authz_app)
    video, _, one = watching(world, ask)
    opened_earlier(world, 60)
    with hanging(world.redis_live):
        began = time.monotonic()
        statuses = [ask.signed(video, one).status_code for _ in range(20)]
        took = time.monotonic() - began
    assert statuses == [204] * 20
    assert took < 10 * WAIT_SECONDS, f"{took:.1f} s: without the pause it would be 20 time-outs"


def test_reply_that_comes_too_late_is_nobodys(world: World) -> None:
    """authz keeps one connection: what Redis says after the time-out must not answer the next question."""
    ask = Asker(world.with_settings(redis_timeout_seconds=WAIT_SECONDS).authz_app)
    video, token, _ = watching(world, ask)
    bob = world.user("bob")
    _, of_bob = world.session(bob)
    assert ask.header(video, of_bob).headers["X-User-Id"] == bob.id.hex
    with hanging(world.redis_live):
        ask.header(video, token)
    time.sleep(1.1)
    for _ in range(3):
        assert ask.header(video, of_bob).headers["X-User-Id"] == bob.id.hex
        assert ask.header(video, token).headers["X-User-Id"] != bob.id.hex


def test_all_workers_share_the_clock_of_an_outage() -> None:
    mine = Outage(60)
    mine.failed()
    assert mine.leave_alone()
    child = os.fork()
    if child == 0:  # pragma: no cover
        time.sleep(0.05)
        os._exit(0 if Outage(60).age() > 0.04 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    child = os.fork()
    if child == 0:  # pragma: no cover
        Outage(60).answered()
        os._exit(0)
    os.waitpid(child, 0)
    assert mine.age() == 0
    assert outage._shared is not None


def test_without_postgresql_who_is_known_goes_on_and_who_is_not_is_busy(world: World, house: House) -> None:
    world.with_settings(fresh_seconds=0.1, database_wait_seconds=WAIT_SECONDS)
    ask = Asker(world.authz_app)
    video, token, one = watching(world, ask)
    bob = world.session(world.user("bob"))[1]
    house.database.server.stop()
    try:
        time.sleep(0.2)
        began = time.monotonic()
        assert ask.signed(video, one).status_code == ask.header(video, token).status_code == 204
        assert ask.header(video, bob).headers["X-Deny"] == "busy"
        assert time.monotonic() - began < 10 * WAIT_SECONDS
        statuses = [ask.signed(video, one).status_code for _ in range(20)]
        assert statuses == [204] * 20
        world.redis_live.stop()
        assert ask.signed(video, one).headers["X-Deny"] == "busy", "neither store answers"
        response = world.client().get("/api/v1/videos", headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert response.content_type == "application/problem+json"
        assert world.client().get("/ready").status_code == 503
        assert world.client().get("/health").status_code == 200
    finally:
        house.database.server.start()
        world.redis_live.start()
        house.reconnect()
    deadline = time.monotonic() + 15
    while ask.header(video, bob).status_code != 204:
        assert time.monotonic() < deadline, "the pool does not come back"
        time.sleep(0.2)


def test_ready_names_what_is_away(world: World) -> None:
    assert world.client().get("/ready").get_json() == {"status": "ok", "redis_cache": "ok"}
    world.redis_cache.stop()
    assert world.client().get("/ready").get_json() == {"status": "ok", "redis_cache": "away"}
    world.redis_live.stop()
    response = world.client().get("/ready")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["detail"] == "Does not answer: redis_live."


def test_grant_without_redis_is_503_and_leaves_no_row(world: World) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    world.redis_live.stop()
    response = world.client().post(f"/api/v1/videos/{video}/playback", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.get_json()["code"]) == (503, "busy")
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (0,)


def test_heartbeat_without_redis_still_saves_the_position(world: World) -> None:
    ask = Asker(world.authz_app)
    _, token, one = watching(world, ask)
    world.redis_live.stop()
    response = world.client().post(
        f"/api/v1/playbacks/{one}/heartbeat",
        json={"position_seconds": 42, "state": "playing"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 204
    assert world.owner.execute("SELECT position_seconds FROM progress").fetchone() == (42,)
