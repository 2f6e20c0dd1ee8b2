"""Lists, search, one title: who sees what, and pages that neither skip nor repeat."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from testbed.services.world import World

VIDEOS = "/api/v1/videos"


@pytest.fixture
def alice(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.session(world.user('alice'))[1]}"}


def listed(world: World, who: dict[str, str], **query: Any) -> Any:
    response = world.client().get(VIDEOS, query_string=query, headers=who)
    assert response.status_code == 200, response.text
    return response.get_json()


def titles(world: World, who: dict[str, str], **query: Any) -> list[str]:
    return [item["title"] for item in listed(world, who, **query)["items"]]


def walk(world: World, who: dict[str, str], **query: Any) -> list[str]:
    """All ids, page by page."""
    found: list[str] = []
    cursor = None
    for _ in range(100):
        page = listed(world, who, **query, **({"cursor": cursor} if cursor else {}))
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the list has no end")


def test_page_of_a_title_tells_its_tracks_and_chapters(world: World, alice: dict[str, str]) -> None:
    chapter = {"title": "Dawn", "start_seconds": 0.0, "end_seconds": 60.0}
    video = world.video("Sunrise", hdr="hlg", rotation=90, chapters=Jsonb([chapter]), container_tags=Jsonb({"a": "b"}))
    for position, kind, codec in ((1, "audio", "aac"), (0, "video", "hevc")):
        world.owner.execute(
            "INSERT INTO tracks (video_id, position, kind, codec, language) VALUES (%s, %s, %s, %s, 'fin')",
            (video, position, kind, codec),
        )
    answer = world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()
    assert (answer["hdr"], answer["rotation"], answer["container_tags"]) == ("hlg", 90, {"a": "b"})
    assert answer["chapters"] == [chapter]
    assert [(track["kind"], track["codec"], track["language"]) for track in answer["tracks"]] == [
        ("video", "hevc", "fin"),
        ("audio", "aac", "fin"),
    ]


def test_page_of_a_title_offers_its_subtitles_and_storyboard(world: World, alice: dict[str, str]) -> None:
    video = world.video("Sunrise")
    for position, kind, codec in ((0, "video", "hevc"), (1, "subtitle", "subrip"), (2, "subtitle", "dvd_subtitle")):
        world.owner.execute(
            "INSERT INTO tracks (video_id, position, kind, codec) VALUES (%s, %s, %s, %s)",
            (video, position, kind, codec),
        )
    world.publish(
        video, "source.mp4", "storyboard.vtt", "storyboard-1.jpg", "sub-en-sdh.vtt", "sub-en.vtt", "sub-en.ass",
        "sub-en.sup",
    )  # fmt: skip
    listed = (1, "sub-en-sdh.vtt", True), (0, "sub-en.vtt", False), (2, "sub-en.sup", False)
    for position, name, is_hearing_impaired in listed:
        world.owner.execute(
            "INSERT INTO subtitles (video_id, name, position, language, is_hearing_impaired, origin)"
            " VALUES (%s, %s, %s, 'en', %s, 'sidecar')",
            (video, name, position, is_hearing_impaired),
        )
    answer = world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()
    root = f"/stream/{video}/"
    plain = {"language": "en", "title": None, "is_default": False, "is_forced": False}
    assert answer["subtitles"] == [
        {"name": name, "href": root + name, "is_hearing_impaired": is_hearing_impaired, "is_text": is_text} | plain
        for name, is_hearing_impaired, is_text in (
            ("sub-en.vtt", False, True),
            ("sub-en-sdh.vtt", True, True),
            ("sub-en.sup", False, False),
        )
    ]
    assert answer["storyboard_href"] == root + "storyboard.vtt"
    assert [track["is_text"] for track in answer["tracks"]] == [None, True, False]
    world.owner.execute("DELETE FROM published_files WHERE video_id = %s AND name LIKE 'sub-%%'", (video,))
    world.owner.execute("UPDATE videos SET changed_at = now() WHERE id = %s", (video,))
    assert world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()["subtitles"] == []


STRUCTURE = {
    "bit_depth": 10, "pixel_width": 16, "pixel_height": 15, "scan": "tff", "open_gop": True, "edit_list": "trims",
    "key_frame_seconds": 2.5, "peak_bitrate": 9_000_000, "moov_position": "back",
}  # fmt: skip


def test_a_title_tells_how_its_file_is_built_and_a_list_does_not(world: World, alice: dict[str, str]) -> None:
    bare, built = world.video("Bare"), world.video("Built", **STRUCTURE)
    for video, told in ((built, STRUCTURE), (bare, dict.fromkeys(STRUCTURE))):
        answer = world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()
        assert {name: answer[name] for name in STRUCTURE} == told
    assert not any(set(STRUCTURE) & set(item) for item in listed(world, alice)["items"])


def test_title_has_the_fields_of_the_wire_contract(world: World, alice: dict[str, str]) -> None:
    video = world.video(
        "Sunrise", description="At sea", tags=["sea"], width=1920, height=1080, fps=25.0, bitrate=4_000_000,
        video_codec="h264", audio_codec="aac", video_codec_string="avc1.640028", direct_play=True,
    )  # fmt: skip
    world.publish(video, "source.mp4", "poster.jpg")
    answer = world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()
    for name in ("hdr", "rotation", "chapters", "container_tags", "tracks", "making", "subtitles", *STRUCTURE):
        answer.pop(name)
    added = datetime.fromisoformat(answer.pop("added_at"))
    assert added.tzinfo is not None
    assert abs(datetime.now(UTC) - added) < timedelta(minutes=1)
    root = f"/stream/{video}/"
    assert answer == {
        "id": video,
        "title": "Sunrise",
        "description": "At sea",
        "tags": ["sea"],
        "filename": "Sunrise.mp4",
        "container": "mp4",
        "duration_seconds": 600.0,
        "width": 1920,
        "height": 1080,
        "fps": 25.0,
        "bitrate": 4_000_000,
        "video_codec": "h264",
        "audio_codec": "aac",
        "video_codec_string": "avc1.640028",
        "audio_codec_string": None,
        "size_bytes": 1000,
        "visibility": "members",
        "year": None,
        "original_title": None,
        "show": None,
        "season": None,
        "episode": None,
        "people": [],
        "remarks": [],
        "renditions": None,
        "renditions_chosen": None,
        "status": "ready",
        "status_reason": None,
        "files": [
            {"name": "poster.jpg", "href": root + "poster.jpg", "type": "video/mp4", "size_bytes": 1000},
            {"name": "source.mp4", "href": root + "source.mp4", "type": "video/mp4", "size_bytes": 1000},
        ],
        "poster_href": root + "poster.jpg",
        "storyboard_href": None,
        "direct_play": True,
        "made_now": True,
        "rating_average": None,
        "rating_count": 0,
        "my_rating": None,
    }
    bare = world.client().get(f"{VIDEOS}/{world.video('Bare')}", headers=alice).get_json()
    assert (bare["files"], bare["poster_href"]) == ([], None)


def test_what_a_note_tells_is_shown_found_and_sorted_by(world: World, alice: dict[str, str]) -> None:
    show = {"show_title": "The Show", "season": 2, "people": ["Somebody Unseen"], "original_title": "Urtitel"}
    for episode, title in ((10, "Alpha"), (9, "Zulu")):
        world.video(title, episode=episode, told_year=1931, note_remark="b.nfo is a link.", **show)
    world.video("The Shore", original_title="Elsewhere")
    world.video("Theatre")
    assert titles(world, alice, sort="title") == ["The Shore", "Zulu", "Alpha", "Theatre"]
    for words, found in (("the show", 2), ("unseen", 2), ("urtitel alpha", 1), ("elsewhere", 1)):
        assert len(titles(world, alice, q=words)) == found, words
    assert len(titles(world, alice, min_year=1931, max_year=1931)) == 2
    alpha = listed(world, alice, q="alpha")["items"][0]
    page = world.client().get(f"{VIDEOS}/{alpha['id']}", headers=alice).get_json()
    names = ("original_title", "show", "season", "episode", "people", "year", "remarks")
    told = {name: page[name] for name in names}
    assert told == {
        "original_title": "Urtitel",
        "show": "The Show",
        "season": 2,
        "episode": 10,
        "people": ["Somebody Unseen"],
        "year": 1931,
        "remarks": ["b.nfo is a link."],
    }


@pytest.mark.parametrize(
    ("columns", "files", "made_now"),
    [
        ({"renditions": "as_needed"}, ["source.mkv"], True),
        ({"renditions": "ladder"}, ["source.mkv", "sub-en.vtt"], True),
        # The indexer has not told the policy yet.
        ({"renditions": None}, ["source.mkv"], True),
        ({"renditions": "none"}, ["source.mkv"], False),
        ({"renditions": "as_needed"}, ["source.mkv", "master.m3u8"], False),
        ({"renditions": "as_needed"}, ["source.mkv", "manifest.mpd"], False),
        ({"renditions": "as_needed", "status": "broken", "status_reason": "empty file"}, [], False),
    ],
)
def test_a_title_says_whether_it_can_be_watched_while_it_is_made(
    world: World, alice: dict[str, str], columns: dict[str, Any], files: list[str], made_now: bool
) -> None:
    video = world.video(**columns)
    world.publish(video, *files)
    assert world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()["made_now"] is made_now
    assert [item["made_now"] for item in listed(world, alice)["items"]] == [made_now]


def test_no_title_is_watched_while_it_is_made_where_nobody_makes_it(world: World) -> None:
    world.with_settings(made_now=False)
    bob = {"Authorization": f"Bearer {world.session(world.user('bob'))[1]}"}
    video = world.video(renditions="as_needed")
    world.publish(video, "source.mkv")
    assert [item["made_now"] for item in listed(world, bob)["items"]] == [False]


def test_broken_and_waiting_titles_say_why(world: World, alice: dict[str, str]) -> None:
    video = world.video(status="broken", status_reason="empty file", container=None, duration_seconds=None)
    answer = world.client().get(f"{VIDEOS}/{video}", headers=alice).get_json()
    assert (answer["status"], answer["status_reason"], answer["duration_seconds"]) == ("broken", "empty file", None)
    assert titles(world, alice) == ["Sunrise"]


def test_list_search_and_info_give_one_answer_about_visibility(world: World, alice: dict[str, str]) -> None:
    guest = {"Authorization": f"Bearer {world.session(world.user('ghost', role='guest'))[1]}"}
    public = world.video("sea public", visibility="public")
    members = world.video("sea members")
    removed = world.video("sea removed", removed_at=datetime.now(UTC))
    for who, visible in ((alice, {public, members}), (guest, {public})):
        assert {item["id"] for item in listed(world, who)["items"]} == visible
        assert {item["id"] for item in listed(world, who, q="sea")["items"]} == visible
        for video in (public, members, removed):
            expected = 200 if video in visible else 404
            assert world.client().get(f"{VIDEOS}/{video}", headers=who).status_code == expected
            start = world.client().post(f"{VIDEOS}/{video}/playback", headers=who)
            assert start.status_code == (201 if video in visible else 404)


@pytest.mark.parametrize("sort", ["added", "title", "duration"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_neither_skip_nor_repeat(world: World, alice: dict[str, str], sort: str, limit: int) -> None:
    same = datetime.now(UTC)
    made = [
        world.video(f"Title {number % 3}", added_at=same - timedelta(seconds=number % 4), duration_seconds=number % 5)
        for number in range(11)
    ]
    made += [
        world.video("waiting", status="waiting", container=None, duration_seconds=None, added_at=same) for _ in range(3)
    ]
    found = walk(world, alice, sort=sort, limit=limit)
    assert sorted(found) == sorted(made)
    assert found == walk(world, alice, sort=sort, limit=100)


def test_sorts(world: World, alice: dict[str, str]) -> None:
    now = datetime.now(UTC)
    for number, (title, duration) in enumerate([("beta", 30), ("Alpha", 10), ("gamma", 20)]):
        world.video(title, duration_seconds=duration, added_at=now + timedelta(seconds=number))
    assert titles(world, alice) == ["gamma", "Alpha", "beta"], "newest first"
    assert titles(world, alice, sort="title") == ["Alpha", "beta", "gamma"], "without regard to case"
    assert titles(world, alice, sort="duration") == ["Alpha", "gamma", "beta"]


def test_page_is_stable_while_titles_come(world: World, alice: dict[str, str]) -> None:
    old = [world.video(f"old {number}") for number in range(4)]
    first = listed(world, alice, limit=2)
    world.video("new")
    second = listed(world, alice, limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"] + second["items"]] == old[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sunrise", True), ("SUNRISE", True), ("sunr", True), ("unris", True), ("sunrse", True), ("snurise", True),
        ("sea sunrise", True), ("lisbon", True), ("sunrise tokyo", False), ("moon", False),
        ("100%", True), ("%", True), ("_", False), ("100_", True), ("sea tokyo", False),
        ("word " * 40, False), ("\\", False), ("'; DROP TABLE videos; --", False),
        ("sun & | ! ( ) :* <->", True), ("moon & | ! ( ) :* <->", False), ("'", False),
        ("日の出", True), ("日の", True), ("🎬", True),
    ],
)  # fmt: skip
def test_search(world: World, alice: dict[str, str], query: str, found: bool) -> None:
    world.video("Sunrise at sea 100% 日の出 🎬", filename="2019.holiday-Lisbon.mp4")
    world.video("Grey hills")
    expected = ["Sunrise at sea 100% 日の出 🎬"] if found else []
    assert titles(world, alice, q=query) == expected


def test_search_has_pages_too(world: World, alice: dict[str, str]) -> None:
    made = [world.video(f"Sunrise {number}") for number in range(5)]
    world.video("Grey hills")
    assert walk(world, alice, q="sunrise", limit=2) == made[::-1]


def raw(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "1e9"}, "limit"),
        ({"sort": "size; DROP TABLE videos"}, "sort"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": raw(["title", "x", "0" * 32])}, "cursor"),
        ({"cursor": raw(["added", "2026-01-01T00:00:00+00:00", "' OR true"])}, "cursor"),
        ({"cursor": raw(["duration", "NaN", "0" * 32]), "sort": "duration"}, "cursor"),
        ({"cursor": "x" * 5000}, "cursor"),
    ],
)
def test_wrong_query_is_422_and_names_the_field(
    world: World, alice: dict[str, str], query: dict[str, str], field: str
) -> None:
    response = world.client().get(VIDEOS, query_string=query, headers=alice)
    assert response.status_code == 422, response.text
    assert set(response.get_json()["errors"]) == {field}


def test_far_but_well_formed_cursors_are_just_empty_pages(world: World, alice: dict[str, str]) -> None:
    world.video()
    for cursor, sort in (
        (raw(["added", "0001-01-01T00:00:00+00:00", "0" * 32]), "added"),
        (raw(["added", "0001-W01-1T00:00:00+23:59", "0" * 32]), "added"),
        (raw(["title", "\U0010ffff", "f" * 32]), "title"),
        (raw(["duration", 1e308, "f" * 32]), "duration"),
        (raw(["duration", 10**400, "f" * 32]), "duration"),
    ):
        response = world.client().get(VIDEOS, query_string={"cursor": cursor, "sort": sort}, headers=alice)
        assert response.status_code in {200, 422}, response.text
        assert response.get_json().get("items", []) == []


@pytest.mark.parametrize(
    "path", ["/", "/x", "/" + "g" * 32, "/" + "A" * 32, "/" + "0" * 31, "/" + "0" * 32 + "/", "//" + "0" * 32]
)
def test_what_is_no_id_is_404(world: World, alice: dict[str, str], path: str) -> None:
    assert world.client().get(VIDEOS + path, headers=alice).status_code == 404


def test_status_counts_what_one_may_see(world: World, alice: dict[str, str]) -> None:
    world.video()
    world.video(status="broken", status_reason="empty")
    for path in ("/status", "/api/v1/status"):
        answer = world.client().get(path, headers=alice).get_json()
        assert (answer["videos"], answer["streams"]) == ({"ready": 1, "broken": 1}, 0)
