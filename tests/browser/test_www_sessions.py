"""Signing in, staying so, and what the page says when the box says no or nothing."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from testbed.browser.box import Box
from testbed.browser.steps import open_title, press_play, sign_in, visit, wait_until
from tests.browser.contexts import Contexts
from tests.browser.watch import Watch


@pytest.fixture
def own_page(fresh_context: Contexts, box: Box) -> Page:
    """A signed-in page with a session of its own, for tests that use it up."""
    page = fresh_context().new_page()
    visit(page, box.url)
    sign_in(page, box)
    page.locator(".card").first.wait_for()
    return page


@pytest.fixture
def own_watch(fresh_context: Contexts, own_page: Page) -> Watch:
    return fresh_context.watches[0]


def test_a_wrong_password_is_a_sentence(fresh_context: Contexts, box: Box) -> None:
    page = fresh_context().new_page()
    fresh_context.watches[0].expect(401)
    visit(page, box.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#signin-problem")).to_have_text("Please enter your name.")
    page.get_by_label("Name").fill(box.admin_username)
    page.get_by_label("Password", exact=True).fill("not the password")
    page.keyboard.press("Enter")
    expect(page.locator("#signin-problem")).to_contain_text("do not belong together")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    expect(page.locator("#urgent")).to_contain_text("do not belong together")


def test_no_script_can_read_a_token(own_page: Page) -> None:
    assert own_page.evaluate("document.cookie") == ""
    kept = own_page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    secret = [cookie for cookie in own_page.context.cookies() if cookie["name"] in {"__Host-ks", "__Secure-kr"}]
    assert {cookie["name"] for cookie in secret} == {"__Host-ks", "__Secure-kr"}
    for cookie in secret:
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        assert cookie["value"] not in kept


def test_a_lapsed_access_cookie_is_renewed_by_one_call_at_a_time_over_all_tabs(
    own_page: Page, own_watch: Watch, box: Box
) -> None:
    own_watch.expect(401)
    other = own_page.context.new_page()
    visit(other, box.url)
    other.locator(".card").first.wait_for()
    running = 0
    most = 0

    def count(request: Request, by: int) -> None:
        nonlocal running, most
        if request.url.endswith("/auth/refresh"):
            running += by
            most = max(most, running)

    own_page.context.on("request", lambda request: count(request, 1))
    own_page.context.on("requestfinished", lambda request: count(request, -1))
    own_page.context.clear_cookies(name="__Host-ks")
    calls = """() => { window.answers = import('/js/api.js')
        .then((api) => Promise.all([1, 2, 3, 4].map(() => api.listVideos({})))).then((pages) => pages.length); }"""
    own_page.evaluate(calls)
    other.evaluate(calls)
    assert own_page.evaluate("window.answers") == 4
    assert other.evaluate("window.answers") == 4
    # Never two at a time, which would be the same token twice; and one a tab at most: what the other tab stored is
    # seen a moment later, so that it may renew again, with the new token.
    assert most == 1
    assert len(own_watch.seen("/auth/refresh$", "POST")) <= 2


def test_an_ended_session_leads_to_signing_in_and_back_to_the_same_title(
    own_page: Page, own_watch: Watch, box: Box, film: dict[str, Any]
) -> None:
    own_watch.expect(401)
    own_page.context.clear_cookies()
    visit(own_page, f"{box.url}/#/title/{film['id']}")
    own_page.get_by_role("button", name="Sign in").wait_for()
    expect(own_page.locator("main").get_by_text("Your session has ended. Please sign in again.")).to_be_visible()
    expect(own_page.locator("#urgent")).to_contain_text("Your session has ended.")
    own_page.get_by_label("Name").fill(box.admin_username)
    own_page.get_by_label("Password", exact=True).fill(box.admin_password)
    own_page.keyboard.press("Enter")
    expect(own_page.get_by_role("heading", level=1)).to_have_text(film["title"])


@pytest.fixture
def own_film(own_page: Page, own_watch: Watch, box: Box, film: dict[str, Any]) -> Page:
    """`own_page` while the film plays; its session may run out."""
    own_watch.expect(401)
    open_title(own_page, box, film)
    press_play(own_page)
    return own_page


def test_a_film_that_plays_when_its_session_runs_out_plays_on_to_its_end(own_film: Page, film: dict[str, Any]) -> None:
    own_film.context.clear_cookies()
    with own_film.expect_response("**/auth/refresh"):
        own_film.keyboard.press("9")
    expect(
        own_film.get_by_text("Your session has ended. This film plays on; sign in again after it.").first
    ).to_be_visible()
    wait_until(
        own_film, "(video, place) => !video.paused && video.currentTime > place", film["duration_seconds"] * 0.9 + 1
    )
    wait_until(own_film, "video => { video.currentTime = video.duration - 0.5; return true; }")
    expect(own_film.locator("main").get_by_text("Your session has ended. Please sign in again.")).to_be_visible()
    expect(own_film.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_view_without_a_film_goes_when_its_session_runs_out(own_film: Page) -> None:
    own_film.keyboard.press("k")
    own_film.context.clear_cookies()
    own_film.keyboard.press("3")
    expect(own_film.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_out_signs_out_every_tab_and_ends_what_plays(
    own_page: Page, own_watch: Watch, box: Box, film: dict[str, Any]
) -> None:
    other = own_page.context.new_page()
    visit(other, box.url)
    other.locator(".card").first.wait_for()
    open_title(own_page, box, film)
    press_play(own_page)
    own_page.get_by_role("button", name="Sign out").click()
    for page in (own_page, other):
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_text("Your session has ended.")).to_have_count(0)
    order = [request.url.rsplit("/", 1)[-1] for request in own_watch.requests if request.method in {"POST", "DELETE"}]
    assert order[-1] == "logout"
    assert own_watch.seen("/playbacks/[0-9a-f]{32}$", "DELETE")


def test_offline_is_said_and_mends_itself(page: Page, context: BrowserContext, watch: Watch, box: Box) -> None:
    watch.expect(0)
    visit(page, box.url)
    page.locator(".card").first.wait_for()
    context.set_offline(True)
    page.get_by_role("combobox", name="Order").select_option("title")
    expect(page.get_by_text("You are offline.").first).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    context.set_offline(False)
    expect(page.locator(".banner")).to_be_hidden(timeout=20_000)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    page.locator(".card").first.wait_for()


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "not in the library"), (500, "answered with an error (500)"), (503, "not available right now")],
)
def test_a_refusal_of_the_server_is_a_sentence(
    page: Page, box: Box, film: dict[str, Any], watch: Watch, status: int, words: str
) -> None:
    watch.expect(status)
    body = json.dumps({"type": "about:blank", "title": "No", "status": status, "code": "x", "detail": ""})

    def refuse(route: Route) -> None:
        route.fulfill(status=status, content_type="application/problem+json", body=body)

    page.route(f"**/api/v1/videos/{film['id']}", refuse)
    visit(page, f"{box.url}/#/title/{film['id']}")
    expect(page.locator("main .trouble")).to_contain_text(words)
    page.unroute(f"**/api/v1/videos/{film['id']}")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(film["title"])


def test_a_busy_server_is_asked_again_and_the_film_goes_on(
    page: Page, box: Box, film: dict[str, Any], watch: Watch
) -> None:
    watch.expect(503)
    refusals = 0

    def busy_at_first(route: Route) -> None:
        nonlocal refusals
        refusals += 1
        if refusals <= 3:
            body = json.dumps({"title": "Service Unavailable", "status": 503, "code": "busy", "detail": ""})
            route.fulfill(status=503, content_type="application/problem+json", headers={"Retry-After": "1"}, body=body)
        else:
            route.continue_()

    page.route("**/m/**", busy_at_first)
    open_title(page, box, film)
    page.get_by_role("button", name="Play").first.click()
    wait_until(page, "video => !video.paused && video.currentTime > 0.3")
    expect(page.locator(".curtain")).to_be_hidden()


def test_an_unknown_address_leads_back(page: Page, box: Box) -> None:
    visit(page, f"{box.url}/#/nowhere")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_focused()
    page.get_by_role("link", name="Back to the library").click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
