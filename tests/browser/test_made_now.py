"""A film that this browser can't play and nothing was made of yet: Play has it made, and shows it meanwhile."""

import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, Route, expect

from testbed.browser import renditions, titles
from testbed.browser.box import Box, Program
from testbed.browser.steps import altered, choose, media, open_title, position, press_play, seek, visit, wait_until
from testbed.waiting import eventually
from tests.browser.watch import Watch

FILE = "High efficiency.mkv"
# What is encoded of it; the film repeats that.
CLIP_SECONDS = 10
SECONDS = 240
# Where nothing is made when the first picture is there.
FAR = 200
WORDS = "Auf Deutsch gesagt"
PREPARING = "Preparing this film for your browser…"
PLAYLIST, SEGMENT, SOURCE, KEPT = "/now[.]m3u8$", "[.]m4s$", "/source[.]mkv$", "/(manifest[.]mpd|master[.]m3u8)$"
PICTURES_MOVE, THERE = (
    "video => video.currentTime > 0.5",
    "(video, at) => !video.seeking && video.currentTime > at + 0.5",
)
# As long as the page is patient.
BEGUN_WITHIN_MS = 90_000
STALLED_PATIENCE_MS = 30_000


def film(path: Path) -> None:
    """HEVC with AC-3 and subtitles; always a new title."""
    with tempfile.TemporaryDirectory() as at:
        clip, text = Path(at) / "clip.mkv", Path(at) / "words.srt"
        text.write_text(f"1\n00:00:00,000 --> 00:{SECONDS // 60:02}:00,000\n{WORDS}\n")
        ffmpeg = ("ffmpeg", "-v", "error", "-nostdin")
        picture = ("-f", "lavfi", "-i", "testsrc2=size=854x480:rate=25", "-c:v", "libx265", "-preset", "ultrafast")
        tone = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-c:a", "ac3")
        inputs, codecs = (*picture[:4], *tone[:4]), (*picture[4:], "-x265-params", "log-level=error", *tone[4:])
        subprocess.run(
            [*ffmpeg, *inputs, *codecs, "-pix_fmt", "yuv420p", "-t", str(CLIP_SECONDS), str(clip)], check=True
        )
        again = ("-stream_loop", str(SECONDS // CLIP_SECONDS - 1), "-i", str(clip), "-i", str(text))
        tracks = ("-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", "-metadata:s:s:0", "language=deu")
        name = ("-metadata", f"comment={secrets.token_hex(8)}")
        subprocess.run([*ffmpeg, *again, *tracks, *name, str(path)], check=True)
    path.chmod(0o644)


@pytest.fixture(scope="module")
def title(local_box: Box, program: Program) -> Iterator[dict[str, Any]]:
    """The film, for as long as this module runs. What the policy would have made of it is cancelled: it is made for
    viewers alone."""
    with titles.found(local_box, program, FILE, film, unmade=True) as title:
        yield title


@pytest.fixture
def from_the_beginning(page: Page) -> Page:
    altered(page, "**/api/v1/videos/*/playback", lambda granted: granted.update(resume_seconds=0))
    return page


@pytest.fixture
def nothing_kept(page: Page) -> Callable[[int], None]:
    """Lets this many grants be as they are before anything is kept; what follows is as the box has it."""
    left = 0

    def granted(answer: dict[str, Any]) -> None:
        nonlocal left
        if "links" not in answer:
            return
        answer["resume_seconds"] = 0
        if left <= 0:
            return
        left -= 1
        prefix = answer["links"]["source"].rpartition("/")[0]
        answer["links"].update(hls=None, dash=None, now=f"{prefix}/now.m3u8")
        ways = [{"way": "made_now", "link": "now", "reason": "It is made while it is watched."}]
        answer["chosen"].update(link="now", alternatives=[], ways=ways, refused=[])

    def set_left(count: int) -> None:
        nonlocal left
        left = count

    altered(page, "**/api/v1/videos/*/playback", granted)
    return set_left


def refusal(box: Box, status: int, code: str, detail: str) -> Callable[[Route], None]:
    headers = {
        "Content-Type": "application/problem+json",
        "Access-Control-Allow-Origin": box.url,
        "Access-Control-Expose-Headers": "Retry-After",
    } | ({"Retry-After": "1"} if status == 503 else {})
    problem = {"type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": detail}
    return lambda route: route.fulfill(status=status, headers=headers, json=problem)


def have_it_made(program: Program, video: str) -> None:
    """All of it, and kept."""
    granted = program.call("POST", f"/videos/{video}/playback", {"device": "Television"})
    if now := granted["links"].get("now"):
        program.http.get(urljoin(program.box.url, now), timeout=BEGUN_WITHIN_MS / 1000)
    program.end(granted["playback_id"])
    renditions.made(program, video)


def test_a_film_plays_and_seeks_while_it_is_made_and_the_next_play_takes_what_is_kept(
    from_the_beginning: Page, box: Box, program: Program, title: dict[str, Any], watch: Watch
) -> None:
    page = from_the_beginning
    # On a busy machine a segment may be longer in coming than a request waits.
    watch.expect(503)
    text = eventually(lambda: program.call("GET", f"/videos/{title['id']}")["subtitles"], within=60)
    assert text, "the subtitles are not there"
    assert title["made_now"]

    visit(page, f"{box.url}/#/")
    card = page.locator(".card").filter(has=page.locator(f"a[href='#/title/{title['id']}']"))
    expect(card.locator(".fine")).to_have_text("480p")
    open_title(page, box, title)
    expect(page.get_by_text("play this file as it is")).to_have_count(0)
    page.get_by_role("button", name="Play, 4 minutes").click()
    player = page.get_by_role("group", name="Player")
    expect(player.get_by_text(PREPARING)).to_be_visible()
    wait_until(page, PICTURES_MOVE, within_ms=BEGUN_WITHIN_MS)
    expect(player.get_by_text(PREPARING)).to_be_hidden()
    assert media(page).evaluate("video => video.videoWidth > 0 && video.webkitAudioDecodedByteCount > 0")
    expect(page.get_by_role("region", name="Being made")).to_contain_text("Making for a viewer")

    seek(page, FAR)
    wait_until(page, THERE, FAR, within_ms=BEGUN_WITHIN_MS)
    assert position(page) < FAR + 6
    expect(player.get_by_text(PREPARING)).to_be_hidden()
    choose(page, "Subtitles", "German")
    wait_until(
        page,
        "(video, words) => [...video.textTracks].some(track => track.activeCues?.[0]?.text === words)",
        WORDS,
    )
    choose(page, "Subtitles", "Off")

    # It is kept when all of it is made; who is watching goes on as before.
    playlists = len(watch.seen(PLAYLIST))
    seek(page, 20)
    renditions.made(program, title["id"])
    expect(page.get_by_role("region", name="Being made")).to_be_hidden(timeout=STALLED_PATIENCE_MS)
    before = position(page)
    wait_until(page, "(video, before) => !video.paused && video.currentTime > before + 1", before)
    assert len(watch.seen(PLAYLIST)) == playlists
    assert len(watch.seen("/playback$", "POST")) == 1
    assert not watch.seen(KEPT)
    assert not watch.seen(SOURCE)

    page.reload()
    segments = len(watch.seen(SEGMENT))
    press_play(page)
    assert watch.seen(KEPT), "what is kept is not played"
    assert len(watch.seen(PLAYLIST)) == playlists
    assert len(watch.seen(SEGMENT)) == segments


def test_what_cannot_be_made_is_told_with_the_way_to_another_player(
    page: Page, box: Box, title: dict[str, Any], watch: Watch, nothing_kept: Callable[[int], None]
) -> None:
    watch.expect(409)
    nothing_kept(1)
    page.route("**/m/**/now.m3u8", refusal(box, 409, "not_made", "It can't be made: the film is damaged."))
    open_title(page, box, title)
    page.get_by_role("button", name="Play, 4 minutes").click()
    player = page.get_by_role("group", name="Player")
    expect(player).to_contain_text("the film is damaged. VLC, mpv and Kodi play it as it is.")
    expect(player).to_contain_text("under Jobs")
    player.get_by_role("button", name="Use another player").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    # What says that it is final is not asked for again.
    assert len(watch.seen(PLAYLIST)) == 1


def test_what_does_not_come_in_time_is_asked_for_again_by_a_button(
    page: Page, box: Box, title: dict[str, Any], watch: Watch, nothing_kept: Callable[[int], None]
) -> None:
    watch.expect(503)
    nothing_kept(2)
    page.route("**/m/**/now.m3u8", refusal(box, 503, "being_made", "It is still being made. Ask again."))
    open_title(page, box, title)
    page.get_by_role("button", name="Play, 4 minutes").click()
    player = page.get_by_role("group", name="Player")
    expect(player).to_contain_text("It takes longer than it should.", timeout=STALLED_PATIENCE_MS)
    assert len(watch.seen(PLAYLIST)) == 4
    page.unroute("**/m/**/now.m3u8")
    player.get_by_role("button", name="Try again").click()
    wait_until(page, PICTURES_MOVE, within_ms=BEGUN_WITHIN_MS)
    expect(player.get_by_text("It takes longer")).to_be_hidden()


def test_what_is_kept_by_now_goes_on_from_there_at_the_same_place(
    page: Page, box: Box, title: dict[str, Any], program: Program, watch: Watch, nothing_kept: Callable[[int], None]
) -> None:
    watch.expect(410, 503)
    have_it_made(program, title["id"])
    nothing_kept(1)
    open_title(page, box, title)
    press_play(page)
    page.route("**/m/**/*.m4s", refusal(box, 410, "kept", "It is kept by now. Start watching anew."))
    seek(page, FAR)
    wait_until(page, "(video, far) => !video.paused && video.currentTime > far + 0.5", FAR)
    assert position(page) < FAR + 6
    assert len(watch.seen("/playback$", "POST")) == 2
    assert watch.seen(KEPT)
