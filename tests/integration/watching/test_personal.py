"""What is one's own: positions from heartbeats of every kind, history, preferences, export."""

from typing import Any

import pytest

from authsvc.people import export
from testbed.services.viewer import Viewer
from testbed.services.world import PASSWORD, Asker, World
from tests.integration.library.test_playlists import made


def beat(viewer: Viewer, playback: str, position: float, sequence: int | None = None) -> Any:
    body = {"position_seconds": position, "state": "playing"} | ({} if sequence is None else {"sequence": sequence})
    return viewer.call("POST", f"/playbacks/{playback}/heartbeat", body)


def position(world: World) -> float:
    row = world.owner.execute("SELECT position_seconds FROM progress").fetchone()
    assert row
    return float(row[0])


# -- heartbeats --


def test_heartbeats_out_of_order_or_twice_never_go_backwards(world: World, alice: Viewer) -> None:
    playback = alice.play(world.video()).get_json()["playback_id"]
    for at, sequence, expected in ((10, 1, 10), (30, 3, 30), (20, 2, 30), (10, 1, 30), (30, 3, 30), (15, 4, 15)):
        assert beat(alice, playback, at, sequence).status_code == 204
        assert position(world) == expected, "a seek back is newer, a replay is not"
    assert beat(alice, playback, 1e12, 5).status_code == 204
    assert position(world) == 600


@pytest.mark.parametrize("sequence", [-1, 1.5, "1", True, 1 << 53])
def test_wrong_sequence_is_422(world: World, alice: Viewer, sequence: Any) -> None:
    playback = alice.play(world.video()).get_json()["playback_id"]
    assert beat(alice, playback, 1, sequence).status_code == 422


def test_last_heartbeat_may_arrive_behind_the_end(world: World, alice: Viewer) -> None:
    playback = alice.play(world.video()).get_json()["playback_id"]
    beat(alice, playback, 10, 1)
    assert alice.call("DELETE", f"/playbacks/{playback}").status_code == 204
    late = beat(alice, playback, 25, 2)
    assert (late.status_code, late.get_json()["code"]) == (410, "ended")
    assert position(world) == 25
    world.owner.execute("UPDATE playbacks SET ended_at = now() - interval '1 minute'")
    assert beat(alice, playback, 50, 3).status_code == 410
    assert position(world) == 25, "too late"


def test_late_heartbeat_does_not_undo_a_newer_playback(world: World, alice: Viewer) -> None:
    video = world.video()
    first = alice.play(video).get_json()["playback_id"]
    beat(alice, first, 10)
    second = alice.play(video, replace=first).get_json()["playback_id"]
    beat(alice, second, 300)
    assert beat(alice, first, 11).status_code == 410
    assert position(world) == 300


def test_end_takes_the_last_position_of_its_own_session(world: World, alice: Viewer) -> None:
    video = world.video()
    playback = alice.play(video).get_json()["playback_id"]
    beat(alice, playback, 10, 1)
    assert alice.call("DELETE", f"/playbacks/{playback}?position_seconds=33.5&sequence=2").status_code == 204
    assert position(world) == 33.5
    assert alice.call("DELETE", f"/playbacks/{playback}?position_seconds=1&sequence=1").status_code == 204
    assert position(world) == 33.5
    other = alice.play(video).get_json()["playback_id"]
    assert alice.other_device().call("DELETE", f"/playbacks/{other}?position_seconds=500").status_code == 204
    assert position(world) == 33.5
    for bad in ("position_seconds=-1", "position_seconds=x", "position_seconds=nan", "sequence=x"):
        assert alice.call("DELETE", f"/playbacks/{other}?{bad}").status_code == 422


# -- history --


def watched(viewer: Viewer, video: str, at: float) -> None:
    playback = viewer.play(video).get_json()["playback_id"]
    assert beat(viewer, playback, at).status_code == 204
    viewer.call("DELETE", f"/playbacks/{playback}")


def test_history_and_continue_watching(world: World, alice: Viewer, bob: Viewer) -> None:
    videos = [world.video(f"Title {number}") for number in range(5)]
    for video, at in zip(videos, (300, 598, 2, 100, 50), strict=True):
        watched(alice, video, at)
    watched(bob, videos[0], 77)
    world.owner.execute("UPDATE videos SET visibility = 'named' WHERE id = %s", (videos[4],))
    first = alice.call("GET", "/users/me/history?limit=2").get_json()
    rest = alice.call("GET", f"/users/me/history?limit=2&cursor={first['next_cursor']}").get_json()
    entries = first["items"] + rest["items"]
    assert [(entry["video"]["id"], entry["position_seconds"], entry["finished"]) for entry in entries] == [
        (videos[3], 100, False), (videos[2], 2, False), (videos[1], 598, True), (videos[0], 300, False),
    ]  # fmt: skip
    assert rest["next_cursor"] is None
    going_on = alice.call("GET", "/users/me/continue").get_json()["items"]
    assert [entry["video"]["id"] for entry in going_on] == [videos[3], videos[0]]
    assert alice.call("DELETE", f"/users/me/history/{videos[3]}").status_code == 204
    assert alice.call("DELETE", f"/users/me/history/{videos[3]}").status_code == 404
    assert alice.play(videos[3]).get_json()["resume_seconds"] == 0
    assert alice.call("DELETE", "/users/me/history").status_code == 204
    assert alice.call("GET", "/users/me/history").get_json() == {"items": [], "next_cursor": None}
    assert [e["position_seconds"] for e in bob.call("GET", "/users/me/history").get_json()["items"]] == [77]
    for bad in ("cursor=x", "limit=0", "limit=101"):
        assert alice.call("GET", f"/users/me/history?{bad}").status_code == 422


# -- preferences --


def test_preferences_bound_the_playback(world: World, alice: Viewer, bob: Viewer) -> None:
    ask = Asker(world.authz_app)
    video = world.video(height=1080, bitrate=8_000_000, direct_play=True)
    world.publish(video, "source.mp4", "master.m3u8", "manifest.mpd", "sub-pt.vtt", "sub-fi.vtt")
    free = alice.play(video).get_json()
    assert (free["chosen"]["link"], free["chosen"]["max_height"], free["links"]["subtitle"]) == ("source", None, None)
    assert ask.signed(video, free["playback_id"]).headers["X-Rate"] == "0"
    wanted = {"quality": "1080p", "bandwidth_bps": 4_000_000, "device_kind": "television", "language": "pt-BR"}
    assert alice.call("PUT", "/users/me/preferences", wanted).get_json() == wanted
    assert alice.call("GET", "/users/me/preferences").get_json() == wanted
    capped = alice.play(video).get_json()
    assert capped["chosen"] == {
        "link": "hls", "alternatives": ["dash", "source"], "max_height": 720, "rate_bytes_per_second": 500_000,
        "language": "pt-BR", "reason": "The source is larger than the bandwidth you prefer.", "refused": [],
        "ways": [
            {"way": "rendition", "link": "hls", "reason": "Renditions adapt to the connection."},
            {"way": "rendition", "link": "dash", "reason": "Renditions adapt to the connection."},
            {"way": "source", "link": "source", "reason": "The source is larger than the bandwidth you prefer."},
        ],
    }  # fmt: skip
    assert capped["links"]["subtitle"].endswith("/sub-pt.vtt")
    assert ask.signed(video, capped["playback_id"]).headers["X-Rate"] == "500000"
    assert ask.signed(video, capped["playback_id"], kind="picture").headers["X-Rate"] == "500000"
    live = world.redis_live.client()
    live.flushdb()
    assert ask.signed(video, capped["playback_id"]).headers["X-Rate"] == "500000", "comes back from PostgreSQL"
    theirs = bob.play(video).get_json()
    assert ask.signed(video, theirs["playback_id"]).headers["X-Rate"] == "0"
    assert alice.call("PUT", "/users/me/preferences", {}).get_json()["quality"] == "auto"


def test_lower_of_role_and_preference_is_the_rate(world: World) -> None:
    world.with_settings(stream_rate={"user": 200_000})
    alice, video = Viewer(world, "alice"), world.video()
    ask = Asker(world.authz_app)
    for bandwidth, rate in ((800_000, "100000"), (8_000_000, "200000"), (None, "200000")):
        alice.call("PUT", "/users/me/preferences", {"bandwidth_bps": bandwidth})
        playback = alice.play(video).get_json()["playback_id"]
        assert ask.signed(video, playback).headers["X-Rate"] == rate
        alice.call("DELETE", f"/playbacks/{playback}")


@pytest.mark.parametrize(
    "body",
    [
        {"quality": "4k"}, {"quality": None}, {"bandwidth_bps": 99_999}, {"bandwidth_bps": 10**10},
        {"bandwidth_bps": "1000000"}, {"bandwidth_bps": True}, {"device_kind": "toaster"}, {"language": "x"},
        {"language": "fi_FI"}, {"language": "fi\n"}, {"language": "a" * 40}, {"language": "fi-'; DROP TABLE users"}, [],
    ],
)  # fmt: skip
def test_wrong_preferences_are_422_and_change_nothing(world: World, alice: Viewer, body: Any) -> None:
    alice.call("PUT", "/users/me/preferences", {"quality": "480p"})
    assert alice.call("PUT", "/users/me/preferences", body).status_code == 422
    assert alice.call("GET", "/users/me/preferences").get_json()["quality"] == "480p"


# -- all of it --


def test_export_holds_every_table_that_tells_of_a_person(world: World, alice: Viewer, bob: Viewer) -> None:
    tables = world.owner.execute(
        """
        SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c
         WHERE c.contype = 'f' AND c.confrelid = 'users'::regclass
        """
    ).fetchall()
    assert {table for (table,) in tables} <= set(export.QUERIES) | set(export.LEFT_OUT)
    video = world.video("Sunrise")
    for viewer, at in ((alice, 33), (bob, 44)):
        watched(viewer, video, at)
        viewer.call("PUT", f"/videos/{video}/rating", {"rating": 4})
        made(viewer, video, name=f"list of {viewer.user.username}")
    exported = alice.call("GET", "/users/me/export")
    assert exported.status_code == 200, exported.text
    assert "attachment" in exported.headers["Content-Disposition"]
    mine = exported.get_json()
    assert mine["users"][0]["username"] == "alice"
    assert [row["position_seconds"] for row in mine["progress"]] == [33]
    assert [row["rating"] for row in mine["ratings"]] == [4]
    assert [(row["name"], row["titles"]) for row in mine["playlists"]] == [("list of alice", ["Sunrise"])]
    assert len(mine["playbacks"]) == len(mine["sessions"]) == 1
    assert "bob" not in exported.text
    assert bob.user.id.hex not in exported.text.replace("-", "")
    for secret in ("argon2", "password_hash", "sha256"):
        assert secret not in exported.text


def test_guests_have_nothing_of_their_own(world: World) -> None:
    ghost = Viewer(world, "ghost", role="guest")
    for path in ("preferences", "history", "continue", "export"):
        assert ghost.call("GET", f"/users/me/{path}").status_code == 403
    assert ghost.call("GET", "/playlists").status_code == 403


def test_profile_shows_a_name_and_the_address_changes_by_password_alone(
    world: World, alice: Viewer, bob: Viewer
) -> None:
    assert bob.call("PATCH", "/users/me", {"email": "bob@box.test", "password": PASSWORD}).status_code == 200
    answer = alice.call("PATCH", "/users/me", {"display_name": " Alice L. "})
    assert answer.get_json() == {
        "id": alice.user.id.hex, "username": "alice", "role": "user", "display_name": "Alice L.", "email": None,
    }  # fmt: skip
    for body, status, code in (
        ({"email": "a@box.test"}, 422, "invalid"),
        ({"email": "a@box.test", "password": "wrong"}, 403, "wrong_password"),
        ({"email": "no address", "password": PASSWORD}, 422, "invalid"),
        ({"email": "BOB@box.test", "password": PASSWORD}, 409, "taken"),
        ({"display_name": ""}, 422, "invalid"),
        ({"display_name": "x" * 101}, 422, "invalid"),
        ({"display_name": "a\u202eb"}, 422, "invalid"),
        ({"display_name": 7}, 422, "invalid"),
    ):
        refused = alice.call("PATCH", "/users/me", body)
        assert (refused.status_code, refused.get_json()["code"]) == (status, code), body
    changed = alice.call("PATCH", "/users/me", {"email": "a@box.test", "password": PASSWORD}).get_json()
    assert (changed["email"], changed["display_name"]) == ("a@box.test", "Alice L.")
    assert alice.call("PATCH", "/users/me", {"display_name": None}).get_json()["display_name"] is None


def test_deleted_account_leaves_no_personal_row(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video("Sunrise")
    alice.call("PATCH", "/users/me", {"display_name": "Alice Liddell", "email": "alice@box.test", "password": PASSWORD})
    alice.call("PUT", "/users/me/preferences", {"quality": "480p"})
    boss = Viewer(world, "boss", role="admin")
    group = boss.call("POST", "/admin/groups", {"name": "family"}).get_json()["id"]
    boss.call("PUT", f"/admin/groups/{group}/members/{alice.user.id.hex}")
    boss.call("PUT", f"/videos/{video}/viewers", {"users": [alice.user.id.hex], "groups": []})
    rule = {"root": "/library", "visibility": "named", "users": [alice.user.id.hex]}
    assert boss.call("POST", "/admin/folders", rule).status_code == 201
    for viewer in (alice, bob):
        watched(viewer, video, 33)
        viewer.call("PUT", f"/videos/{video}/rating", {"rating": 4})
        made(viewer, video)
    running = alice.play(video).get_json()["playback_id"]
    ask = Asker(world.authz_app)
    assert ask.signed(video, running).status_code == 204
    for body, status in (({}, 422), ({"password": "wrong"}, 403), ({"password": None}, 422)):
        assert alice.call("DELETE", "/users/me", body).status_code == status
    assert alice.call("DELETE", "/users/me", {"password": PASSWORD}).status_code == 204
    assert alice.call("GET", "/users/me").status_code == 401
    assert ask.signed(video, running).status_code != 204
    left = {
        f"{table}.{column}"
        for table, column in world.owner.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        if world.owner.execute(
            f"""SELECT count(*) FROM "{table}" t WHERE t."{column}"::text ILIKE ANY (%s)""",
            ([f"%{alice.user.id}%", f"%{alice.user.id.hex}%", "%alice%", "%liddell%", f"%{alice.session_id}%"],),
        ).fetchone()
        != (0,)
    }
    # What the ledger has to tell the live store holds the id until it has done so, seconds later, and nothing else.
    assert left <= {"revocations.user_id"}
    assert len(bob.call("GET", "/users/me/export").get_json()["playlists"]) == 1, "of others nothing is gone"


def test_last_admin_stays(world: World) -> None:
    boss = Viewer(world, "boss", role="admin")
    refused = boss.call("DELETE", "/users/me", {"password": PASSWORD})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "last_admin")
