"""The web client in the distribution's Chromium, against the box that KINETOSCOPE_ACCESS describes.

That is a file with the JSON of `make access`. The browser is told to accept the box's own certificate authority
unseen; that the certificate is right is proved by test_www_pages.py with the authority's file.
"""

import re
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, StorageState, ViewportSize, sync_playwright

from testbed.browser import renditions, titles
from testbed.browser.box import Box, Program
from testbed.browser.chromium import ARGUMENTS, CHROMIUM
from testbed.browser.people import Person
from testbed.browser.steps import WIDE, sign_in, visit
from tests.browser.contexts import EVIDENCE, Contexts
from tests.browser.watch import Watch

FAILED = pytest.StashKey[bool]()
# A refresh token serves once, so a stored sign-in is good while its access cookie is: 10 minutes.
SIGN_IN_LASTS_SECONDS = 240


@pytest.fixture(scope="session")
def box() -> Box:
    given = Box.given()
    if given is None:
        pytest.skip("KINETOSCOPE_ACCESS names no box (a file with the output of `make access`)")
    return given


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """There can be one at a time."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def program(box: Box) -> Iterator[Program]:
    program = Program(box)
    yield program
    program.close()


@pytest.fixture(scope="session")
def film(program: Program) -> dict[str, Any]:
    """The longest title that a browser can play."""
    playable = [video for video in program.videos() if video["status"] == "ready" and video["direct_play"]]
    assert playable, "the library holds nothing that a browser can play"
    longest: dict[str, Any] = max(playable, key=lambda video: video["duration_seconds"])
    assert longest["duration_seconds"] >= 8, f"too short to seek in: {longest}"
    return longest


@pytest.fixture(scope="session")
def local_box(box: Box) -> Box:
    """Whose library is a folder of this machine."""
    if not box.library_path:
        pytest.skip("the library of this box is not on this machine")
    return box


@pytest.fixture(scope="session")
def unplayable(local_box: Box, program: Program) -> Iterator[dict[str, Any]]:
    """A title that no browser shows as it is, just found, for as long as the tests run."""
    with titles.found(local_box, program, "Only for other players.mp4", renditions.film) as title:
        yield title


@pytest.fixture(scope="session")
def sign_in_state(box: Box, chromium: Browser) -> Callable[[], StorageState]:
    """Cookies of one sign-in, shared by tests that don't end it; renewed before they run out."""
    state: StorageState | None = None
    since = 0.0

    def current() -> StorageState:
        nonlocal state, since
        lasts = state is not None and time.monotonic() - since < SIGN_IN_LASTS_SECONDS
        if not lasts or not _is_signed_in(chromium, box, state):
            context = chromium.new_context(ignore_https_errors=True)
            page = context.new_page()
            visit(page, box.url)
            sign_in(page, box)
            state, since = context.storage_state(), time.monotonic()
            context.close()
        assert state is not None
        return state

    return current


def _is_signed_in(chromium: Browser, box: Box, state: StorageState | None) -> bool:
    """Tests that sign in for themselves may have used up the user's sessions: the oldest leaves."""
    context = chromium.new_context(ignore_https_errors=True, storage_state=state)
    signed_in = context.request.get(f"{box.url}/api/v1/users/me").ok
    context.close()
    return signed_in


@pytest.fixture(params=[WIDE], ids=["wide"])
def viewport(request: pytest.FixtureRequest) -> ViewportSize:
    """Desktop; a test that is also about phones parametrizes it indirectly with both_widths."""
    size: ViewportSize = request.param
    return size


@pytest.fixture
def fresh_context(
    chromium: Browser, box: Box, program: Program, viewport: ViewportSize, request: pytest.FixtureRequest
) -> Iterator[Contexts]:
    """Make contexts that are watched; on failure screenshots and a trace are kept in .cache/browser."""
    program.end_all()
    contexts = Contexts(chromium, box, viewport)
    yield contexts
    faults = contexts.verdict()
    failed = bool(faults) or request.node.stash.get(FAILED, False)
    contexts.close(re.sub(r"[^\w.-]+", "-", request.node.name) if failed else None)
    assert not faults, f"{faults}\n(evidence in {EVIDENCE})"


@pytest.fixture
def context(fresh_context: Contexts, sign_in_state: Callable[[], StorageState]) -> BrowserContext:
    """Signed in."""
    return fresh_context(sign_in_state())


@pytest.fixture
def watch(fresh_context: Contexts, context: BrowserContext) -> Watch:
    """The watch of `context`."""
    return fresh_context.watches[0]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of a signed-in viewer, not yet anywhere."""
    return context.new_page()


@pytest.fixture
def person(box: Box, program: Program) -> Iterator[Person]:
    """Whose account the test may use up."""
    with Person.made(box, program) as made:
        yield made


@pytest.fixture
def stranger(fresh_context: Contexts) -> Page:
    """A page of somebody who is not signed in."""
    return fresh_context().new_page()


@pytest.fixture
def stranger_watch(fresh_context: Contexts, stranger: Page) -> Watch:
    return fresh_context.watches[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether the test failed, so that they keep the evidence."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report
