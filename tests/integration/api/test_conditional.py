"""Conditional requests: what has not changed is 304 without a body, and nobody's answer is anybody else's."""

from typing import Any

import pytest
from flask import Flask, g

from authsvc.api.protocol import conditional
from authsvc.api.protocol.problems import Problem
from testbed.services.world import World

VIDEOS = "/api/v1/videos"


class Reader:
    """Somebody who is signed in and reads."""

    def __init__(self, world: World, username: str = "alice", role: str = "user") -> None:
        self.client = world.client()
        _, token = world.session(world.user(username, role))
        self.bearer = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, method: str = "GET", **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, headers=self.bearer | sent)


@pytest.fixture
def reader(world: World) -> Reader:
    return Reader(world)


def test_a_list_that_has_not_changed_is_304_and_a_changed_one_is_not(world: World, reader: Reader) -> None:
    world.video("Sunrise")
    first = reader.get(VIDEOS)
    tag = first.headers["ETag"]
    assert (first.status_code, tag.startswith('"')) == (200, True)
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = reader.get(VIDEOS, If_None_Match=sent)
        assert (again.status_code, again.data) == (304, b""), sent
        assert again.headers["ETag"] == tag
        assert "Content-Type" not in again.headers
    world.video("Metropolis")
    changed = reader.get(VIDEOS, If_None_Match=tag)
    assert (changed.status_code, len(changed.get_json()["items"])) == (200, 2)
    assert changed.headers["ETag"] != tag


def test_the_library_may_be_kept_privately_and_accounts_may_not(world: World, reader: Reader) -> None:
    video = world.video()
    for path in (VIDEOS, f"{VIDEOS}/{video}"):
        answer = reader.get(path)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert set(answer.vary) >= {"Authorization", "Cookie"}
    for path in ("/api/v1/users/me", "/api/v1/status", f"{VIDEOS}/{'0' * 32}"):
        assert reader.get(path).headers["Cache-Control"] == "no-store"


def test_head_has_the_tag_of_get(world: World, reader: Reader) -> None:
    video = world.video()
    path = f"{VIDEOS}/{video}"
    assert reader.get(path, "HEAD").headers["ETag"] == reader.get(path).headers["ETag"]


def test_a_tag_of_somebody_elses_view_is_never_a_304(world: World, reader: Reader) -> None:
    world.video(visibility="members")
    tag = reader.get(VIDEOS).headers["ETag"]
    guest = Reader(world, "visitor", "guest").get(VIDEOS, If_None_Match=tag)
    assert (guest.status_code, guest.get_json()["items"]) == (200, [])


def test_a_revoked_session_is_401_whatever_tag_it_has(world: World) -> None:
    user = world.user("bob")
    _, token = world.session(user)
    client = world.client()
    bearer = {"Authorization": f"Bearer {token}"}
    tag = client.get(VIDEOS, headers=bearer).headers["ETag"]
    client.post("/api/v1/auth/logout", headers=bearer)
    assert client.get(VIDEOS, headers=bearer | {"If-None-Match": tag}).status_code == 401


def test_if_match_on_a_read_is_412_when_it_is_another(reader: Reader) -> None:
    answer = reader.get(VIDEOS, If_Match='"of another time"')
    assert (answer.status_code, answer.get_json()["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("sent", "passes"),
    [(None, True), ("{tag}", True), ('"x", {tag}', True), ("*", True), ("W/{tag}", False), ('"x"', False), ("", False)],
)
def test_an_update_compares_strongly(sent: str | None, passes: bool) -> None:
    facts = {"name": "one", "order": [1, 2]}
    headers = {} if sent is None else {"If-Match": sent.format(tag=f'"{conditional.tag_of(facts)}"')}
    with Flask(__name__).test_request_context(method="PATCH", headers=headers):
        if passes:
            conditional.require_match(facts)
        else:
            with pytest.raises(Problem) as refused:
                conditional.require_match(facts)
            assert (refused.value.status, refused.value.code) == (412, "precondition_failed")


def test_a_named_tag_is_sent_with_the_answer_of_the_update_too() -> None:
    app = Flask(__name__)
    conditional.register(app)

    @app.patch("/")
    def change() -> dict[str, int]:
        conditional.require_match(1)
        conditional.tagged(2)
        return {"value": g.get("value", 2)}

    answer = app.test_client().patch("/", headers={"If-Match": f'"{conditional.tag_of(1)}"'})
    assert answer.headers["ETag"] == f'"{conditional.tag_of(2)}"'


def test_what_an_update_does_not_change_makes_another_tag_and_no_412() -> None:
    with Flask(__name__).test_request_context():
        conditional.tagged("own", ["own", 3])
        first = g.etag
        conditional.tagged("own", ["own", 4])
        assert g.etag != first
    for sent, passes in ((f'"{first}"', True), (f'W/"{first}"', False), (f'"x{first}"', False), ('"."', False)):
        with Flask(__name__).test_request_context(method="PATCH", headers={"If-Match": sent}):
            if passes:
                conditional.require_match("own")
            for seen in ["other"] if passes else ["own", "other"]:
                with pytest.raises(Problem):
                    conditional.require_match(seen)


@pytest.mark.parametrize("what", ["title", "playlist"])
def test_a_rating_is_news_to_a_cache_and_no_412_to_an_editor(world: World, what: str) -> None:
    admin, viewer, video = Reader(world, "root", "admin"), Reader(world, "bob"), world.video("Sunrise")
    path, change = f"{VIDEOS}/{video}", {"title": "Dawn"}
    if what == "playlist":
        made = admin.client.post("/api/v1/playlists", json={"name": "Mine"}, headers=admin.bearer)
        path, change = f"/api/v1/playlists/{made.get_json()['id']}", {"name": "Ours"}
        added = admin.client.post(f"{path}/items", json={"video_id": video}, headers=admin.bearer)
        assert added.status_code == 201, added.text
    seen = admin.get(path).headers["ETag"]
    rated = viewer.client.put(f"{VIDEOS}/{video}/rating", json={"rating": 5}, headers=viewer.bearer)
    assert rated.status_code == 200, rated.text
    news = admin.get(path, If_None_Match=seen)
    assert (news.status_code, news.headers["ETag"] == seen) == (200, False)
    edited = admin.client.patch(path, json=change, headers=admin.bearer | {"If-Match": seen})
    assert edited.status_code == 200, edited.text
    assert admin.get(path, If_None_Match=edited.headers["ETag"]).status_code == 304
    lost = admin.client.patch(path, json=change, headers=admin.bearer | {"If-Match": seen})
    assert lost.status_code == 412, "somebody has changed it since"


GROUPS = "/api/v1/admin/groups"


def _edits(world: World, admin: Reader) -> dict[str, tuple[str, str, list[dict[str, Any]]]]:
    """Where it is read, how it is changed, and two changes, of everything that has fields to edit."""
    video, person = world.video("Sunrise"), world.user("bob").id.hex
    group = admin.client.post(GROUPS, json={"name": "Family"}, headers=admin.bearer).get_json()["id"]
    quality = [{"quality": "720p"}, {"quality": "480p"}]
    return {
        "title": (f"{VIDEOS}/{video}", "PATCH", [{"title": "Dawn"}, {"tags": ["sea"]}]),
        "viewers": (
            f"{VIDEOS}/{video}/viewers",
            "PUT",
            [{"users": [person], "groups": []}, {"users": [], "groups": []}],
        ),
        "group": (f"{GROUPS}/{group}", "PATCH", [{"name": "Friends"}, {"name": "Others"}]),
        "user": (f"/api/v1/admin/users/{person}", "PATCH", [{"email": "bob@box.test"}, {"is_active": False}]),
        "profile": ("/api/v1/users/me", "PATCH", [{"display_name": "A"}, {"display_name": "B"}]),
        "preferences": ("/api/v1/users/me/preferences", "PUT", quality),
    }


@pytest.mark.parametrize("what", ["title", "viewers", "group", "user", "profile", "preferences"])
def test_a_change_of_what_somebody_has_changed_meanwhile_is_412_and_changes_nothing(world: World, what: str) -> None:
    admin = Reader(world, "root", "admin")
    path, method, (first, second) = _edits(world, admin)[what]

    def change(body: dict[str, Any], **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return admin.client.open(path, method=method, json=body, headers=admin.bearer | sent)

    seen = admin.get(path).headers["ETag"]
    changed = change(first, If_Match=seen)
    assert changed.status_code == 200, changed.text
    after = admin.get(path)
    assert changed.headers["ETag"] == after.headers["ETag"] != seen, "the next change may follow at once"
    refused = change(second, If_Match=seen)
    assert (refused.status_code, refused.get_json()["code"]) == (412, "precondition_failed")
    assert admin.get(path).data == after.data
    assert change(second, If_Match=changed.headers["ETag"]).status_code == 200
    assert change(first).status_code == 200, "who says nothing wins"


def test_the_tag_of_a_title_is_the_same_from_the_cache_and_past_it(world: World, reader: Reader) -> None:
    path = f"{VIDEOS}/{world.video()}"
    assert reader.get(path).headers["ETag"] == reader.get(path).headers["ETag"]
    world.redis_cache.client().flushall()
    first = reader.get(path)
    assert reader.get(path, If_None_Match=first.headers["ETag"]).status_code == 304
