"""Those who guess passwords: what they learn, whom they can lock out, and what it costs the box."""

from typing import Any

import pytest

from authsvc.sessions.tokens import InvalidToken
from authsvc.signin import device_cookies, passwords
from testbed.services.sign_in import SAME_SITE, cookies_of, login, me
from testbed.services.world import PASSWORD, World

ELSEWHERE = {"X-Real-IP": "198.51.100.9"}


def events(world: World) -> list[tuple[str, bool]]:
    """Each event of the trail with whether it tells of somebody."""
    return world.owner.execute(
        "SELECT event, coalesce(actor, subject) IS NOT NULL FROM audit_events ORDER BY id"
    ).fetchall()


def guess(world: World, times: int, username: str = "alice", **arguments: Any) -> list[int]:
    return [login(world, username, password="wrong password", **arguments).status_code for _ in range(times)]


def test_every_wrong_sign_in_costs_one_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.user("alice")
    mallory = world.user("mallory")
    world.owner.execute("UPDATE users SET is_active = false WHERE id = %s", (mallory.id,))
    asked: list[str] = []
    hasher = passwords._hasher

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            asked.append(stored)
            return hasher.verify(stored, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(hasher, name)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for username, password in (("alice", "wrong"), ("nobody", "wrong"), ("mallory", "wrong"), ("mallory", PASSWORD)):
        asked.clear()
        assert login(world, username, password=password).status_code == 401
        assert len(asked) == 1, username
        assert asked[0].startswith("$argon2id$v=19$m=64,t=1,p=1$"), "not the parameters of everybody else"


def test_lockout_reads_the_same_whether_or_not_there_is_such_a_user(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=2)
    world.user("alice")
    answers = []
    for username in ("alice", "nobody"):
        assert guess(world, 2, username) == [401, 401]
        body = login(world, username).get_json()
        body.pop("request_id")
        answers.append(body)
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "throttled"


def test_owner_gets_in_from_a_known_device_while_the_account_is_locked(world: World) -> None:
    world.with_settings(login_failures_per_account=5, login_failures_per_account_and_address=3)
    world.user("alice")
    program = login(world).get_json()["known_device_token"]
    browser = cookies_of(login(world, headers=SAME_SITE))["__Host-kd"]
    for number in range(6):
        guess(world, 1, headers={"X-Real-IP": f"203.0.113.{number}"})
    assert login(world, headers=ELSEWHERE).status_code == 429, "a stranger gets in"
    assert login(world, known_device_token=program).status_code == 200
    assert login(world, known_device_token=program, headers=ELSEWHERE).status_code == 200, "a laptop may travel"
    cookie = SAME_SITE | ELSEWHERE | {"Cookie": "__Host-kd=" + browser.split(";")[0]}
    assert login(world, headers=cookie).status_code == 200


def test_known_device_can_not_guess_for_ever_and_locks_out_nobody_else(world: World) -> None:
    world.with_settings(login_failures_per_device=3, login_failures_per_account_and_address=4)
    world.user("alice")
    first, second = (login(world).get_json()["known_device_token"] for _ in range(2))
    assert guess(world, 5, known_device_token=first) == [401, 401, 401, 429, 429]
    again = login(world, known_device_token=second).get_json()
    assert login(world, known_device_token=second).status_code == 200
    assert guess(world, 3) == [401, 401, 401], "what the device did counts for strangers"
    # The device keeps its count over a new token.
    assert guess(world, 2, known_device_token=second) == [401, 401]
    assert guess(world, 2, known_device_token=again["known_device_token"]) == [401, 429]


def test_known_device_token_is_the_accounts_own_and_no_way_in(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=2)
    world.user("alice")
    world.user("bob")
    of_bob = login(world, "bob").get_json()["known_device_token"]
    access = login(world, "bob").get_json()["access_token"]
    guess(world, 2)
    header, body, signature = of_bob.split(".")
    for strange in (of_bob, access, "", "x", f"{header}.{body}.{signature[::-1]}", f"{header}.{body}."):
        assert login(world, known_device_token=strange).status_code == 429, strange
    tossed = SAME_SITE | {"Cookie": f"__Host-kd={of_bob}; __Host-kd={of_bob}"}
    assert login(world, headers=tossed).status_code == 429
    assert me(world, Authorization=f"Bearer {of_bob}").status_code == 401
    services = world.api_app.extensions["kinetoscope"]
    with pytest.raises(InvalidToken):
        services.verifier.verify(of_bob)
    assert device_cookies.recognise(services.verifier, "BOB", of_bob)
    assert device_cookies.recognise(services.verifier, "alice", of_bob) is None


def test_sign_ins_are_written_down_and_a_throttled_storm_only_once(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=2)
    world.user("alice")
    login(world)
    guess(world, 6)
    guess(world, 1, "nobody")
    assert events(world) == [
        ("login", True), ("login_failed", True), ("login_failed", True), ("login_throttled", True),
        ("login_failed", False),
    ]  # fmt: skip
    row = world.owner.execute("SELECT string_agg(e::text, ' ') FROM audit_events e").fetchone()
    assert row is not None
    assert "nobody" not in row[0], "what was typed as a name may be a password"
