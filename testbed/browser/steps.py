"""What a person does on the page, in the words of the page."""

import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Request, Route, ViewportSize
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from testbed.browser.box import Box
from testbed.browser.people import Person

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}


def visit(page: Page, address: str) -> None:
    """Go there and wait for the client to stand.

    While boxes come and go on this machine, its network changes, and Chromium then drops what it was loading
    (ERR_NETWORK_CHANGED): one reload, as a person would do.
    """
    page.goto(address)
    try:
        page.locator("#app > *").first.wait_for(state="attached", timeout=5000)
    except PlaywrightTimeoutError:
        page.reload()
        page.locator("#app > *").first.wait_for(state="attached")


def sign_in(page: Page, box: Box) -> None:
    """Through the form, as a person does."""
    page.get_by_label("Name").fill(box.admin_username)
    page.get_by_label("Password", exact=True).fill(box.admin_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Library").wait_for()


def knock(page: Page, box: Box, username: str, password: str) -> None:
    """Name and password, at the door."""
    visit(page, f"{box.url}/#/")
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def inside(page: Page) -> None:
    page.get_by_role("heading", name="Library").wait_for()


def leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()


def settled(page: Page, box: Box, person: Person) -> None:
    """On the account page, signed in."""
    knock(page, box, person.username, person.password)
    inside(page)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("heading", name="Account").wait_for()


def factors(page: Page) -> list[str]:
    """The buttons for one's second factors, as a screen reader names them."""
    page.get_by_role("button", name=re.compile("authenticator app")).wait_for()
    return [str(each.get_attribute("aria-label")) for each in page.locator(".factors button").all()]


def read_qr(picture: Locator) -> str:
    """What a camera reads from a QR code on the screen, by zbar."""
    with tempfile.NamedTemporaryFile(suffix=".png") as screen:
        picture.screenshot(path=screen.name)
        read = subprocess.run(["zbarimg", "--quiet", "--raw", screen.name], capture_output=True, text=True, check=False)
    assert read.returncode == 0, f"zbar finds no code: {read.stderr}"
    return read.stdout.removesuffix("\n")


def open_title(page: Page, box: Box, video: dict[str, Any]) -> None:
    visit(page, f"{box.url}/#/title/{video['id']}")
    page.get_by_role("heading", level=1, name=video["title"]).wait_for()


def media(page: Page) -> Locator:
    return page.locator("video")


def told(request: Request) -> dict[str, Any]:
    """The JSON that a request carries."""
    body: dict[str, Any] = request.post_data_json or {}
    return body


def position(page: Page) -> float:
    """Seconds."""
    seconds: float = media(page).evaluate("video => video.currentTime")
    return seconds


def wait_until(page: Page, condition: str, argument: Any = None, *, within_ms: float = 20_000) -> None:
    """Until `condition`, a function of the video element and the argument, holds."""
    page.wait_for_function(
        "(argument) => { const video = document.querySelector('video');"
        f" return video && ({condition})(video, argument); }}",
        arg=argument,
        timeout=within_ms,
    )


def press_play(page: Page) -> None:
    """The big button; until pictures move."""
    page.get_by_role("button", name="Play").first.click()
    wait_until(page, "video => !video.paused && video.readyState >= 3")
    before = position(page)
    wait_until(page, "(video, before) => video.currentTime > before + 0.3", before)


def seek(page: Page, to: float) -> None:
    """By the bar under the picture, to this second."""
    page.get_by_role("slider", name="Seek").evaluate(
        "(bar, to) => { bar.value = to; bar.dispatchEvent(new Event('input', {bubbles: true})); }", to
    )


def choose(page: Page, menu: str, choice: str) -> None:
    """In the player's settings, which stay open. The controls are there while the pointer moves."""
    page.locator(".player").hover()
    button = page.get_by_role("button", name="Settings")
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    page.get_by_role("group", name="Settings").get_by_role("combobox", name=menu).select_option(choice)


def altered(page: Page, pattern: str | re.Pattern[str], change: Callable[[Any], object]) -> None:
    """Let `change` alter the JSON that the box answers to requests of `pattern`."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        change(body)
        route.fulfill(response=response, body=json.dumps(body))

    page.route(pattern, answer)


def without_what_was_made(video: dict[str, Any]) -> None:
    """Change a title as it is told: no rendition of it is there or on its way, nor made while one watches."""
    video["files"] = [file for file in video["files"] if file["name"] not in {"master.m3u8", "manifest.mpd"}]
    video.update(making=[], made_now=False)


def hide_what_was_made(page: Page) -> None:
    """As if no rendition of any title were there: a page without them."""

    def as_told(answer: dict[str, Any]) -> None:
        for video in answer.get("items", [answer]):
            without_what_was_made(video)

    def as_granted(answer: dict[str, Any]) -> None:
        if "links" in answer:
            answer["links"].update(hls=None, dash=None, now=None)
            answer["chosen"].update(link="source", alternatives=[])

    altered(page, re.compile(r"/api/v1/videos(/[0-9a-f]{32})?([?].*)?$"), as_told)
    altered(page, re.compile(r"/api/v1/videos/[0-9a-f]{32}/playback$"), as_granted)
