"""How well the library's files stream: an admin sees counts and titles, and begins what helps by a press."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from testbed.browser.box import Box
from testbed.browser.people import Person
from testbed.browser.steps import inside, knock, told, visit
from tests.browser.soundness import sound_at_both_widths

HOSTILE = "<img src=x onerror=alert(1)>"
NARROW = {"width": 320, "height": 700}
CALLS = "**/api/v1/library/health"


def count(finding: str, remedy: str, titles: int, startable: int, under_way: int = 0) -> dict[str, Any]:
    return {
        "finding": finding, "meaning": "What it means.", "remedy": remedy, "titles": titles, "under_way": under_way,
        "startable": startable,
    }  # fmt: skip


def title(number: int, finding: str, remedy: str, **fields: Any) -> dict[str, Any]:
    return {
        "video": {"id": f"{number:032x}", "title": f"Film {number}"}, "filename": f"film-{number}.mkv",
        "plays": [
            {"place": "browsers", "plays": False, "obstacles": ["container: mkv"]},
            {"place": "vlc", "plays": True, "obstacles": []},
            {"place": "television", "plays": False, "obstacles": ["sound: dtsc is not decoded here"]},
        ],
        "findings": [{"finding": finding, "sentence": f"What it means for {number}.", "remedy": remedy}],
        "has_versions": False, "making": None, "is_due": False,
    } | fields  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_is_told(page: Page) -> None:
    """What these tests make up, no server tells of: the page asks every few seconds, as where no stream is had."""
    page.route("**/api/v1/events*", lambda route: route.fulfill(status=204))


def test_titles_are_counted_listed_and_helped_by_a_press(page: Page, box: Box) -> None:
    counts = [count("broken", "rescan", 1, 1), count("not_everywhere", "transcode", 2, 2),
              count("moov_at_end", "none", 1, 0), count("peaks", "transcode", 0, 0)]  # fmt: skip
    titles = [title(1, "not_everywhere", "transcode"), title(2, "not_everywhere", "transcode"),
              title(3, "broken", "rescan"), title(4, "moov_at_end", "none", has_versions=True)]  # fmt: skip
    titles[1]["video"]["title"] = HOSTILE
    sent: list[dict[str, Any]] = []

    def listed(route: Route) -> None:
        wanted = re.search(r"finding=(\w+)", route.request.url)
        items = [one for one in titles if not wanted or one["findings"][0]["finding"] == wanted[1]]
        route.fulfill(json={"items": items, "next_cursor": None})

    def begun(route: Route) -> None:
        sent.append(told(route.request))
        remedy = "rescan" if sent[-1]["finding"] == "broken" else "transcode"
        if remedy == "rescan":
            titles[2].update(is_due=True)
            counts[0].update(startable=0, under_way=1)
        else:
            named = [one for one in titles[:2] if one["video"]["id"] in sent[-1].get("video_ids", [])] or titles[:2]
            for one in named:
                one.update(making="queued")
            counts[1].update(startable=0, under_way=2)
        answer = {"finding": sent[-1]["finding"], "remedy": remedy, "started": 1, "under_way": 0, "left": 0}
        route.fulfill(status=202, json=answer)

    page.route(f"{CALLS}/findings", lambda route: route.fulfill(json={"items": counts}))
    page.route(f"{CALLS}?*", listed)
    page.route(f"{CALLS}/remedies", begun)
    visit(page, f"{box.url}/#/jobs")
    page.get_by_role("link", name="Streaming health").click()
    found = page.get_by_role("list", name="What was found").get_by_role("listitem")
    expect(found).to_have_count(3)
    expect(found.nth(1)).to_contain_text("Not for every browser")
    expect(found.nth(1)).to_contain_text("2 titles")
    # Nothing that a press could do.
    expect(found.nth(2).get_by_role("button")).to_have_count(0)
    cards = page.locator(".ill")
    expect(cards).to_have_count(4)
    expect(cards.nth(0)).to_contain_text("Plays as it is in VLC. Not on televisions: sound: dtsc is not decoded here.")
    expect(cards.nth(1)).to_contain_text(HOSTILE)
    expect(cards.nth(3).get_by_role("button")).to_have_count(0)
    expect(cards.nth(3)).to_contain_text("Has versions")
    assert sound_at_both_widths(page) == []
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]

    # By the keyboard: the focus stays where it was pressed.
    page.get_by_role("button", name="Make versions: Film 1").focus()
    page.keyboard.press("Enter")
    expect(cards.nth(0)).to_contain_text("Versions: waiting")
    expect(cards.nth(0).get_by_role("heading")).to_be_focused()
    expect(page.locator("#polite")).to_have_text("1 title will be made versions of.")
    assert sent == [{"finding": "not_everywhere", "video_ids": [titles[0]["video"]["id"]]}]

    page.get_by_role("button", name="Look at 1 again: Can\N{RIGHT SINGLE QUOTATION MARK}t be played").click()
    expect(cards.nth(2)).to_contain_text("Looked at again by the next scan")
    assert sent[1:] == [{"finding": "broken"}]
    # What goes on elsewhere is seen without a press.
    titles[0].update(making="done", has_versions=True)
    expect(cards.nth(0)).to_contain_text("Has versions")

    page.get_by_role("link", name="Show titles: Can\N{RIGHT SINGLE QUOTATION MARK}t be played").click()
    expect(cards).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    expect(cards).to_have_count(4)


def test_more_titles_come_by_the_cursor_and_take_the_focus(page: Page, box: Box) -> None:
    def listed(route: Route) -> None:
        further = "cursor=x" in route.request.url
        items = [title(2 if further else 1, "open_gop", "none")]
        route.fulfill(json={"items": items, "next_cursor": None if further else "x"})

    page.route(f"{CALLS}/findings", lambda route: route.fulfill(json={"items": [count("open_gop", "none", 2, 0)]}))
    page.route(f"{CALLS}?*", listed)
    visit(page, f"{box.url}/#/health")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".ill")).to_have_count(2)
    expect(page.get_by_role("heading", name="Film 2")).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_the_page_of_this_library_is_whole(page: Page, box: Box) -> None:
    """Against what the server really answers."""
    visit(page, f"{box.url}/#/health")
    expect(page.get_by_role("list", name="What was found")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".trouble")).to_be_hidden()
    assert sound_at_both_widths(page) == []


def test_who_is_no_admin_has_no_such_page(stranger: Page, box: Box, person: Person) -> None:
    knock(stranger, box, person.username, person.password)
    inside(stranger)
    stranger.goto(f"{box.url}/#/jobs")
    stranger.get_by_role("heading", name="Jobs").wait_for()
    expect(stranger.get_by_role("link", name="Streaming health")).to_have_count(0)
    stranger.goto(f"{box.url}/#/health")
    expect(stranger.get_by_role("heading", name="Nothing here")).to_be_visible()
