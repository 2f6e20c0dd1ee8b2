"""A film that was paused for long goes on in Chromium: its connection was closed meanwhile, and its link ran out.

Against the services as child processes with short limits, since nobody waits for those of a box.
"""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import open_title, position, press_play, sign_in, visit, wait_until
from testbed.servers.postgres import PostgresServer
from tests.browser.watch import Watch
from tests.integration.paused import House

PAUSE_SECONDS, LINK_SECONDS = 3, 12


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with PostgresServer.started() as postgres:
        postgres.prepare_template()
        with House.opened(postgres, pause_seconds=PAUSE_SECONDS, link_longest_seconds=LINK_SECONDS) as opened:
            yield opened


@pytest.fixture(scope="module")
def box(house: House) -> Box:
    return Box(house.stack.url, str(house.stack.nginx.ca_file), house.stack.username, house.stack.password)


@pytest.fixture(scope="module")
def program(box: Box) -> Iterator[Program]:
    program = Program(box)
    yield program
    program.close()


def test_a_paused_film_goes_on_at_its_place(
    stranger: Page, stranger_watch: Watch, box: Box, program: Program, house: House
) -> None:
    stranger_watch.expect(410, 0)
    film = program.call("GET", f"/videos/{house.stack.video_id}")
    visit(stranger, box.url)
    sign_in(stranger, box)
    open_title(stranger, box, film)
    began = time.monotonic()
    press_play(stranger)
    before = len(house.lines())
    stranger.keyboard.press("k")
    wait_until(stranger, "video => video.paused")
    at = position(stranger)
    house.closed(before)
    # And the link is over.
    stranger.wait_for_timeout(max(0, began + LINK_SECONDS + 2 - time.monotonic()) * 1000)
    assert not stranger.evaluate("document.querySelector('video').error"), "nobody asked for more while it was paused"
    stranger.keyboard.press("k")
    # Further than what it had when it paused.
    wait_until(stranger, "(video, at) => !video.paused && video.currentTime > at + 12", at)
    expect(stranger.get_by_role("group", name="Player").get_by_role("button", name="Try again")).to_be_hidden()
    stranger.keyboard.press("8")
    wait_until(stranger, "video => !video.seeking && video.currentTime > 81")
    assert len(stranger_watch.seen("/playback$", "POST")) >= 2, "the old link would not have brought it here"
