"""Renditions in players that are not the page's: hls.js, VLC, mpv and ffmpeg take the links of a grant as they are."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page

from testbed.browser import renditions
from testbed.browser.box import Box, Program
from testbed.viewers.players import Mpv, Vlc
from tests.browser.contexts import Contexts

HLS_JS = Path(__file__).parents[2] / ".cache/node/node_modules/hls.js/dist/hls.min.js"
FAR = 45
SECONDS = 3
RATE = 10


@pytest.fixture
def links(box: Box, program: Program, unplayable: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Addresses by their names, of one playback."""
    renditions.made(program, unplayable["id"])
    granted = program.call("POST", f"/videos/{unplayable['id']}/playback", {"device": "Another player"})
    yield {name: urljoin(box.url, link) for name, link in granted["links"].items() if link}
    program.end(granted["playback_id"])


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ks-player-") as made:
        yield Path(made)


@pytest.fixture
def hls_js(fresh_context: Contexts, box: Box) -> Page:
    """A page of the same origin with nothing on it but a video and hls.js."""
    page = fresh_context().new_page()
    script = HLS_JS.read_text().replace("</script", "<\\/script")
    blank = f"<!doctype html><title>hls.js</title><video muted></video><script>{script}</script>"
    page.route(f"{box.url}/hls.js.html", lambda route: route.fulfill(body=blank, content_type="text/html"))
    page.goto(f"{box.url}/hls.js.html")
    return page


PLAY = """async (address) => {
  const video = document.querySelector('video');
  const hls = new Hls({ maxMaxBufferLength: 30 });
  window.faults = [];
  window.hls = hls;
  hls.on(Hls.Events.ERROR, (_, told) => told.fatal && window.faults.push(told.details));
  hls.loadSource(address);
  hls.attachMedia(video);
  await new Promise((done) => hls.once(Hls.Events.MANIFEST_PARSED, done));
  await video.play();
}"""
KNOWN = """() => ({
  heights: hls.levels.map((level) => level.height).sort((a, b) => a - b),
  sounds: hls.audioTracks.map((track) => track.lang).sort(),
  subtitles: hls.subtitleTracks.map((track) => track.lang).sort(),
  faults: window.faults,
})"""
AT = "(at) => { const video = document.querySelector('video'); return !video.seeking && video.currentTime > at; }"


def test_hls_js_plays_seeks_and_changes_the_sound(hls_js: Page, links: dict[str, str]) -> None:
    hls_js.evaluate(PLAY, links["hls"])
    hls_js.wait_for_function(AT, arg=0.5)
    assert hls_js.evaluate(KNOWN) == {
        "heights": list(renditions.HEIGHTS), "sounds": ["de", "en"], "subtitles": ["de", "en"], "faults": [],
    }  # fmt: skip
    hls_js.evaluate("(at) => { document.querySelector('video').currentTime = at; }", FAR)
    hls_js.wait_for_function(AT, arg=FAR + 0.5)
    hls_js.evaluate("() => { hls.audioTrack = hls.audioTracks.findIndex((track) => track.lang === 'de'); }")
    before = hls_js.evaluate("() => document.querySelector('video').currentTime")
    hls_js.wait_for_function(AT, arg=before + 1)
    assert hls_js.evaluate("() => window.faults") == []


@pytest.mark.parametrize("manifest", ["hls", "dash"])
def test_vlc_plays_and_seeks(manifest: str, box: Box, links: dict[str, str], folder: Path) -> None:
    with Vlc.playing(links[manifest], Path(box.ca_file), folder) as vlc:
        vlc.plays_from(1)
        vlc.seek(FAR)
        vlc.plays_from(FAR)


def test_mpv_plays_the_playlist_and_seeks_in_a_file_of_it(
    box: Box, program: Program, unplayable: dict[str, Any], links: dict[str, str], folder: Path
) -> None:
    """FFmpeg up to 8 does not seek in HLS of fragmented MP4: mpv is given the files themselves for that."""
    with Mpv.playing(links["hls"], Path(box.ca_file), folder) as mpv:
        mpv.plays_from(1)
    names = [file["name"] for file in program.call("GET", f"/videos/{unplayable['id']}")["files"]]
    [picture], [sound] = (
        [urljoin(links["hls"], name) for name in names if name.startswith(stem) and name.endswith(".mp4")]
        for stem in (f"v{max(renditions.HEIGHTS)}-", "a-eng-")
    )
    with Mpv.playing(picture, Path(box.ca_file), folder, f"--audio-file={sound}") as mpv:
        mpv.plays_from(1)
        mpv.seek(FAR)
        mpv.plays_from(FAR)


@pytest.mark.parametrize("manifest", ["hls", "dash"])
def test_ffmpeg_decodes_every_picture(manifest: str, box: Box, links: dict[str, str]) -> None:
    counted = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-tls_verify", "1", "-ca_file", box.ca_file, "-i", links[manifest],
         "-map", "0:v:0", "-t", str(SECONDS), "-f", "framemd5", "-"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    frames = [line for line in counted.stdout.splitlines() if not line.startswith("#")]
    assert len(frames) == SECONDS * RATE
    assert len({line.split(",")[-1] for line in frames}) > 1, "it stands still"
