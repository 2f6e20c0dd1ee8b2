"""An admin removes what was made of a title, and chooses when it is made; the trail and the overview tell."""

from typing import Any

import psycopg
import pytest

from authsvc.cli import overview
from catalog import roles
from testbed.services.viewer import Viewer
from testbed.services.world import World

MADE = ("v360-0123abcd.mp4", "v360-0123abcd.m3u8", "a-en-0123abcd.mp4", "iframes-360-0123abcd.m3u8", "master.m3u8")
OTHERS = ("source.mkv", "poster.jpg", "storyboard-1.jpg", "sub-en.vtt")


@pytest.fixture
def admin(world: World) -> Viewer:
    return Viewer(world, "root", role="admin")


@pytest.fixture
def video(world: World) -> str:
    """A title that has renditions, and other files."""
    video = world.video(renditions="as_needed")
    world.publish(video, *MADE, *OTHERS)
    return video


def rows(world: World, statement: str) -> list[Any]:
    return world.owner.execute(statement).fetchall()


def test_what_was_made_is_withdrawn_and_nothing_else(world: World, admin: Viewer, video: str) -> None:
    alice = Viewer(world, "alice")
    assert alice.play(video).get_json()["links"]["hls"]
    for _ in range(2):
        assert admin.call("DELETE", f"/videos/{video}/renditions").status_code == 204
    assert {name for (name,) in rows(world, "SELECT name FROM published_files")} == set(OTHERS)
    assert {name for (name,) in rows(world, "SELECT name FROM withdrawn_files")} == set(MADE)
    assert [file["name"] for file in alice.call("GET", f"/videos/{video}").get_json()["files"]] == sorted(OTHERS)
    # Whoever plays it next has it made again.
    links = alice.play(video).get_json()["links"]
    assert links["now"]
    assert not links["hls"]
    events = rows(world, "SELECT details FROM audit_events WHERE event = 'renditions_removed'")
    assert events == [({"video": video, "bytes": 1000 * len(MADE)},)]


def test_only_admins_remove_and_only_what_is_there(world: World, admin: Viewer, alice: Viewer, video: str) -> None:
    assert alice.call("DELETE", f"/videos/{video}/renditions").status_code == 403
    assert admin.call("DELETE", f"/videos/{'0' * 32}/renditions").status_code == 404
    assert len(rows(world, "SELECT FROM published_files")) == len(MADE) + len(OTHERS)


@pytest.mark.parametrize(
    ("policy", "direct_play", "is_made"),
    [
        ("ladder", True, True), ("ladder", False, True), ("as_needed", True, False), ("as_needed", False, True),
        ("none", False, False), (None, False, False),
    ],
)  # fmt: skip
def test_a_policy_of_its_own_has_made_what_it_wants(
    world: World, admin: Viewer, policy: str | None, direct_play: bool, is_made: bool
) -> None:
    video = world.video(renditions="none", direct_play=direct_play)
    answer = admin.call("PATCH", f"/videos/{video}", {"renditions": policy})
    assert answer.status_code == 200
    assert [answer.get_json()[name] for name in ("renditions", "renditions_chosen")] == [policy, policy]
    made = rows(world, "SELECT kind, urgency, requested_by FROM jobs")
    assert made == ([("rendition", "wanted", admin.user.id)] if is_made else [])


def test_what_is_there_is_not_made_anew_for_a_policy(world: World, admin: Viewer, alice: Viewer, video: str) -> None:
    assert admin.call("PATCH", f"/videos/{video}", {"renditions": "ladder"}).status_code == 200
    assert rows(world, "SELECT FROM jobs") == []
    assert admin.call("PATCH", f"/videos/{video}", {"title": "Other"}).get_json()["renditions_chosen"] == "ladder"
    assert admin.call("PATCH", f"/videos/{video}", {"renditions": "always"}).status_code == 422
    assert alice.call("PATCH", f"/videos/{video}", {"renditions": "none"}).status_code == 403


def test_a_ladder_is_made_where_a_single_picture_is_kept(world: World, admin: Viewer) -> None:
    video = world.video(renditions="as_needed")
    world.publish(video, "master.m3u8", "manifest.mpd", "v480-0123abcd.mp4", "v480-0123abcd.m3u8")
    assert admin.call("PATCH", f"/videos/{video}", {"renditions": "as_needed"}).status_code == 200
    assert rows(world, "SELECT FROM jobs") == []
    assert admin.call("PATCH", f"/videos/{video}", {"renditions": "ladder"}).status_code == 200
    assert rows(world, "SELECT kind, parameters FROM jobs") == [("rendition", {})]


def test_the_overview_tells_what_is_kept_and_what_leaves_next(world: World, video: str) -> None:
    world.publish(world.video("Nosferatu", direct_play=True), "v360-0123abcd.mp4")
    with psycopg.connect(world.database.url_for(roles.API)) as connection:
        kept = overview.kept(connection)
        assert kept == {"bytes": 5000, "budget_bytes": None, "leave_next": []}
        world.owner.execute("UPDATE rendition_budget SET budget_bytes = 9000")
        try:
            kept = overview.kept(connection)
        finally:
            world.owner.execute("UPDATE rendition_budget SET budget_bytes = 0")
    assert kept == {"bytes": 5000, "budget_bytes": 9000, "leave_next": ["Nosferatu", "Sunrise"]}
