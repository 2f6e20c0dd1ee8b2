"""Staying signed in and signing out: rotation, reuse, revocation, a wiped live store."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest

from authsvc.sessions import sessions
from authsvc.sessions.tokens import opaque_digest
from testbed.services.clock import Clock
from testbed.services.sign_in import LOGOUT, REFRESH, SAME_SITE, cookie_header, cookies_of, login, me
from testbed.services.world import Asker, World


def test_refresh_gives_a_new_pair_for_the_same_session(world: World) -> None:
    world.user("alice")
    first = login(world).get_json()
    second = world.client().post(REFRESH, json={"refresh_token": first["refresh_token"]}).get_json()
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert me(world, Authorization=f"Bearer {second['access_token']}").status_code == 200
    stored = world.owner.execute("SELECT token_sha256 FROM refresh_tokens").fetchall()
    assert all(first["refresh_token"].encode() not in bytes(row[0]) for row in stored), "stored in clear"


def test_refresh_by_cookie(world: World) -> None:
    world.user("alice")
    signed_in = login(world, headers=SAME_SITE)
    cookie = cookie_header(signed_in)
    assert world.client().post(REFRESH, headers=cookie).status_code == 403, "no word on where it comes from"
    response = world.client().post(REFRESH, headers=cookie | SAME_SITE)
    assert response.status_code == 200, response.text
    assert response.get_json()["refresh_token"] is None
    assert cookies_of(response).keys() == {"__Host-ks", "__Secure-kr"}
    assert cookie_header(response) != cookie
    tossed = {"Cookie": f"{cookie_header(response)['Cookie']}; __Secure-kr=planted"}
    assert world.client().post(REFRESH, headers=tossed | SAME_SITE).status_code == 401


def exchange(world: World, body: Any) -> Any:
    """Refresh by the token of an answer."""
    return world.client().post(REFRESH, json={"refresh_token": body["refresh_token"]})


def assert_reuse_ended_the_family(world: World, answer: Any, *bodies: Any) -> None:
    assert (answer.status_code, answer.get_json()["code"]) == (401, "refresh_reused")
    for body in bodies:
        assert me(world, Authorization=f"Bearer {body['access_token']}").status_code == 401, "the whole family is dead"
        assert exchange(world, body).status_code == 401
    assert world.owner.execute("SELECT DISTINCT end_reason FROM sessions").fetchall() == [("refresh_reused",)]


def live_tokens(world: World) -> int:
    row = world.owner.execute("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def test_token_whose_answer_was_lost_gets_another_and_the_lost_one_is_void(world: World) -> None:
    world.user("alice")
    first = login(world).get_json()
    lost = exchange(world, first).get_json()
    second = exchange(world, first)
    assert second.status_code == 200, second.text
    assert second.get_json()["session_id"] == first["session_id"]
    assert live_tokens(world) == 1
    third = exchange(world, second.get_json())
    assert third.status_code == 200, third.text
    assert_reuse_ended_the_family(world, exchange(world, lost), first, lost, second.get_json(), third.get_json())


def test_token_whose_successor_was_used_ends_the_session(world: World) -> None:
    world.user("alice")
    video = world.video()
    first = login(world).get_json()
    second = exchange(world, first).get_json()
    third = exchange(world, second).get_json()
    bearer = {"Authorization": f"Bearer {third['access_token']}"}
    assert world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).status_code == 201
    assert_reuse_ended_the_family(world, exchange(world, first), first, second, third)
    assert world.redis_live.client().zcard("ks:leases:box") == 0


def test_lost_answer_is_made_good_for_a_minute(world: World, clock: Clock) -> None:
    world.user("alice")
    first = login(world).get_json()
    lost = exchange(world, first).get_json()
    clock.forward(seconds=59)
    second = exchange(world, first)
    assert second.status_code == 200, second.text
    # Counted from the first use: a repeat does not make the token good for longer.
    clock.forward(seconds=2)
    assert_reuse_ended_the_family(world, exchange(world, first), first, lost, second.get_json())


def test_lost_answer_is_not_made_good_where_that_is_switched_off(world: World) -> None:
    world.with_settings(refresh_retry_seconds=0).user("alice")
    first = login(world).get_json()
    second = exchange(world, first).get_json()
    assert_reuse_ended_the_family(world, exchange(world, first), first, second)


def test_of_several_who_have_one_token_the_last_goes_on_until_another_shows_up(world: World) -> None:
    world.user("alice")
    stolen = login(world).get_json()
    owner, thief, other_thief = (exchange(world, stolen).get_json() for _ in range(3))
    assert live_tokens(world) == 1
    went_on = exchange(world, other_thief)
    assert went_on.status_code == 200
    assert_reuse_ended_the_family(world, exchange(world, owner), stolen, owner, thief, other_thief, went_on.get_json())


def test_of_racing_refreshes_exactly_one_successor_lives(world: World) -> None:
    world.user("alice")
    client = world.client()
    for _ in range(5):
        first = login(world).get_json()
        barrier = threading.Barrier(4)

        def race(token: str = first["refresh_token"], barrier: threading.Barrier = barrier) -> Any:
            barrier.wait()
            return client.application.test_client().post(REFRESH, json={"refresh_token": token})

        with ThreadPoolExecutor(4) as pool:
            responses = [future.result() for future in [pool.submit(race) for _ in range(4)]]
        assert [response.status_code for response in responses] == [200] * 4
        bodies = [response.get_json() for response in responses]
        live = world.owner.execute(
            "SELECT token_sha256 FROM refresh_tokens WHERE session_id = %s AND used_at IS NULL", (first["session_id"],)
        ).fetchall()
        (lives,) = [body for body in bodies if [(opaque_digest(body["refresh_token"]),)] == live]
        went_on = exchange(world, lives)
        assert went_on.status_code == 200
        void = next(body for body in bodies if body is not lives)
        assert_reuse_ended_the_family(world, exchange(world, void), *bodies, went_on.get_json())


def test_lost_answer_does_not_open_a_session_that_has_ended(world: World) -> None:
    world.user("alice")
    first = login(world).get_json()
    second = exchange(world, first).get_json()
    assert world.client().post(LOGOUT, json={"refresh_token": second["refresh_token"]}).status_code == 204
    assert exchange(world, first).status_code == 401
    assert world.owner.execute("SELECT end_reason FROM sessions").fetchall() == [("logout",)]


def test_who_lost_the_answer_can_sign_out(world: World) -> None:
    world.user("alice")
    first = login(world).get_json()
    exchange(world, first)
    assert world.client().post(LOGOUT, json={"refresh_token": first["refresh_token"]}).status_code == 204
    assert world.owner.execute("SELECT end_reason FROM sessions").fetchall() == [("logout",)]


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 43, "A" * 43 + "\n", None])
def test_unknown_refresh_token_is_401(world: World, token: str | None) -> None:
    response = world.client().post(REFRESH, json={"refresh_token": token})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_refresh_after_the_end_of_the_session_or_the_user_is_401(world: World) -> None:
    alice = world.user("alice")
    bodies = [login(world).get_json() for _ in range(3)]
    tokens = [body["refresh_token"] for body in bodies]
    world.owner.execute(
        "UPDATE sessions SET expires_at = created_at + interval '1 microsecond' WHERE id = %s",
        (bodies[0]["session_id"],),
    )
    world.owner.execute(
        "UPDATE refresh_tokens SET expires_at = now() WHERE session_id = %s", (bodies[1]["session_id"],)
    )
    assert world.client().post(REFRESH, json={"refresh_token": tokens[0]}).status_code == 401
    assert world.client().post(REFRESH, json={"refresh_token": tokens[1]}).status_code == 401
    world.owner.execute("UPDATE users SET is_active = false WHERE id = %s", (alice.id,))
    assert world.client().post(REFRESH, json={"refresh_token": tokens[2]}).status_code == 401


def test_logout_ends_session_playbacks_and_leases_and_leaves_a_tombstone(world: World) -> None:
    world.user("alice")
    video = world.video()
    body = login(world).get_json()
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).status_code == 201
    assert world.client().post(LOGOUT, headers=bearer).status_code == 204
    assert me(world, **bearer).status_code == 401
    assert world.client().post(REFRESH, json={"refresh_token": body["refresh_token"]}).status_code == 401
    live = world.redis_live.client()
    tombstone = f"ks:ended:{body['session_id']}"
    assert live.get(tombstone) == b"logout"
    assert 900 < live.ttl(tombstone) <= 960, "longer than tokens and facts in Redis live"
    assert live.keys("ks:leases:*") == []
    assert world.owner.execute("SELECT end_reason FROM playbacks").fetchall() == [("session",)]
    assert world.client().post(LOGOUT, headers=bearer).status_code == 401


@pytest.mark.parametrize("whose", ["doors", "interface"])
def test_sign_out_that_races_a_rehydration_stays_signed_out(world: World, whose: Literal["doors", "interface"]) -> None:
    """PostgreSQL was read before the sign-out, Redis is written after it."""
    from authsvc.watching import rehydration

    alice = world.user("alice")
    session_id, token = world.session(alice)
    live = world.redis_live.client()
    known = rehydration.of_session(world.owner, session_id)
    assert known is not None
    assert world.client().post(LOGOUT, headers={"Authorization": f"Bearer {token}"}).status_code == 204
    rehydration.remember(live, world.api_settings, known, ticket=0, whose=whose)
    assert me(world, Authorization=f"Bearer {token}").status_code == 401
    assert Asker(world.authz_app).header(world.video(), token).status_code == 401


def test_load_that_a_revocation_overtook_is_not_remembered(world: World) -> None:
    from authsvc.watching import rehydration

    alice = world.user("alice")
    session_id, token = world.session(alice)
    live = world.redis_live.client()
    known = rehydration.of_session(world.owner, session_id)
    assert known is not None
    sessions.invalidate_user(live, alice.id)
    for whose in ("doors", "interface"):
        assert rehydration.remember(live, world.api_settings, known, ticket=0, whose=whose) is False
        assert live.keys(f"ks:*:{session_id}") == []
        assert rehydration.remember(live, world.api_settings, known, ticket=1, whose=whose) is True
        live.delete(*live.keys(f"ks:*:{session_id}"))
    live.flushall()
    for whose in ("doors", "interface"):
        stale = rehydration.remember(live, world.api_settings, known, ticket=1, whose=whose)
        assert stale is False, "a ticket from before the wipe"
    assert me(world, Authorization=f"Bearer {token}").status_code == 200


def test_logout_by_cookie_clears_the_cookies(world: World) -> None:
    world.user("alice")
    cookie = cookie_header(login(world, headers=SAME_SITE))
    assert world.client().post(LOGOUT, headers=cookie).status_code == 403
    assert world.client().post(LOGOUT, headers=cookie | {"Origin": "https://evil.test"}).status_code == 403
    response = world.client().post(LOGOUT, headers=cookie | SAME_SITE)
    assert response.status_code == 204
    cleared = cookies_of(response)
    assert set(cleared) == {"__Host-ks", "__Secure-kr"}
    assert all("Max-Age=0" in text and "Secure" in text for text in cleared.values())


def test_logout_works_with_the_refresh_token_alone(world: World) -> None:
    world.user("alice")
    body = login(world).get_json()
    assert world.client().post(LOGOUT, json={"refresh_token": body["refresh_token"]}).status_code == 204
    assert me(world, Authorization=f"Bearer {body['access_token']}").status_code == 401
    cookie = cookie_header(login(world, headers=SAME_SITE))["Cookie"]
    without_access = {"Cookie": cookie[cookie.index("__Secure-kr") :]}
    assert world.client().post(LOGOUT, headers=without_access | SAME_SITE).status_code == 204
    assert world.client().post(LOGOUT).status_code == 401


def test_nobody_is_signed_out_when_redis_is_wiped(world: World) -> None:
    world.user("alice")
    bearer = {"Authorization": f"Bearer {login(world).get_json()['access_token']}"}
    assert me(world, **bearer).status_code == 200
    world.redis_live.client().flushall()
    assert me(world, **bearer).status_code == 200


def test_role_is_asked_of_the_session_not_of_the_token(world: World) -> None:
    alice = world.user("alice", role="admin")
    _, token = world.session(alice)
    bearer = {"Authorization": f"Bearer {token}"}
    assert world.client().get("/api/v1/admin/streams", headers=bearer).status_code == 200
    world.owner.execute("UPDATE users SET role = 'user' WHERE id = %s", (alice.id,))
    sessions.invalidate_user(world.redis_live.client(), alice.id)
    response = world.client().get("/api/v1/admin/streams", headers=bearer)
    assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")


def test_last_seen_is_written_once_in_a_while(world: World) -> None:
    session_id, token = world.session(world.user("alice"))
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '20 minutes'")
    old = "SELECT last_seen_at < now() - interval '1 minute' FROM sessions WHERE id = %s"
    me(world, Authorization=f"Bearer {token}")
    assert world.owner.execute(old, (session_id,)).fetchone() == (False,)
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '20 minutes'")
    me(world, Authorization=f"Bearer {token}")
    assert world.owner.execute(old, (session_id,)).fetchone() == (True,), "written again within the minute"
