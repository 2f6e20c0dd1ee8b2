"""Finding a title: search as you type, order, more of them, and the same place on the way back."""

from typing import Any

from playwright.sync_api import Page, Route, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import visit
from tests.browser.watch import Watch
from tests.browser.widths import both_widths


@both_widths
def test_search_as_you_type_asks_once_and_finds(page: Page, box: Box, film: dict[str, Any], watch: Watch) -> None:
    visit(page, box.url)
    page.locator(".card").first.wait_for()
    before = len(watch.seen("/videos$"))
    search = page.get_by_role("searchbox", name="Search the library")
    search.press_sequentially(film["title"], delay=20)
    expect(page.locator(f".card a[href='#/title/{film['id']}']")).to_be_visible()
    page.wait_for_timeout(500)
    assert len(watch.seen("/videos$")) == before + 1
    assert page.get_by_role("status").first.text_content()

    # The address holds the search: a reload, or a link sent to oneself, shows the same.
    page.reload()
    expect(search).to_have_value(film["title"])
    expect(page.locator(f".card a[href='#/title/{film['id']}']")).to_be_visible()

    search.fill("no title has this name 3f1c")
    expect(page.get_by_text("No title matches")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)
    search.fill("")
    page.locator(".card").first.wait_for()


def test_a_search_that_answers_late_leaves_the_focus_where_it_is(page: Page, box: Box, film: dict[str, Any]) -> None:
    """Typing and going on by keyboard meets the answer on the way: the link keeps it, or the heading has it."""
    held: list[Route] = []
    visit(page, box.url)
    cards = page.locator(".strip")
    expect(cards).to_have_attribute("aria-busy", "false")
    link = page.locator(f".card a[href='#/title/{film['id']}']")
    search = page.get_by_role("searchbox", name="Search the library")
    page.route("**/api/v1/videos?*", lambda route: held.append(route))

    def typed(text: str) -> None:
        """It is asked for, and the answer is not there yet."""
        with page.expect_request("**/api/v1/videos?*"):
            search.fill(text)
            expect(cards).to_have_attribute("aria-busy", "true")
        link.focus()
        while not held:
            page.wait_for_timeout(20)

    typed(film["title"])
    held.pop().continue_()
    expect(cards).to_have_attribute("aria-busy", "false")
    expect(link).to_be_focused()
    typed("no title has this name 3f1c")
    held.pop().continue_()
    expect(link).to_have_count(0)
    expect(page.get_by_role("heading", name="Library")).to_be_focused()


def test_the_order_is_the_one_chosen(page: Page, box: Box, program: Program) -> None:
    visit(page, box.url)
    page.get_by_role("combobox", name="Order").select_option("title")
    wanted = [video["title"] for video in program.call("GET", "/videos?sort=title&limit=48")["items"]]
    expect(page.locator(".card .caption")).to_have_text(wanted)


def test_more_titles_come_by_the_cursor_and_take_the_focus(page: Page, box: Box, program: Program) -> None:
    total = len(program.videos())
    first = max(1, total // 2)
    # Small pages, so that a small library has several.
    page.route(
        "**/api/v1/videos?*", lambda route: route.continue_(url=route.request.url.replace("limit=48", f"limit={first}"))
    )
    visit(page, box.url)
    cards = page.locator(".card")
    expect(cards).to_have_count(first)
    while page.get_by_role("button", name="Show more").is_visible():
        before = cards.count()
        page.get_by_role("button", name="Show more").click()
        expect(cards.nth(before).locator("a")).to_be_focused()
    expect(cards).to_have_count(total)
    assert len({card.get_attribute("href") for card in page.locator(".card a").all()}) == total


def test_the_way_back_leads_to_the_same_place(page: Page, box: Box, watch: Watch) -> None:
    visit(page, box.url)
    page.locator(".card").first.wait_for()
    page.get_by_role("combobox", name="Order").select_option("title")
    last = page.locator(".card a").last
    expect(page.locator(".strip")).to_have_attribute("aria-busy", "false")
    last.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    address = last.get_attribute("href")
    last.click()
    page.get_by_role("heading", level=1).wait_for()
    asked = len(watch.seen("/videos$"))
    page.get_by_role("link", name="Library", exact=True).click()
    expect(page.locator(f".card a[href='{address}']")).to_be_focused()
    assert abs(page.evaluate("scrollY") - place) < 5
    expect(page.get_by_role("combobox", name="Order")).to_have_value("title")
    assert len(watch.seen("/videos$")) == asked


def test_posters_come_through_the_header_door(page: Page, box: Box, film: dict[str, Any]) -> None:
    assert film["poster_href"] == f"/stream/{film['id']}/poster.jpg"
    visit(page, box.url)
    poster = page.locator(f".card a[href='#/title/{film['id']}'] img")
    poster.scroll_into_view_if_needed()
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => image.naturalWidth") > 0
