"""Playlists: an order that their owner may change, pages of it, and what others see of them."""

from typing import Any

import pytest

from testbed.services.viewer import Viewer
from testbed.services.world import World


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
