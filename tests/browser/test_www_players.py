"""Televisions and players of one's own: an address for each, shown once, and its end."""

import re
from pathlib import Path

import requests
from playwright.sync_api import Locator, Page, expect

from testbed.browser.box import Box
from testbed.browser.people import Person
from testbed.browser.steps import PHONE, WIDE, read_qr, settled
from tests.browser.soundness import sound_at_both_widths
from tests.browser.watch import Watch

NAME = "Wohnzimmer <b>&amp;</b> 電視"


def players(page: Page) -> Locator:
    """The section of the account page."""
    return page.get_by_role("region", name="Televisions and players")


def add(page: Page, name: str) -> Locator:
    """The line with the address."""
    page.get_by_role("button", name="Add a television or player").click()
    page.get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    address = page.get_by_label("Address of your library")
    address.wait_for()
    return address


def opened(box: Box, address: str) -> requests.Response:
    """What the television gets: without a cookie or a header of ours."""
    with requests.Session() as television:
        television.trust_env = False
        return television.get(address, verify=box.ca_file, timeout=20)


def test_a_television_gets_an_address_once_by_line_code_clipboard_and_file(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person, tmp_path: Path
) -> None:
    stranger.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=box.url)
    settled(stranger, box, person)
    expect(players(stranger)).to_contain_text("None yet.")
    line = add(stranger, NAME)
    address = line.input_value()
    assert re.fullmatch(re.escape(box.url) + "/play/[A-Za-z0-9_-]{43}/library.m3u", address)
    expect(stranger.get_by_role("heading", name=f"The address for {NAME}")).to_be_focused()
    expect(players(stranger)).to_contain_text("It is shown this once.")
    expect(players(stranger)).to_contain_text(f"Ending “{NAME}” in the list above ends it")
    code = players(stranger).get_by_role("img", name="The address as a QR code")
    for size in (PHONE, WIDE):
        stranger.set_viewport_size(size)
        assert read_qr(code) == address
    assert sound_at_both_widths(stranger) == []

    stranger.get_by_role("button", name="Copy the address").click()
    expect(stranger.get_by_role("button", name="Copied")).to_be_visible()
    assert stranger.evaluate("navigator.clipboard.readText()") == address
    with stranger.expect_download() as download:
        stranger.get_by_role("button", name="Download playlist").click()
    saved = tmp_path / "playlist.m3u"
    download.value.save_as(saved)
    assert download.value.suggested_filename.endswith("電視.m3u")
    assert address not in download.value.url
    listed = opened(box, address)
    assert (listed.status_code, saved.read_text(encoding="utf-8")) == (200, listed.content.decode())
    assert listed.text.startswith("#EXTM3U\n#EXTINF:")

    # Nothing keeps it: neither the page, nor the browser, nor an address but the one that it is.
    stranger.get_by_role("button", name="I have kept it").click()
    expect(stranger.get_by_role("button", name="Add a television or player")).to_be_focused()
    token = address.split("/")[-2]
    assert token not in stranger.content()
    kept = stranger.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])")
    assert token not in kept
    assert {request.url for request in stranger_watch.requests if token in request.url} == {address}
    stranger.reload()
    expect(players(stranger).get_by_role("listitem")).to_contain_text(NAME)
    assert token not in stranger.content()


def test_a_television_that_is_ended_opens_nothing_any_more(stranger: Page, box: Box, person: Person) -> None:
    settled(stranger, box, person)
    ended = add(stranger, "Kitchen").input_value()
    stranger.get_by_role("button", name="I have kept it").click()
    other = add(stranger, "Bedroom").input_value()
    rows = players(stranger).get_by_role("listitem").filter(has_text="last seen")
    expect(rows).to_have_count(2)
    # They are not among the browsers.
    expect(stranger.get_by_role("region", name="Where you are signed in")).not_to_contain_text("Kitchen")
    rows.filter(has_text="Kitchen").get_by_role("button", name="End Kitchen").click()
    expect(rows).to_have_count(1)
    expect(stranger.get_by_role("heading", name="Televisions and players")).to_be_focused()
    assert (opened(box, ended).status_code, opened(box, other).status_code) == (410, 200)

    stranger.get_by_role("button", name="End all others, televisions and players too").click()
    expect(players(stranger)).to_contain_text("None yet.")
    assert opened(box, other).status_code == 410


def test_one_television_too_many_is_refused_with_what_to_do(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(409, 422)
    for number in range(10):
        person.call("POST", "/users/me/devices", {"name": f"Television {number}"})
    settled(stranger, box, person)
    stranger.get_by_role("button", name="Add a television or player").click()
    name = stranger.get_by_label("Name")
    expect(name).to_be_focused()
    assert sound_at_both_widths(stranger) == []
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#player-form-problem")).to_have_text("Please enter your name.")
    name.fill("One more")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#player-form-problem")).to_contain_text("End one of them first.")
    expect(name).to_be_focused()
    stranger.get_by_role("button", name="Cancel").click()
    players(stranger).get_by_role("button", name="End Television 3").click()
    add(stranger, "One more")
    expect(players(stranger).get_by_role("button", name="End One more")).to_be_visible()


def test_a_list_that_cannot_be_had_says_so_and_the_address_stays(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(410)
    settled(stranger, box, person)
    address = add(stranger, "Cellar")
    shown = address.input_value()
    [cellar] = [one for one in person.call("GET", "/users/me/sessions")["items"] if one["device"] == "Cellar"]
    person.call("DELETE", f"/users/me/sessions/{cellar['session_id']}")
    stranger.get_by_role("button", name="Download playlist").click()
    expect(players(stranger).get_by_text("Cellar was ended")).to_be_visible()
    expect(address).to_have_value(shown)
