"""What changes is told to the page by the server, without a reload and without asking."""

from typing import Any

from playwright.sync_api import Page, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import visit
from tests.browser.watch import Watch


def test_a_job_that_begins_elsewhere_appears_without_a_reload(
    page: Page, box: Box, program: Program, film: dict[str, Any], watch: Watch
) -> None:
    """By the real stream. Nothing on the page is under way, so the page asks nobody by itself."""
    page.route("**/api/v1/jobs?*", lambda route: route.fulfill(json={"items": [], "next_cursor": None}), times=1)
    with page.expect_response("**/api/v1/events*") as heard:
        visit(page, f"{box.url}/#/jobs")
    assert heard.value.status == 200
    expect(page.get_by_text("Nothing is being made, and nothing was.")).to_be_visible()
    begun = program.call("POST", f"/videos/{film['id']}/transcode", {"profiles": ["360p"]})["jobs"][0]
    try:
        expect(page.get_by_role("row").filter(has_text=film["title"]).first).to_be_visible()
        assert len(watch.seen("/events$")) == 1
    finally:
        if program.call("GET", f"/jobs/{begun['id']}")["state"] in ("queued", "running"):
            program.call("POST", f"/jobs/{begun['id']}/cancel")
