"""A film whose picture every browser decodes and whose container and sound none does: its picture is kept as it is."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from testbed.browser import renditions, titles
from testbed.browser.box import Box, Program
from testbed.browser.steps import altered, open_title, position, press_play, seek, wait_until
from tests.browser.watch import Watch

FILE = "Only another container.mkv"
CLIP_SECONDS, SECONDS, FAR = 10, 120, 100
BEGUN_WITHIN_MS = 90_000
# In a loop of these, 10 s long, each clip begins with a key frame.
PICTURE = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high", "-pix_fmt", "yuv420p", "-g", "50")


def film(path: Path) -> None:
    """H.264 with AC-3; always a new title."""
    clip = path.with_name(".clip.mkv")
    ffmpeg = ("ffmpeg", "-v", "error", "-nostdin", "-y")
    inputs = ("-f", "lavfi", "-i", "testsrc2=size=854x480:rate=25", "-f", "lavfi", "-i", "sine=440:sample_rate=48000")
    subprocess.run(
        [*ffmpeg, *inputs, *PICTURE, "-bf", "0", "-c:a", "ac3", "-t", str(CLIP_SECONDS), str(clip)], check=True
    )
    again = ("-stream_loop", str(SECONDS // CLIP_SECONDS - 1), "-i", str(clip), "-c", "copy")
    subprocess.run([*ffmpeg, *again, "-metadata", f"comment={secrets.token_hex(8)}", str(path)], check=True)
    clip.unlink()
    path.chmod(0o644)


@pytest.fixture
def title(local_box: Box, program: Program) -> Iterator[dict[str, Any]]:
    """Just found. What the policy would have made of it is cancelled, so that there is nothing when it is played."""
    with titles.found(local_box, program, FILE, film, unmade=True) as title:
        yield title


def test_a_film_in_another_container_plays_at_once_and_keeps_its_picture(
    page: Page, box: Box, program: Program, title: dict[str, Any], watch: Watch
) -> None:
    # A segment may be longer in coming than a request waits; 410 says that what is kept is to be played instead.
    watch.expect(410, 503)
    ways: list[str] = []

    def granted(answer: dict[str, Any]) -> None:
        if "chosen" in answer:
            ways.append(answer["chosen"]["ways"][0]["way"])
            answer["resume_seconds"] = 0

    altered(page, "**/api/v1/videos/*/playback", granted)
    open_title(page, box, title)
    page.get_by_role("button", name="Play, 2 minutes").click()
    wait_until(page, "video => video.currentTime > 0.5", within_ms=BEGUN_WITHIN_MS)
    assert ways[:1] in (["repackaged"], ["rendition"]), ways
    kept = renditions.made(program, title["id"])
    pictures = [file["name"] for file in kept["files"] if re.fullmatch("v[0-9]+-[0-9a-f]{8}[.]mp4", file["name"])]
    assert [name.partition("-")[0] for name in pictures] == ["v480"], "the picture was not kept as it is"

    # Whoever watches goes on, also beyond what was made meanwhile.
    before = position(page)
    wait_until(page, "(video, before) => !video.paused && video.currentTime > before + 1", before)
    seek(page, FAR)
    wait_until(page, "(video, far) => !video.seeking && video.currentTime > far + 0.5", FAR, within_ms=BEGUN_WITHIN_MS)
    assert position(page) < FAR + 8
    page.reload()
    press_play(page)
    assert ways[-1] == "rendition"
    assert not watch.seen("/source[.]mkv$")
    jobs = [
        job for job in program.call("GET", "/jobs?limit=100")["items"] if (job["video"] or {}).get("id") == title["id"]
    ]
    assert "the picture is copied" in {job["stage"] for job in jobs}, jobs
