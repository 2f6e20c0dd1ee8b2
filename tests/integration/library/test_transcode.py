"""An admin has renditions made; and who plays what can't be played everywhere gets them made first."""

from typing import Any

import pytest

from testbed.services.viewer import Viewer
from testbed.services.world import World


@pytest.fixture
def admin(world: World) -> Viewer:
    return Viewer(world, "root", role="admin")


def jobs(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    return world.owner.execute("SELECT kind, urgency, parameters FROM jobs ORDER BY created_at, kind DESC").fetchall()


def test_renditions_are_enqueued_as_they_are_wanted(world: World, admin: Viewer) -> None:
    video = world.video()
    response = admin.call(
        "POST", f"/videos/{video}/transcode", {"profiles": ["720p", "360p"], "dash": False, "thumbnails": True}
    )
    assert response.status_code == 202
    made = response.get_json()["jobs"]
    assert {job["kind"] for job in made} == {"rendition", "pictures"}
    assert all(job["video"]["id"] == video and job["requested_by"]["username"] == "root" for job in made)
    assert jobs(world) == [
        ("rendition", "wanted", {"profiles": ["360p", "720p"], "dash": False}),
        ("pictures", "wanted", {}),
    ]


def test_the_same_wish_is_one_job(world: World, admin: Viewer) -> None:
    video = world.video()
    first = admin.call("POST", f"/videos/{video}/transcode", {"profiles": ["720p", "360p"]}).get_json()
    again = admin.call("POST", f"/videos/{video}/transcode", {"profiles": ["360p", "720p"], "hls": True}).get_json()
    assert [job["id"] for job in first["jobs"]] == [job["id"] for job in again["jobs"]]


@pytest.mark.parametrize(
    "body",
    [
        {"profiles": []},
        {"profiles": ["4320p"]},
        {"profiles": ["-i /etc/passwd"]},
        {"profiles": ["360p", "360p"]},
        {"profiles": "360p"},
        {"profiles": [360]},
        {"hls": False, "dash": False},
        {"hls": "yes"},
        {"preset": "slow"},
    ],
)
def test_what_makes_no_sense_is_422_and_enqueues_nothing(world: World, admin: Viewer, body: dict[str, Any]) -> None:
    response = admin.call("POST", f"/videos/{world.video()}/transcode", body)
    assert (response.status_code, response.get_json()["code"]) == (422, "invalid")
    assert jobs(world) == []


def test_only_admins_order_and_only_what_plays(world: World, admin: Viewer, alice: Viewer) -> None:
    assert alice.call("POST", f"/videos/{world.video()}/transcode", {}).status_code == 403
    assert admin.call("POST", f"/videos/{'0' * 32}/transcode", {}).status_code == 404
    broken = admin.call("POST", f"/videos/{world.video(status='broken', status_reason='No.')}/transcode", {})
    assert (broken.status_code, broken.get_json()["code"]) == (409, "broken")
    assert jobs(world) == []


def test_who_plays_what_not_every_device_shows_has_it_made_first(world: World) -> None:
    """Where nothing is made while it is watched."""
    world.with_settings(made_now=False)
    alice = Viewer(world, "alice")
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    world.owner.execute("SELECT enqueue_job('rendition', %s, '{}', NULL, 'backlog')", (video,))
    for _ in range(2):
        assert alice.play(video).status_code == 201
    assert jobs(world) == [("rendition", "wanted", {})]


def test_what_is_made_while_it_is_watched_is_not_made_otherwise_first(world: World, alice: Viewer) -> None:
    """Both would take one another's cores. Nothing is begun before the player asks for it."""
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    world.owner.execute("SELECT enqueue_job('rendition', %s, '{}', NULL, 'backlog')", (video,))
    assert "now" in alice.play(video).get_json()["links"]
    assert jobs(world) == [("rendition", "backlog", {})]


@pytest.mark.parametrize(
    ("columns", "files"),
    [
        ({"renditions": "none"}, ["source.mkv"]),
        ({"renditions": "ladder", "direct_play": True}, ["source.mp4"]),
        ({"renditions": "as_needed"}, ["source.mkv", "master.m3u8"]),
    ],
)
def test_nothing_is_made_where_it_is_not_wanted_or_there(
    world: World, alice: Viewer, columns: dict[str, Any], files: list[str]
) -> None:
    video = world.video(**columns)
    world.publish(video, *files)
    assert alice.play(video).status_code == 201
    assert jobs(world) == []


def test_what_failed_is_not_tried_by_every_viewer_anew(world: World) -> None:
    world.with_settings(made_now=False)
    alice = Viewer(world, "alice")
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    alice.play(video)
    world.owner.execute("UPDATE jobs SET state = 'failed', ended_at = now()")
    alice.play(video)
    assert len(jobs(world)) == 1


def test_who_prefers_players_of_their_own_waits_for_nothing(world: World, alice: Viewer) -> None:
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    assert alice.call("PUT", "/users/me/preferences", {"device_kind": "player"}).status_code == 200
    assert alice.play(video).status_code == 201
    assert jobs(world) == []


def test_what_only_newer_devices_play_joins_what_is_kept_when_it_is_named_alone(world: World, admin: Viewer) -> None:
    """Where nothing is kept it is made with what every browser plays."""
    video, wished = world.video(), ["2160p", "1080p-av1"]
    admin.call("POST", f"/videos/{video}/transcode", {"profiles": wished})
    world.owner.execute(
        "INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, 'master.m3u8', 'a/b', 1)",
        (video,),
    )
    (job,) = admin.call("POST", f"/videos/{video}/transcode", {"profiles": wished[::-1]}).get_json()["jobs"]
    assert job["kind"] == "extra"
    admin.call("POST", f"/videos/{video}/transcode", {"profiles": ["720p", "1080p-av1"]})
    assert jobs(world) == [
        ("rendition", "wanted", {"profiles": wished}),
        ("extra", "wanted", {"profiles": wished}),
        ("rendition", "wanted", {"profiles": ["720p", "1080p-av1"]}),
    ]
