"""Bodies hold what the call knows and nothing else, and no name in them lies about itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from testbed.services.sign_in import login
from testbed.services.viewer import Viewer
from testbed.services.world import World


def calls_with_a_body(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                yield method.upper(), path


def test_a_field_that_a_call_does_not_know_is_named_whatever_the_call(world: World) -> None:
    boss = Viewer(world, "boss", role="admin")
    headers = {"Authorization": f"Bearer {boss.token}"}
    document = world.client().get("/api/openapi.json").get_json()
    asked = 0
    for method, path in calls_with_a_body(document):
        address = "/".join("0" * 32 if part.startswith("{") else part for part in path.split("/"))
        answer = world.client().open(address, method=method, json={"is_superuser": True}, headers=headers)
        assert answer.status_code == 422, (method, path, answer.text)
        assert answer.get_json()["errors"]["is_superuser"] == ["is not a field of this call"], (method, path)
        asked += 1
    assert asked > 25
    for name, shape in document["components"]["schemas"].items():
        if name.endswith("In") and "properties" in shape:
            assert shape["additionalProperties"] is False, name


def test_nobody_believes_to_have_changed_what_can_not_be_changed(alice: Viewer) -> None:
    answer = alice.call("PATCH", "/users/me", {"display_name": "Alice", "role": "admin"})
    assert (answer.status_code, [*answer.get_json()["errors"]]) == (422, ["role"])
    assert alice.call("GET", "/users/me").get_json()["display_name"] is None, "half of it was done"


@pytest.mark.parametrize("sign", ["\n", "\0", "\x1b[2J", "\u202e", "\u2028", "\ud800"])
def test_a_device_is_not_named_by_what_can_not_be_shown(world: World, alice: Viewer, sign: str) -> None:
    name = f"tele{sign}vision"
    for answer in (
        login(world, "alice", device=name),
        world.client().post("/api/v1/auth/guest", json={"device": name}),
        alice.play(world.video(), device=name),
    ):
        assert answer.status_code == 422, answer.text
        assert [*answer.get_json()["errors"]] == ["device"]
    added = alice.call("POST", "/users/me/devices", {"name": name})
    assert (added.status_code, [*added.get_json()["errors"]]) == (422, ["name"])


NAMES = [
    "Salon\u00a0: t\u00e9l\u00e9\u202f!",
    "\u062a\u0644\u0648\u06cc\u0632\u06cc\u0648\u0646\u200c\u0647\u0627",
    "\U0001f468\u200d\U0001f467 TV",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_languages_need_is_kept_as_it_was_written(world: World, name: str) -> None:
    boss = Viewer(world, "boss", role="admin")
    assert boss.call("POST", "/users/me/devices", {"name": name}).get_json()["name"] == name
    login(world, "boss", device=name)
    listed = boss.call("GET", "/users/me/sessions").get_json()["items"]
    assert [session["device"] for session in listed].count(name) == 2
    video = world.video()
    changes = {"title": name, "description": f"{name}\n\t{name}", "tags": [name[:50]]}
    assert boss.call("PATCH", f"/videos/{video}", changes).status_code == 200
    shown = boss.call("GET", f"/videos/{video}").get_json()
    assert shown | changes == shown
    assert boss.call("GET", f"/videos?q={name}").get_json()["items"][0]["title"] == name
    assert boss.call("PATCH", "/users/me", {"display_name": name}).get_json()["display_name"] == name
    world.owner.execute("UPDATE videos SET filename = %s", (f"{name}.mp4",))
    assert boss.call("GET", f"/videos/by-name/{name}.mp4").get_json()["id"] == video


@pytest.mark.parametrize("name", [" ", "\u200d", "\u00a0\u202f", "\ufeff"])
def test_a_name_has_something_to_see_in_it(alice: Viewer, name: str) -> None:
    assert alice.call("POST", "/users/me/devices", {"name": name}).status_code == 422
    assert alice.call("PATCH", "/users/me", {"display_name": name}).status_code == 422
