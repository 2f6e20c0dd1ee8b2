"""Signing in; and those who would like to be somebody else."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher

from authsvc.people import accounts
from authsvc.signin import passwords
from authsvc.signin.throttle import LoginThrottle
from testbed.services.sign_in import (
    LOGIN,
    LOGOUT,
    ME,
    SAME_SITE,
    cookie_header,
    cookies_of,
    login,
    me,
)
from testbed.services.world import ORIGIN, PASSWORD, World


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
    assert answer.get_json() == {**body["user"], "display_name": None, "email": None}
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
    assert set(cookies) == {"__Host-ks", "__Secure-kr", "__Host-kd"}
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
        "type": "/api/docs#problem-credentials",
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
    accounts.set_password(world.owner, alice.id, hasher.hash(PASSWORD), actor=accounts.Actor())

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


def test_a_clock_set_back_locks_nobody_out_for_longer_than_the_window(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=3)
    world.user("alice")
    for _ in range(3):
        assert login(world, password="wrong password").status_code == 401
    live = world.redis_live.client()
    for key in live.keys("ks:throttle:*"):
        live.expire(key, 4200)  # what is left of ten minutes after a step back of an hour
    refused = login(world)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 600


def test_throttle_counts_failures_of_an_address_over_all_accounts(world: World) -> None:
    world.with_settings(login_failures_per_address=4)
    for number in range(4):
        assert login(world, f"user{number}", headers={"X-Real-IP": f"2001:db8::{number}"}).status_code == 401
    assert login(world, "another", headers={"X-Real-IP": "2001:db8::99"}).status_code == 429
    assert login(world, "another", headers={"X-Real-IP": "2001:db8:0:1::1"}).status_code == 401


def test_throttle_that_breaks_lets_through_and_counts(world: World) -> None:
    world.user("alice")
    world.redis_live.stop()
    throttle = LoginThrottle(world.api_app.extensions["kinetoscope"].live, world.api_settings)
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
    accounts.set_password(world.owner, world.user("alice").id, hasher.hash(PASSWORD), actor=accounts.Actor())
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
