"""The documentation of the interface: drawn from its own document, under the policy of every page."""

import requests
from playwright.sync_api import Page, expect

from testbed.browser.box import Box
from tests.browser.soundness import sound
from tests.browser.watch import Watch
from tests.browser.widths import both_widths


def address(box: Box, place: str = "") -> str:
    return f"{box.url}/api/docs{place}"


@both_widths
def test_every_call_is_shown_and_the_page_is_sound(page: Page, box: Box) -> None:
    page.goto(address(box))
    page.get_by_role("heading", level=2, name="Problems").wait_for()
    with requests.Session() as http:
        http.trust_env = False
        document = http.get(f"{box.url}/api/openapi.json", verify=box.ca_file, timeout=20).json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert page.locator(".call").count() == len(operations)
    assert page.locator(".code").count() == len(document["x-problems"])
    assert sound(page) == []
    # The watch of the context fails this test if the policy was broken or anything was fetched from elsewhere.


def test_the_type_of_a_problem_and_the_name_of_a_call_lead_to_them(page: Page, box: Box) -> None:
    page.goto(address(box, "#problem-streams"))
    expect(page.locator("#problem-streams")).to_be_in_viewport()
    page.goto(address(box, "#grants_start_playback"))
    page.reload()
    expect(page.locator("#grants_start_playback")).to_have_attribute("open", "")
    page.locator("#grants_start_playback").get_by_role("link", name="PlaybackIn").click()
    expect(page.locator("#shape-PlaybackIn")).to_contain_text("replace")


def test_calls_are_found_by_words(page: Page, box: Box) -> None:
    page.goto(address(box))
    page.get_by_label("Find a call").fill("post playback")
    expect(page.locator("#grants_start_playback")).to_be_visible()
    expect(page.locator("#users_me")).to_be_hidden()


def test_a_document_that_can_not_be_read_is_said(page: Page, box: Box, watch: Watch) -> None:
    watch.expect(503)
    page.route("**/api/openapi.json", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(address(box))
    expect(page.get_by_role("alert")).to_contain_text("Reload the page")
