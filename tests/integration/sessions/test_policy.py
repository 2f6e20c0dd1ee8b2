"""How many sessions one has, and when they end by themselves; on a clock that the tests move."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from authsvc.people.accounts import User
from authsvc.sessions import devices, expiry
from authsvc.settings import ApiSettings
from catalog import roles
from testbed.services.clock import Clock
from testbed.services.sign_in import LOGIN, LOGOUT, REFRESH, SAME_SITE, cookie_header, login, me
from testbed.services.world import PASSWORD, Asker, World


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def run_expiry(world: World) -> dict[str, str]:
    """One round, under the ledger's role; what ended and why."""
    with psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True) as connection:
        ended = expiry.run(connection, world.redis_live.client(), world.api_settings)
    return {session.session_id.hex: session.reason for session in ended}


def alive(world: World) -> int:
    row = world.owner.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


# -- how many --


def test_fourth_sign_in_ends_the_oldest_session_everywhere(world: World) -> None:
    world.user("alice")
    video = world.video()
    bodies = [login(world).get_json() for _ in range(3)]
    grant = (
        world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(bodies[0]["access_token"])).get_json()
    )
    asker = Asker(world.authz_app)
    assert asker.signed(video, grant["playback_id"]).status_code == 204
    assert login(world).status_code == 200
    assert [me(world, **bearer(body["access_token"])).status_code for body in bodies] == [401, 200, 200]
    assert asker.signed(video, grant["playback_id"]).headers["X-Deny"] == "session"
    assert asker.header(video, bodies[0]["access_token"]).status_code == 401
    assert world.client().post(REFRESH, json={"refresh_token": bodies[0]["refresh_token"]}).status_code == 401
    assert world.redis_live.client().keys("ks:leases:*") == []
    assert world.owner.execute("SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL").fetchall() == [
        ("evicted",)
    ]


def test_refusal_comes_with_the_list_and_one_of_it_can_be_ended(world: World) -> None:
    world.with_settings(session_limit_policy="refuse")
    world.user("alice")
    bodies = [login(world, device=f"Device {number}").get_json() for number in range(3)]
    refused = login(world)
    problem = refused.get_json()
    assert (refused.status_code, problem["code"]) == (409, "sessions")
    assert {session["device"] for session in problem["sessions"]} == {"Device 0", "Device 1", "Device 2"}
    assert "access_token" not in problem
    assert all(me(world, **bearer(body["access_token"])).status_code == 200 for body in bodies)
    assert login(world, password="wrong password").status_code == 401, "nobody else learns the list"
    assert login(world, replace=bodies[1]["session_id"]).status_code == 200
    assert [me(world, **bearer(body["access_token"])).status_code for body in bodies] == [200, 401, 200]


def test_nobody_replaces_anothers_session(world: World) -> None:
    _, token = world.session(world.user("alice"))
    session_id = world.session(world.user("carol"))[0]
    world.user("mallory")
    assert login(world, "mallory", replace=session_id).status_code == 200
    assert me(world, **bearer(token)).status_code == 200
    assert world.owner.execute("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL").fetchone() == (0,)


@pytest.mark.parametrize("policy", ["evict", "refuse"])
def test_racing_sign_ins_leave_no_more_than_the_policy(world: World, policy: str) -> None:
    world.with_settings(session_limit_policy=policy, hashes_at_once=16, hashes_waiting=16, hash_wait_seconds=60)
    world.user("alice")
    app = world.api_app
    barrier = threading.Barrier(8)

    def race(_: int) -> int:
        barrier.wait()
        return app.test_client().post(LOGIN, json={"username": "alice", "password": PASSWORD}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(race, range(8)))
    assert alive(world) == 3
    assert statuses == ([200] * 8 if policy == "evict" else [200] * 3 + [409] * 5)


def test_browser_that_signs_in_again_leaves_no_second_session(world: World) -> None:
    world.user("alice")
    first = login(world, headers=SAME_SITE)
    second = login(world, headers=SAME_SITE | cookie_header(first))
    assert second.status_code == 200
    assert alive(world) == 1
    assert me(world, **cookie_header(first)).status_code == 401
    assert me(world, **cookie_header(second)).status_code == 200


def test_no_limit_is_a_choice(world: World) -> None:
    world.with_settings(sessions_per_user=0)
    world.user("alice")
    for _ in range(6):
        login(world)
    assert alive(world) == 6


def test_devices_and_sessions_are_counted_apart(world: World) -> None:
    alice = world.user("alice")
    for _ in range(3):
        login(world)
    device = devices.create(world.owner, user_id=alice.id, name="TV", client=None, life_seconds=86_400, most=10)
    login(world)
    assert devices.identify(world.owner, device.token) is not None


# -- how long --


def test_session_that_is_not_used_ends_after_half_an_hour(world: World, clock: Clock) -> None:
    alice = world.user("alice")
    session_id, token = world.session(alice, life_seconds=86_400)
    assert me(world, **bearer(token)).status_code == 200
    clock.forward(minutes=29)
    assert run_expiry(world) == {}
    assert me(world, **bearer(token)).status_code == 200, "use counts from here"
    clock.forward(minutes=29, seconds=30)
    run_expiry(world)
    clock.forward(seconds=40)
    assert me(world, **bearer(token)).status_code == 401, "refused before anybody has ended it"
    assert Asker(world.authz_app).header(world.video(), token).status_code == 401
    assert run_expiry(world) == {session_id: "idle"}
    assert me(world, **bearer(token)).status_code == 401
    assert run_expiry(world) == {}


def test_idle_session_can_not_be_refreshed_but_one_that_watches_can(world: World, clock: Clock) -> None:
    world.user("alice")
    video = world.video()
    idle, watching = login(world).get_json(), login(world).get_json()
    asker = Asker(world.authz_app)
    for _ in range(4):
        assert asker.header(video, watching["access_token"]).status_code == 204, "doors alone, no call of the interface"
        clock.forward(minutes=9)
    answers = [world.client().post(REFRESH, json={"refresh_token": body["refresh_token"]}) for body in (idle, watching)]
    assert [answer.status_code for answer in answers] == [401, 200]


def test_watching_keeps_a_session_and_the_wiped_store_does_not_end_it(world: World, clock: Clock) -> None:
    session_id, token = world.session(world.user("alice"), life_seconds=86_400)
    video = world.video()
    asker = Asker(world.authz_app)
    for _ in range(3):
        assert asker.header(video, token).status_code == 204
        clock.forward(minutes=20)
        assert run_expiry(world) == {}
    row = world.owner.execute("SELECT now() - last_seen_at FROM sessions WHERE id = %s", (session_id,)).fetchone()
    assert row is not None
    assert 1190 < row[0].total_seconds() < 1260, "what the doors saw is written down"
    world.redis_live.client().flushall()
    clock.tell_redis()
    assert asker.header(video, token).status_code == 204
    assert me(world, **bearer(token)).status_code == 200


def test_heartbeats_are_use(world: World, clock: Clock) -> None:
    _, token = world.session(world.user("alice"), life_seconds=86_400)
    video = world.video()
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).get_json()
    path = f"/api/v1/playbacks/{grant['playback_id']}/heartbeat"
    for _ in range(4):
        clock.forward(minutes=20)
        beat = world.client().post(path, json={"position_seconds": 1, "state": "playing"}, headers=bearer(token))
        assert beat.status_code == 204
        assert run_expiry(world) == {}


def test_slots_of_an_inactive_session_are_free_and_the_session_lives(world: World, clock: Clock) -> None:
    world.with_settings(streams_per_user=1)
    alice = world.user("alice")
    (_, token), (_, other) = world.session(alice), world.session(alice)
    video = world.video()
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).get_json()
    assert Asker(world.authz_app).signed(video, grant["playback_id"]).status_code == 204
    beat = {"position_seconds": 1, "state": "paused"}
    path = f"/api/v1/playbacks/{grant['playback_id']}/heartbeat"
    for _ in range(14):
        assert world.client().post(path, json=beat, headers=bearer(token)).status_code == 204
        clock.forward(minutes=1)
    assert world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(other)).status_code == 429
    clock.forward(minutes=14, seconds=1)
    listed = world.client().get("/api/v1/users/me/sessions", headers=bearer(other)).get_json()["items"]
    assert [(item["current"], item["active"]) for item in listed] == [(True, True), (False, False)]
    assert world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(other)).status_code == 201
    assert me(world, **bearer(token)).status_code == 200


def test_after_a_day_one_signs_in_again_however_busy(world: World, clock: Clock) -> None:
    world.user("alice")
    body = login(world).get_json()
    refresh = body["refresh_token"]
    for _ in range(71):
        clock.forward(minutes=20)
        answer = world.client().post(REFRESH, json={"refresh_token": refresh})
        assert answer.status_code == 200
        refresh = answer.get_json()["refresh_token"]
    clock.forward(minutes=21)
    assert world.client().post(REFRESH, json={"refresh_token": refresh}).status_code == 401
    assert me(world, **bearer(body["access_token"])).status_code == 401
    assert run_expiry(world) == {body["session_id"]: "expired"}


def test_no_time_out_ends_a_running_playback(world: World, clock: Clock) -> None:
    session_id, token = world.session(world.user("alice"), life_seconds=3600)
    video = world.video()
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).get_json()
    asker = Asker(world.authz_app)
    for _ in range(70):
        assert asker.signed(video, grant["playback_id"]).status_code == 204
        clock.forward(minutes=1)
    assert me(world, **bearer(token)).status_code == 401, "nothing new"
    assert run_expiry(world) == {}
    assert asker.signed(video, grant["playback_id"]).status_code == 204
    clock.forward(minutes=2)
    assert run_expiry(world) == {session_id: "expired"}
    assert asker.signed(video, grant["playback_id"]).headers["X-Deny"] == "session"


def test_device_rests_for_months(world: World, clock: Clock) -> None:
    alice = world.user("alice")
    device = devices.create(world.owner, user_id=alice.id, name="TV", client=None, life_seconds=180 * 86_400, most=10)
    for hours in (24 * 179, 23):
        clock.forward(hours=hours)
        assert run_expiry(world) == {}
        admitted = world.client().post("/api/v1/auth/device", json={"device_token": device.token})
        assert me(world, **bearer(admitted.get_json()["access_token"])).status_code == 200
    clock.forward(hours=2)
    assert world.client().post("/api/v1/auth/device", json={"device_token": device.token}).status_code == 401
    assert run_expiry(world) == {device.session_id.hex: "expired"}


def test_nothing_ends_while_nobody_knows_who_watches(world: World) -> None:
    from authsvc.stores.live import LiveUnavailable

    world.session(world.user("alice"))
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '2 hours'")
    world.redis_live.stop()
    with pytest.raises(LiveUnavailable):
        run_expiry(world)
    world.redis_live.start()
    assert alive(world) == 1


def test_use_is_noted_without_the_live_store_too(world: World) -> None:
    _, token = world.session(world.user("alice"))
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '29 minutes'")
    world.redis_live.stop()
    assert me(world, **bearer(token)).status_code == 200
    recent = world.owner.execute("SELECT last_seen_at > now() - interval '1 minute' FROM sessions").fetchone()
    assert recent == (True,)
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '31 minutes'")
    assert me(world, **bearer(token)).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"session_inactive_seconds": 600}, {"session_idle_seconds": 800}, {"session_limit_policy": "ask"}]
)
def test_policy_that_contradicts_itself_stops_the_start(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="session_"):
        ApiSettings(**{**world.api_settings.model_dump(), **wrong})


def test_sign_out_of_a_session_that_has_idled_out(world: World, clock: Clock) -> None:
    alice: User = world.user("alice")
    _, token = world.session(alice, life_seconds=86_400)
    me(world, **bearer(token))
    clock.forward(minutes=31)
    assert world.client().post(LOGOUT, headers=bearer(token)).status_code == 204, "gone is what was asked for"


def test_a_web_playback_outlives_its_session_and_its_page_is_told_to_sign_in(world: World, clock: Clock) -> None:
    world.with_settings(session_seconds=3600)
    world.user("alice")
    body = login(world).get_json()
    video = world.video(duration_seconds=7200.0)
    client, ask = world.client(), Asker(world.authz_app)
    token, refresh = body["access_token"], body["refresh_token"]
    grant = client.post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).get_json()
    path = f"/api/v1/playbacks/{grant['playback_id']}"

    def beat(seconds: int) -> Any:
        position = {"position_seconds": seconds, "state": "playing"}
        return client.post(f"{path}/heartbeat", json=position, headers=bearer(token))

    for minute in range(59):
        assert ask.signed(video, grant["playback_id"]).status_code == 204
        assert beat(minute * 60).status_code == 204
        if minute % 9 == 8:
            answer = client.post(REFRESH, json={"refresh_token": refresh}).get_json()
            token, refresh = answer["access_token"], answer["refresh_token"]
        clock.forward(minutes=1)
    assert ask.signed(video, grant["playback_id"]).status_code == 204
    clock.forward(minutes=1, seconds=1)
    # The page learns it from its next heartbeat or refresh, with a code that it shows ...
    refused = {"session": beat(3600), "refresh": client.post(REFRESH, json={"refresh_token": refresh})}
    assert {code: (answer.status_code, answer.get_json()["code"]) for code, answer in refused.items()} == {
        code: (401, code) for code in refused
    }
    # ... while the film goes on: no time-out ends what is being watched.
    for _ in range(10):
        assert ask.signed(video, grant["playback_id"]).status_code == 204
        assert run_expiry(world) == {}
        clock.forward(minutes=1)
    # Nor may it begin another, or be kept by a page that asks for no more of it.
    assert client.post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).status_code == 401
    clock.forward(minutes=2)
    over = ask.signed(video, grant["playback_id"])
    assert (over.status_code, over.headers["X-Deny"]) == (403, "session")
    assert run_expiry(world) == {body["session_id"]: "expired"}
    assert world.owner.execute("SELECT end_reason FROM playbacks").fetchall() == [("session",)]
    assert world.redis_live.client().keys("ks:leases:*") == []
    # Signed in again, one goes on where the last heartbeat was.
    again = login(world).get_json()["access_token"]
    resumed = client.post(f"/api/v1/videos/{video}/playback", headers=bearer(again)).get_json()
    assert resumed["resume_seconds"] == 58 * 60
