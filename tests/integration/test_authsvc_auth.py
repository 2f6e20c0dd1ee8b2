"""Signing in, staying signed in, signing out; and those who would like to be somebody else."""

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher

from authsvc import accounts, passwords, sessions
from authsvc.throttle import LoginThrottle
from tests.integration.authsvc_world import ORIGIN, PASSWORD, House, World
from tests.integration.postgres import PostgresServer
from tests.integration.redis_server import RedisServer

LOGIN, REFRESH, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/users/me"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def house(postgres: PostgresServer) -> Iterator[House]:
    with House.opened(postgres) as house:
        yield house


@pytest.fixture
def world(house: House, redis_live: RedisServer, redis_cache: RedisServer) -> Iterator[World]:
    with World(house, redis_live, redis_cache) as world:
        yield world


def login(world: World, username: str = "alice", headers: dict[str, str] | None = None, **body: Any) -> Any:
    return world.client().post(LOGIN, json={"username": username, "password": PASSWORD} | body, headers=headers or {})


def cookies_of(response: Any) -> dict[str, str]:
    """Set-Cookie by name: value and attributes as they were sent."""
    return dict(header.split("=", 1) for header in response.headers.getlist("Set-Cookie"))


def cookie_header(response: Any) -> dict[str, str]:
    pairs = [f"{name}={text.split(';')[0]}" for name, text in cookies_of(response).items()]
    return {"Cookie": "; ".join(pairs)}


def me(world: World, **headers: str) -> Any:
    return world.client().get(ME, headers=headers)


def test_program_gets_tokens(world: World) -> None:
    alice = world.user("alice", role="admin")
    response = login(world, device="laptop")
    assert response.status_code == 200
    body = response.get_json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert body["user"] == {"id": alice.id.hex, "username": "alice", "role": "admin"}
    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    answer = me(world, Authorization=f"Bearer {body['access_token']}")
    assert answer.get_json() == body["user"]
    row = world.owner.execute("SELECT kind, device, ended_at FROM sessions WHERE id = %s", (body["session_id"],))
    assert row.fetchone() == ("program", "laptop", None)


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, {"cookies": True}), (SAME_SITE, {}), (SAME_SITE, {"cookies": False})],
    ids=["asked for", "a browser", "a browser that asks for tokens"],
)
def test_browser_gets_cookies_and_no_token(world: World, headers: dict[str, str], body: dict[str, Any]) -> None:
    world.user("alice")
    response = login(world, headers=headers, **body)
    assert response.status_code == 200
    assert response.get_json().get("access_token") is response.get_json().get("refresh_token") is None
    assert not re.search(r"[A-Za-z0-9_-]{40}", response.text), "something like a token is in the body"
    cookies = cookies_of(response)
    assert set(cookies) == {"__Host-ks", "__Secure-kr"}
    for text in cookies.values():
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(text.split("; ")), text
        assert "Domain" not in text
    assert "; Path=/;" in cookies["__Host-ks"] + ";"
    assert "; Path=/api/v1/auth;" in cookies["__Secure-kr"] + ";"
    assert me(world, **cookie_header(response)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
     {"Origin": "https://evil.test"}, {"Origin": "null"}, {"Origin": ORIGIN + ".evil.test"}],
)  # fmt: skip
def test_other_site_can_not_sign_anybody_in(world: World, headers: dict[str, str]) -> None:
    world.user("alice")
    response = login(world, headers=headers, cookies=True)
    assert (response.status_code, response.get_json()["code"]) == (403, "cross_site")
    assert "Set-Cookie" not in response.headers


def test_cookie_requests_that_change_state_come_from_our_own_pages(world: World) -> None:
    alice, video = world.user("alice"), world.video()
    _, token = world.session(alice)
    path = f"/api/v1/videos/{video}/playback"
    cookie = {"Cookie": f"__Host-ks={token}"}
    for headers, status in (
        ({}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": ORIGIN}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
    ):
        response = world.client().post(path, headers=cookie | headers)
        assert response.status_code == status, (headers, response.text)
    assert world.client().post(path, headers={"Authorization": f"Bearer {token}"}).status_code == 201
    assert world.client().get(ME, headers=cookie | {"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [("alice", "wrong password"), ("nobody", PASSWORD), ("alice", PASSWORD + " "), ("mallory", PASSWORD)],
    ids=["wrong password", "unknown user", "almost", "disabled user"],
)
def test_wrong_credentials_read_the_same(world: World, username: str, password: str) -> None:
    world.user("alice")
    mallory = world.user("mallory")
    world.owner.execute("UPDATE users SET is_active = false WHERE id = %s", (mallory.id,))
    response = login(world, username, password=password)
    body = response.get_json()
    body.pop("request_id")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert body == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Username or password is wrong.",
        "code": "credentials",
    }
    assert world.owner.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_unknown_user_costs_as_much_as_a_wrong_password(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Costly enough to stand out, and applications of its own that use it.
    hasher = PasswordHasher(time_cost=1, memory_cost=32_768, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    world.with_settings(session_seconds=3600)
    alice = world.user("alice")
    accounts.set_password(world.owner, alice.id, hasher.hash(PASSWORD))

    def cpu(username: str) -> float:
        """The least of several, in seconds of this process: others can only add."""
        times = []
        for _ in range(5):
            began = time.process_time()
            login(world, username, password="wrong password")
            times.append(time.process_time() - began)
        return min(times)

    known, unknown = cpu("alice"), cpu("nobody")
    assert 0.6 < known / unknown < 1.7, (known, unknown)


@pytest.mark.parametrize("name", ["ALICE", "\uff21\uff4c\uff49\uff43\uff45", " alice ", "\uff41LICE"])
def test_username_is_compared_without_regard_to_case_and_width(world: World, name: str) -> None:
    world.user("Alice")
    assert login(world, name.strip()).status_code == 200
    with pytest.raises(accounts.NameTaken):
        world.user(name)


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


def test_reuse_of_a_refresh_token_ends_the_session(world: World) -> None:
    alice, video = world.user("alice"), world.video()
    first = login(world).get_json()
    second = world.client().post(REFRESH, json={"refresh_token": first["refresh_token"]}).get_json()
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).status_code == 201
    stolen = world.client().post(REFRESH, json={"refresh_token": first["refresh_token"]})
    assert (stolen.status_code, stolen.get_json()["code"]) == (401, "refresh_reused")
    assert me(world, **bearer).status_code == 401, "the whole family is dead"
    again = world.client().post(REFRESH, json={"refresh_token": second["refresh_token"]})
    assert again.status_code == 401
    row = world.owner.execute("SELECT end_reason FROM sessions WHERE user_id = %s", (alice.id,)).fetchone()
    assert row == ("refresh_reused",)
    assert world.redis_live.client().zcard("ks:leases:box") == 0


def test_of_racing_refreshes_one_wins_and_the_session_ends(world: World) -> None:
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
        assert sorted(response.status_code for response in responses) == [200, 401, 401, 401]
        winner = next(response for response in responses if response.status_code == 200)
        token = winner.get_json()["access_token"]
        assert me(world, Authorization=f"Bearer {token}").status_code == 401, "a session outlived the reuse"
    alive = world.owner.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone()
    assert alive == (0,)


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
    tombstone = f"ks:session:{body['session_id']}"
    assert live.hgetall(tombstone) == {b"ended": b"logout"}
    assert 600 < live.ttl(tombstone) <= 660
    assert live.keys("ks:leases:*") == []
    assert world.owner.execute("SELECT end_reason FROM playbacks").fetchall() == [("session",)]
    assert world.client().post(LOGOUT, headers=bearer).status_code == 401


def test_sign_out_that_races_a_rehydration_stays_signed_out(world: World) -> None:
    """PostgreSQL was read before the sign-out, Redis is written after it."""
    from authsvc import facts

    alice = world.user("alice")
    session_id, token = world.session(alice)
    live = world.redis_live.client()
    known = facts.of_session(world.owner, session_id)
    assert known is not None
    assert world.client().post(LOGOUT, headers={"Authorization": f"Bearer {token}"}).status_code == 204
    facts.remember(live, world.api_settings, known, ticket=0)
    assert live.hget(f"ks:session:{session_id}", "ended") == b"logout"
    assert me(world, Authorization=f"Bearer {token}").status_code == 401


def test_load_that_a_revocation_overtook_is_not_remembered(world: World) -> None:
    from authsvc import facts

    alice = world.user("alice")
    session_id, token = world.session(alice)
    live = world.redis_live.client()
    known = facts.of_session(world.owner, session_id)
    assert known is not None
    sessions.doubt_user(live, alice.id)
    assert facts.remember(live, world.api_settings, known, ticket=0) is False
    assert live.exists(f"ks:session:{session_id}") == 0
    assert facts.remember(live, world.api_settings, known, ticket=1) is True
    live.flushall()
    assert facts.remember(live, world.api_settings, known, ticket=1) is False, "a ticket from before the wipe"
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
    sessions.doubt_user(world.redis_live.client(), alice.id)
    response = world.client().get("/api/v1/admin/streams", headers=bearer)
    assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")


def test_last_seen_is_written_once_in_a_while(world: World) -> None:
    session_id, token = world.session(world.user("alice"))
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour'")
    old = "SELECT last_seen_at < now() - interval '1 minute' FROM sessions WHERE id = %s"
    me(world, Authorization=f"Bearer {token}")
    assert world.owner.execute(old, (session_id,)).fetchone() == (False,)
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour'")
    me(world, Authorization=f"Bearer {token}")
    assert world.owner.execute(old, (session_id,)).fetchone() == (True,), "written again within the minute"


def test_throttle_counts_failures_of_an_account_and_gives_good_ones_back(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=3)
    world.user("alice")
    world.user("bob")
    for _ in range(5):
        assert login(world).status_code == 200
    for _ in range(3):
        assert login(world, password="wrong password").status_code == 401
    response = login(world)
    assert (response.status_code, response.get_json()["code"]) == (429, "throttled")
    assert 1 <= int(response.headers["Retry-After"]) <= 600
    assert login(world, "bob").status_code == 200
    elsewhere = {"X-Real-IP": "198.51.100.9"}
    assert login(world, headers=elsewhere).status_code == 200, "the owner elsewhere is locked out"


def test_throttle_counts_failures_of_an_address_over_all_accounts(world: World) -> None:
    world.with_settings(login_failures_per_address=4)
    for number in range(4):
        assert login(world, f"user{number}", headers={"X-Real-IP": f"2001:db8::{number}"}).status_code == 401
    assert login(world, "another", headers={"X-Real-IP": "2001:db8::99"}).status_code == 429
    assert login(world, "another", headers={"X-Real-IP": "2001:db8:0:1::1"}).status_code == 401


def test_throttle_that_breaks_lets_through_and_counts(world: World) -> None:
    world.user("alice")
    world.redis_cache.stop()
    throttle = LoginThrottle(world.api_app.extensions["kinetoscope"].cache, world.api_settings)
    throttle.take("alice", "192.0.2.1")
    assert throttle.failed_open == 1
    assert login(world).status_code == 200


def test_sign_in_works_without_the_live_store(world: World) -> None:
    world.user("alice")
    world.redis_live.stop()
    body = login(world).get_json()
    assert me(world, Authorization=f"Bearer {body['access_token']}").status_code == 200, "PostgreSQL can tell"
    out = world.client().post(LOGOUT, headers={"Authorization": f"Bearer {body['access_token']}"})
    assert (out.status_code, out.headers["Retry-After"]) == (503, "5"), "the tombstone could not be written"
    assert me(world, Authorization=f"Bearer {body['access_token']}").status_code == 401
    world.redis_live.start()
    assert me(world, Authorization=f"Bearer {body['access_token']}").status_code == 401


def test_hashing_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=65_536, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    world.with_settings(hashes_at_once=1, hash_wait_seconds=0.01)
    accounts.set_password(world.owner, world.user("alice").id, hasher.hash(PASSWORD))
    app = world.api_app
    body = {"username": "alice", "password": PASSWORD}
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: app.test_client().post(LOGIN, json=body).status_code, range(6)))
    assert set(statuses) == {200, 503}, statuses


def test_outdated_hash_is_renewed_at_sign_in(world: World) -> None:
    alice = world.user("alice")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    world.owner.execute("UPDATE users SET password_hash = %s WHERE id = %s", (weak, alice.id))
    assert login(world).status_code == 200
    row = world.owner.execute("SELECT password_hash FROM users").fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert login(world).status_code == 200
