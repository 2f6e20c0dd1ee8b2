"""A large upload by Chromium that the browser's end and a restart of the box interrupt.

With a third of the parts there the browser is killed; it comes up with the same profile, and the file is chosen again.
With two thirds there the box restarts, and the page goes on by itself. The title plays in the page, and what the box
holds is the file, byte for byte.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, Playwright, Request, expect, sync_playwright

from catalog.uploads import MIB
from testbed.browser.box import Box, Program
from testbed.browser.chromium import ARGUMENTS, CHROMIUM
from testbed.browser.steps import WIDE, press_play, sign_in, visit
from testbed.waiting import eventually
from tests.chaos.trials import Row

SIZE = 2 << 30
LINE_BYTES_PER_SECOND = 60 * MIB
CLIP_SECONDS = 16
# Bits a second, so that the film is not long.
RATE = 80_000_000
PATIENCE_SECONDS = 600
BOOT_SECONDS = 120
# That the page sends at a time (nginx/www/js/transfer.js).
LANES = 3


def film(path: Path, size: int) -> None:
    """A film that browsers play, of at least `size` bytes: noise, again and again."""
    clip = path.with_suffix(".clip")
    ffmpeg = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    picture = f"testsrc2=size=1280x720:rate=25:duration={CLIP_SECONDS},noise=alls=60:allf=t"
    rate = ["-b:v", str(RATE), "-minrate", str(RATE), "-maxrate", str(RATE), "-bufsize", str(RATE)]
    subprocess.run(
        [*ffmpeg, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=duration={CLIP_SECONDS}", "-pix_fmt",
         "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", *rate, "-f", "mp4", str(clip)],
        check=True,
    )  # fmt: skip
    turns = size // clip.stat().st_size
    subprocess.run(
        [*ffmpeg, "-stream_loop", str(turns), "-i", str(clip), "-c", "copy", "-movflags", "+faststart", str(path)],
        check=True,
    )
    clip.unlink()


class Viewer:
    """Chromium with a profile of its own, which outlives it."""

    def __init__(self, playwright: Playwright, box: Box, profile: Path) -> None:
        self._playwright, self._box, self._profile = playwright, box, profile
        # The numbers of the parts that were begun, each time.
        self.sent: list[int] = []

    @contextlib.contextmanager
    def browser(self) -> Iterator[Page]:
        context = self._playwright.chromium.launch_persistent_context(
            self._profile, executable_path=CHROMIUM, args=ARGUMENTS, ignore_https_errors=True, viewport=WIDE
        )
        page = context.pages[0]
        page.on("request", self._count)
        _slowed(context, page)
        try:
            yield page
        finally:
            with contextlib.suppress(Exception):  # it may be gone
                context.close()

    def _count(self, request: Request) -> None:
        if request.method == "PUT":
            self.sent.append(int(request.url.split("/")[-3]))

    def kill(self) -> None:
        """As a machine does that runs out of memory."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"--user-data-dir={self._profile}".encode() in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)


def _slowed(context: BrowserContext, page: Page) -> None:
    line = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": LINE_BYTES_PER_SECOND}
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)


def enter(page: Page, box: Box) -> None:
    """Chromium writes cookies down every half a minute: one that is killed before that asks for the password again."""
    visit(page, box.url)
    door = page.get_by_label("Password", exact=True)
    door.or_(page.get_by_role("heading", name="Library")).first.wait_for()
    if door.is_visible():
        sign_in(page, box)


def choose(page: Page, box: Box, path: Path) -> None:
    enter(page, box)
    visit(page, f"{box.url}/#/upload")
    page.get_by_role("button", name="Choose files").wait_for()
    page.locator("input[type=file]").set_input_files(path)


class Upload:
    """What the box says of the upload of this name."""

    def __init__(self, program: Program, name: str) -> None:
        self._program, self._name = program, name

    def now(self) -> dict[str, Any]:
        found = [one for one in self._program.call("GET", "/uploads")["items"] if one["name"] == self._name]
        return dict(found[0]) if found else {}

    def has(self, share: float) -> Callable[[], bool]:
        def arrived() -> bool:
            told = self.now()
            return bool(told) and told["arrived_parts"] >= share * told["parts"]

        return arrived


def restart(program: Program, shell: Callable[..., str]) -> float:
    """Restart the box; the seconds until it is ready."""
    started = "stat --format=%Y /proc/1"
    before, began = shell(started), time.monotonic()
    with contextlib.suppress(AssertionError):  # the connection goes with the box
        shell("systemctl reboot")

    def ready() -> bool:
        try:
            return program.http.get(f"{program.box.url}/ready", timeout=3).ok and shell(started) != before
        except (requests.RequestException, AssertionError):
            return False

    assert eventually(ready, within=BOOT_SECONDS, every=0.5), "the box has not come back"
    return time.monotonic() - began


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / f"Large {os.urandom(3).hex()}.mp4"
    film(path, SIZE)
    return path


@pytest.fixture
def box() -> Box:
    box = Box.given()
    assert box, "KINETOSCOPE_ACCESS names no box"
    return box


@pytest.fixture
def program(box: Box) -> Iterator[Program]:
    program = Program(box)
    yield program
    program.close()


def test_a_large_upload_outlives_its_browser_and_a_restart_of_the_box(
    box: Box, program: Program, large: Path, tmp_path: Path, shell: Callable[..., str], note: Callable[[Row], None]
) -> None:
    upload, began = Upload(program, large.name), time.monotonic()
    with sync_playwright() as playwright:
        viewer = Viewer(playwright, box, tmp_path / "profile")
        with viewer.browser() as page:
            choose(page, box, large)
            assert _pumped(page, upload.has(1 / 3)), upload.now()
            viewer.kill()
        there = upload.now()["arrived_parts"]
        with viewer.browser() as page:
            choose(page, box, large)
            assert _pumped(page, upload.has(2 / 3)), upload.now()
            booted = restart(program, shell)
            card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=large.name))
            expect(card.get_by_text("in the library")).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
            took, told = time.monotonic() - began, upload.now()
            card.get_by_role("link", name="Open the title").click()
            page.get_by_role("heading", level=1).wait_for()
            press_play(page)
    again = len(viewer.sent) - told["parts"]
    note(
        Row(
            f"an upload of {large.stat().st_size / (1 << 30):.2f} GiB; its browser killed, the box restarted",
            note=f"{told['parts']} parts, {there} there when the browser went, {again} begun again;"
            f" ready {booted:.0f} s after the restart, in the library after {took:.0f} s",
            untrue=0,
        )
    )
    held = shell("find /srv/kinetoscope/uploaded -type f -size +1G -exec sha256sum {} +")
    assert digest(large) in held
    # At most a part for each lane that was cut, and cut twice.
    assert again <= 2 * LANES, viewer.sent
    program.raw("DELETE", f"/uploads/{told['id']}")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pumped(page: Page, done: Callable[[], bool]) -> bool:
    """Wait for it, and let the page's events come in meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if done():
            return True
        page.wait_for_timeout(200)
    return False
