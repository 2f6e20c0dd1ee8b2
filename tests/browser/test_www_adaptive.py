"""A film that no browser shows as it is, played from what was made of it: shaka-player under the page's controls."""

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from testbed.browser import renditions
from testbed.browser.box import Box, Program
from testbed.browser.steps import (
    PHONE,
    altered,
    choose,
    media,
    open_title,
    position,
    press_play,
    seek,
    visit,
    wait_until,
)
from tests.browser.watch import Watch

# Further than what is fetched ahead.
FAR = 50
VENDOR = "/vendor/shaka-player"


@pytest.fixture
def title(unplayable: dict[str, Any]) -> dict[str, Any]:
    return unplayable


@pytest.fixture
def opened(page: Page, box: Box, program: Program, title: dict[str, Any]) -> Page:
    """Its page, when all is made of it; each test plays it from the beginning."""
    renditions.made(program, title["id"])
    altered(page, "**/api/v1/videos/*/playback", lambda granted: granted.update(resume_seconds=0))
    open_title(page, box, title)
    return page


def test_a_film_that_no_browser_shows_is_made_playable_and_then_plays_and_seeks(
    page: Page, box: Box, title: dict[str, Any], program: Program, watch: Watch
) -> None:
    assert not title["direct_play"]
    open_title(page, box, title)
    # Whether or not something is there already: it is made for whoever presses it.
    expect(page.get_by_role("button", name="Play, 1 minute")).to_be_visible()
    renditions.made(program, title["id"])
    assert not watch.seen("^/vendor/"), "the player is fetched before it is needed"
    press_play(page)
    assert len(watch.seen("^/vendor/shaka-player/shaka-player[.]compiled[.]js$")) == 1
    assert media(page).evaluate("video => video.videoHeight") in renditions.HEIGHTS
    seek(page, FAR)
    wait_until(page, "(video, far) => !video.seeking && video.currentTime > far + 0.5", FAR)
    assert position(page) < FAR + 6
    assert not watch.seen("/source[.]mp4$")
    visit(page, f"{box.url}/#/")
    card = page.locator(".card").filter(has=page.locator(f"a[href='#/title/{title['id']}']"))
    expect(card.locator(".fine")).not_to_contain_text("external player")
    page.get_by_role("link", name="Jobs").click()
    for kind in ("Playable version", "Pictures", "Subtitles"):
        row = page.get_by_role("row").filter(has_text=title["title"]).filter(has_text=kind)
        expect(row.first).to_contain_text("Done")


def test_the_player_is_served_as_the_clients_own_modules_are_with_its_licences(box: Box) -> None:
    with requests.Session() as http:
        http.trust_env = False
        http.verify = box.ca_file
        own, player, licence = (
            http.get(box.url + path, timeout=20)
            for path in ("/js/main.js", f"{VENDOR}/shaka-player.compiled.js", f"{VENDOR}/LICENSE.txt")
        )
        again = http.get(player.url, headers={"If-None-Match": player.headers["ETag"]}, timeout=20)
    for header in ("Content-Type", "Cache-Control", "Content-Encoding", "Content-Security-Policy"):
        assert player.headers[header] == own.headers[header], header
    assert again.status_code == 304
    assert licence.headers["Content-Type"].startswith("text/plain")
    assert "Apache License" in licence.text


def test_quality_and_sound_are_chosen_and_remembered(opened: Page, watch: Watch) -> None:
    press_play(opened)
    choose(opened, "Quality", "360p")
    seek(opened, FAR)
    wait_until(opened, "video => !video.seeking && video.videoHeight === 360")
    choose(opened, "Sound", "German")
    expect(opened.get_by_role("combobox", name="Sound")).to_have_value("de")
    opened.reload()
    before = len(watch.requests)
    press_play(opened)
    fetched = {request.url.rsplit("/", 1)[1].rsplit("-", 1)[0] for request in watch.requests[before:]}
    assert {"v360", "a-deu"} <= fetched
    assert not {"v480", "a-eng"} & fetched


def test_on_a_phone_the_settings_leave_the_seek_bar_free(opened: Page) -> None:
    opened.set_viewport_size(PHONE)
    press_play(opened)
    opened.get_by_role("button", name="Settings").click()
    panel = opened.get_by_role("group", name="Settings").bounding_box()
    bar, player = opened.get_by_role("slider", name="Seek").bounding_box(), opened.locator(".player").bounding_box()
    assert panel
    assert bar
    assert player
    assert panel["y"] >= player["y"]
    assert panel["y"] + panel["height"] <= bar["y"]


def test_subtitles_are_shown_turned_off_by_a_key_and_remembered(opened: Page, watch: Watch) -> None:
    shown = "video => [...video.textTracks].filter(track => track.mode === 'showing').map(track => track.label)"
    press_play(opened)
    assert media(opened).evaluate(shown) == []
    choose(opened, "Subtitles", "German")
    wait_until(
        opened,
        "(video, words) => [...video.textTracks].some(track => track.activeCues?.[0]?.text === words)",
        renditions.SUBTITLES["deu"],
    )
    assert len(watch.seen("/sub-.*[.]vtt$")) == 1, "fetched and not shown"
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("button", name="Settings")).to_be_focused()
    opened.keyboard.press("c")
    assert media(opened).evaluate(shown) == []
    opened.keyboard.press("c")
    assert media(opened).evaluate(shown) == ["German"]
    opened.reload()
    press_play(opened)
    assert media(opened).evaluate(shown) == ["German"]


def test_the_seek_bar_shows_the_place_under_the_pointer_and_the_keys(opened: Page) -> None:
    press_play(opened)
    bar = opened.get_by_role("slider", name="Seek")
    hint, tile = opened.locator(".hint"), opened.locator(".hint .tile")
    expect(hint).to_be_hidden()
    box = bar.bounding_box()
    assert box
    opened.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    expect(tile).to_be_visible()
    expect(hint).to_contain_text("The farewell")
    assert re.search(r"/m/.*/storyboard[-0-9]*[.]jpg", tile.evaluate("tile => tile.style.backgroundImage"))
    first = tile.evaluate("tile => tile.style.backgroundPosition")
    opened.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    expect(hint).to_contain_text("The arrival")
    assert tile.evaluate("tile => tile.style.backgroundPosition") != first
    opened.mouse.move(box["x"], box["y"] - 300)
    expect(hint).to_be_hidden()
    bar.focus()
    opened.keyboard.press("5")
    expect(tile).to_be_visible()
    expect(bar).to_have_attribute("aria-valuetext", "30 seconds of 1 minute, The farewell")


def test_segments_of_an_expired_link_are_fetched_by_a_new_one_at_the_same_place(
    opened: Page, box: Box, watch: Watch
) -> None:
    watch.expect(410)
    with opened.expect_response("**/playback") as granted:
        press_play(opened)
    first = granted.value.json()["playback_id"]

    def expired(route: Route) -> None:
        headers = {"Content-Type": "application/problem+json", "Access-Control-Allow-Origin": box.url}
        problem = '{"type": "about:blank", "title": "Gone", "status": 410, "code": "expired", "detail": ""}'
        route.fulfill(status=410, headers=headers, body=problem)

    opened.route(f"**/m/*/*/{first}/**", expired)
    seek(opened, FAR)
    wait_until(opened, "(video, far) => !video.paused && video.currentTime > far + 0.5", FAR)
    assert position(opened) < FAR + 6
    assert len(watch.seen("/playback$", "POST")) == 2


def test_a_codec_that_this_device_only_says_to_know_is_left_for_the_renditions(
    page: Page, box: Box, title: dict[str, Any], program: Program, watch: Watch
) -> None:
    renditions.made(program, title["id"])
    page.add_init_script(
        "navigator.mediaCapabilities.decodingInfo = async () => ({supported: true});"
        "HTMLMediaElement.prototype.canPlayType = () => 'probably';"
    )
    open_title(page, box, title)
    press_play(page)
    assert watch.seen("/source[.]mp4$"), "the source as it is comes first"
    wait_until(page, "video => video.videoHeight >= 360")
    fetched = len(watch.seen("/source[.]mp4$"))
    page.reload()
    press_play(page)
    assert len(watch.seen("/source[.]mp4$")) == fetched, "what has failed here once is tried again"
