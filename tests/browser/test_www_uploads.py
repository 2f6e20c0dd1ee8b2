"""The page that uploads: what is chosen there plays in the end, also after the browser was closed in the middle."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, Route, StorageState, expect

from catalog.uploads import MIB
from testbed.browser.box import Box, Program
from testbed.browser.steps import press_play, visit
from testbed.services.library import made_by_ffmpeg
from tests.browser.contexts import Contexts
from tests.browser.soundness import sound
from tests.browser.watch import Watch
from tests.browser.widths import both_widths


@pytest.fixture
def film(tmp_path: Path, program: Program) -> Iterator[Path]:
    """A video that browsers play, of 40 MiB by what players skip: three parts."""
    clip = made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p", "-movflags", "+faststart", seconds=8, size="640x360")
    rest = 40 * MIB - len(clip)
    path = tmp_path / f"Uploaded {os.urandom(4).hex()}.mp4"
    path.write_bytes(clip + rest.to_bytes(4, "big") + b"free" + os.urandom(rest - 8))
    yield path
    for upload in program.call("GET", "/uploads")["items"]:
        if upload["name"] == path.name:
            program.raw("DELETE", f"/uploads/{upload['id']}")


def choose(page: Page, box: Box, film: Path) -> Locator:
    """Choose the file; what the page shows of its upload."""
    visit(page, f"{box.url}/#/upload")
    page.get_by_role("button", name="Choose files").wait_for()
    page.locator("input[type=file]").set_input_files(film)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=film.name))
    card.wait_for()
    return card


@both_widths
def test_a_chosen_file_becomes_a_title_that_plays(page: Page, box: Box, film: Path, watch: Watch) -> None:
    card = choose(page, box, film)
    card.get_by_label("Title").fill("A film from this browser")
    card.get_by_label("Folder").fill("From browsers")
    card.get_by_label("Folder").press("Tab")
    assert sound(page) == []
    expect(card.get_by_text("in the library")).to_be_visible(timeout=60_000)
    assert len(watch.seen(r"/u/", "PUT")) == 3
    card.get_by_role("link", name="Open the title").click()
    page.get_by_role("heading", level=1, name="A film from this browser").wait_for()
    press_play(page)


def test_a_browser_that_was_closed_in_the_middle_goes_on_where_it_was(
    box: Box, film: Path, fresh_context: Contexts, sign_in_state: Callable[[], StorageState]
) -> None:
    first = fresh_context(sign_in_state()).new_page()
    sent: list[str] = []

    def hold_the_second(route: Route) -> None:
        # Two parts arrive, the third never leaves.
        part = route.request.url.split("/")[-3]
        if part == "3":
            return
        sent.append(part)
        route.continue_()

    first.route("**/u/**", hold_the_second)
    with first.expect_request_finished(lambda request: is_part(request, "1")):
        choose(first, box, film)
    first.context.close()
    second = fresh_context(sign_in_state()).new_page()
    card = choose(second, box, film)
    expect(card.get_by_text("in the library")).to_be_visible(timeout=60_000)
    again = [request.url.split("/")[-3] for request in fresh_context.watches[-1].seen(r"/u/", "PUT")]
    assert "1" not in again
    assert "3" in again


def is_part(request: Request, number: str) -> bool:
    return request.method == "PUT" and request.url.split("/")[-3] == number


def test_what_is_no_video_is_refused_with_a_sentence(page: Page, box: Box, tmp_path: Path) -> None:
    notes = tmp_path / "Notes.mp4"
    notes.write_text("not a film\n" * 100)
    card = choose(page, box, notes)
    expect(card.get_by_text("This is not an MP4")).to_be_visible(timeout=60_000)
    card.get_by_role("button", name="Take off the list").click()
    expect(card).to_have_count(0)
