"""The page that uploads: what is chosen there plays in the end, also after the browser was closed in the middle."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, Route, StorageState, expect

from catalog.uploads import MIB
from testbed.browser.box import Box, Program
from testbed.browser.steps import PHONE, WIDE, press_play, visit
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
    with first.expect_request_finished(lambda request: is_part(request, "1"), timeout=60_000):
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


def held(page: Page) -> None:
    """No part leaves: what is chosen stays under way."""
    page.route("**/u/**", lambda _: None)


@pytest.fixture
def pair(tmp_path: Path, program: Program) -> Iterator[list[Path]]:
    """Two files, to be chosen one after the other."""
    mark = os.urandom(4).hex()
    paths = [tmp_path / f"{name} {mark}.mp4" for name in ("Older", "Newer")]
    for path in paths:
        path.write_bytes(os.urandom(2000))
    yield paths
    for upload in program.call("GET", "/uploads")["items"]:
        if mark in upload["name"]:
            program.raw("DELETE", f"/uploads/{upload['id']}")


def test_the_newest_upload_is_the_first(page: Page, box: Box, pair: list[Path]) -> None:
    held(page)
    choose(page, box, pair[0])
    page.locator("input[type=file]").set_input_files(pair[1])
    names = page.locator(".upload h2")
    expect(names.nth(1)).to_have_text(pair[0].name)
    expect(names.first).to_have_text(pair[1].name)
    # And when it is come back to.
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("link", name="Upload", exact=True).click()
    expect(names.nth(1)).to_have_text(pair[0].name)
    expect(names.first).to_have_text(pair[1].name)


def test_a_refused_folder_is_told_beside_its_field_which_keeps_what_was_typed(
    page: Page, box: Box, pair: list[Path], watch: Watch
) -> None:
    watch.expect(422)
    held(page)
    card = choose(page, box, pair[0])
    folder = card.get_by_label("Folder")
    folder.fill("../bad")
    folder.press("Tab")
    told = card.locator(".field", has=page.get_by_label("Folder")).get_by_text("Is not a path of plain names")
    expect(told).to_be_visible()
    expect(folder).to_have_value("../bad")
    expect(folder).to_have_attribute("aria-invalid", "true")
    card.get_by_role("button", name="Pause").click()
    expect(told).to_be_visible()
    folder.fill("Good")
    folder.press("Tab")
    expect(told).to_be_hidden()
    expect(folder).not_to_have_attribute("aria-invalid", "true")


def test_an_empty_file_is_said_to_be_empty(page: Page, box: Box, tmp_path: Path, watch: Watch) -> None:
    watch.expect(422)
    empty = tmp_path / "Empty.mp4"
    empty.touch()
    visit(page, f"{box.url}/#/upload")
    page.get_by_role("button", name="Choose files").wait_for()
    page.locator("input[type=file]").set_input_files(empty)
    expect(page.locator("main").get_by_role("alert")).to_have_text("Empty.mp4: The file is empty.")


def test_the_form_of_an_upload_has_fields_of_one_size_and_look(page: Page, box: Box, pair: list[Path]) -> None:
    held(page)
    card = choose(page, box, pair[0])
    fields = [card.get_by_label(name) for name in ("Folder", "Who sees it", "Description")]
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        heights = [field.evaluate("field => field.offsetHeight") for field in fields[:2]]
        assert abs(heights[0] - heights[1]) <= 2, heights
        assert len({field.evaluate("field => getComputedStyle(field).backgroundColor") for field in fields}) == 1
