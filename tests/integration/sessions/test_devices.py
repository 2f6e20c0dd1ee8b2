"""Televisions, players, and the list of where one is signed in."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from authsvc.api.protocol import qr
from authsvc.sessions import devices
from testbed.services.sign_in import REFRESH, login, me
from testbed.services.world import Asker, World

DEVICES, SESSIONS, ADMIT = "/api/v1/users/me/devices", "/api/v1/users/me/sessions", "/api/v1/auth/device"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_in(world: World, username: str = "alice", role: str = "user") -> dict[str, str]:
    _, token = world.session(world.user(username, role))
    return bearer(token)


def add(world: World, headers: dict[str, str], name: str = "Television") -> Any:
    return world.client().post(DEVICES, json={"name": name}, headers=headers)


def admit(world: World, device_token: str) -> Any:
    return world.client().post(ADMIT, json={"device_token": device_token})


def listed(world: World, headers: dict[str, str], path: str = SESSIONS) -> list[dict[str, Any]]:
    response = world.client().get(path, headers=headers)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.get_json()["items"]
    return items


def test_device_watches_with_a_token_that_is_kept_as_a_digest(world: World) -> None:
    video = world.video()
    made = add(world, signed_in(world))
    assert made.status_code == 201, made.text
    token = made.get_json()["device_token"]
    assert len(token) == 43
    assert made.get_json()["library_url"] == f"https://localhost/play/{token}/library.m3u"
    assert made.get_json()["qr"] == qr.svg(made.get_json()["library_url"])
    assert made.headers["Cache-Control"] == "no-store"
    stored = world.owner.execute("SELECT token_sha256, session_id FROM device_tokens").fetchone()
    assert stored is not None
    assert (bytes(stored[0]), stored[1].hex) == (
        hashlib.sha256(token.encode()).digest(),
        made.get_json()["session_id"],
    )
    lasts = world.owner.execute("SELECT expires_at - created_at FROM sessions WHERE kind = 'device'").fetchone()
    assert lasts is not None
    assert lasts[0].days == 180
    for _ in range(2):
        access = admit(world, token).get_json()
        assert me(world, **bearer(access["access_token"])).status_code == 200
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(access["access_token"]))
    assert grant.status_code == 201
    asker = Asker(world.authz_app)
    assert asker.header(video, access["access_token"]).status_code == 204
    assert asker.signed(video, grant.get_json()["playback_id"]).status_code == 204


def test_device_is_identified_for_playlists_until_it_ends(world: World) -> None:
    headers = signed_in(world)
    token = add(world, headers).get_json()["device_token"]
    identity = devices.identify(world.owner, token)
    assert identity is not None
    assert (identity.role, identity.kind) == ("user", "device")
    for wrong in ("", "x" * 43, token[:-1], token + "A", "é" * 43):
        assert devices.identify(world.owner, wrong) is None
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour'")
    devices.identify(world.owner, token)
    seen = world.owner.execute("SELECT last_seen_at > now() - interval '1 minute' FROM sessions WHERE kind = 'device'")
    assert seen.fetchone() == (True,)
    for spoil in (
        "UPDATE sessions SET created_at = created_at - interval '1 year', expires_at = now()",
        "UPDATE sessions SET expires_at = now() + interval '1 day', ended_at = now(), end_reason = 'test'",
        "UPDATE users SET is_active = false",
    ):
        with world.owner.transaction(force_rollback=True):
            world.owner.execute(spoil)  # type: ignore[call-overload]
            assert devices.identify(world.owner, token) is None


def test_eleventh_device_is_refused_with_the_list_and_comes_in_when_one_has_ended(world: World) -> None:
    headers = signed_in(world)
    made = [add(world, headers, f"Television {number}").get_json() for number in range(10)]
    refused = add(world, headers)
    body = refused.get_json()
    assert (refused.status_code, body["code"]) == (409, "devices")
    assert {session["session_id"] for session in body["sessions"]} == {device["session_id"] for device in made}
    assert admit(world, made[0]["device_token"]).status_code == 200, "nobody left"
    ended = world.client().delete(f"{SESSIONS}/{made[3]['session_id']}", headers=headers)
    assert ended.status_code == 204
    assert add(world, headers).status_code == 201


@pytest.mark.parametrize("name", ["", "   ", "a\x07b", "x" * 201, None, 7])
def test_device_without_a_usable_name_is_refused(world: World, name: Any) -> None:
    response = world.client().post(DEVICES, json={"name": name}, headers=signed_in(world))
    assert (response.status_code, response.get_json()["code"]) == (422, "invalid")
    assert world.owner.execute("SELECT count(*) FROM device_tokens").fetchone() == (0,)


def test_device_token_opens_nothing_of_the_account(world: World) -> None:
    headers = signed_in(world, role="admin")
    made = add(world, headers).get_json()
    device = bearer(admit(world, made["device_token"]).get_json()["access_token"])
    made_list = world.client().post("/api/v1/playlists", json={"name": "Evening"}, headers=headers).get_json()["id"]
    for path in ("/videos", "/playlists", f"/playlists/{made_list}", "/users/me/continue"):
        assert world.client().get(f"/api/v1{path}", headers=device).status_code == 200, path
    for method, path in (
        ("POST", "/api/v1/playlists"),
        ("PATCH", f"/api/v1/playlists/{made_list}"),
        ("DELETE", f"/api/v1/playlists/{made_list}"),
        ("GET", "/api/v1/users/me/history"),
        ("POST", DEVICES),
        ("GET", SESSIONS),
        ("DELETE", SESSIONS),
        ("DELETE", f"{SESSIONS}/{made['session_id']}"),
        ("GET", "/api/v1/admin/streams"),
    ):
        response = world.client().open(path, method=method, headers=device, json={"name": "x"})
        assert (response.status_code, response.get_json()["code"]) == (403, "forbidden"), path
    assert world.client().post(REFRESH, json={"refresh_token": made["device_token"]}).status_code == 401
    assert me(world, **bearer(made["device_token"])).status_code == 401, "it is no access token itself"


def test_ended_device_is_out_at_once_at_every_place(world: World) -> None:
    video = world.video()
    headers = signed_in(world)
    made = add(world, headers).get_json()
    access = admit(world, made["device_token"]).get_json()["access_token"]
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(access)).get_json()
    asker = Asker(world.authz_app)
    assert asker.header(video, access).status_code == 204
    assert asker.signed(video, grant["playback_id"]).status_code == 204
    assert world.client().delete(f"{SESSIONS}/{made['session_id']}", headers=headers).status_code == 204
    assert me(world, **bearer(access)).status_code == 401
    assert asker.header(video, access).status_code == 401
    assert asker.signed(video, grant["playback_id"]).headers["X-Deny"] == "session"
    assert admit(world, made["device_token"]).status_code == 401
    assert world.redis_live.client().keys("ks:leases:*") == []


def test_list_shows_readable_devices_and_which_one_asks(world: World) -> None:
    world.user("alice")
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    first = login(world, headers={"User-Agent": firefox, "X-Real-IP": "192.0.2.9"}).get_json()
    second = login(world, device="My laptop").get_json()
    world.owner.execute(
        "UPDATE sessions SET last_seen_at = now() - interval '20 minutes' WHERE id = %s", (first["session_id"],)
    )
    items = listed(world, bearer(second["access_token"]))
    assert [(item["device"], item["client"], item["current"], item["active"]) for item in items] == [
        ("My laptop", None, True, True),
        ("Firefox on Linux", "192.0.2.9", False, False),
    ]
    assert {item["kind"] for item in items} == {"program"}


def test_ending_the_others_leaves_the_one_that_asks(world: World) -> None:
    alice, bob = world.user("alice"), world.user("bob")
    (mine, token), (_, other), (_, bobs) = world.session(alice), world.session(alice), world.session(bob)
    assert world.client().delete(SESSIONS, headers=bearer(token)).status_code == 204
    assert me(world, **bearer(other)).status_code == 401
    assert me(world, **bearer(bobs)).status_code == 200
    assert [item["session_id"] for item in listed(world, bearer(token))] == [mine]


def test_nobody_ends_anothers_session(world: World) -> None:
    alice, mallory = world.user("alice"), world.user("mallory")
    (session_id, token), (_, attacker) = world.session(alice), world.session(mallory)
    for victim in (session_id, uuid4().hex):
        response = world.client().delete(f"{SESSIONS}/{victim}", headers=bearer(attacker))
        assert response.status_code == 404
    for method, path in (
        ("GET", f"/api/v1/admin/users/{alice.id.hex}/sessions"),
        ("DELETE", f"/api/v1/admin/users/{alice.id.hex}/sessions"),
        ("DELETE", f"/api/v1/admin/sessions/{session_id}"),
    ):
        assert world.client().open(path, method=method, headers=bearer(attacker)).status_code == 403
    assert me(world, **bearer(token)).status_code == 200


def test_admin_sees_and_ends_anyones(world: World) -> None:
    admin = signed_in(world, "root", "admin")
    alice = world.user("alice")
    (first, token), (_, other) = world.session(alice), world.session(alice)
    path = f"/api/v1/admin/users/{alice.id.hex}/sessions"
    assert len(listed(world, admin, path)) == 2
    assert world.client().delete(f"/api/v1/admin/sessions/{first}", headers=admin).status_code == 204
    assert me(world, **bearer(token)).status_code == 401
    assert me(world, **bearer(other)).status_code == 200
    assert world.client().delete(path, headers=admin).status_code == 204
    assert me(world, **bearer(other)).status_code == 401
    assert world.client().delete(f"/api/v1/admin/sessions/{first}", headers=admin).status_code == 404
    for method in ("GET", "DELETE"):
        gone = world.client().open(f"/api/v1/admin/users/{uuid4().hex}/sessions", method=method, headers=admin)
        assert gone.status_code == 404
