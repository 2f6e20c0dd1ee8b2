"""Who is signed in on the box and how it ends: guests, televisions, and the other devices after a new password."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.viewers.box import SECRETS, Access, Caller, Viewer, problem
from testbed.waiting import eventually
from tests.host.places import FIRST_BYTE, PROMISED_SECONDS, Places

Note = Callable[[str, float], None]


@pytest.fixture
def guest(access: Access) -> Iterator[Caller]:
    """Gone with the test: an address may have a few guests only."""
    visitor = Caller(access)
    answer = visitor.post("/api/v1/auth/guest")
    answer.raise_for_status()
    visitor.carry(answer.json())
    yield visitor
    visitor.post("/api/v1/auth/logout")


def test_guest_sees_what_is_public_and_nothing_of_what_is_for_members(admin: Viewer, guest: Caller) -> None:
    everything = admin.videos()
    public = {video["id"] for video in everything if video["visibility"] == "public"}
    assert {video["id"] for video in guest.videos()} == public
    hidden = next(video for video in everything if video["id"] not in public and video["status"] == "ready")
    for path in (f"/api/v1/videos/{hidden['id']}", *(entry["href"] for entry in hidden["files"])):
        assert guest.get(path, headers=FIRST_BYTE).status_code == 404, path
    refused = guest.post(f"/api/v1/videos/{hidden['id']}/playback")
    assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
    for path in ("/api/v1/users/me/sessions", "/api/v1/admin/users"):
        assert guest.get(path).status_code == 403, path
    assert guest.post("/api/v1/auth/guest", device="x" * 1000).status_code == 422
    assert guest.post("/api/v1/auth/logout").status_code == 204
    assert guest.get("/api/v1/videos").status_code == 401


def test_title_that_is_public_no_longer_is_gone_for_a_guest_who_plays_it(
    access: Access, admin: Viewer, guest: Caller, other: dict[str, Any], note: Note
) -> None:
    if not Path(access.library_path).is_dir():
        pytest.skip("nobody's film is shown to everybody for a test; a box of this machine proves it")
    path = f"/api/v1/videos/{other['id']}"

    def show_to(visibility: str) -> None:
        admin.call("PATCH", path, json={"visibility": visibility}).raise_for_status()

    try:
        show_to("public")
        # What a guest may not see is remembered for a moment too.
        assert eventually(lambda: guest.get(path).status_code == 200, within=PROMISED_SECONDS)
        places = Places(guest, other, guest.playback(other["id"])["links"]["source"])
    finally:
        show_to(other["visibility"])
    took = places.seconds_until(404, 404, 404)
    note("title no longer public: 404 for a guest at the API and both doors", took)
    assert took < PROMISED_SECONDS


def test_television_plays_at_both_doors_until_its_session_is_ended(
    access: Access, carol: Viewer, mp4: dict[str, Any], note: Note
) -> None:
    unnamed = carol.post("/api/v1/users/me/devices", name="kit\x07chen")
    assert (unnamed.status_code, problem(unnamed)["code"]) == (422, "invalid")
    made = carol.post("/api/v1/users/me/devices", name="kitchen")
    assert made.status_code == 201, made.text
    token = made.json()["device_token"]
    SECRETS.add(token)
    television = Caller(access)
    assert television.post("/api/v1/auth/device", device_token=token[:-1] + "!").status_code == 401
    television.carry(television.post("/api/v1/auth/device", device_token=token).json())
    assert television.get("/api/v1/users/me/sessions").status_code == 403, "it opens the library alone"
    sent_on = television.get(f"/play/{token}/{mp4['id']}", allow_redirects=False)
    assert sent_on.status_code == 302
    link = sent_on.headers["Location"]
    SECRETS.add(link.split("/")[5])
    places = Places(television, mp4, link)
    (listed,) = [item for item in carol.get("/api/v1/users/me/sessions").json()["items"] if item["kind"] == "device"]
    assert (listed["device"], listed["session_id"]) == ("kitchen", made.json()["session_id"])
    assert carol.call("DELETE", f"/api/v1/users/me/sessions/{listed['session_id']}").status_code == 204
    took = places.seconds_until(401, 401, 401)
    note("television signed out: refused by the API and both doors", took)
    assert took < PROMISED_SECONDS
    assert television.post("/api/v1/auth/device", device_token=token).status_code == 401
    assert television.get(f"/play/{token}/library.m3u").status_code == 410
    assert carol.get("/api/v1/users/me").status_code == 200


def test_new_password_ends_the_other_session_everywhere(
    access: Access, carol: Viewer, mp4: dict[str, Any], note: Note
) -> None:
    elsewhere = Viewer(access, carol.username, carol.password)
    places = Places(elsewhere, mp4, elsewhere.playback(mp4["id"])["links"]["source"])
    new = secrets.token_urlsafe(18)
    SECRETS.add(new)
    for status, code, body in (
        (403, "wrong_password", {"current": f"not {carol.password}", "new": new}),
        (422, "weak_password", {"current": carol.password, "new": "password" * 3}),
    ):
        refused = carol.call("PUT", "/api/v1/users/me/password", json=body)
        assert (refused.status_code, problem(refused)["code"]) == (status, code)
    assert places.statuses() == (200, 206, 206), "nothing changed"
    changed = carol.call("PUT", "/api/v1/users/me/password", json={"current": carol.password, "new": new})
    assert changed.status_code == 204, changed.text
    took = places.seconds_until(401, 401, 401)
    note("password changed: the other session refused by the API and both doors", took)
    assert took < PROMISED_SECONDS
    assert carol.get("/api/v1/users/me").status_code == 200, "the one that asked stays"
    old = Caller(access).post("/api/v1/auth/login", username=carol.username, password=carol.password)
    assert (old.status_code, problem(old)["code"]) == (401, "credentials")
    assert Viewer(access, carol.username, new).get("/api/v1/users/me").status_code == 200
