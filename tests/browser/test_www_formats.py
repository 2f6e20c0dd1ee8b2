"""Files as they are: what this browser plays is asked of it, and a length that a file does not tell is the server's."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import (
    altered,
    hide_what_was_made,
    media,
    open_title,
    position,
    press_play,
    visit,
    wait_until,
    without_what_was_made,
)

FOLDER = "Formats of the browser test"
SECONDS = 30
PICTURE = ("-f", "lavfi", "-t", str(SECONDS), "-i", "testsrc2=size=320x180:rate=25")
TONE = ("-f", "lavfi", "-t", str(SECONDS), "-i", "sine=440")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
# What Chromium says of each, and what its card says then.
FILES = {
    "unmeasured.webm": (("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"), ""),
    "matroska.mkv": ((*H264, "-c:a", "aac"), ""),
    "opus.mp4": ((*H264, "-c:a", "libopus", "-ar", "48000"), ""),
    "flac.mp4": ((*H264, "-c:a", "flac", "-strict", "-2"), ""),
    "dolby.mkv": ((*H264, "-c:a", "ac3"), "no sound in this browser"),
    "old.avi": (("-c:v", "mpeg4", "-c:a", "libmp3lame"), "external player only"),
    "part2.mp4": (("-c:v", "mpeg4", "-c:a", "aac"), "external player only"),
}


def make(path: Path, *options: str) -> None:
    """A film; a WebM comes from a pipe, so that its muxer can't go back and write the length."""
    command = ["ffmpeg", "-v", "error", "-nostdin", *PICTURE, *TONE, *options]
    if path.suffix == ".webm":
        done = subprocess.run([*command, "-f", "webm", "pipe:1"], check=True, stdout=subprocess.PIPE)
        path.write_bytes(done.stdout)
    else:
        subprocess.run([*command, str(path)], check=True)
    path.chmod(0o644)


@pytest.fixture(scope="module")
def titles(box: Box, program: Program) -> Iterator[dict[str, dict[str, Any]]]:
    """The titles of FILES by name, on the box for as long as this module runs."""
    if not box.library_path:
        pytest.skip("the library of this box is not on this machine")
    folder = Path(box.library_path) / FOLDER
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    try:
        for name, (options, _) in FILES.items():
            make(folder / name, *options)
            # As if it had been there for long: the indexer waits for what may still be copied.
            os.utime(folder / name, (1.7e9, 1.7e9))
        box.scan()
        found = {video["filename"]: video for video in program.videos() if video["filename"] in FILES}
        assert found.keys() == FILES.keys()
        yield found
    finally:
        # One by one: many at once would be taken for a disk that is away.
        for file in folder.iterdir():
            file.unlink()
            box.scan()
        folder.rmdir()


def test_a_film_without_a_length_is_sought_by_the_servers_measure(
    page: Page, box: Box, titles: dict[str, dict[str, Any]]
) -> None:
    film = titles["unmeasured.webm"]
    assert film["duration_seconds"] == pytest.approx(SECONDS, abs=0.5)
    open_title(page, box, film)
    press_play(page)
    assert media(page).evaluate("video => video.duration") == float("inf"), "the file tells its length"
    seek = page.get_by_role("slider", name="Seek")
    expect(seek).to_be_enabled()
    assert float(seek.get_attribute("max") or 0) == pytest.approx(SECONDS, abs=0.5)
    expect(page.get_by_role("timer", name="Position")).to_contain_text("/ 0:30")
    seek.evaluate("(bar, to) => { bar.value = to; bar.dispatchEvent(new Event('input', {bubbles: true})); }", 20)
    wait_until(page, "video => !video.seeking && video.currentTime > 20.3")
    assert position(page) < 26
    page.keyboard.press("1")
    wait_until(page, "video => !video.seeking && video.currentTime > 3 && video.currentTime < 8")
    page.keyboard.press("End")
    wait_until(page, "video => video.ended")


def test_the_library_says_what_this_browser_does_not_play(
    page: Page, box: Box, titles: dict[str, dict[str, Any]]
) -> None:
    hide_what_was_made(page)
    visit(page, box.url)
    for name, (_, lack) in FILES.items():
        card = page.locator(".card").filter(has=page.locator(f"a[href='#/title/{titles[name]['id']}']"))
        expect(card.locator(".fine")).to_have_text(f"180p · {lack}" if lack else "180p")


@pytest.mark.parametrize("name", ["matroska.mkv", "opus.mp4", "flac.mp4"])
def test_what_this_browser_plays_is_played_whatever_others_do(
    page: Page, box: Box, titles: dict[str, dict[str, Any]], name: str
) -> None:
    assert not titles[name]["direct_play"]
    open_title(page, box, titles[name])
    press_play(page)
    assert media(page).evaluate("video => video.videoWidth > 0 && video.webkitAudioDecodedByteCount > 0")


def test_a_film_whose_sound_is_unknown_here_says_so_and_can_be_seen(
    page: Page, box: Box, titles: dict[str, dict[str, Any]]
) -> None:
    hide_what_was_made(page)
    open_title(page, box, titles["dolby.mkv"])
    expect(page.get_by_text("play the sound of this file (Dolby Digital).")).to_be_visible()
    page.get_by_role("button", name="Play it here without sound").click()
    wait_until(page, "video => video.currentTime > 0.3 && video.videoWidth > 0")


@pytest.mark.parametrize(
    ("name", "text"),
    [("old.avi", "play this file. VLC"), ("part2.mp4", "show the picture of this file. VLC")],
)
def test_what_this_browser_cannot_play_fails_with_the_way_to_another_player(
    page: Page, box: Box, titles: dict[str, dict[str, Any]], name: str, text: str
) -> None:
    hide_what_was_made(page)
    open_title(page, box, titles[name])
    expect(page.get_by_text("play this file as it is")).to_be_visible()
    page.get_by_role("button", name="Try it here anyway").click()
    expect(page.get_by_role("group", name="Player").get_by_text(text)).to_be_visible()
    page.get_by_role("button", name="Use another player").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()


@pytest.mark.parametrize("direct", [True, False], ids=["plays", "does not"])
def test_a_file_that_was_not_looked_at_again_is_judged_as_for_every_browser(
    page: Page, box: Box, film: dict[str, Any], direct: bool
) -> None:
    """After an upgrade a title has no names of its codecs before the next scan."""

    def without_names(video: dict[str, Any]) -> None:
        without_what_was_made(video)
        video.update(video_codec_string=None, audio_codec_string=None, direct_play=direct)

    altered(page, f"**/api/v1/videos/{film['id']}", without_names)
    open_title(page, box, film)
    if direct:
        press_play(page)
    else:
        expect(page.get_by_text("play this file as it is")).to_be_visible()


def test_a_browser_without_the_decoder_is_believed_not_the_server(page: Page, box: Box, film: dict[str, Any]) -> None:
    """A Chromium without H.264, as some distributions build it."""
    assert film["direct_play"]
    page.add_init_script(
        "navigator.mediaCapabilities.decodingInfo = async (question) =>"
        " ({supported: !/avc1/.test(question.video?.contentType), smooth: false, powerEfficient: false});"
    )

    def of_h264(video: dict[str, Any]) -> None:
        without_what_was_made(video)
        video.update(video_codec="h264")

    altered(page, f"**/api/v1/videos/{film['id']}", of_h264)
    open_title(page, box, film)
    expect(page.get_by_text("play this file as it is")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    assert page.locator("video").count() == 0
