"""The grant to watch, signs of life, the end; and admins who see and stop it."""

import re
import time
import uuid
from datetime import datetime
from typing import Any

import pytest

from catalog.contract import words
from testbed.services.viewer import Viewer
from testbed.services.world import PLAY_SECRET, Asker, World


def test_grant_has_links_that_the_signed_door_takes(world: World, alice: Viewer) -> None:
    video = world.video()
    world.publish(video, "source.mkv", "poster.jpg", "thumb-01.jpg")
    asked = time.time()
    response = alice.play(video, device="television")
    answered = time.time()
    assert response.status_code == 201
    body = response.get_json()
    life = 1.5 * 600 + 1800
    assert asked + life - 1 <= datetime.fromisoformat(body["expires_at"]).timestamp() <= answered + life + 1
    assert (body["heartbeat_seconds"], body["resume_seconds"]) == (15, 0)
    links = {name: link for name, link in body["links"].items() if link}
    assert set(links) == {"source", "poster", "now"}
    for link in links.values():
        assert re.fullmatch(
            rf"/m/k1/[0-9]{{10}}/{body['playback_id']}/[A-Za-z0-9_-]{{21}}[AQgw]/{video}/(source\.mkv|poster\.jpg|now\.m3u8)",
            link,
        ), link
    assert PLAY_SECRET not in response.text
    row = world.owner.execute("SELECT door, device, host(client), ended_at FROM playbacks").fetchone()
    assert row == ("signed", "television", "192.0.2.7", None)
    assert Asker(world.authz_app).signed(video, body["playback_id"]).status_code == 204


def test_manifests_are_linked_once_they_are_published(world: World, alice: Viewer) -> None:
    video = world.video()
    world.publish(video, "source.mp4", "master.m3u8", "manifest.mpd", "v720-0123abcd.mp4")
    links = alice.play(video).get_json()["links"]
    assert links["hls"].endswith(f"/{video}/master.m3u8")
    assert links["dash"].endswith(f"/{video}/manifest.mpd")
    assert links["poster"] is None


def test_what_is_made_while_it_is_watched_is_linked_and_nothing_begins(world: World) -> None:
    world.with_settings(streams_per_user=0, streams_per_session=0)
    alice = Viewer(world, "alice")
    made = {
        "as needed": world.video(renditions="as_needed"), "of the ladder": world.video(renditions="ladder"),
        "not looked at yet": world.video(), "never": world.video(renditions="none"),
        "kept": world.video(renditions="as_needed"), "half kept": world.video(renditions="as_needed"),
    }  # fmt: skip
    for video in made.values():
        world.publish(video, "source.mkv")
    world.publish(made["kept"], "master.m3u8", "manifest.mpd")
    world.publish(made["half kept"], "manifest.mpd")
    granted = {name: alice.play(video).get_json() for name, video in made.items()}
    linked = {name for name, grant in granted.items() if grant["links"]["now"]}
    assert linked == {"as needed", "of the ladder", "not looked at yet"}
    for name in linked:
        assert granted[name]["links"]["now"].endswith(f"/{made[name]}/now.m3u8")
        assert granted[name]["chosen"]["link"] == "source"
        assert granted[name]["chosen"]["alternatives"] == []
    assert world.owner.execute("SELECT FROM jobs WHERE kind = 'instant'").fetchone() is None


def test_where_nothing_is_made_while_it_is_watched_nothing_is_linked(world: World) -> None:
    world.with_settings(made_now=False)
    alice = Viewer(world, "alice")
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    assert alice.play(video).get_json()["links"]["now"] is None


def test_each_grant_is_a_new_playback(world: World, alice: Viewer) -> None:
    video = world.video()
    assert len({alice.play(video).get_json()["playback_id"] for _ in range(3)}) == 3


@pytest.mark.parametrize("status", ["waiting", "broken"])
def test_title_that_is_not_ready_is_409_with_its_reason(world: World, alice: Viewer, status: str) -> None:
    response = alice.play(world.video(status=status, status_reason="still being copied"))
    assert (response.status_code, response.get_json()["code"]) == (409, status)
    assert response.get_json()["detail"] == "still being copied"


def test_fourth_stream_is_refused_with_the_running_ones(world: World, alice: Viewer) -> None:
    videos = [world.video(f"Title {number}") for number in range(4)]
    running = [alice.play(video, device=f"device {video[:4]}").get_json()["playback_id"] for video in videos[:3]]
    response = alice.play(videos[3])
    body = response.get_json()
    assert (response.status_code, body["code"], body["status"]) == (429, "streams", 429)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert {stream["playback_id"] for stream in body["running"]} == set(running)
    first = next(stream for stream in body["running"] if stream["playback_id"] == running[0])
    assert first["video"] == {"id": videos[0], "title": "Title 0"}
    assert (first["state"], first["door"], first["client"]) == ("pending", "signed", "192.0.2.7")
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (3,), "the refused one left a row"
    assert alice.call("DELETE", f"/playbacks/{running[1]}").status_code == 204
    assert alice.play(videos[3]).status_code == 201


def test_other_users_streams_do_not_count_and_are_not_shown(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    theirs = bob.play(video).get_json()["playback_id"]
    for _ in range(3):
        assert alice.play(video).status_code == 201
    refused = alice.play(video)
    assert refused.status_code == 429
    assert theirs not in refused.text


def test_replace_ends_the_named_one_and_starts_the_new(world: World, alice: Viewer) -> None:
    ask = Asker(world.authz_app)
    video = world.video()
    running = [alice.play(video).get_json()["playback_id"] for _ in range(3)]
    response = alice.play(video, replace=running[0])
    assert response.status_code == 201
    assert ask.signed(video, running[0]).headers["X-Deny"] == "gone"
    beat = alice.beat(running[0], 1)
    assert (beat.status_code, beat.get_json()["code"]) == (410, "replaced")
    assert ask.signed(video, response.get_json()["playback_id"]).status_code == 204
    assert alice.play(video).status_code == 429


def test_replace_of_somebody_elses_or_nobodys_playback_ends_nothing(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    theirs = bob.play(video).get_json()["playback_id"]
    for _ in range(3):
        assert alice.play(video).status_code == 201
    for other in (theirs, uuid.uuid4().hex):
        assert alice.play(video, replace=other).status_code == 429
    assert bob.beat(theirs, 1).status_code == 204
    assert world.owner.execute("SELECT count(*) FROM playbacks WHERE ended_at IS NOT NULL").fetchone() == (0,)


def test_refused_replace_keeps_the_old_one(world: World) -> None:
    world.with_settings(streams_per_box=1)
    alice, bob = Viewer(world, "alice"), Viewer(world, "bob")
    video = world.video()
    lapsed = alice.play(video).get_json()["playback_id"]
    live = world.redis_live.client()
    live.delete(*live.keys("ks:leases:*"))
    assert bob.play(video).status_code == 201
    assert alice.play(video, replace=lapsed).status_code == 429
    assert alice.beat(lapsed, 1).status_code == 204, "it was ended although nothing replaced it"


@pytest.mark.parametrize(("position", "saved"), [(0, 0), (12.5, 12.5), (600, 600), (600.1, 600), (1e300, 600), (7, 7)])
def test_heartbeat_saves_the_position_within_the_duration(
    world: World, alice: Viewer, position: float, saved: float
) -> None:
    video = world.video()
    one = alice.play(video).get_json()["playback_id"]
    assert alice.beat(one, position).status_code == 204
    assert world.owner.execute("SELECT position_seconds FROM progress").fetchone() == (saved,)
    assert world.owner.execute("SELECT position_seconds FROM playbacks").fetchone() == (saved,)


def test_next_playback_resumes_where_the_last_one_was(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    first = alice.play(video).get_json()["playback_id"]
    alice.beat(first, 100)
    alice.beat(first, 250.5, "paused")
    assert alice.other_device().play(video).get_json()["resume_seconds"] == 250.5
    assert bob.play(video).get_json()["resume_seconds"] == 0
    alice.beat(first, 590)
    assert alice.play(video, replace=first).get_json()["resume_seconds"] == 0, "watched to the end"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"position_seconds": -1, "state": "playing"}, "position_seconds"),
        ({"position_seconds": "12", "state": "playing"}, "position_seconds"),
        ({"position_seconds": True, "state": "playing"}, "position_seconds"),
        ({"position_seconds": None, "state": "playing"}, "position_seconds"),
        ({"position_seconds": [1], "state": "playing"}, "position_seconds"),
        ({"state": "playing"}, "position_seconds"),
        ({"position_seconds": 1}, "state"),
        ({"position_seconds": 1, "state": "flying"}, "state"),
        ({"position_seconds": 1, "state": 7}, "state"),
        ([], "_schema"),
        ("text", "_schema"),
    ],
)
def test_wrong_heartbeat_is_422_and_saves_nothing(world: World, alice: Viewer, body: Any, field: str) -> None:
    one = alice.play(world.video()).get_json()["playback_id"]
    response = alice.call("POST", f"/playbacks/{one}/heartbeat", body)
    assert response.status_code == 422, response.text
    assert set(response.get_json()["errors"]) == {field}
    assert world.owner.execute("SELECT count(*) FROM progress").fetchone() == (0,)


def test_playback_of_another_session_is_404_for_heartbeats(world: World, alice: Viewer, bob: Viewer) -> None:
    one = alice.play(world.video()).get_json()["playback_id"]
    for stranger in (bob, alice.other_device()):
        assert stranger.beat(one, 1).status_code == 404
    assert alice.beat(uuid.uuid4().hex, 1).status_code == 404
    assert world.owner.execute("SELECT count(*) FROM progress").fetchone() == (0,)


def test_end_frees_the_slot_and_may_be_repeated(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    one = alice.play(video).get_json()["playback_id"]
    assert bob.call("DELETE", f"/playbacks/{one}").status_code == 404
    assert alice.call("DELETE", f"/playbacks/{uuid.uuid4().hex}").status_code == 404
    assert alice.other_device().call("DELETE", f"/playbacks/{one}").status_code == 204
    assert alice.call("DELETE", f"/playbacks/{one}").status_code == 204
    beat = alice.beat(one, 1)
    assert (beat.status_code, beat.get_json()["code"]) == (410, "ended")
    assert world.redis_live.client().zcard("ks:leases:box") == 0


@pytest.mark.parametrize("reason", list(words.PLAYBACK_ENDS))
def test_heartbeat_of_an_ended_playback_says_why_it_ended(world: World, alice: Viewer, reason: str) -> None:
    playback = alice.play(world.video()).get_json()["playback_id"]
    world.owner.execute("UPDATE playbacks SET ended_at = now(), end_reason = %s", (reason,))
    beat = alice.beat(playback, 1)
    assert (beat.status_code, beat.get_json()["code"]) == (410, reason)


def test_admin_sees_streams_and_stops_one(world: World, alice: Viewer) -> None:
    boss = Viewer(world, "boss", role="admin")
    ask = Asker(world.authz_app)
    video = world.video("Sunrise")
    one = alice.play(video, device="phone").get_json()["playback_id"]
    ask.signed(video, one)
    alice.beat(one, 33)
    header = ask.header(video, alice.token).headers["X-Playback-Id"]
    items = {item["playback_id"]: item for item in boss.call("GET", "/admin/streams").get_json()["items"]}
    assert set(items) == {one, header}
    shown = items[one]
    assert datetime.fromisoformat(shown.pop("since")).tzinfo is not None
    assert shown == {
        "playback_id": one,
        "state": "streaming",
        "user": {"id": alice.user.id.hex, "username": "alice"},
        "video": {"id": video, "title": "Sunrise"},
        "client": "192.0.2.7",
        "device": "phone",
        "door": "signed",
        "bytes": 0,
        "position_seconds": 33,
        "connections": None,
    }
    assert items[header]["door"] == "header"
    assert alice.call("DELETE", f"/admin/streams/{one}").status_code == 403
    assert boss.call("DELETE", f"/admin/streams/{one}").status_code == 204
    beat = alice.beat(one, 34)
    assert (beat.status_code, beat.get_json()["code"]) == (410, "stopped")
    assert ask.signed(video, one).headers["X-Deny"] == "gone"
    assert boss.call("DELETE", f"/admin/streams/{uuid.uuid4().hex}").status_code == 404


def test_unknown_fields_can_not_set_what_is_not_theirs(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    theirs = {"user_id": bob.user.id.hex, "session_id": bob.session_id, "door": "header", "position_seconds": 9}
    answer = alice.play(video, **theirs)
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, set(theirs))
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (0,)
