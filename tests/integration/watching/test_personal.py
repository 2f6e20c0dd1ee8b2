"""What is one's own: positions from heartbeats of every kind, history, preferences, playlists, export."""

from typing import Any

import pytest

from authsvc.people import export
from testbed.services.viewer import Viewer
from testbed.services.world import PASSWORD, Asker, World


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
        "language": "pt-BR", "reason": "The source is larger than the bandwidth you prefer.",
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


# -- playlists --


def made(viewer: Viewer, *videos: str, **fields: Any) -> Any:
    playlist = viewer.call("POST", "/playlists", {"name": "Evening"} | fields)
    assert playlist.status_code == 201, playlist.text
    answer = playlist.get_json()
    for video in videos:
        answer = viewer.call("POST", f"/playlists/{answer['id']}/items", {"video_id": video}).get_json()
    return answer


def order(playlist: Any) -> list[str]:
    assert [item["position"] for item in playlist["items"]] == list(range(len(playlist["items"])))
    return [item["video"]["title"] for item in playlist["items"]]


def test_playlist_keeps_an_order_that_one_may_change(world: World, alice: Viewer) -> None:
    videos = [world.video(letter) for letter in "abcd"]
    playlist = made(alice, *videos)
    path = f"/playlists/{playlist['id']}"
    assert order(playlist) == ["a", "b", "c", "d"]
    item = {entry["video"]["title"]: entry["id"] for entry in playlist["items"]}
    for letter, to, expected in (
        ("a", 2, "bcad"),
        ("d", 0, "dbca"),
        ("c", 2, "dbca"),
        ("b", 99, "dcab"),
        ("b", 1, "dbca"),
    ):
        answer = alice.call("PATCH", f"{path}/items/{item[letter]}", {"position": to})
        assert answer.status_code == 200, answer.text
        assert "".join(order(answer.get_json())) == expected
    inserted = alice.call("POST", f"{path}/items", {"video_id": videos[0], "position": 1}).get_json()
    assert "".join(order(inserted)) == "dabca", "the same title may be there twice"
    world.owner.execute("DELETE FROM videos WHERE id = %s", (videos[1],))
    answer = alice.call("DELETE", f"{path}/items/{item['d']}").get_json()
    assert "".join(order(answer)) == "aca", "a purged title leaves no gap"
    assert answer["length"] == 3
    changed = alice.call("PATCH", path, {"name": "Night"}).get_json()
    assert (changed["name"], changed["owner"]["username"]) == ("Night", "alice")
    assert alice.call("DELETE", path).status_code == 204
    assert alice.call("GET", path).status_code == 404


def pages(viewer: Viewer, playlist: str, limit: int, between: Any = lambda _: None) -> list[str]:
    """The titles of a list, page by page; `between` is called with the number of each page."""
    seen: list[str] = []
    query = f"limit={limit}"
    for number in range(100):
        page = viewer.call("GET", f"/playlists/{playlist}?{query}").get_json()
        assert len(page["items"]) <= limit
        seen += [item["video"]["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            return seen
        query = f"limit={limit}&cursor={page['next_cursor']}"
        between(number)
    raise AssertionError("the list has no end")


def filled(world: World, viewer: Viewer, length: int) -> str:
    """A list of that many entries, with their numbers as titles."""
    playlist: str = made(viewer)["id"]
    for number in range(length):
        world.owner.execute(
            "INSERT INTO playlist_items (playlist_id, video_id, position) VALUES (%s, %s, %s)",
            (playlist, world.video(str(number)), number),
        )
    return playlist


@pytest.mark.parametrize("limit", [1, 4, 7, 8, 100])
def test_playlist_is_read_page_by_page(world: World, alice: Viewer, bob: Viewer, limit: int) -> None:
    playlist = filled(world, alice, 8)
    world.owner.execute("UPDATE playlists SET is_public = true")
    world.owner.execute("UPDATE videos SET visibility = 'named' WHERE title IN ('0', '3', '7')")
    boss = Viewer(world, "boss", role="admin")
    assert pages(boss, playlist, limit) == [*"01234567"]
    assert pages(bob, playlist, limit) == [*"12456"]


def test_playlist_that_changes_between_two_pages_shows_no_entry_twice(world: World, alice: Viewer) -> None:
    playlist = filled(world, alice, 6)
    entries = alice.call("GET", f"/playlists/{playlist}").get_json()["items"]

    def change(number: int) -> None:
        if number == 0:
            alice.call("POST", f"/playlists/{playlist}/items", {"video_id": world.video("new"), "position": 0})
        if number == 1:
            alice.call("DELETE", f"/playlists/{playlist}/items/{entries[0]['id']}")

    assert pages(alice, playlist, 2, change) == [*"012345"]


def test_no_answer_about_a_playlist_holds_more_than_a_page(world: World, alice: Viewer) -> None:
    playlist = filled(world, alice, 120)
    path = f"/playlists/{playlist}"
    entry = alice.call("GET", path).get_json()["items"][7]["id"]
    for answer in (
        alice.call("GET", path),
        alice.call("PATCH", path, {"name": "Long"}),
        alice.call("POST", f"{path}/items", {"video_id": world.video("last")}),
        alice.call("PATCH", f"{path}/items/{entry}", {"position": 100}),
        alice.call("DELETE", f"{path}/items/{entry}"),
    ):
        body = answer.get_json()
        assert answer.status_code < 300, answer.text
        assert (len(body["items"]), body["length"] >= 120, body["next_cursor"] is None) == (50, True, False)
    assert pages(alice, playlist, 100) == [*(str(n) for n in range(120) if n != 7), "last"]
    other = filled(world, alice, 3)
    cursor = alice.call("GET", f"/playlists/{other}?limit=1").get_json()["next_cursor"]
    for query in (f"cursor={cursor}", "cursor=x", "limit=101", "limit=0", "limit=" + "9" * 5000):
        assert alice.call("GET", f"{path}?{query}").status_code == 422, query[:40]


def test_tag_of_a_page_stands_for_the_whole_list_when_it_is_changed(world: World, alice: Viewer) -> None:
    playlist = filled(world, alice, 5)
    path, headers = f"/api/v1/playlists/{playlist}", {"Authorization": f"Bearer {alice.token}"}
    client = world.client()
    first, second = (
        client.get(f"{path}?limit=2&cursor={cursor}" if cursor else f"{path}?limit=2", headers=headers)
        for cursor in ("", client.get(f"{path}?limit=2", headers=headers).get_json()["next_cursor"])
    )
    assert first.headers["ETag"] != second.headers["ETag"]
    seen = headers | {"If-Match": second.headers["ETag"]}
    changed = client.patch(path, json={"name": "New"}, headers=seen)
    assert changed.status_code == 200, changed.text
    last = world.owner.execute("SELECT id FROM playlist_items WHERE position = 4").fetchone()
    assert last is not None
    # Far from the page that was read, and yet a change of the list.
    client.patch(f"{path}/items/{last[0].hex}", json={"position": 3}, headers=headers)
    late = headers | {"If-Match": changed.headers["ETag"]}
    assert client.patch(path, json={"name": "Newer"}, headers=late).status_code == 412


def test_change_of_what_one_has_not_seen_is_412(world: World, alice: Viewer) -> None:
    playlist = made(alice, world.video("a"))
    path = f"/api/v1/playlists/{playlist['id']}"
    headers = {"Authorization": f"Bearer {alice.token}"}
    client = world.client()
    seen = client.get(path, headers=headers).headers["ETag"]
    first = client.patch(path, json={"name": "One"}, headers=headers | {"If-Match": seen})
    assert first.status_code == 200
    lost = client.patch(path, json={"name": "Two"}, headers=headers | {"If-Match": seen})
    assert lost.status_code == 412
    again = client.patch(path, json={"name": "Two"}, headers=headers | {"If-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert client.get(path, headers=headers | {"If-None-Match": again.headers["ETag"]}).status_code == 304


def test_private_lists_are_not_there_for_others_and_public_ones_can_not_be_changed(
    world: World, alice: Viewer, bob: Viewer
) -> None:
    hidden = world.video("hidden", visibility="named")
    world.owner.execute("INSERT INTO video_users VALUES (%s, %s)", (hidden, alice.user.id))
    video = world.video("seen")
    private, public = made(alice, video, name="private"), made(alice, video, hidden, name="public", is_public=True)
    mine = made(bob, video)
    for playlist, readable in ((private, False), (public, True)):
        path, item = f"/playlists/{playlist['id']}", playlist["items"][0]["id"]
        read = bob.call("GET", path)
        assert read.status_code == (200 if readable else 404)
        for method, where, body in (
            ("PATCH", path, {"name": "mine"}),
            ("DELETE", path, None),
            ("POST", f"{path}/items", {"video_id": video}),
            ("PATCH", f"{path}/items/{item}", {"position": 0}),
            ("DELETE", f"{path}/items/{item}", None),
            ("PATCH", f"/playlists/{mine['id']}/items/{item}", {"position": 0}),
            ("DELETE", f"/playlists/{mine['id']}/items/{item}", None),
            ("POST", f"/playlists/{mine['id']}/items", {"video_id": hidden}),
        ):
            assert bob.call(method, where, body).status_code == 404, (method, where)
    shown = bob.call("GET", f"/playlists/{public['id']}").get_json()
    assert ([item["video"]["title"] for item in shown["items"]], shown["length"]) == (["seen"], 1)
    assert "hidden" not in bob.call("GET", f"/playlists/{public['id']}").text
    assert [playlist["name"] for playlist in bob.call("GET", "/playlists?whose=public").get_json()["items"]] == [
        "public"
    ]
    assert [playlist["name"] for playlist in bob.call("GET", "/playlists").get_json()["items"]] == ["Evening"]
    assert order(alice.call("GET", f"/playlists/{public['id']}").get_json()) == ["seen", "hidden"]


def test_lists_and_entries_are_bounded(world: World) -> None:
    world.with_settings(playlists_per_user=2, playlist_items=2)
    alice, video = Viewer(world, "alice"), world.video()
    playlist = made(alice, video, video)
    full = alice.call("POST", f"/playlists/{playlist['id']}/items", {"video_id": video})
    assert (full.status_code, full.get_json()["code"]) == (409, "full")
    made(alice)
    assert alice.call("POST", "/playlists", {"name": "third"}).get_json()["code"] == "full"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {}), ("", {"name": ""}), ("", {"name": " "}), ("", {"name": "x" * 201}), ("", {"name": "a\0"}),
        ("", {"name": "\ud800"}), ("", {"name": "a\u202eb"}), ("", {"name": "x", "description": "y" * 2001}),
        ("", {"name": "x", "is_public": "yes"}), ("/items", {}), ("/items", {"video_id": "x"}),
        ("/items", {"video_id": "0" * 32, "position": -1}), ("/items", {"video_id": "0" * 32, "position": 1.5}),
    ],
)  # fmt: skip
def test_bad_playlist_is_422(world: World, alice: Viewer, path: str, body: Any) -> None:
    playlist = f"/{made(alice)['id']}" if path else ""
    assert alice.call("POST", f"/playlists{playlist}{path}", body).status_code == 422
    assert world.owner.execute("SELECT count(*) FROM playlist_items").fetchone() == (0,)


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
