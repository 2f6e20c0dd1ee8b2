"""Who sees which title: role x visibility x every way to it gives one answer, and a change revokes at once."""

import time
import uuid
from typing import Any

import pytest

from testbed.services.viewer import Viewer
from testbed.services.world import Asker, World

VISIBILITIES = ("public", "members", "named to the user", "named to the group", "named to others", "removed")
# Who sees what; `named` means alice, by herself or by her group.
SEES = {
    "admin": set(VISIBILITIES) - {"removed"},
    "alice": {"public", "members", "named to the user", "named to the group"},
    "bob": {"public", "members"},
    "guest": {"public"},
}


@pytest.fixture
def boss(world: World) -> Viewer:
    return Viewer(world, "boss", role="admin")


def group_of(boss: Viewer, *members: Viewer, name: str = "family") -> str:
    group = boss.call("POST", "/admin/groups", {"name": name}).get_json()["id"]
    for member in members:
        assert boss.call("PUT", f"/admin/groups/{group}/members/{member.user.id.hex}").status_code == 204
    return str(group)


def name(boss: Viewer, video: str, *, users: tuple[Viewer, ...] = (), groups: tuple[str, ...] = ()) -> Any:
    body = {"users": [user.user.id.hex for user in users], "groups": list(groups)}
    return boss.call("PUT", f"/videos/{video}/viewers", body)


def test_every_way_to_a_title_gives_the_same_answer(world: World, boss: Viewer, alice: Viewer) -> None:
    ask = Asker(world.authz_app)
    bob, guest = Viewer(world, "bob"), Viewer(world, "ghost", role="guest")
    family = group_of(boss, alice, guest)
    group_of(boss, bob, name="others")
    videos = {
        what: world.video(f"sea {what}", visibility=what.split()[0] if what != "removed" else "public")
        for what in VISIBILITIES
    }
    for video in videos.values():
        world.publish(video, "source.mp4", "poster.jpg")
    assert name(boss, videos["named to the user"], users=(alice, guest)).status_code == 200
    assert name(boss, videos["named to the group"], groups=(family,)).status_code == 200
    world.owner.execute("UPDATE videos SET removed_at = now() WHERE id = %s", (videos["removed"],))
    for who, viewer in {"admin": boss, "alice": alice, "bob": bob, "guest": guest}.items():
        sees = {videos[what] for what in SEES[who]}
        for query in ("", "?q=sea", "?sort=title&limit=100"):
            items = viewer.call("GET", f"/videos{query}").get_json()["items"]
            assert {item["id"] for item in items} == sees, (who, query)
        assert sum(viewer.call("GET", "/status").get_json()["videos"].values()) == len(sees)
        for what, video in videos.items():
            seen = video in sees
            case = (who, what)
            assert viewer.call("GET", f"/videos/{video}").status_code == (200 if seen else 404), case
            granted = viewer.play(video)
            assert granted.status_code == (201 if seen else 404), case
            if seen:
                playback = granted.get_json()["playback_id"]
            else:
                # As if the grant had come before the title was closed.
                playback = uuid.uuid4().hex
                world.owner.execute(
                    "INSERT INTO playbacks (id, session_id, user_id, video_id, door) VALUES (%s, %s, %s, %s, 'signed')",
                    (playback, viewer.session_id, viewer.user.id, video),
                )
            for kind in ("media:source", "media:720", "manifest", "picture", "text"):
                for method in ("GET", "HEAD"):
                    at_doors = (
                        ask.header(video, viewer.token, kind=kind, method=method),
                        ask.signed(video, playback, kind=kind, method=method),
                    )
                    for answer in at_doors:
                        told = (answer.status_code, answer.headers.get("X-Deny"))
                        assert told == ((204, None) if seen else (403, "forbidden")), (*case, kind, method)
            live = world.redis_live.client()
            if held := live.keys("ks:leases:*"):
                live.delete(*held)


def test_outage_of_redis_gives_the_same_answer(world: World, boss: Viewer, alice: Viewer) -> None:
    world.with_settings(outage_known_seconds=0.001, redis_live_url="unix:///nowhere/redis.sock")
    ask = Asker(world.authz_app)
    video = world.video(visibility="named")
    for viewer, named, told in (
        (alice, False, (403, "forbidden")),
        (alice, True, (204, None)),
        (boss, False, (204, None)),
    ):
        world.owner.execute("DELETE FROM video_users")
        if named:
            world.owner.execute("INSERT INTO video_users VALUES (%s, %s)", (video, viewer.user.id))
        answer = ask.header(video, viewer.token, kind="picture")
        assert (answer.status_code, answer.headers.get("X-Deny")) == told


@pytest.mark.parametrize("change", ["visibility", "viewers", "membership", "group"])
def test_who_loses_a_title_loses_it_at_once(world: World, boss: Viewer, alice: Viewer, change: str) -> None:
    ask = Asker(world.authz_app)
    bob = Viewer(world, "bob")
    video, other = world.video(visibility="named"), world.video()
    family = group_of(boss, alice)
    by_group = change in ("membership", "group")
    assert (
        name(boss, video, users=() if by_group else (alice,), groups=(family,) if by_group else ()).status_code == 200
    )
    if change == "visibility":
        assert boss.call("PATCH", f"/videos/{video}", {"visibility": "members"}).status_code == 200
    playback = alice.play(video).get_json()["playback_id"]
    untouched = alice.play(other).get_json()["playback_id"]
    assert ask.signed(video, playback).status_code == 204
    assert ask.header(video, alice.token).status_code == 204
    assert ask.header(video, bob.token).status_code == (204 if change == "visibility" else 403)
    world.owner.execute("DELETE FROM video_users") if change == "visibility" else None
    calls = {
        "visibility": ("PATCH", f"/videos/{video}", {"visibility": "named"}),
        "viewers": ("PUT", f"/videos/{video}/viewers", {"users": [bob.user.id.hex], "groups": []}),
        "membership": ("DELETE", f"/admin/groups/{family}/members/{alice.user.id.hex}", None),
        "group": ("DELETE", f"/admin/groups/{family}", None),
    }
    assert boss.call(*calls[change]).status_code in {200, 204}
    assert ask.signed(video, playback).headers.get("X-Deny") == "forbidden"
    assert ask.header(video, alice.token).headers.get("X-Deny") == "forbidden"
    assert alice.call("GET", f"/videos/{video}").status_code == 404
    assert alice.play(video).status_code == 404
    ended = world.owner.execute("SELECT DISTINCT end_reason FROM playbacks WHERE video_id = %s", (video,)).fetchall()
    assert ended == [("withdrawn",)], "running transfers are cut by what is ended"
    beat = alice.beat(playback, 5)
    assert (beat.status_code, beat.get_json()["code"]) == (410, "withdrawn")
    assert ask.signed(other, untouched).status_code == 204, "what is still allowed goes on"
    leases = world.redis_live.client().zrange("ks:leases:box", 0, -1)
    assert playback.encode() not in leases


def test_who_gains_a_title_has_it_at_once(world: World, boss: Viewer, alice: Viewer) -> None:
    ask = Asker(world.authz_app)
    video = world.video(visibility="named")
    family = group_of(boss)
    name(boss, video, groups=(family,))
    assert ask.header(video, alice.token).headers["X-Deny"] == "forbidden"
    assert boss.call("PUT", f"/admin/groups/{family}/members/{alice.user.id.hex}").status_code == 204
    assert ask.header(video, alice.token).status_code == 204
    assert alice.call("GET", f"/videos/{video}").status_code == 200


def test_lost_message_to_redis_is_made_up_for(world: World, boss: Viewer, alice: Viewer) -> None:
    world.with_settings(fresh_seconds=0.05)
    ask = Asker(world.authz_app)
    video = world.video(visibility="named")
    assert ask.header(video, alice.token).headers["X-Deny"] == "forbidden"
    world.owner.execute("INSERT INTO video_users VALUES (%s, %s)", (video, alice.user.id))
    time.sleep(0.06)
    assert ask.header(video, alice.token).status_code == 204
    world.owner.execute("DELETE FROM video_users")
    time.sleep(0.06)
    assert ask.header(video, alice.token).status_code in {204, 403}
    assert ask.header(video, alice.token).headers["X-Deny"] == "forbidden"


def test_edit_changes_what_is_named_and_nothing_else(world: World, boss: Viewer, alice: Viewer) -> None:
    video = world.video("Old", description="kept", tags=["kept"])
    before = world.owner.execute("SELECT status, path, added_at, size_bytes FROM videos").fetchone()
    for name, value in {"status": "broken", "id": "0" * 32, "path": "/etc/passwd", "added_at": "2000-01-01"}.items():
        assert boss.call("PATCH", f"/videos/{video}", {"title": "New", name: value}).status_code == 422, name
    answer = boss.call("PATCH", f"/videos/{video}", {"title": "  New  "})
    assert answer.status_code == 200, answer.text
    assert (answer.get_json()["title"], answer.get_json()["description"], answer.get_json()["tags"]) == (
        "New", "kept", ["kept"],
    )  # fmt: skip
    assert world.owner.execute("SELECT status, path, added_at, size_bytes FROM videos").fetchone() == before
    answer = boss.call("PATCH", f"/videos/{video}", {"description": "two\nlines", "tags": ["a", " b ", "a"]})
    assert (answer.get_json()["description"], answer.get_json()["tags"]) == ("two\nlines", ["a", "b"])
    assert boss.call("PATCH", f"/videos/{video}", {}).status_code == 200
    assert boss.call("PATCH", f"/videos/{uuid.uuid4().hex}", {"title": "x"}).status_code == 404
    assert alice.call("PATCH", f"/videos/{video}", {"title": "mine"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"), ({"title": "   "}, "title"), ({"title": "x" * 301}, "title"),
        ({"title": None}, "title"), ({"title": 7}, "title"), ({"title": "a\0b"}, "title"),
        ({"title": "a\nb"}, "title"), ({"title": "\ud800"}, "title"), ({"description": "x" * 5001}, "description"),
        ({"description": "\x1b[2J"}, "description"), ({"tags": ["x"] * 51}, "tags"), ({"tags": ["x" * 51]}, "tags.0"),
        ({"tags": "x"}, "tags"), ({"tags": [[]]}, "tags.0"), ({"visibility": "nobody"}, "visibility"),
        ({"visibility": None}, "visibility"),
    ],
)  # fmt: skip
def test_bad_edit_is_422_and_changes_nothing(world: World, boss: Viewer, body: Any, field: str) -> None:
    video = world.video("Sunrise")
    before = world.owner.execute("SELECT * FROM videos").fetchone()
    response = boss.call("PATCH", f"/videos/{video}", body)
    assert response.status_code == 422, response.text
    assert field.split(".")[0] in str(response.get_json()["errors"])
    assert world.owner.execute("SELECT * FROM videos").fetchone() == before


def test_bad_viewers_are_422_and_change_nothing(world: World, boss: Viewer, alice: Viewer) -> None:
    video = world.video(visibility="named")
    assert name(boss, video, users=(alice,)).status_code == 200
    someone = uuid.uuid4().hex
    for body in (
        {"users": [someone], "groups": []}, {"users": [], "groups": [someone]}, {"users": []}, {"groups": []},
        {"users": ["x"], "groups": []}, {"users": [someone] * 1001, "groups": []}, {"users": "x", "groups": []},
    ):  # fmt: skip
        assert boss.call("PUT", f"/videos/{video}/viewers", body).status_code == 422, body
    told = boss.call("GET", f"/videos/{video}/viewers").get_json()
    assert told == {
        "visibility": "named",
        "users": [{"id": alice.user.id.hex, "username": "alice"}],
        "groups": [],
    }
    for method in ("GET", "PUT"):
        body = {"users": [], "groups": []} if method == "PUT" else None
        assert alice.call(method, f"/videos/{video}/viewers", body).status_code == 403
        assert boss.call(method, f"/videos/{uuid.uuid4().hex}/viewers", body).status_code == 404


def test_groups_are_made_renamed_and_deleted(world: World, boss: Viewer, alice: Viewer) -> None:
    family = group_of(boss, alice, name="Family")
    assert boss.call("POST", "/admin/groups", {"name": "\uff26AMILY"}).status_code == 409, "looks the same"
    assert boss.call("PATCH", f"/admin/groups/{family}", {"name": "Friends"}).get_json()["name"] == "Friends"
    other = group_of(boss, name="Family")
    assert boss.call("PATCH", f"/admin/groups/{other}", {"name": "friends"}).status_code == 409
    items = boss.call("GET", "/admin/groups").get_json()["items"]
    assert [(group["name"], group["members"]) for group in items] == [("Family", 0), ("Friends", 1)]
    one = boss.call("GET", f"/admin/groups/{family}").get_json()
    assert one["members"] == [{"id": alice.user.id.hex, "username": "alice"}]
    nobody = uuid.uuid4().hex
    for method, path, body in (
        ("GET", f"/admin/groups/{nobody}", None),
        ("PATCH", f"/admin/groups/{nobody}", {"name": "x"}),
        ("DELETE", f"/admin/groups/{nobody}", None),
        ("PUT", f"/admin/groups/{nobody}/members/{alice.user.id.hex}", None),
        ("PUT", f"/admin/groups/{family}/members/{nobody}", None),
        ("DELETE", f"/admin/groups/{nobody}/members/{alice.user.id.hex}", None),
    ):
        assert boss.call(method, path, body).status_code == 404, path
        assert alice.call(method, path, body).status_code == 403, path
    assert boss.call("DELETE", f"/admin/groups/{family}/members/{alice.user.id.hex}").status_code == 204
    assert boss.call("DELETE", f"/admin/groups/{family}").status_code == 204
    trail = world.owner.execute(
        "SELECT details ->> 'change' FROM audit_events WHERE event = 'group_changed' ORDER BY id"
    ).fetchall()
    assert [change for (change,) in trail] == ["created", "added", "renamed", "created", "removed", "deleted"]
    for bad in ({"name": ""}, {"name": " "}, {"name": "x" * 101}, {"name": 1}, {}, {"name": "a\nb"}):
        assert boss.call("POST", "/admin/groups", bad).status_code == 422, bad


def test_folders_take_a_default(world: World, boss: Viewer, alice: Viewer) -> None:
    body = {"root": "/library", "folder": "/films/naïve/", "visibility": "named", "users": [alice.user.id.hex]}
    made = boss.call("POST", "/admin/folders", body)
    assert made.status_code == 201, made.text
    rule = made.get_json()
    assert rule | {"id": ""} == {
        "id": "", "root": "/library", "folder": "films/naïve", "visibility": "named",
        "users": [alice.user.id.hex], "groups": [],
    }  # fmt: skip
    assert boss.call("GET", "/admin/folders").get_json()["items"] == [rule]
    assert boss.call("POST", "/admin/folders", body).status_code == 409
    for bad in (
        {"root": "library"}, {"root": "/"}, {"root": "/library/"}, {"root": "/a/../b"}, {"root": "/elsewhere"},
        {"folder": "a/../b"}, {"folder": "../a"}, {"folder": "a//b"}, {"folder": "."}, {"folder": "x" * 1025},
        {"folder": "é" * 600},
        {"visibility": "secret"}, {"users": [uuid.uuid4().hex]}, {"groups": [uuid.uuid4().hex]}, {"folder": "a\0"},
    ):  # fmt: skip
        response = boss.call("POST", "/admin/folders", body | bad)
        assert response.status_code == 422, (bad, response.text)
        assert response.get_json()["errors"].keys() == bad.keys()
    assert alice.call("GET", "/admin/folders").status_code == 403
    assert boss.call("DELETE", f"/admin/folders/{rule['id']}").status_code == 204
    assert boss.call("DELETE", f"/admin/folders/{rule['id']}").status_code == 404


def test_admin_without_the_second_factor_sees_what_a_user_sees(world: World) -> None:
    world.with_settings(second_factor_required_for_admins=True)
    boss = Viewer(world, "boss", role="admin")
    ask = Asker(world.authz_app)
    video = world.video(visibility="named")
    assert boss.call("GET", f"/videos/{video}").status_code == 404
    assert ask.header(video, boss.token).headers["X-Deny"] == "forbidden"
    world.owner.execute("INSERT INTO video_users VALUES (%s, %s)", (video, boss.user.id))
    world.redis_live.client().flushdb()
    assert boss.call("GET", f"/videos/{video}").status_code == 200
    assert ask.header(video, boss.token).status_code == 204
