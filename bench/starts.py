"""From the click to the first picture: starts of a 720p H.264 title in the distribution's Chromium, against a box.

A start is the page of the title, at rest; a click on Play; and the moment when the first frame of the film is handed to
the compositor (requestVideoFrameCallback, `presentationTime`), both on the page's clock. In between lie the grant, the
decision, the head of the file and its first frames. Between two starts the player is closed and the page left, so that
each has a playback of its own; files that Chromium has cached of the client itself stay cached, as for a person.

    KINETOSCOPE_ACCESS=... python -m bench.starts [--starts 30 | --quick]      writes bench/results/starts.md

Measured alone, and beside downloads that take all they can get through the same Nginx.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

from bench import needs
from bench.measure import percentile
from bench.report import publish, table
from testbed.browser.box import Box, Program
from testbed.browser.chromium import ARGUMENTS, CHROMIUM
from testbed.browser.steps import WIDE, media, open_title, sign_in, visit

PROMISED_MS = 300.0
DOWNLOADS = 2
DOWNLOAD_SECONDS_AT_MOST = 120
# The click is taken where the page gets it, before any handler of the client.
CLOCK = """
addEventListener('click', (event) => { window.clickedAt = event.timeStamp; }, { capture: true });
new MutationObserver(() => {
  const video = document.querySelector('video');
  if (!video || video.timed) return;
  video.timed = true;
  video.requestVideoFrameCallback((now, frame) => {
    video.dataset.firstFrame = frame.presentationTime - window.clickedAt;
  });
}).observe(document, { childList: true, subtree: true });
"""


def starts(page: Page, box: Box, video: dict[str, object], count: int) -> list[float]:
    """Milliseconds from click to first frame."""
    found = []
    for _ in range(count):
        open_title(page, box, video)
        page.get_by_role("button", name="Play").first.click()
        media(page).and_(page.locator("[data-first-frame]")).wait_for(state="attached")
        found.append(float(media(page).get_attribute("data-first-frame") or "nan"))
        visit(page, f"{box.url}/#/")
        media(page).wait_for(state="detached")
    return found


@contextlib.contextmanager
def downloads(box: Box, program: Program, href: str) -> Iterator[None]:
    """Clients that fetch one whole film after the other at the header door; the token is in a file, not in argv."""
    wishes = {
        "header": f"Authorization: {program.http.headers['Authorization']!s}",
        "cacert": box.ca_file,
        "url": box.url + href,
        "output": "/dev/null",
    }
    loop = f"end=$(($(date +%s) + {DOWNLOAD_SECONDS_AT_MOST})); "
    loop += 'while [ "$(date +%s)" -lt "$end" ]; do curl -qsS --config "$1" || sleep 1; done'
    with tempfile.NamedTemporaryFile("w") as config:
        config.write("".join(f'{name} = "{wish}"\n' for name, wish in wishes.items()))
        config.flush()
        command = ["sh", "-c", loop, "sh", config.name]
        running = [subprocess.Popen(command, process_group=0) for _ in range(DOWNLOADS)]
        try:
            yield
        finally:
            for one in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(one.pid, signal.SIGTERM)
                one.wait()


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--starts", type=int, default=30)
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    given = arguments.parse_args()
    count: int = 2 if given.quick else given.starts
    needs.install("chromium", "curl")
    needs.box()
    box = Box.given()
    if box is None:
        raise SystemExit("KINETOSCOPE_ACCESS names no box")
    rows: list[list[str]] = []

    def note(what: str, times: list[float]) -> None:
        figures = [f"{percentile(times, percent):.0f}" for percent in (50, 95, 100)]
        kept = "kept" if percentile(times, 95) <= PROMISED_MS else "NOT kept"
        rows.append([what, str(len(times)), *figures, kept])

    program = Program(box)
    with contextlib.closing(program), sync_playwright() as playwright:
        films = [video for video in program.videos() if (video["height"], video["video_codec"]) == (720, "h264")]
        film = max(films, key=lambda video: video["duration_seconds"])
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(ignore_https_errors=True, viewport=WIDE)
        context.add_init_script(CLOCK)
        page = context.new_page()
        visit(page, box.url)
        sign_in(page, box)
        starts(page, box, film, 2)
        note("nobody else", starts(page, box, film, count))
        with downloads(box, program, film["files"][0]["href"]):
            note(f"{DOWNLOADS} downloads beside it", starts(page, box, film, count))
        browser.close()
    header = ["load", "starts", "p50, ms", "p95, ms", "worst, ms", "p95 at most 300 ms"]
    text = f"# Click to first frame\n\nLoad average {os.getloadavg()[0]:.1f}, two cores for browser and box.\n\n"
    text += table(header, rows)
    publish("starts.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
