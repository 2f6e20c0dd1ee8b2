"""Registering under the three policies; and those who would like to be more, or somebody else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authsvc.people import accounts, invitations
from authsvc.people.accounts import Actor
from authsvc.signin import passwords
from testbed.services.sign_in import login
from testbed.services.world import World

REGISTER, INVITATIONS = "/api/v1/auth/register", "/api/v1/admin/invitations"
GOOD = {"username": "alice", "email": "alice@example.org", "password": "violet umbrella 42"}


def register(world: World, **changes: Any) -> Any:
    return world.client().post(REGISTER, json=GOOD | changes)


def users(world: World) -> list[tuple[str, str]]:
    return world.owner.execute("SELECT username, role FROM users ORDER BY username").fetchall()


def invitation(world: World, **arguments: Any) -> str:
    wanted = {"role": "user", "life_seconds": 60, "uses": 1, "actor": Actor()} | arguments
    return invitations.create(world.owner, **wanted)[1]


def test_open_house_takes_everybody_as_a_plain_user(world: World) -> None:
    world.with_settings(registration="open")
    answer = register(world)
    assert answer.status_code == 201
    user = accounts.by_name(world.owner, "alice")
    assert user is not None
    assert answer.get_json() == {
        "id": user.id.hex, "username": "alice", "email": "alice@example.org", "role": "user",
    }  # fmt: skip
    assert login(world, password=GOOD["password"]).status_code == 200
    row = world.owner.execute("SELECT event FROM audit_events ORDER BY id").fetchone()
    assert row == ("registered",)


@pytest.mark.parametrize("policy", ["open", "invitation"])
def test_invitation_gives_its_role_once(world: World, policy: str) -> None:
    world.with_settings(registration=policy)
    token = invitation(world, role="admin")
    assert register(world, invitation=token).get_json()["role"] == "admin"
    again = register(world, username="bob", email="bob@example.org", invitation=token)
    assert (again.status_code, again.get_json()["code"]) == (403, "invitation")
    assert users(world) == [("alice", "admin")]


def test_default_is_by_invitation(world: World) -> None:
    answer = register(world)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "invitation")
    assert users(world) == []


def test_closed_house_takes_nobody(world: World) -> None:
    world.with_settings(registration="closed")
    for token in (None, invitation(world)):
        answer = register(world, invitation=token)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "registration")
    assert users(world) == []


def test_invitation_is_void_when_it_is_old_revoked_or_its_giver_no_admin(world: World) -> None:
    root = world.user("root", role="admin")
    world.user("other", role="admin")
    old = invitation(world)
    world.owner.execute("UPDATE invitations SET expires_at = now() - interval '1 second', created_at = '2020-01-01'")
    _, token = world.session(root)
    bearer = {"Authorization": f"Bearer {token}"}
    made = world.client().post(INVITATIONS, json={"uses": 5}, headers=bearer).get_json()
    gone = world.client().delete(f"{INVITATIONS}/{made['id']}", headers=bearer)
    assert gone.status_code == 204
    assert world.client().delete(f"{INVITATIONS}/{made['id']}", headers=bearer).status_code == 404
    orphan = world.client().post(INVITATIONS, json={}, headers=bearer).get_json()
    listed = world.client().get(INVITATIONS, headers=bearer).get_json()["items"]
    assert {each["id"] for each in listed} >= {made["id"], orphan["id"]}
    assert not any("token" in each for each in listed)
    accounts.change(world.owner, root.id, actor=Actor(), role="user")
    for token in (old, made["token"], orphan["token"], "x", "x" * 43, "'; DROP TABLE users; --"):
        assert register(world, invitation=token).status_code == 403, token
    assert len(users(world)) == 2


def test_refused_name_does_not_use_the_invitation_up(world: World) -> None:
    world.user("alice")
    token = invitation(world)
    assert register(world, invitation=token).status_code == 409
    assert register(world, username="bob", invitation=token, password="short").status_code == 422
    assert register(world, username="bob", invitation=token).status_code == 201


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(uses=st.integers(1, 4), racing=st.integers(2, 9))
def test_racing_registrations_use_an_invitation_as_often_as_it_says(world: World, uses: int, racing: int) -> None:
    world.owner.execute("TRUNCATE users CASCADE")
    token = invitation(world, uses=uses)
    app = world.api_app

    def one(number: int) -> int:
        body = GOOD | {"username": f"user{number}", "email": f"user{number}@example.org", "invitation": token}
        return app.test_client().post(REGISTER, json=body).status_code

    with ThreadPoolExecutor(racing) as pool:
        statuses = list(pool.map(one, range(10, 10 + racing)))
    # Who found no place to hash may come again.
    statuses += [one(100 + number) for number in range(statuses.count(503))]
    assert statuses.count(201) == min(uses, racing)
    assert len(users(world)) == min(uses, racing)


def test_racing_look_alikes_get_one_account(world: World) -> None:
    world.with_settings(registration="open", hashes_at_once=8, hashes_waiting=8)
    app = world.api_app
    names = ["alice", "ALICE", "\u0430lice", "AIice", "al\u0456ce", "\uff41lice"]

    def one(number: int) -> int:
        body = GOOD | {"username": names[number], "email": f"{number}@example.org"}
        return app.test_client().post(REGISTER, json=body).status_code

    with ThreadPoolExecutor(len(names)) as pool:
        assert sorted(pool.map(one, range(len(names)))) == [201] + [409] * (len(names) - 1)


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("ALICE", "x@example.org"), ("\u0430lice", "x@example.org"), ("bob", "Alice@Example.org"),
        ("bob", "\u0430lice@example.org"), ("AIice", "x@example.org"), (" alice ", "x@example.org"),
    ],
)  # fmt: skip
def test_taken_name_and_taken_address_read_the_same(world: World, username: str, email: str) -> None:
    world.with_settings(registration="open")
    assert register(world, username="Alice").status_code == 201
    answer = register(world, username=username, email=email)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "taken")
    assert answer.get_json()["detail"] == "This username or e-mail address is taken, or looks like one that is."
    assert "errors" not in answer.get_json()
    assert len(users(world)) == 1


def test_who_may_not_register_learns_nothing_of_who_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.user("alice")
    monkeypatch.setattr(passwords, "_hasher", None)
    answers = []
    for changes in ({}, {"username": "nobody"}, {"username": "\n"}, {"email": "nonsense"}, {"password": "x"}):
        body = register(world, **changes).get_json()
        body.pop("request_id")
        answers.append(body)
    assert all(answer == answers[0] for answer in answers), "a name is judged before the invitation"


@pytest.mark.parametrize(
    "more",
    [
        {"role": "admin"}, {"is_active": False}, {"id": "0" * 32}, {"user": {"role": "admin"}}, {"created_at": 0},
        {"password_hash": "x"}, {"username_key": "root"}, {"invitation": None, "role": ["admin"]},
    ],
)  # fmt: skip
def test_nobody_makes_themselves_more_than_a_user(world: World, more: dict[str, Any]) -> None:
    world.with_settings(registration="open")
    answer = register(world, **more)
    assert answer.status_code == 422, answer.text
    assert set(answer.get_json()["errors"]) == set(more) - {"invitation"}
    assert users(world) == []


@pytest.mark.parametrize(
    "username",
    [
        "Robert'); DROP TABLE users;--",
        "' OR '1'='1",
        '"; --',
        "%",
        "_",
        "\\",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "<b>x</b>",
    ],
)
def test_name_is_data_and_never_code(world: World, username: str) -> None:
    world.with_settings(registration="open")
    assert register(world).status_code == 201
    answer = register(world, username=username, email="x@example.org")
    assert answer.status_code == 201
    assert answer.get_json()["username"] == username
    assert answer.content_type == "application/json"
    assert login(world, username, password=GOOD["password"]).get_json()["user"]["username"] == username
    assert len(users(world)) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "a\r\nSet-Cookie: x=1"}, "username"), ({"username": "\u202eadmin"}, "username"),
        ({"username": "\u3164"}, "username"), ({"username": "x" * 65}, "username"), ({"username": 7}, "username"),
        ({"email": "nonsense"}, "email"), ({"email": "a@b\r\nBcc: x@y"}, "email"), ({"email": None}, "email"),
        ({"email": "\ufdfa" * 200 + "@b"}, "email"),
        ({"password": "short"}, "password"), ({"password": "alice@example.org"}, "password"),
        ({"password": "passwordpassword"}, "password"), ({"password": "x" * 1025}, "password"),
        ({"invitation": 7}, "invitation"),
    ],
)  # fmt: skip
def test_bad_field_is_named_and_nothing_is_made(world: World, changes: dict[str, Any], field: str) -> None:
    world.with_settings(registration="open")
    answer = register(world, **changes)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {field}
    assert users(world) == []
