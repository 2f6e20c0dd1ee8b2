"""How well files stream, for admins: listed, counted, and helped by one press that begins nothing twice."""

from typing import Any
from uuid import UUID

import pytest

from authsvc.library import checkup, health
from authsvc.library.health import Facts, Limits
from catalog.contract.words import HEALTH_FINDINGS
from testbed.services.viewer import Viewer
from testbed.services.world import World

PATH = "/library/health"
# A title that nothing is wrong with.
WELL = {"direct_play": True, "video_codec": "h264", "audio_codec": "aac", "video_codec_string": "avc1.64001F",
        "audio_codec_string": "mp4a.40.2", "judgement": 3, "renditions": "as_needed"}  # fmt: skip


@pytest.fixture
def admin(world: World) -> Viewer:
    return Viewer(world, "root", role="admin")


@pytest.fixture
def guest(world: World) -> Viewer:
    return Viewer(world, "visitor", role="guest")


def title(world: World, name: str, **columns: Any) -> str:
    return world.video(name, **{**WELL, **columns})


def listed(admin: Viewer, query: str = "") -> dict[str, list[str]]:
    """The findings of each title that is listed."""
    answer = admin.call("GET", f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    return {item["video"]["title"]: [one["finding"] for one in item["findings"]] for item in answer.json["items"]}


def counted(admin: Viewer) -> dict[str, tuple[int, int, int]]:
    """Of each finding that titles have: how many, how many under way, how many a press takes up."""
    items = admin.call("GET", f"{PATH}/findings").json["items"]
    assert [item["finding"] for item in items] == list(HEALTH_FINDINGS)
    return {item["finding"]: (item["titles"], item["under_way"], item["startable"]) for item in items if item["titles"]}


def press(admin: Viewer, finding: str, *videos: str) -> dict[str, Any]:
    answer = admin.call("POST", f"{PATH}/remedies", {"finding": finding} | ({"video_ids": videos} if videos else {}))
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json
    return told


def jobs(world: World) -> list[tuple[str, str, str]]:
    return world.owner.execute(
        "SELECT v.title, j.kind, j.urgency FROM jobs j JOIN videos v ON v.id = j.video_id"
        " ORDER BY j.created_at, v.title"
    ).fetchall()


def trail(world: World) -> list[dict[str, Any]]:
    rows = world.owner.execute("SELECT details FROM audit_events WHERE event = 'remedies_started' ORDER BY id")
    return [row[0] for row in rows]


def test_a_title_is_told_with_all_that_is_wrong_with_its_file(world: World, admin: Viewer) -> None:
    title(world, "Well")
    video = title(
        world, "Metropolis", direct_play=False, container="mkv", audio_codec="dts", audio_codec_string="dtsc",
        key_frame_seconds=25.0, bitrate=4_000_000, peak_bitrate=20_000_000,
    )  # fmt: skip
    (item,) = admin.call("GET", PATH).json["items"]
    assert item["video"] == {"id": video, "title": "Metropolis"}
    assert [(one["finding"], one["remedy"]) for one in item["findings"]] == [
        ("not_everywhere", "transcode"), ("sparse_key_frames", "transcode"), ("peaks", "transcode"),
    ]  # fmt: skip
    assert item["findings"][0]["sentence"] == ("Not every browser plays it as it is (container: mkv; sound: dts).")
    plays = {place["place"]: (place["plays"], place["obstacles"]) for place in item["plays"]}
    assert plays == {
        "browsers": (False, ["container: mkv", "sound: dts"]), "vlc": (True, []), "mpv": (True, []), "kodi": (True, []),
        "television": (False, ["sound: dtsc is not decoded here"]),
    }  # fmt: skip
    assert (item["has_versions"], item["making"], item["is_due"]) == (False, None, False)


def test_a_broken_file_plays_nowhere_and_says_why(world: World, admin: Viewer) -> None:
    title(world, "Torn", status="broken", status_reason="The file is empty.", container=None)
    (item,) = admin.call("GET", PATH).json["items"]
    assert [one["sentence"] for one in item["findings"]] == ["The file is empty."]
    assert {(place["plays"], *place["obstacles"]) for place in item["plays"]} == {(False, "The file is empty.")}


def test_lists_and_counts_find_what_the_function_finds(world: World, admin: Viewer) -> None:
    """Each column alone and all together, at its limits: SQL and the function agree on every row."""
    columns: list[dict[str, Any]] = [
        {}, {"status": "broken", "status_reason": "No."}, {"status": "waiting"}, {"status_reason": "It ends early."},
        {"direct_play": False}, {"scan": "tff"}, {"scan": "bff"}, {"scan": "progressive"}, {"edit_list": "trims"},
        {"edit_list": "delays"}, {"key_frame_seconds": 10.0}, {"key_frame_seconds": 10.001},
        {"bitrate": 1000, "peak_bitrate": 3000}, {"bitrate": 1000, "peak_bitrate": 3001}, {"peak_bitrate": 3001},
        {"moov_position": "back"}, {"moov_position": "front"}, {"open_gop": True}, {"open_gop": False},
    ]  # fmt: skip
    columns.append({name: value for each in columns[3:] for name, value in each.items()} | {"open_gop": True})
    for number, each in enumerate(columns):
        title(world, f"Film {number}", **each)
    for number, (codecs, names) in enumerate(
        [(["dvb_subtitle"], []), (["dvb_subtitle", "subrip"], []), (["dvb_subtitle"], ["sub-de.vtt"]),
         (["hdmv_pgs_subtitle"], ["sub-de.sup"]), ([], ["sub-de.vtt"])]
    ):  # fmt: skip
        video = title(world, f"Spoken {number}")
        for position, codec in enumerate(codecs):
            world.owner.execute(
                "INSERT INTO tracks (video_id, position, kind, codec, is_default, is_forced)"
                " VALUES (%s, %s, 'subtitle', %s, false, false)",
                (video, position, codec),
            )
        world.publish(video, *names)
        for position, name in enumerate(names):
            world.owner.execute(
                "INSERT INTO subtitles (video_id, name, position, language, is_default, is_forced, is_hearing_impaired,"
                " origin) VALUES (%s, %s, %s, 'de', false, false, false, 'sidecar')",
                (video, name, position),
            )
    every = listed(admin, "?limit=100")
    assert "Film 0" not in every
    assert "Film 2" not in every
    assert every["Film 1"] == ["broken"]
    assert {name: found for name, found in every.items() if name.startswith("Spoken")} == {
        "Spoken 0": ["no_text_subtitles"], "Spoken 3": ["no_text_subtitles"],
    }  # fmt: skip
    numbers = counted(admin)
    for finding in HEALTH_FINDINGS:
        having = {name for name, found in every.items() if finding in found}
        assert having, f"no case of {finding}"
        assert set(listed(admin, f"?limit=100&finding={finding}")) == having, finding
        assert numbers[finding][0] == len(having), finding
    # Nothing that the function finds is missed by the list.
    limits = Limits(10, 3)
    known = Facts.__dataclass_fields__
    for name, row in zip([f"Film {number}" for number in range(len(columns))], columns, strict=True):
        facts = {key: value for key, value in {**WELL, **row}.items() if key in known}
        assert [one.finding for one in health.findings(Facts(**facts), limits)] == every.get(name, []), name


def test_the_list_is_paged_in_the_order_of_titles_and_filtered(world: World, admin: Viewer) -> None:
    for number in (10, 9, 1, 2):
        title(world, f"Part {number}", open_gop=True, direct_play=number != 2)
    seen, cursor = [], ""
    for _ in range(4):
        page = admin.call("GET", f"{PATH}?limit=1&finding=open_gop{cursor}").json
        seen += [item["video"]["title"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["Part 1", "Part 2", "Part 9", "Part 10"]
    assert page["next_cursor"] is None
    assert listed(admin, "?finding=not_everywhere") == {"Part 2": ["not_everywhere", "open_gop"]}
    other = admin.call("GET", f"{PATH}?limit=1&finding=open_gop").json["next_cursor"]
    assert admin.call("GET", f"{PATH}?cursor={other}").status_code == 422
    for wrong in ("finding=sad", "limit=0", "limit=101", "cursor=x"):
        assert admin.call("GET", f"{PATH}?{wrong}").status_code == 422, wrong


def test_titles_that_left_are_neither_listed_nor_counted_nor_helped(world: World, admin: Viewer) -> None:
    video = title(world, "Gone", direct_play=False)
    world.owner.execute("UPDATE videos SET removed_at = now() WHERE id = %s", (video,))
    assert listed(admin) == {}
    assert counted(admin) == {}
    assert press(admin, "not_everywhere")["started"] == 0
    answer = admin.call("POST", f"{PATH}/remedies", {"finding": "not_everywhere", "video_ids": [video]})
    assert (answer.status_code, answer.json["errors"]) == (422, {"video_ids": [f"{video} has no such finding"]})
    assert jobs(world) == []


def test_admins_see_titles_that_are_for_named_viewers(world: World, admin: Viewer) -> None:
    title(world, "Private", direct_play=False, visibility="named")
    assert listed(admin) == {"Private": ["not_everywhere"]}


def test_it_is_for_admins_alone(world: World, alice: Viewer, guest: Viewer) -> None:
    video = title(world, "Metropolis", direct_play=False)
    body = {"finding": "not_everywhere", "video_ids": [video]}
    calls = [("GET", PATH, None), ("GET", f"{PATH}/findings", None), ("POST", f"{PATH}/remedies", body)]
    for method, path, sent in calls:
        for viewer in (alice, guest):
            assert viewer.call(method, path, sent).status_code == 403, (method, path)
        assert world.client().open(f"/api/v1{path}", method=method, json=sent).status_code == 401, (method, path)
    assert jobs(world) == []
    assert trail(world) == []


def test_one_press_has_versions_made_of_one_title_and_is_not_done_twice(world: World, admin: Viewer) -> None:
    video = title(world, "Metropolis", direct_play=False)
    title(world, "Faust", direct_play=False)
    first = press(admin, "not_everywhere", video)
    assert first == {"finding": "not_everywhere", "remedy": "transcode", "started": 1, "under_way": 0, "left": 0}
    again = press(admin, "not_everywhere", video)
    assert (again["started"], again["under_way"]) == (0, 1)
    assert jobs(world) == [("Metropolis", "rendition", "wanted")]
    assert counted(admin) == {"not_everywhere": (2, 1, 1)}
    assert trail(world) == [{"finding": "not_everywhere", "remedy": "transcode", "titles": 1, "video": video}]
    assert [item["making"] for item in admin.call("GET", PATH).json["items"]] == [None, "queued"]


def test_one_press_takes_up_so_many_the_most_watched_first_behind_what_anybody_waits_for(world: World) -> None:
    world.with_settings(health_remedies_at_once=2)
    admin = Viewer(world, "root", role="admin")
    for name, popularity in (("Seldom", 1), ("Often", 9), ("Sometimes", 5)):
        title(world, name, direct_play=False, popularity=popularity)
    title(world, "Well")
    assert press(admin, "not_everywhere") | {"finding": ""} == {
        "finding": "", "remedy": "transcode", "started": 2, "under_way": 0, "left": 1,
    }  # fmt: skip
    assert jobs(world) == [("Often", "rendition", "backlog"), ("Sometimes", "rendition", "backlog")]
    assert press(admin, "not_everywhere")["started"] == 1
    assert press(admin, "not_everywhere")["started"] == 0
    assert len(jobs(world)) == 3
    assert [details["titles"] for details in trail(world)] == [2, 1]


def test_a_press_on_all_leaves_out_what_is_not_wanted_failed_or_there_and_a_name_takes_it_up(
    world: World, admin: Viewer
) -> None:
    unwanted = title(world, "Unwanted", direct_play=False, renditions="none")
    failed = title(world, "Failed", direct_play=False)
    kept = title(world, "Kept", direct_play=False)
    world.publish(kept, "master.m3u8")
    world.owner.execute("SELECT enqueue_job('rendition', %s, '{}', NULL, 'backlog')", (failed,))
    world.owner.execute("UPDATE jobs SET state = 'failed', ended_at = now(), reason = 'It broke.'")
    assert counted(admin) == {"not_everywhere": (3, 0, 0)}
    assert press(admin, "not_everywhere")["started"] == 0
    assert press(admin, "not_everywhere", unwanted, failed, kept)["started"] == 2
    assert {name for name, _, urgency in jobs(world) if urgency == "wanted"} == {"Unwanted", "Failed"}
    remedies = {item["video"]["title"]: item["findings"][0]["remedy"] for item in admin.call("GET", PATH).json["items"]}
    assert remedies == {"Failed": "transcode", "Kept": "none", "Unwanted": "transcode"}


def test_a_broken_file_is_looked_at_again_by_the_next_scan(world: World, admin: Viewer) -> None:
    video = title(world, "Torn", status="broken", status_reason="Limit reached: it takes too long.")
    whole = title(world, "Whole")
    assert press(admin, "broken") | {"left": 0} == {
        "finding": "broken", "remedy": "rescan", "started": 1, "under_way": 0, "left": 0,
    }  # fmt: skip
    assert press(admin, "broken")["started"] == 0
    assert press(admin, "broken", video) | {"left": 0} == {
        "finding": "broken", "remedy": "rescan", "started": 0, "under_way": 1, "left": 0,
    }  # fmt: skip
    judgements = dict(world.owner.execute("SELECT id, judgement FROM videos").fetchall())
    assert judgements == {UUID(video): 0, UUID(whole): 3}
    assert counted(admin) == {"broken": (1, 1, 0)}
    assert [item["is_due"] for item in admin.call("GET", PATH).json["items"]] == [True]
    assert jobs(world) == []


def test_of_several_names_one_without_the_finding_begins_nothing(world: World, admin: Viewer) -> None:
    ill, well = title(world, "Ill", direct_play=False), title(world, "Well")
    answer = admin.call("POST", f"{PATH}/remedies", {"finding": "not_everywhere", "video_ids": [ill, well, "0" * 32]})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error.split()[0] for error in answer.json["errors"]["video_ids"]] == [well, "0" * 32]
    assert jobs(world) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"finding": "sad"},
        # Nothing that a press could do.
        {"finding": "moov_at_end"},
        {"finding": "incomplete"},
        {"finding": "not_everywhere", "video_ids": []},
        {"finding": "not_everywhere", "video_ids": ["x"]},
        {"finding": "not_everywhere", "video_ids": "0" * 32},
        {"finding": "not_everywhere", "video_ids": ["0" * 32, "0" * 32]},
        {"finding": "not_everywhere", "video_ids": [f"{number:032x}" for number in range(101)]},
        {"finding": "not_everywhere", "all": True},
    ],
)
def test_what_makes_no_sense_is_422_and_begins_nothing(world: World, admin: Viewer, body: dict[str, Any]) -> None:
    title(world, "Metropolis", direct_play=False)
    answer = admin.call("POST", f"{PATH}/remedies", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert jobs(world) == []


def test_the_limits_are_the_settings(world: World) -> None:
    world.with_settings(health_key_frame_seconds=2, health_peak_times=1.5)
    admin = Viewer(world, "root", role="admin")
    title(world, "Metropolis", key_frame_seconds=3.0, bitrate=1000, peak_bitrate=1600)
    assert listed(admin) == {"Metropolis": ["sparse_key_frames", "peaks"]}


def test_an_unknown_title_is_named_by_the_domain(world: World) -> None:
    with pytest.raises(checkup.NotFound, match="0" * 32):
        checkup.start(world.owner, Limits(10, 3), "broken", most=1, videos=[UUID(int=0)])
