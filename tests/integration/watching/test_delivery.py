"""What a device says it plays, in the grant: what it gets, what is refused, and lists that are none."""

from typing import Any

import pytest

from authsvc.api.schemas.playbacks import MOST_TYPES
from testbed.services.viewer import Viewer
from testbed.services.world import World

DISC = {
    "container": "mkv", "video_codec": "hevc", "audio_codec": "ac3", "video_codec_string": "hvc1.2.4.L120.90",
    "audio_codec_string": "ac-3", "height": 1080, "renditions": "as_needed",
}  # fmt: skip
BROWSER = ["video/mp4", "video/matroska", 'video/mp4; codecs="avc1.640033"', 'audio/mp4; codecs="mp4a.40.2"']
BOTH = [*BROWSER, 'video/mp4; codecs="hvc1.2.4.L153.90"', 'audio/mp4; codecs="ac-3"']


def disc(world: World, *names: str, **columns: Any) -> str:
    video = world.video(**DISC | columns)
    world.publish(video, "source.mkv", *names)
    return video


def chosen(viewer: Viewer, video: str, **plays: Any) -> dict[str, Any]:
    answer = viewer.play(video, plays=plays)
    assert answer.status_code == 201, answer.text
    granted = answer.get_json()
    viewer.call("DELETE", f"/playbacks/{granted['playback_id']}")
    told = granted["chosen"]
    assert [way["link"] for way in told["ways"]] == [told["link"], *told["alternatives"]][: len(told["ways"])]
    for way in told["ways"]:
        assert granted["links"][way["link"]], "a way without its link"
    return dict(told)


def test_who_decodes_the_film_gets_it_and_who_does_not_gets_what_is_made(world: World, alice: Viewer) -> None:
    video = disc(world)
    able = chosen(alice, video, decodes=BOTH)
    assert ([way["way"] for way in able["ways"]], able["refused"]) == (["source", "made_now"], [])
    told = chosen(alice, video, decodes=BROWSER)
    assert (told["link"], [way["way"] for way in told["ways"]]) == ("now", ["made_now"])
    assert told["refused"] == [
        {"way": "source", "link": "source", "reason": f"{reason} is not decoded here"}
        for reason in ("picture: hvc1.2.4.L120.90", "sound: ac-3")
    ]
    world.publish(video, "master.m3u8", "manifest.mpd")
    assert [way["link"] for way in chosen(alice, video, decodes=BROWSER)["ways"]] == ["dash", "hls"]
    assert [way["link"] for way in chosen(alice, video, decodes=BROWSER, manifests=["hls"])["ways"]] == ["hls"]


def test_what_failed_here_is_refused_and_the_rest_goes_on(world: World, alice: Viewer) -> None:
    video = disc(world)
    told = chosen(alice, video, decodes=BOTH, fails=['video/mp4; codecs="hvc1.2.4.L120.90"'])
    assert [way["link"] for way in told["ways"]] == ["now"]
    assert [way["reason"] for way in told["refused"]] == ["picture: hvc1.2.4.L120.90 is known to fail here"]


def test_a_player_has_a_profile(world: World, alice: Viewer) -> None:
    video = disc(world, "master.m3u8", audio_codec="dts", audio_codec_string="dtsc", hdr="dolby-vision")
    for profile, links in (("vlc", ["source", "hls"]), ("mpv", ["source", "hls"]), ("kodi", ["source", "hls"])):
        assert [way["link"] for way in chosen(alice, video, profile=profile)["ways"]] == links
    television = chosen(alice, video, profile="television")
    assert [way["link"] for way in television["ways"]] == ["hls"]
    assert [way["reason"] for way in television["refused"]] == [
        "sound: dtsc is not decoded here", "picture: Dolby Vision is not shown here",
    ]  # fmt: skip


def test_preferences_come_with_what_the_device_says(world: World, alice: Viewer) -> None:
    video = disc(world, "master.m3u8", "manifest.mpd")
    alice.call("PUT", "/users/me/preferences", {"quality": "720p"})
    told = chosen(alice, video, decodes=BOTH, kind="phone", max_height=480)
    assert ([way["link"] for way in told["ways"]], told["max_height"]) == (["hls", "dash"], 480)
    assert told["refused"][0]["reason"] == "picture: 1080 lines are more than this device shows (480)"


def test_who_says_nothing_of_it_is_answered_as_before(world: World, alice: Viewer) -> None:
    video = disc(world)
    told = alice.play(video, device="curl").get_json()["chosen"]
    assert (told["link"], told["alternatives"]) == ("source", [])
    assert [way["way"] for way in told["ways"]] == ["made_now", "source"]


def test_where_nothing_is_made_a_device_is_told_that_there_is_nothing(world: World, alice: Viewer) -> None:
    told = chosen(alice, disc(world, renditions="none"), decodes=BROWSER)
    assert (told["link"], told["ways"], told["reason"]) == (None, [], "picture: hvc1.2.4.L120.90 is not decoded here")


@pytest.mark.parametrize(
    "plays",
    [
        {},
        {"decodes": []},
        {"decodes": BROWSER, "profile": "vlc"},
        {"profile": "winamp"},
        {"decodes": ["-f"]},
        {"decodes": ["--enable-libx265"]},
        {"decodes": ["-i /etc/passwd"]},
        {"decodes": ['video/mp4; codecs="-c copy"']},
        {"decodes": ["avc1.640028\n"]},
        {"decodes": ["avc1.640028\0"]},
        {"decodes": ["vp8;rm"]},
        {"decodes": ["a" * 65]},
        {"decodes": ["x" * 1_000]},
        {"decodes": [1]},
        {"decodes": "avc1.640028"},
        {"decodes": [["avc1.640028"]]},
        {"decodes": ["vp8"] * (MOST_TYPES + 1)},
        {"decodes": BROWSER, "fails": ["vp8"] * (MOST_TYPES + 1)},
        {"decodes": BROWSER, "fails": ["../vp8"]},
        {"decodes": BROWSER, "kind": "toaster"},
        {"decodes": BROWSER, "max_height": 0},
        {"decodes": BROWSER, "max_height": "720"},
        {"decodes": BROWSER, "hdr": ["hdr10"] * 4},
        {"decodes": BROWSER, "hdr": True},
        {"decodes": BROWSER, "manifests": ["hls"] * 3},
        {"decodes": BROWSER, "manifests": ["smooth"]},
        {"decodes": BROWSER, "unknown": 1},
    ],
)
def test_a_list_that_is_none_is_refused_with_a_sentence(world: World, alice: Viewer, plays: dict[str, Any]) -> None:
    answer = alice.play(disc(world), plays=plays)
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (422, "invalid")
    assert body["detail"].endswith(".")
    assert "plays" in str(body["errors"])
    assert world.owner.execute("SELECT FROM playbacks").fetchone() is None


def test_a_list_that_is_far_too_large_is_not_read(world: World, alice: Viewer) -> None:
    assert alice.play(disc(world), plays={"decodes": ["vp8"] * 100_000}).status_code == 413


def test_the_server_names_what_to_ask_about_and_takes_all_of_it(world: World, alice: Viewer) -> None:
    answer = alice.call("GET", "/playbacks/questions")
    told = answer.get_json()
    assert len(told["types"]) <= MOST_TYPES
    assert told["version"]
    assert alice.call("GET", "/playbacks/questions").get_json() == told
    assert [way["way"] for way in chosen(alice, disc(world), decodes=told["types"])["ways"]] == ["source", "made_now"]
    assert world.client().get("/api/v1/playbacks/questions").status_code == 401
