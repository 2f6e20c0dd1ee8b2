"""What is being made: on the page of a title, and in the table of all jobs."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import altered, open_title, visit
from tests.browser.soundness import sound_at_both_widths
from tests.browser.watch import Watch

HOSTILE = "<img src=x onerror=alert(1)>"
# Longer than the page waits until it asks again.
POLLED_MS = 4000


def job(number: int, **fields: Any) -> dict[str, Any]:
    """As the API tells of one."""
    return {
        "id": f"{number:032x}", "kind": "rendition", "state": "running", "stage": "encoding", "progress": 0.42,
        "speed": 3.14, "seconds_left": 200, "attempts": 1, "reason": None,
        "video": {"id": f"{number:032x}", "title": f"Film {number}"},
        "requested_by": {"id": "1" * 32, "username": "carol"},
        "created_at": "2026-01-01T10:00:00Z", "started_at": "2026-01-01T10:00:01Z", "ended_at": None,
    } | fields  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_is_told(page: Page) -> None:
    """What these tests make up, no server tells of: the pages ask every few seconds, as where no stream is had."""
    page.route("**/api/v1/events*", lambda route: route.fulfill(status=204))


@pytest.fixture
def unplayable(program: Program) -> dict[str, Any]:
    """A title that no browser shows as it is."""
    found: dict[str, Any] = next(video for video in program.videos() if video["video_codec"] in {"mpeg4", "hevc"})
    return found


def test_a_title_is_made_playable_by_a_button_and_says_how_far_that_is(
    page: Page, box: Box, unplayable: dict[str, Any]
) -> None:
    making: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []

    def begin(route: Route) -> None:
        assert route.request.method == "POST"
        making.append(job(1, state="queued", progress=0, speed=None, seconds_left=None))
        route.fulfill(status=202, json={"jobs": making})

    def told(video: dict[str, Any]) -> None:
        video["making"] = making
        video["made_now"] = False
        video["files"] = [file for file in video["files"] if file["name"] not in {"master.m3u8", "manifest.mpd"}] + made

    page.route(f"**/api/v1/videos/{unplayable['id']}/transcode", begin)
    altered(page, f"**/api/v1/videos/{unplayable['id']}", told)
    open_title(page, box, unplayable)
    expect(page.get_by_role("region", name="Being made")).to_be_hidden()
    page.get_by_role("button", name="Make it playable").click()
    being = page.get_by_role("region", name="Being made")
    expect(being).to_contain_text("Playable version")
    expect(page.get_by_text("It is being made playable here.")).to_be_visible()
    expect(page.get_by_role("button", name="Make it playable")).to_have_count(0)
    making[0].update(state="running", progress=0.42, speed=3.14, seconds_left=200)
    expect(being).to_contain_text("encoding · 3.1\N{MULTIPLICATION SIGN} · 3 minutes left")
    expect(being.get_by_role("progressbar", name="Playable version")).to_have_attribute("value", "0.42")
    assert sound_at_both_widths(page) == []
    making.clear()
    made.append({"name": "master.m3u8", "href": "", "type": "application/vnd.apple.mpegurl", "size_bytes": 1})
    expect(page.get_by_role("button", name=re.compile("^Play, "))).to_be_visible()
    expect(being).to_be_hidden()


def test_what_could_not_be_made_is_told_to_an_admin_and_tried_again(
    page: Page, box: Box, unplayable: dict[str, Any]
) -> None:
    failed = job(1, state="failed", reason=HOSTILE, ended_at="2026-01-01T11:00:00Z")
    making = [failed, job(2, state="failed", kind="text", reason="The subtitles are no text.")]
    asked: list[str] = []

    def told(video: dict[str, Any]) -> None:
        asked.append(video["id"])
        video["making"] = making
        video["made_now"] = False
        video["files"] = [file for file in video["files"] if file["name"] not in {"master.m3u8", "manifest.mpd"}]

    def retried(route: Route) -> None:
        failed.update(state="queued", reason=None, progress=0, speed=None, seconds_left=None)
        route.fulfill(status=201, json=failed)

    page.route(f"**/api/v1/jobs/{failed['id']}/retry", retried)
    altered(page, f"**/api/v1/videos/{unplayable['id']}", told)
    open_title(page, box, unplayable)
    not_made, being = (page.get_by_role("region", name=name) for name in ("Not made", "Being made"))
    expect(not_made).to_contain_text(HOSTILE)
    expect(not_made).to_contain_text("The subtitles are no text.")
    expect(page.get_by_text("It could not be made playable.")).to_be_visible()
    expect(page.get_by_text("It is being made playable here.")).to_have_count(0)
    expect(being).to_be_hidden()
    assert sound_at_both_widths(page) == []
    # What failed does not go on by itself: nobody asks again.
    before = len(asked)
    page.wait_for_timeout(POLLED_MS)
    assert len(asked) == before
    not_made.get_by_role("button", name="Try again: Playable version").click()
    expect(being).to_contain_text("Playable version")
    expect(page.get_by_text("It is being made playable here.")).to_be_visible()
    expect(not_made).not_to_contain_text("Playable version")
    # It fails once more, and that is seen without a press.
    failed.update(state="failed", reason="The disk is full.")
    expect(not_made).to_contain_text("The disk is full.")
    expect(being).to_be_hidden()


def test_who_is_no_admin_is_not_told_what_failed(page: Page, box: Box, unplayable: dict[str, Any]) -> None:
    def told(video: dict[str, Any]) -> None:
        video["making"] = [job(1, state="failed", reason="The disk is full.")]
        video["made_now"] = False
        video["files"] = [file for file in video["files"] if file["name"] not in {"master.m3u8", "manifest.mpd"}]

    altered(page, f"**/api/v1/videos/{unplayable['id']}", told)
    visit(page, f"{box.url}/#/")
    page.evaluate(
        "() => { const key = 'kinetoscope.session'; const kept = JSON.parse(localStorage.getItem(key));"
        " kept.user.role = 'user'; localStorage.setItem(key, JSON.stringify(kept)); }"
    )
    page.reload()
    open_title(page, box, unplayable)
    expect(page.get_by_text("This browser can\N{RIGHT SINGLE QUOTATION MARK}t play this file as it is")).to_be_visible()
    expect(page.get_by_role("button", name="Try it here anyway")).to_be_visible()
    expect(page.get_by_role("region", name="Not made")).to_be_hidden()
    expect(page.get_by_text("could not be made")).to_have_count(0)
    expect(page.get_by_text("The disk is full.")).to_have_count(0)


def test_the_table_of_jobs_is_no_wider_than_its_page(page: Page, box: Box) -> None:
    told = {"created_at": "2026-12-28T22:58:00Z", "started_at": "2026-12-28T22:59:00Z"}
    who = {"id": "1" * 32, "username": "maximilian-the-second"}
    items = [
        job(1, state="cancelled", requested_by=who, **told),
        job(2, state="failed", reason="The film cannot be read any further than its first half.", **told),
        job(3, video={"id": "3" * 32, "title": "A film with a name that does not fit in a line"}, **told),
    ]
    page.route("**/api/v1/jobs?*", lambda route: route.fulfill(json={"items": items, "next_cursor": None}))
    visit(page, f"{box.url}/#/jobs")
    page.get_by_role("table", name="Jobs").wait_for()
    for width in (320, 1279, 1280, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        wide, room = page.evaluate(
            "() => [document.querySelector('.jobs').scrollWidth, document.querySelector('.jobs-page').clientWidth]"
        )
        assert wide <= room + 1, width


def test_jobs_are_listed_filtered_cancelled_and_tried_again(page: Page, box: Box, watch: Watch) -> None:
    jobs = [
        job(1),
        job(2, state="queued", progress=0, speed=None, seconds_left=None, started_at=None, kind="upload", video=None),
        job(3, state="failed", reason=HOSTILE, attempts=3, ended_at="2026-01-01T11:00:00Z"),
    ]

    def listed(route: Route) -> None:
        state = re.search(r"state=(\w+)", route.request.url)
        items = [one for one in jobs if not state or one["state"] == state[1]]
        further = "cursor=" in route.request.url
        route.fulfill(json={"items": [job(4)] if further else items, "next_cursor": None if further or state else "x"})

    def cancelled(route: Route) -> None:
        jobs[0].update(state="cancelled")
        route.fulfill(status=204)

    def retried(route: Route) -> None:
        jobs[2].update(state="queued", reason=None)
        route.fulfill(status=201, json=jobs[2])

    page.route("**/api/v1/jobs?*", listed)
    page.route(f"**/api/v1/jobs/{jobs[0]['id']}/cancel", cancelled)
    page.route(f"**/api/v1/jobs/{jobs[2]['id']}/retry", retried)
    visit(page, f"{box.url}/#/")
    page.get_by_role("link", name="Jobs").click()
    rows = page.get_by_role("table", name="Jobs").get_by_role("row")
    expect(rows).to_have_count(4)
    for text in ("Running", "Playable version", "Film 1", "carol", "42 %", "3.1\N{MULTIPLICATION SIGN}", "3 minutes"):
        expect(rows.nth(1)).to_contain_text(text)
    expect(rows.nth(3)).to_contain_text(HOSTILE)
    assert sound_at_both_widths(page) == []
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="Cancel: Playable version of Film 1").click()
    expect(rows.nth(1)).to_contain_text("Cancelled")
    page.get_by_role("button", name="Try again: Playable version of Film 3").click()
    expect(rows.nth(3)).to_contain_text("Waiting")
    page.get_by_label("State").select_option("Waiting")
    expect(rows).to_have_count(3)
    assert page.url.endswith("#/jobs?state=queued")
    # What goes on by itself is asked about again, without a press.
    jobs[1].update(state="running", progress=0.5)
    expect(rows).to_have_count(2)
