"""Guests see what is public, are few, and leave nothing behind."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from authsvc.sessions import expiry
from testbed.services.sign_in import LOGOUT, REFRESH, SAME_SITE, cookies_of, login, me
from testbed.services.world import Asker, World

GUEST = "/api/v1/auth/guest"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def admit(world: World, address: str = "192.0.2.1", **headers: str) -> Any:
    return world.client().post(GUEST, headers={"X-Real-IP": address, **headers})


def test_guest_sees_and_plays_what_is_public_and_nothing_else(world: World) -> None:
    public, members = world.video("Public", visibility="public"), world.video("Members")
    body = admit(world).get_json()
    token = body["access_token"]
    assert body["user"]["role"] == "guest"
    items = world.client().get("/api/v1/videos", headers=bearer(token)).get_json()["items"]
    assert [item["id"] for item in items] == [public]
    asker = Asker(world.authz_app)
    for video, granted, decided in ((public, 201, 204), (members, 404, 403)):
        grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token))
        assert grant.status_code == granted
        assert asker.header(video, token).status_code == decided
    for path in ("/api/v1/users/me/sessions", "/api/v1/users/me/factors", "/api/v1/admin/streams"):
        assert world.client().get(path, headers=bearer(token)).status_code == 403
    assert me(world, **bearer(token)).get_json()["role"] == "guest"


def test_guest_of_a_browser_has_cookies_and_refreshes(world: World) -> None:
    assert {"__Host-ks", "__Secure-kr"} <= cookies_of(admit(world, **SAME_SITE)).keys()
    assert admit(world, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    refresh = admit(world).get_json()["refresh_token"]
    assert world.client().post(REFRESH, json={"refresh_token": refresh}).status_code == 200


def test_guest_has_no_password_that_could_be_guessed(world: World) -> None:
    name = admit(world).get_json()["user"]["username"]
    for password in ("", "!", "None", "password"):
        assert login(world, name, password=password or "x").status_code == 401


def test_guests_are_bounded_by_address_and_by_box(world: World) -> None:
    world.with_settings(guests_per_address=2, guests_per_box=4)
    assert [admit(world, f"2001:db8::{host}").status_code for host in range(3)] == [200, 200, 429]
    assert [admit(world, "192.0.2.1").status_code for _ in range(2)] == [200, 200]
    full = admit(world, "192.0.2.2")
    assert (full.status_code, full.get_json()["code"], full.headers["Retry-After"]) == (429, "guests_full", "60")
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour'")
    assert admit(world, "192.0.2.2").status_code == 200


def test_racing_guests_are_no_more_than_the_bound(world: World) -> None:
    world.with_settings(guests_per_address=3)
    app, barrier = world.api_app, threading.Barrier(8)

    def race(_: int) -> int:
        barrier.wait()
        return app.test_client().post(GUEST, headers={"X-Real-IP": "192.0.2.1"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(race, range(8))) == [200] * 3 + [429] * 5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, {"guests": True, "registration": "invitation", "password_shortest": 15, "passkeys_at": "box.test"}),
        (
            {
                "guests": False,
                "registration": "closed",
                "password_shortest": 8,
                "public_origins": ("https://192.0.2.7",),
            },
            {"guests": False, "registration": "closed", "password_shortest": 8, "passkeys_at": None},
        ),
    ],
)
def test_the_ways_in_are_told_as_they_are(world: World, settings: dict[str, Any], told: dict[str, Any]) -> None:
    world.with_settings(**settings)
    answer = world.client().get("/api/v1/auth/ways")
    assert (answer.status_code, answer.get_json()) == (200, told)


def test_guests_can_be_switched_off(world: World) -> None:
    world.with_settings(guests=False)
    refused = admit(world)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "guests")
    assert world.owner.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_nothing_of_a_guest_is_kept(world: World) -> None:
    video = world.video(visibility="public")
    token, other = admit(world).get_json()["access_token"], admit(world).get_json()["access_token"]
    world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token))
    assert world.client().post(LOGOUT, headers=bearer(token)).status_code == 204
    world.user("alice")

    def run() -> None:
        with world.api_app.extensions["kinetoscope"].database.connection() as connection:
            expiry.run(connection, world.redis_live.client(), world.api_settings)

    run()
    assert world.owner.execute("SELECT count(*) FROM users").fetchone() == (3,), "until its bytes are booked"
    world.owner.execute("UPDATE sessions SET ended_at = ended_at - interval '2 hours'")
    run()
    assert world.owner.execute("SELECT count(*) FROM users").fetchone() == (2,)
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (0,)
    assert me(world, **bearer(other)).status_code == 200
