"""The way of a viewer through the box: sign in, find, play, seek, leave, come back, sign out."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, Route, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import media, open_title, position, press_play, sign_in, told, visit, wait_until
from tests.browser.contexts import Contexts
from tests.browser.watch import Watch
from tests.browser.widths import both_widths

# What a page sees of a stopped playback: refusals, and the cut of its connection, maybe under a request.
STOPPED = (410, 0)
# Until a page that asks for nothing has been told by a heartbeat, with room to spare; and one that asks for bytes.
TOLD_BY_HEARTBEAT_MS = 25_000
TOLD_BY_BYTES_MS = 10_000


def watch_a_while(page: Page, film: dict[str, Any]) -> str:
    """The id of a playback that has run for so long that it does not start again by itself when it ends."""
    with page.expect_response("**/playback") as granted:
        press_play(page)
    page.keyboard.press("1")
    wait_until(page, "(video, from) => video.currentTime > from + 4.5", film["duration_seconds"] * 0.1)
    playback: str = granted.value.json()["playback_id"]
    return playback


@both_widths
def test_a_viewer_signs_in_plays_seeks_and_signs_out(box: Box, film: dict[str, Any], fresh_context: Contexts) -> None:
    page = fresh_context().new_page()
    visit(page, box.url)
    sign_in(page, box)

    page.get_by_role("searchbox", name="Search the library").fill(film["title"])
    page.locator(f"a[href='#/title/{film['id']}']").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(film["title"])
    press_play(page)

    half = film["duration_seconds"] / 2
    page.get_by_role("slider", name="Seek").evaluate(
        "(bar, to) => { bar.value = to; bar.dispatchEvent(new Event('input', {bubbles: true})); }", half
    )
    wait_until(page, "(video, half) => !video.seeking && video.currentTime > half + 0.5", half)
    assert half < position(page) < half + 10

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    # The cookies are gone with the view: a reload stays signed out.
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert not [cookie for cookie in page.context.cookies() if cookie["name"] == "__Host-ks"]


def test_a_paused_film_resumes_where_it_stopped_and_can_start_over(page: Page, box: Box, film: dict[str, Any]) -> None:
    open_title(page, box, film)
    press_play(page)
    page.keyboard.press("5")
    place = film["duration_seconds"] / 2
    wait_until(page, "(video, place) => !video.seeking && video.currentTime >= place", place)
    with page.expect_request("**/heartbeat") as heartbeat:
        page.keyboard.press("k")
    assert told(heartbeat.value)["state"] == "paused"
    stopped = position(page)

    with page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
        page.get_by_role("link", name="Library", exact=True).click()
    assert ended.value.status == 204
    page.get_by_role("heading", name="Library").wait_for()

    open_title(page, box, film)
    press_play(page)
    assert abs(position(page) - stopped) < 3
    page.get_by_role("button", name="Start over").click()
    wait_until(page, "video => !video.seeking && video.currentTime < 3")
    expect(page.get_by_role("button", name="Start over")).to_be_hidden()


def test_a_closed_page_keeps_the_place_and_gives_the_slot_back(
    page: Page, context: BrowserContext, box: Box, film: dict[str, Any], program: Program
) -> None:
    open_title(page, box, film)
    press_play(page)
    page.keyboard.press("7")
    place = film["duration_seconds"] * 0.7
    with page.expect_request("**/heartbeat"):
        wait_until(page, "(video, place) => !video.seeking && video.currentTime >= place", place)
    beside = program.fill_slots(film["id"])
    try:
        page.goto("about:blank")
        page.wait_for_timeout(1000)
        freed = program.fill_slots(film["id"])
        assert len(freed) == 1
        program.end(freed[0])
    finally:
        for playback in beside:
            program.end(playback)

    again = context.new_page()
    open_title(again, box, film)
    press_play(again)
    assert position(again) >= place - 1


def test_heartbeats_tell_the_position_while_playing(page: Page, box: Box, film: dict[str, Any], watch: Watch) -> None:
    open_title(page, box, film)
    with page.expect_response("**/playback") as granted:
        press_play(page)
    every = granted.value.json()["heartbeat_seconds"]
    first = told(watch.seen("/heartbeat$", "POST")[0])
    assert first["state"] == "playing"
    before = len(watch.seen("/heartbeat$", "POST"))
    page.wait_for_timeout((every + 1) * 1000)
    beats = watch.seen("/heartbeat$", "POST")[before:]
    assert 1 <= len(beats) <= 3
    assert told(beats[-1])["position_seconds"] > first["position_seconds"]


def test_the_controls_do_what_they_say(page: Page, box: Box, film: dict[str, Any]) -> None:
    open_title(page, box, film)
    press_play(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert media(page).evaluate("video => video.paused")

    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    page.get_by_role("slider", name="Volume").fill("0.5")
    assert media(page).evaluate("video => [video.volume, video.muted]") == [0.5, False]

    page.get_by_role("combobox", name="Speed").select_option("1.5")
    assert media(page).evaluate("video => video.playbackRate") == 1.5

    page.get_by_role("button", name="Full screen").click()
    leave = page.get_by_role("button", name="Leave full screen")
    expect(leave).to_be_visible()
    leave.click()
    expect(page.get_by_role("button", name="Full screen", exact=True)).to_be_visible()

    # What is buffered is drawn on the rail.
    assert "linear-gradient" in page.locator(".rail").evaluate("rail => rail.style.backgroundImage")
    # Volume and speed are this browser's: the next film starts with them.
    page.reload()
    press_play(page)
    assert media(page).evaluate("video => [video.volume, video.playbackRate]") == [0.5, 1.5]


def test_the_link_for_other_players_plays_without_a_browser(
    page: Page, context: BrowserContext, box: Box, film: dict[str, Any], tmp_path: Path
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=box.url)
    open_title(page, box, film)
    with page.expect_response("**/playback") as granted:
        page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert any(link.startswith(f"{origin}/m/") for origin in box.origins)
    expect(page.get_by_label("Link for VLC, mpv or Kodi")).to_have_value(link)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download playlist").click()
    saved = tmp_path / "playlist.m3u"
    download.value.save_as(saved)
    lines = saved.read_text(encoding="utf-8").splitlines()
    assert lines == ["#EXTM3U", f"#EXTINF:{round(film['duration_seconds'])},{film['title']}", link]
    assert download.value.suggested_filename.endswith(".m3u")

    with requests.Session() as stranger:
        stranger.trust_env = False
        response = stranger.get(link, headers={"Range": "bytes=0-1023"}, verify=box.ca_file, timeout=20)
    assert (response.status_code, len(response.content)) == (206, 1024)
    page.evaluate("id => fetch(`/api/v1/playbacks/${id}`, {method: 'DELETE'})", granted.value.json()["playback_id"])


def test_at_the_limit_the_running_streams_are_listed_and_one_can_be_ended(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    watch.expect(429)
    started = program.fill_slots(film["id"])
    try:
        open_title(page, box, film)
        page.get_by_role("button", name="Play").first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("listitem")).not_to_have_count(0)
        expect(dialog).to_contain_text(film["title"])
        expect(dialog).to_contain_text("Television")
        dialog.get_by_role("button", name="End ").first.click()
        wait_until(page, "video => !video.paused && video.currentTime > 0.3")
    finally:
        for playback in started:
            program.end(playback)


def test_what_is_ended_elsewhere_is_waited_for_while_it_is_still_being_sent(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    """The server refuses once more, as it does while it has something to cut; the viewer is asked once."""
    watch.expect(429)
    started = program.fill_slots(film["id"])
    asked: list[dict[str, Any]] = []

    def not_yet(route: Route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) == 2:
            answer = route.fetch()
            program.end(answer.json()["playback_id"])
            refusal = {"status": 429, "code": "streams", "title": "Too Many Requests", "running": []}
            route.fulfill(status=429, headers={"Retry-After": "1"}, json=refusal)
        else:
            route.continue_()

    page.route("**/api/v1/videos/*/playback", not_yet)
    try:
        open_title(page, box, film)
        page.get_by_role("button", name="Play").first.click()
        page.get_by_role("dialog").get_by_role("button", name="End ").first.click()
        wait_until(page, "video => !video.paused && video.currentTime > 0.3")
        assert len(asked) == 3
        assert asked[1]["replace"] == asked[2]["replace"]
        expect(page.get_by_role("dialog")).to_have_count(0)
    finally:
        for playback in started:
            program.end(playback)


def test_keeping_the_running_streams_starts_nothing(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    watch.expect(429)
    started = program.fill_slots(film["id"])
    try:
        open_title(page, box, film)
        page.get_by_role("button", name="Play").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Keep them").click()
        expect(page.get_by_role("button", name="Play here")).to_be_focused()
    finally:
        for playback in started:
            program.end(playback)
    page.get_by_role("button", name="Play here").click()
    wait_until(page, "video => !video.paused && video.currentTime > 0.3")


def test_a_playback_ended_elsewhere_says_so_and_starts_again_where_it_was(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    watch.expect(*STOPPED)
    open_title(page, box, film)
    playback = watch_a_while(page, film)
    program.end(playback)

    # A seek is told to the server, whose answer is that it is over; so is the door's, when more bytes are needed.
    page.keyboard.press("3")
    again = page.get_by_role("button", name="Play again")
    expect(again).to_be_focused()
    assert media(page).evaluate("video => video.paused || video.error !== null")
    place = film["duration_seconds"] * 0.3
    page.keyboard.press("Enter")
    wait_until(page, "(video, place) => !video.paused && video.currentTime > place + 0.3", place)
    assert position(page) < place + 8
    assert len(watch.seen("/playback$", "POST")) == 2


def test_at_the_limit_what_was_ended_begins_again_without_a_cut(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    """It keeps its place while it is being sent: the page lets go of it before it asks, on the same connection."""
    watch.expect(*STOPPED)
    open_title(page, box, film)
    playback = watch_a_while(page, film)
    beside = program.fill_slots(film["id"])
    try:
        program.end(playback)
        page.keyboard.press("3")
        expect(page.get_by_role("button", name="Play again")).to_be_focused()
        with page.expect_response("**/playback") as granted:
            page.keyboard.press("Enter")
        assert granted.value.status == 201
        wait_until(page, "video => !video.paused && video.currentTime > 1")
        assert len(watch.seen("/playback$", "POST")) == 2
    finally:
        for each in beside:
            program.end(each)


@pytest.fixture
def stopped(page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch) -> Page:
    """A page whose film an administrator has just stopped."""
    watch.expect(*STOPPED)
    open_title(page, box, film)
    program.call("DELETE", f"/admin/streams/{watch_a_while(page, film)}")
    return page


def says_who_stopped_it(page: Page, within_ms: int) -> None:
    player = page.get_by_role("group", name="Player")
    expect(player.get_by_text("This playback was ended by an administrator.")).to_be_visible(timeout=within_ms)
    expect(page.get_by_role("button", name="Play again")).to_be_visible()


def test_a_playback_stopped_by_an_administrator_says_so(stopped: Page) -> None:
    """Nobody touches the page: the next heartbeat, or the next bytes, tell it."""
    # On a media host the browser would hide the refusal otherwise, and ask again and again.
    assert media(stopped).evaluate("video => video.crossOrigin") == "anonymous"
    says_who_stopped_it(stopped, TOLD_BY_HEARTBEAT_MS)


def test_a_viewer_who_seeks_beyond_what_is_loaded_is_told_who_stopped_the_playback(stopped: Page) -> None:
    """The bytes are refused before any heartbeat: then the browser pauses the picture by itself."""
    stopped.keyboard.press("9")
    says_who_stopped_it(stopped, TOLD_BY_BYTES_MS)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 410, "code": "removed"}, "This title was removed from the library."),
        ({"status": 410, "code": "lapsed"}, "because nothing was heard of it"),
        ({"status": 404, "code": "not_found"}, "This playback has ended."),
    ],
)
def test_the_reason_of_an_end_is_said_in_words(
    page: Page, box: Box, film: dict[str, Any], watch: Watch, answer: dict[str, Any], sentence: str
) -> None:
    watch.expect(410, 404)
    open_title(page, box, film)
    watch_a_while(page, film)
    problem = {"type": "about:blank", "title": "", "detail": "", **answer}
    page.route(
        "**/heartbeat",
        lambda route: route.fulfill(
            status=answer["status"], content_type="application/problem+json", body=json.dumps(problem)
        ),
    )
    page.keyboard.press("3")
    expect(page.get_by_role("group", name="Player").get_by_text(sentence)).to_be_visible()


def test_a_playback_ended_while_paused_starts_anew_at_the_next_press_of_play(
    page: Page, box: Box, film: dict[str, Any], program: Program, watch: Watch
) -> None:
    watch.expect(*STOPPED)
    open_title(page, box, film)
    with page.expect_response("**/playback") as granted:
        press_play(page)
    page.keyboard.press("3")
    page.keyboard.press("k")
    place = film["duration_seconds"] * 0.3
    wait_until(page, "(video, place) => video.paused && !video.seeking && video.currentTime >= place", place)
    program.end(granted.value.json()["playback_id"])
    page.keyboard.press("k")
    wait_until(page, "(video, place) => !video.paused && video.currentTime > place + 0.3", place)
    page.wait_for_timeout(1500)
    wait_until(page, "video => !video.paused && !video.error")
    assert len(watch.seen("/playback$", "POST")) == 2


def test_an_expired_link_is_renewed_without_the_viewer_noticing(
    page: Page, box: Box, film: dict[str, Any], watch: Watch
) -> None:
    watch.expect(410)
    refused: list[str] = []

    def first_link_expired(route: Any) -> None:
        playback = route.request.url.split("/m/")[1].split("/")[2]
        refused[:] = refused or [playback]
        if playback == refused[0]:
            problem = '{"type": "about:blank", "title": "Gone", "status": 410, "code": "expired", "detail": ""}'
            # As the doors do, for a box whose media comes from a host of its own.
            headers = {"Content-Type": "application/problem+json", "Access-Control-Allow-Origin": box.url}
            route.fulfill(status=410, headers=headers, body=problem)
        else:
            route.continue_()

    page.route("**/m/**", first_link_expired)
    open_title(page, box, film)
    press_play(page)
    assert len(watch.seen("/playback$", "POST")) == 2
