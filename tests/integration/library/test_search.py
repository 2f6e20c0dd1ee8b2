"""Search in any script and with typing errors, filters, popular titles, names, and what the cache keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from authsvc.library import titles as library
from testbed.services.viewer import Viewer
from testbed.services.world import World
from tests.integration.library.test_listing import titles, walk


def bearer(viewer: Viewer) -> dict[str, str]:
    return {"Authorization": f"Bearer {viewer.token}"}


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Le Fabuleux Destin d'Amélie Poulain", "amelie"), ("Amelie", "Amélie"),
        ("Łódź Ærø Straße", "lodz aero strasse"),
        ("七人の侍", "侍"), ("七人の侍", "人の侍"), ("東京物語 (1953)", "東京"), ("한국 영화", "영화"),
        ("الرِّسَالَة", "الرسالة"), ("أحمد", "احمد"), ("ภาพยนตร์ไทย", "ไทย"),
        ("Война и мир", "МИР"), ("Ｓｅｖｅｎ", "seven"),  # noqa: RUF001
        ("Metropolis", "Metroplois"), ("Metropolis", "metropilis"), ("Metropolis", "emtropolis"),
        ("Silent Night", "nxght"), ("Sunrise at sea", "sea snurise"),
        ("Don't Look Now", "don't"), ("Spider-Man", "spider-man"),
        ("www.box.test documentary", "box"),
    ],
)  # fmt: skip
def test_every_script_and_small_errors_are_found(world: World, alice: Viewer, title: str, query: str) -> None:
    world.video(title, filename="x.mp4")
    world.video("Grey hills 灰色の丘", filename="y.mp4")
    assert titles(world, bearer(alice), q=query) == [title]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Heartland", "art"), ("Starting over", "tarting ov"), ("Starting over", "ting over"), ("Überriver", "river"),
        ("River. Castle", "river castle"), ("<River castle>", "river castle"), ("Fish&Chips", "chips"),
        ("+500 days", "500 days"), ("Mission 1e5x", "1e5x"), ("Don't Look", "on't lo"), ("100% Wolf", "0% w"),
        ("abc東京", "abc東"), ("abc東京", "bc東京"), ("東京abc物", "東京abc"), ("東京abc物", "京ab"),
        ("ภาพยนตร์ไทย", "ยนตร์ไท"),
        ("River castle", "castle riv"), ("Riverriver", "river"), ("O'Brien \\ river", "brien"),
    ],
)  # fmt: skip
def test_text_is_found_as_it_is(world: World, alice: Viewer, title: str, query: str) -> None:
    """Also where it begins or ends inside a word."""
    world.video(title, filename="x.mp4")
    world.video("Grey hills", filename="y.mp4")
    assert titles(world, bearer(alice), q=query) == [title]


@pytest.mark.parametrize(
    ("title", "query"), [("Heartland castle", "art cas"), ("Heart of a castle", "art castle"), ("abc東京", "bc京")]
)
def test_inside_a_word_begins_only_the_whole_text(world: World, alice: Viewer, title: str, query: str) -> None:
    world.video(title, filename="x.mp4")
    assert titles(world, bearer(alice), q=query) == []


JOINED = [
    ("Spider-Man", "spiderman"), ("Spider-Man", "spider man"), ("Spider-Man", "Spider\u2013Man"),
    ("Spider\u2010Man", "spider-man"), ("Spider\u2011Man: No Way Home", "spiderman no way"),
    ("Spiderman", "spider-man"), ("Spiderman", "spider man"), ("Spiderman returns", "the spider man"),
    ("The Amazing Spider-Man 2", "amazing spiderm"), ("Spider Man", "spiderman"), ("Star Wars", "starwars"),
    ("Don\u2019t Look Now", "don't"), ("Don't Look Now", "don\u2019t look"), ("Don't Look Now", "dont look"),
    ("Dont Look Now", "don't look"), ("S.H.I.E.L.D.", "shield"), ("Shield", "s.h.i.e.l.d."),
    ("\u201cHeroes\u201d", '"heroes"'), ('"Heroes"', "\u201eheroes\u201c"),
    ("Love \u2014 Actually", "love - actually"),
    ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "query"), JOINED)
def test_a_title_is_found_however_its_words_are_joined(world: World, alice: Viewer, title: str, query: str) -> None:
    world.video(title, filename="x.mp4")
    world.video("Grey hills", filename="y.mp4")
    if query.startswith("the "):
        world.owner.execute("UPDATE videos SET description = 'the end' WHERE filename = 'x.mp4'")
    assert titles(world, bearer(alice), q=query) == [title]


def test_both_spellings_are_found_by_each(world: World, alice: Viewer) -> None:
    for number, title in enumerate(("Spider-Man", "Spiderman", "Spider man")):
        world.video(title, filename=f"{number}.mp4")
    for query in ("spider-man", "spider man"):
        assert sorted(titles(world, bearer(alice), q=query)) == ["Spider man", "Spider-Man", "Spiderman"]
    # What is written apart in the library is taken together where nothing else is found.
    assert sorted(titles(world, bearer(alice), q="spiderman")) == ["Spider-Man", "Spiderman"]


@pytest.mark.parametrize(("title", "query"), [("Version 2.0", "20"), ("Spider castle man", "spiderman")])
def test_what_is_not_joined_is_not_found_so(world: World, alice: Viewer, title: str, query: str) -> None:
    world.video(title, filename="x.mp4")
    assert titles(world, bearer(alice), q=query) == []


ORDERED = [
    "\u201cA\u201d",
    "Show 1",
    "Show 2",
    "Show 2 b",
    "Show 10",
    "Show 010 again",
    "Show 100",
    "Shower",
    "\u00dcbung 9",
    "\u00dcbung 11",
]


@pytest.mark.parametrize("limit", ["1", "3", "50"])
def test_titles_are_in_the_order_of_their_numbers_from_page_to_page(world: World, alice: Viewer, limit: str) -> None:
    made = {title: world.video(title) for title in reversed(ORDERED)}
    for number in range(3):
        made[f"Twin {number}"] = world.video("Twin")
    names = {video: title for title, video in made.items()}
    in_order = [names[video] for video in walk(world, bearer(alice), sort="title", limit=limit)]
    assert [title for title in in_order if title in ORDERED] == ORDERED
    assert sorted(in_order[-5:-2]) == ["Twin 0", "Twin 1", "Twin 2"]
    assert walk(world, bearer(alice), sort="title", limit=limit, q="show") == [
        made[title] for title in ORDERED if title.startswith("Show")
    ]


def test_beginning_of_very_many_words(world: World, alice: Viewer) -> None:
    made = [world.video(f"Saga{number:03}", filename=f"{number}.mp4") for number in range(70)]
    inside = world.video("Besagahn", filename="y.mp4")
    for query, found in (("sag", {*made, inside}), ("saga", {*made, inside}), ("saga00", set(made[:10]))):
        assert set(walk(world, bearer(alice), q=query, limit="100")) == found


def test_letters_of_another_order_are_no_phrase(world: World, alice: Viewer) -> None:
    world.video("物語東京", filename="x.mp4")
    assert titles(world, bearer(alice), q="京東") == []


def test_errors_are_forgiven_only_where_nothing_matches(world: World, alice: Viewer) -> None:
    world.video("Sunrise")
    world.video("Sunries")
    assert titles(world, bearer(alice), q="sunries") == ["Sunries"]
    assert sorted(titles(world, bearer(alice), q="snurise")) == ["Sunrise"]


def test_description_and_tags_are_searched_too(world: World, alice: Viewer) -> None:
    world.video("One", description="A lighthouse keeper", tags=["Noir"])
    for query in ("lighthouse", "keep", "noir"):
        assert titles(world, bearer(alice), q=query) == ["One"], query


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"codec": "hevc"}, {"a"}), ({"codec": "aac"}, {"a", "b"}), ({"container": "matroska"}, {"b"}),
    ({"status": "ready"}, {"a", "b", "c"}), ({"status": "waiting"}, {"d"}), ({"tag": "noir"}, {"b"}),
    ({"min_height": 1080}, {"a", "b"}), ({"max_height": 1080, "min_height": 720}, {"b", "c"}),
    ({"min_duration": 60}, {"b", "c"}), ({"max_duration": 60}, {"a", "b"}), ({"min_year": 1960}, {"b"}),
    ({"min_year": 1927, "max_year": 1927}, {"a"}),
    ({"folder": "films"}, {"a", "b"}), ({"folder": "/films/old/"}, {"a"}),
    ({"folder": "film"}, set()), ({"folder": "films/%"}, set()), ({"codec": "aac", "folder": "films/old"}, {"a"}),
    ({"q": "b", "codec": "aac"}, {"b"}), ({"q": "b", "codec": "hevc"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_filters(world: World, alice: Viewer, query: dict[str, Any], found: set[str]) -> None:
    world.video("a", path=b"films/old/a.mp4", video_codec="hevc", audio_codec="aac", height=2160, duration_seconds=30,
                container_tags=Jsonb({"date": "1927"}))  # fmt: skip
    world.video("b", path=b"films/b.mkv", filename="b.1968.mkv", container="matroska", video_codec="h264",
                audio_codec="aac", height=1080, duration_seconds=60, tags=["noir"])  # fmt: skip
    world.video("c", path=b"filmstrip/c.mp4", video_codec="h264", height=720, duration_seconds=90)
    world.video("d", path=b"d.mp4", status="waiting", container=None, duration_seconds=None)
    assert set(titles(world, bearer(alice), **query)) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"min_height": "x"}, "min_height"), ({"min_year": "-1"}, "min_year"), ({"status": "lost"}, "status"),
        ({"max_duration": "nan"}, "max_duration"), ({"codec": "x" * 65}, "codec"), ({"tag": ""}, "tag"),
        ({"folder": "a\0"}, "folder"), ({"min_height": str(10**30)}, "min_height"),
    ],
)  # fmt: skip
def test_wrong_filter_is_422(world: World, alice: Viewer, query: dict[str, str], field: str) -> None:
    response = world.client().get("/api/v1/videos", query_string=query, headers=bearer(alice))
    assert response.status_code == 422
    assert set(response.get_json()["errors"]) == {field}


@pytest.mark.parametrize(
    "query", [{}, {"q": "sunrise"}, {"q": "snurise"}, {"tag": "sea"}, {"q": "sunrise", "sort": "title"}]
)
def test_cursor_is_bound_to_its_list(world: World, alice: Viewer, query: dict[str, str]) -> None:
    made = [world.video(f"Sunrise {number}", tags=["sea"]) for number in range(5)]
    assert sorted(walk(world, bearer(alice), limit=2, **query)) == sorted(made)
    cursor = world.client().get(
        "/api/v1/videos", query_string=query | {"limit": "2"}, headers=bearer(alice)
    ).get_json()["next_cursor"]  # fmt: skip
    for other in ({"q": "sunrises"}, {"tag": "other"}, {"sort": "duration"}, {"codec": "h264", **query}):
        refused = world.client().get("/api/v1/videos", query_string=other | {"cursor": cursor}, headers=bearer(alice))
        assert refused.status_code == 422, other


@pytest.mark.parametrize("sort", ["added", "title", "duration", "popular"])
@pytest.mark.parametrize(
    ("peeks", "many"), [((1, 1), 2000), ((1, 1), 2), ((1000, 3000), 2)], ids=["sorted", "in order", "peeked"]
)
def test_every_way_of_a_search_gives_the_same_list(
    world: World, alice: Viewer, monkeypatch: pytest.MonkeyPatch, sort: str, peeks: tuple[int, int], many: int
) -> None:
    rivers = {
        world.video("River that waits", status="waiting", duration_seconds=None),
        *(world.video(f"River {n % 7}", popularity=float(n % 5), duration_seconds=float(n % 4)) for n in range(30)),
    }
    for n in range(30):
        world.video(f"Other {n}")
    usual = [video for video in walk(world, bearer(alice), sort=sort, limit="100") if video in rivers]
    assert walk(world, bearer(alice), sort=sort, q="riv", limit="4") == usual
    monkeypatch.setattr(library, "_PEEKS", peeks)
    monkeypatch.setattr(library, "_MANY", many)
    assert walk(world, bearer(alice), sort=sort, q="riv", limit="4") == usual
    assert walk(world, bearer(alice), sort=sort, q="rivre", limit="4") == usual


def test_long_title_of_any_script_has_a_cursor(world: World, alice: Viewer) -> None:
    made = [world.video("\U00020000" * 300 + str(number)) for number in range(3)] + [world.video("ﷺ" * 300)]
    assert sorted(walk(world, bearer(alice), limit=1, sort="title")) == sorted(made)


def play(world: World, viewer: Viewer, video: str, days_ago: float) -> None:
    world.owner.execute(
        "INSERT INTO playbacks (id, session_id, user_id, video_id, door, started_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s, 'signed', %s)",
        (viewer.session_id, viewer.user.id, video, datetime.now(UTC) - timedelta(days=days_ago)),
    )


def due(world: World) -> None:
    world.owner.execute("UPDATE popularity_computed SET at = '-infinity'")


def test_popular_decays_and_counts_a_viewer_once_a_day(world: World, alice: Viewer) -> None:
    viewers = [Viewer(world, name) for name in ("bob", "carol", "dave")]
    old, fresh, insisted, never = (world.video(name) for name in ("old", "fresh", "insisted", "never"))
    due(world)
    for viewer in viewers:
        play(world, viewer, old, 22)
    play(world, viewers[0], fresh, 1)
    play(world, viewers[1], fresh, 1)
    for _ in range(20):
        play(world, viewers[0], insisted, 1)
    assert walk(world, bearer(alice), sort="popular", limit=1) == [fresh, insisted, old, never]
    stamps = world.owner.execute("SELECT id, xmin::text FROM videos ORDER BY id").fetchall()
    due(world)
    assert walk(world, bearer(alice), sort="popular", limit=2) == [fresh, insisted, old, never]
    assert world.owner.execute("SELECT id, xmin::text FROM videos ORDER BY id").fetchall() == stamps, "nothing to write"
    for viewer in viewers:
        play(world, viewer, never, 0)
    assert titles(world, bearer(alice), sort="popular")[0] == "fresh", "five minutes old"
    due(world)
    assert titles(world, bearer(alice), sort="popular")[0] == "never"


def test_featured_shows_what_one_may_see(world: World, alice: Viewer) -> None:
    ghost = Viewer(world, "ghost", role="guest")
    public, members, hidden = world.video("p", visibility="public"), world.video("m"), world.video(visibility="named")
    due(world)
    for video in (public, members, hidden):
        play(world, alice, video, 1)
    for _ in range(2):
        for viewer, seen in ((alice, {public, members}), (ghost, {public})):
            answer = viewer.call("GET", "/videos/featured").get_json()
            assert {video["id"] for video in answer["popular"]} == {video["id"] for video in answer["recent"]} == seen
    late = world.video("late")
    assert alice.call("GET", "/videos/featured").get_json()["recent"][0]["id"] == late, "a new title shows at once"
    world.owner.execute("UPDATE videos SET visibility = 'named' WHERE id = %s", (members,))
    assert members not in alice.call("GET", "/videos/featured").text, "what is kept grants nothing"


def test_title_by_its_files_name(world: World, alice: Viewer) -> None:
    video = world.video("One", filename="Ünï & co #1.mp4")
    world.video("hidden", filename="secret.mp4", visibility="named")
    path = "/videos/by-name/"
    assert alice.call("GET", path + "Ünï & co %231.mp4").get_json()["id"] == video
    for missing in ("secret.mp4", "nothing.mp4", "%00", "a%00b", "%ff%fe", "..", "%0a"):
        assert alice.call("GET", path + missing).status_code == 404, missing
    other = world.video("Two", filename="Ünï & co #1.mp4")
    refused = alice.call("GET", path + "Ünï & co %231.mp4")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "ambiguous")
    assert {item["id"] for item in refused.get_json()["items"]} == {video, other}


def test_kept_page_of_a_title_is_never_older_than_the_title(world: World, alice: Viewer) -> None:
    video = world.video("Before")
    path = f"/videos/{video}"
    assert alice.call("GET", path).get_json()["title"] == "Before"
    cache = world.redis_cache.client()
    (key,) = cache.keys(f"ks:title:{video}:*")
    assert 3_000_000 < cache.pttl(key) <= 3_600_000
    # A change that forgot its stamp shows that the page really came from the cache.
    world.owner.execute("UPDATE videos SET title = 'Quiet' WHERE id = %s", (video,))
    assert alice.call("GET", path).get_json()["title"] == "Before"
    world.owner.execute("UPDATE videos SET title = 'After', changed_at = now() WHERE id = %s", (video,))
    assert alice.call("GET", path).get_json()["title"] == "After"
    alice.call("PUT", f"{path}/rating", {"rating": 5})
    assert alice.call("GET", path).get_json()["my_rating"] == 5
    world.owner.execute("UPDATE videos SET visibility = 'named' WHERE id = %s", (video,))
    assert alice.call("GET", path).status_code == 404, "permission is never kept"


def test_dead_or_poisoned_cache_breaks_no_read(world: World) -> None:
    world.with_settings(redis_cache_url="unix:///nowhere/redis.sock")
    alice, video = Viewer(world, "alice"), world.video("Sunrise")
    for path in (f"/videos/{video}", "/videos/featured", "/videos?sort=popular"):
        for _ in range(2):
            assert alice.call("GET", path).status_code == 200


def test_nonsense_in_the_cache_is_passed_over(world: World, alice: Viewer) -> None:
    video = world.video("Sunrise")
    alice.call("GET", f"/videos/{video}")
    cache = world.redis_cache.client()
    (key,) = cache.keys(f"ks:title:{video}:*")
    cache.set(key, b"{nonsense")
    assert alice.call("GET", f"/videos/{video}").get_json()["title"] == "Sunrise"
