"""Without a mouse, and without eyes: the tab order, the player's keys, what is focused and what is said."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from testbed.browser.box import Box
from testbed.browser.steps import media, open_title, position, press_play, visit, wait_until
from tests.browser.contexts import Contexts


def focused(page: Page) -> str:
    """Role-ish name of what has the focus."""
    name: str = page.evaluate(
        "() => { const it = document.activeElement;"
        " return it.getAttribute('aria-label') || it.name || it.textContent.trim(); }"
    )
    return name


def tab_to(page: Page, wanted: Callable[[str], bool], limit: int = 40) -> None:
    for _ in range(limit):
        page.keyboard.press("Tab")
        if wanted(focused(page)):
            return
    raise AssertionError(f"{limit} tabs did not lead there; the last was {focused(page)!r}")


def test_the_whole_way_by_keyboard(box: Box, film: dict[str, Any], fresh_context: Contexts) -> None:
    page = fresh_context().new_page()
    visit(page, box.url)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(box.admin_username)
    tab_to(page, lambda name: name == "password")
    page.keyboard.type(box.admin_password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Library")).to_be_focused()

    tab_to(page, lambda _: page.locator("#search").evaluate("it => it === document.activeElement"))
    page.keyboard.type(film["title"])
    link = page.locator(f".card a[href='#/title/{film['id']}']")
    expect(link).to_be_visible()
    expect(page.locator(".strip")).to_have_attribute("aria-busy", "false")
    tab_to(page, lambda _: link.evaluate("it => it === document.activeElement"))
    page.keyboard.press("Enter")

    # The heading has the focus in a new view, so that it is read; the player is before it.
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    assert focused(page).startswith("Play")
    page.keyboard.press("Enter")
    wait_until(page, "video => !video.paused && video.currentTime > 0.3")
    assert focused(page) == "Pause"

    # Every control of the bar can be reached, in the order seen.
    page.keyboard.press("Shift+Tab")
    reached = [focused(page)]
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached[:5] == ["Seek", "Pause", "Mute", "Volume", "Speed"]
    assert page.evaluate("document.activeElement.matches(':focus-visible')")

    page.locator(".wordmark").focus()
    tab_to(page, lambda name: name == "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()


def test_the_player_obeys_its_keys(page: Page, box: Box, film: dict[str, Any]) -> None:
    open_title(page, box, film)
    press_play(page)
    duration = film["duration_seconds"]
    page.keyboard.press("k")
    assert media(page).evaluate("video => video.paused")

    for digit in (5, 0, 9, 4):
        page.keyboard.press(str(digit))
        wait_until(
            page, "(video, to) => !video.seeking && Math.abs(video.currentTime - to) < 0.2", duration * digit / 10
        )
    expected = duration * 0.4
    for key, by in (("ArrowRight", 5), ("ArrowLeft", -5), ("l", 10), ("j", -10)):
        expected = min(max(expected + by, 0), duration)
        page.keyboard.press(key)
        wait_until(page, "(video, to) => !video.seeking && Math.abs(video.currentTime - to) < 0.2", expected)
    page.keyboard.press("Home")
    wait_until(page, "video => !video.seeking && video.currentTime < 0.2")

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert media(page).evaluate("video => video.volume") == 0.9
    page.keyboard.press("ArrowUp")
    assert media(page).evaluate("video => video.volume") == 0.95
    page.keyboard.press("m")
    assert media(page).evaluate("video => video.muted")
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Leave full screen")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Full screen", exact=True)).to_be_visible()

    # Space on a button presses that button, and only that.
    page.get_by_role("button", name="Unmute").focus()
    page.keyboard.press("Space")
    assert media(page).evaluate("video => [video.muted, video.paused]") == [False, True]
    page.get_by_role("slider", name="Seek").focus()
    page.keyboard.press("Space")
    assert not media(page).evaluate("video => video.paused")


def test_letters_typed_into_a_field_are_not_commands(page: Page, box: Box, film: dict[str, Any]) -> None:
    open_title(page, box, film)
    press_play(page)
    page.get_by_role("button", name="Copy link").click()
    field = page.get_by_label("Link for VLC, mpv or Kodi")
    expect(field).to_be_visible()
    field.focus()
    before = position(page)
    page.keyboard.press("0")
    page.keyboard.press("m")
    assert position(page) >= before
    assert not media(page).evaluate("video => video.muted")


def test_the_skip_link_leads_to_the_content(page: Page, box: Box) -> None:
    visit(page, box.url)
    page.locator(".card").first.wait_for()
    skip = page.get_by_role("link", name="Skip to content")
    skip.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.evaluate("location.hash") in {"", "#/"}


def test_who_wants_less_motion_gets_none(page: Page, box: Box) -> None:
    page.emulate_media(reduced_motion="reduce")
    visit(page, box.url)
    page.locator(".card").first.wait_for()
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((each) => getComputedStyle(each).transitionDuration !== '0s'"
        " && getComputedStyle(each).transitionProperty !== 'none').length"
    )
    assert moving == 0
