"""Administration of accounts, and what a change of one does to its sessions at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from authsvc.people import accounts
from authsvc.people.accounts import Actor, LastAdmin, User
from catalog import roles
from testbed.services.sign_in import login, me
from testbed.services.world import ORIGIN, PASSWORD, Asker, World

USERS, RESET, MY_PASSWORD = "/api/v1/admin/users", "/api/v1/auth/reset", "/api/v1/users/me/password"
NEW = "violet umbrella 42"


class Admin:
    """Somebody who administers by the interface."""

    def __init__(self, world: World, username: str = "root") -> None:
        self.world = world
        self.user = world.user(username, role="admin")
        _, token = world.session(self.user)
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str = "", **more: Any) -> Any:
        return self.world.client().open(USERS + path, method=method, headers=self._headers, **more)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def trail(world: World) -> list[str]:
    return [row[0] for row in world.owner.execute("SELECT event FROM audit_events ORDER BY id")]


def test_admin_makes_a_user_who_alone_knows_the_password(world: World) -> None:
    admin = Admin(world)
    made = admin.call("POST", json={"username": "bob", "email": "bob@example.org", "role": "admin"})
    assert made.status_code == 201, made.text
    body = made.get_json()
    assert (body["username"], body["role"], body["is_active"]) == ("bob", "admin", True)
    token = body["reset"]["token"]
    assert body["reset"]["link"] == f"{ORIGIN}/#/reset/{token}"
    assert world.client().post(RESET, json={"token": token, "password": NEW}).status_code == 204
    assert login(world, "bob", password=NEW).status_code == 200
    again = world.client().post(RESET, json={"token": token, "password": "another umbrella 43"})
    assert (again.status_code, again.get_json()["code"]) == (410, "reset")
    with_password = admin.call("POST", json={"username": "carol", "password": NEW}).get_json()
    assert with_password["reset"] is None
    assert login(world, "carol", password=NEW).status_code == 200
    assert "password" not in str(admin.call("GET", f"/{body['id']}").get_json())
    assert [event for event in trail(world) if not event.startswith("login")] == [
        "user_created", "password_reset_issued", "password_reset_used", "password_changed", "user_created",
    ]  # fmt: skip


def test_list_is_paged_by_name_and_filtered(world: World) -> None:
    admin = Admin(world)
    for name in ("Zoe", "anna", "\u00c4nne", "bob"):
        world.user(name)
    seen, cursor = [], None
    while True:
        page = admin.call("GET", query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})).get_json()
        seen += [item["username"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["anna", "bob", "root", "Zoe", "\u00c4nne"]
    some = admin.call("GET", query_string={"q": "O", "role": "user"}).get_json()["items"]
    assert [item["username"] for item in some] == ["bob", "Zoe"]
    assert admin.call("GET", query_string={"is_active": "false"}).get_json()["items"] == []
    for query in ({"cursor": "!"}, {"cursor": ""}, {"limit": 0}, {"role": "emperor"}, {"cursor": "AA"}):
        assert admin.call("GET", query_string=query).status_code == 422, query


def test_disabling_ends_everything_at_once_and_enabling_opens_again(world: World) -> None:
    admin, bob, video = Admin(world), world.user("bob"), world.video()
    _, token = world.session(bob)
    ask = Asker(world.authz_app)
    assert me(world, **bearer(token)).status_code == 200
    assert ask.header(video, token).status_code == 204
    changed = admin.call("PATCH", f"/{bob.id.hex}", json={"is_active": False})
    assert changed.get_json()["is_active"] is False
    assert me(world, **bearer(token)).status_code == 401
    assert ask.header(video, token).status_code in {401, 403}
    assert world.redis_live.client().zcard("ks:leases:box") == 0, "a lease is still held"
    assert login(world, "bob").status_code == 401
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"is_active": True}).status_code == 200
    assert me(world, **bearer(token)).status_code == 401, "an ended session lives again"
    assert login(world, "bob").status_code == 200


def test_role_is_felt_at_once(world: World) -> None:
    admin, bob = Admin(world), world.user("bob")
    _, token = world.session(bob)
    assert world.client().get(USERS, headers=bearer(token)).status_code == 403
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"role": "admin"}).status_code == 200
    assert world.client().get(USERS, headers=bearer(token)).status_code == 200
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"role": "user"}).status_code == 200
    assert world.client().get(USERS, headers=bearer(token)).status_code == 403


def test_address_changes_and_stays_unique(world: World) -> None:
    admin = Admin(world)
    bob, carol = world.user("bob"), world.user("carol")
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"email": "bob@example.org"}).status_code == 200
    taken = admin.call("PATCH", f"/{carol.id.hex}", json={"email": "B\u043eb@example.org"})
    assert (taken.status_code, set(taken.get_json()["errors"])) == (409, {"email"})
    assert admin.call("PATCH", f"/{carol.id.hex}", json={"email": "x"}).status_code == 422
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"email": "Bob@example.org"}).status_code == 200
    assert admin.call("PATCH", f"/{bob.id.hex}", json={"email": None}).get_json()["email"] is None
    assert admin.call("PATCH", f"/{carol.id.hex}", json={"email": "bob@example.org"}).status_code == 200


def test_change_takes_only_what_it_names(world: World) -> None:
    admin, bob = Admin(world), world.user("bob")
    before = admin.call("GET", f"/{bob.id.hex}").get_json()
    changes = {"id": "0" * 32, "username": "root2", "password_hash": "x", "created_at": "2020-01-01T00:00:00Z"}
    refused = admin.call("PATCH", f"/{bob.id.hex}", json=changes)
    assert (refused.status_code, set(refused.get_json()["errors"])) == (422, set(changes))
    for bad in ({"role": "emperor"}, {"role": None}, {"is_active": "no"}, {"is_active": None}, {"email": 7}):
        assert admin.call("PATCH", f"/{bob.id.hex}", json=bad).status_code == 422, bad
    assert admin.call("GET", f"/{bob.id.hex}").get_json() == before
    assert trail(world) == [], "what changed nothing is in the trail"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_last_admin_stays(world: World, method: str) -> None:
    admin = Admin(world)
    path = f"/{admin.user.id.hex}"
    for change in ({"role": "user"}, {"is_active": False}):
        answer = admin.call(method, path, json=change if method == "PATCH" else None)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "last_admin")
    assert admin.call("GET", path).get_json()["role"] == "admin"
    world.user("other", role="admin")
    assert admin.call(method, path, json={"role": "user"} if method == "PATCH" else None).status_code in {200, 204}


def test_two_admins_who_remove_each_other_at_once_leave_one(world: World) -> None:
    """Deadlock or none left: what locks taken in another order would give."""

    changes: list[dict[str, Any]] = [{}, {"role": "user"}, {"is_active": False}]

    def act(by: User, on: User, how: int) -> str:
        with psycopg.connect(world.database.url_for(roles.API), autocommit=True) as connection:
            try:
                if how == 0:
                    accounts.delete(connection, on.id, actor=Actor(by.id))
                else:
                    accounts.change(connection, on.id, actor=Actor(by.id), **changes[how])
            except LastAdmin:
                return "last"
        return "done"

    with ThreadPoolExecutor(3) as pool:
        for number in range(8):
            world.owner.execute("TRUNCATE users CASCADE")
            trio = [world.user(f"admin {name}", role="admin") for name in "xyz"]
            acts = [pool.submit(act, trio[i], trio[(i + 1) % 3], (number + i) % 3) for i in range(3)]
            assert sorted(each.result(30) for each in acts) == ["done", "done", "last"]
            left = world.owner.execute("SELECT count(*) FROM users WHERE role = 'admin' AND is_active").fetchone()
            assert left == (1,)


def test_deleted_user_leaves_no_row_and_no_session(world: World) -> None:
    admin, bob, video = Admin(world), world.user("bob"), world.video()
    accounts.change(world.owner, bob.id, actor=Actor(), email="bob@example.org")
    _, token = world.session(bob)
    started = world.client().post(f"/api/v1/videos/{video}/playback", json={}, headers=bearer(token)).get_json()
    assert admin.call("DELETE", f"/{bob.id.hex}").status_code == 204
    assert admin.call("DELETE", f"/{bob.id.hex}").status_code == 404
    assert me(world, **bearer(token)).status_code == 401
    assert Asker(world.authz_app).signed(video, started["playback_id"]).status_code in {401, 403}
    assert world.redis_live.client().zcard("ks:leases:box") == 0
    columns = world.owner.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        # The ledger empties `revocations` as soon as it has told Redis; there is none here.
        " WHERE table_schema = 'public' AND data_type IN ('uuid', 'text', 'inet') AND table_name <> 'revocations'"
    ).fetchall()
    for table, column in columns:
        for trace in (str(bob.id), "bob", "bob@example.org"):
            row = world.owner.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text = %s', (trace,)
            ).fetchone()
            assert row == (0,), f"{table}.{column} still says {trace}"
    assert world.user("bob"), "the name is free again"


def test_new_password_ends_every_other_session(world: World) -> None:
    world.user("alice")
    mine = login(world).get_json()
    other = login(world).get_json()
    change = {"current": PASSWORD, "new": NEW}
    done = world.client().put(MY_PASSWORD, json=change, headers=bearer(mine["access_token"]))
    assert done.status_code == 204, done.text
    assert me(world, **bearer(mine["access_token"])).status_code == 200
    assert me(world, **bearer(other["access_token"])).status_code == 401
    assert login(world).status_code == 401
    assert login(world, password=NEW).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current": "wrong", "new": NEW}, 403, "wrong_password"),
        ({"current": PASSWORD, "new": "short"}, 422, "weak_password"),
        ({"current": PASSWORD, "new": "alicealicealicealice"}, 422, "weak_password"),
        ({"current": PASSWORD}, 422, "invalid"),
        ({"new": NEW}, 422, "invalid"),
    ],
)
def test_password_stays_unless_all_is_right(world: World, body: dict[str, str], status: int, code: str) -> None:
    _, token = world.session(world.user("alice"))
    _, other = world.session(accounts.by_name(world.owner, "alice"))  # type: ignore[arg-type]
    answer = world.client().put(MY_PASSWORD, json=body, headers=bearer(token))
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert me(world, **bearer(other)).status_code == 200
    assert login(world).status_code == 200


def test_stolen_session_can_not_guess_the_password_for_ever(world: World) -> None:
    world.with_settings(login_failures_per_account_and_address=3)
    _, token = world.session(world.user("alice"))
    guess = {"current": "wrong", "new": NEW}
    statuses = [world.client().put(MY_PASSWORD, json=guess, headers=bearer(token)).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]


def test_reset_is_good_once_for_its_time_and_its_user(world: World) -> None:
    admin, bob = Admin(world), world.user("bob")
    _, token = world.session(bob)

    def issue() -> str:
        return str(admin.call("POST", f"/{bob.id.hex}/reset").get_json()["token"])

    def use(reset: str, password: str = NEW) -> int:
        return int(world.client().post(RESET, json={"token": reset, "password": password}).status_code)

    first, second = issue(), issue()
    assert use(first) == 410, "one from before is still good"
    assert use(second, "short") == 422
    assert me(world, **bearer(token)).status_code == 200
    assert use(second) == 204
    assert me(world, **bearer(token)).status_code == 401
    assert login(world, "bob", password=NEW).status_code == 200
    old = issue()
    world.owner.execute("UPDATE password_resets SET expires_at = now() - interval '1 second'")
    assert use(old) == 410
    late = issue()
    accounts.set_password(world.owner, bob.id, "x", actor=Actor())
    assert use(late) == 410, "a reset outlives a change of the password"
    last = issue()
    accounts.change(world.owner, bob.id, actor=Actor(), is_active=False)
    assert use(last) == 410
    assert use("x" * 43) == use("'") == 410
    assert admin.call("POST", f"/{'0' * 32}/reset").status_code == 404
    stored = world.owner.execute("SELECT r::text FROM password_resets r").fetchone()
    assert stored is not None
    assert last not in stored[0]


@pytest.mark.parametrize("role", ["user", "guest"])
def test_nobody_but_admins_administers(world: World, role: str) -> None:
    other, admin = world.user("other"), world.user("root", role="admin")
    _, token = world.session(world.user("somebody", role=role))
    for method, path in (
        ("GET", ""), ("POST", ""), ("GET", f"/{other.id.hex}"), ("PATCH", f"/{other.id.hex}"),
        ("DELETE", f"/{admin.id.hex}"), ("POST", f"/{other.id.hex}/reset"),
    ):  # fmt: skip
        answer = world.client().open(USERS + path, method=method, json={}, headers=bearer(token))
        assert answer.status_code == 403, (method, path)
    invite = world.client().post("/api/v1/admin/invitations", json={"role": "admin"}, headers=bearer(token))
    assert invite.status_code == 403
