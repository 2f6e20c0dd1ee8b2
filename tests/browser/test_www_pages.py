"""What holds for every page: certificate, policy, a name for every control, room on a phone, no script from names."""

from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from testbed.browser.box import Box, Program
from testbed.browser.steps import altered, open_title, press_play, visit
from tests.browser.contexts import Contexts
from tests.browser.soundness import sound, sound_at_both_widths
from tests.browser.watch import Watch
from tests.browser.widths import both_widths

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob: data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


def test_the_client_comes_over_the_box_own_certificate_with_its_policy(box: Box) -> None:
    with requests.Session() as http:
        http.trust_env = False
        http.verify = box.ca_file
        page = http.get(box.url + "/", timeout=20)
    assert page.headers["Content-Type"].startswith("text/html")
    said = page.headers["Content-Security-Policy"].split(";")
    assert dict(rule.strip().split(" ", 1) for rule in said if rule.strip()) == POLICY


@both_widths
def test_every_page_is_sound_at_both_widths(
    page: Page, box: Box, film: dict[str, Any], fresh_context: Contexts
) -> None:
    stranger = fresh_context().new_page()
    visit(stranger, box.url)
    stranger.get_by_role("button", name="Sign in").wait_for()
    assert sound(stranger) == []

    visit(page, box.url)
    page.locator(".card").first.wait_for()
    assert sound(page) == []

    open_title(page, box, film)
    assert sound(page) == []
    page.get_by_text("Keys of the player").click()
    press_play(page)
    assert sound(page) == []


def test_the_masthead_breaks_no_word_on_the_smallest_phone(page: Page, box: Box) -> None:
    visit(page, f"{box.url}/#/account")
    names = page.locator(".masthead .quiet")
    expect(names).to_have_count(4)
    for width in (320, 360, 545, 705, 865, 1280):
        page.set_viewport_size({"width": width, "height": 640})
        for name in names.all():
            lines = "name => { const all = document.createRange(); all.selectNodeContents(name);"
            assert name.evaluate(f"{lines} return all.getClientRects().length; }}") == 1, width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_stands_out_in_both_colour_schemes(page: Page, box: Box, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    visit(page, box.url)
    page.get_by_role("heading", name="Library").wait_for()
    ratios: dict[str, float] = page.evaluate(
        """() => {
            const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            const style = getComputedStyle(document.documentElement);
            const light = (name) => {
                pixel.fillStyle = style.getPropertyValue(name).trim();
                pixel.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
                    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ratio = (one, other) => {
                const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
                return (high + 0.05) / (low + 0.05);
            };
            const pairs = {};
            for (const text of ['--ink', '--ink-soft', '--lamp', '--trouble'])
                for (const ground of ['--ground', '--panel', '--raised'])
                    pairs[`${text} on ${ground}`] = ratio(text, ground);
            pairs['--lamp-ink on --lamp'] = ratio('--lamp-ink', '--lamp');
            return pairs;
        }"""
    )
    # WCAG 2.2, 1.4.3: 4.5 for text.
    assert {pair: round(ratio, 1) for pair, ratio in ratios.items() if ratio < 4.5} == {}


def test_hostile_text_from_the_api_stays_text(page: Page, box: Box, film: dict[str, Any]) -> None:
    def poison(video: dict[str, Any]) -> None:
        for field in ("title", "filename", "description", "container", "video_codec", "audio_codec", "status_reason"):
            video[field] = HOSTILE
        video["tags"] = [HOSTILE]
        video["poster_href"] = "javascript:alert(3)"
        video["tracks"] = [{"position": 1, "kind": "audio", "codec": HOSTILE, "language": HOSTILE, "title": HOSTILE}]

    def poison_all(answer: dict[str, Any]) -> None:
        for number, video in enumerate(answer["items"]):
            poison(video)
            video["status"] = ["ready", "broken", "waiting"][number % 3]

    altered(page, "**/api/v1/videos?*", poison_all)
    altered(page, f"**/api/v1/videos/{film['id']}", poison)
    visit(page, box.url)
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    assert page.locator("main img").count() == 0
    open_title(page, box, {**film, "title": HOSTILE})
    assert page.title() == f"{HOSTILE} · Kinetoscope"
    assert page.locator("main img").count() == 0
    # The watch of the context fails this test if any script ran, any policy was broken or any dialog opened.


def test_a_hostile_file_name_in_the_library_stays_text(
    page: Page, box: Box, film: dict[str, Any], program: Program, tmp_path: Path
) -> None:
    library = Path(box.library_path) if box.library_path else None
    if library is None or not library.is_dir() or not box.ssh_command:
        pytest.skip("needs the library of a local box at hand")
    name = '<img src=x onerror=alert(1)> "quoted" \'n \n two lines'
    source = requests.get(
        box.url + next(file["href"] for file in film["files"] if file["name"].startswith("source.")),
        headers={"Authorization": str(program.http.headers["Authorization"])},
        verify=box.ca_file,
        timeout=60,
    )
    part = library / ".hostile.part"
    part.write_bytes(source.content)
    hostile = part.rename(library / f"{name}.mp4")
    try:
        box.scan()
        found = [video for video in program.videos() if "onerror=alert" in video["filename"]]
        assert len(found) == 1
        visit(page, f"{box.url}/#/title/{found[0]['id']}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror=alert(1)>")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download playlist").click()
        # The line break of the name must not start a line of the playlist.
        assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == 3
        press_play(page)
    finally:
        hostile.unlink()
        box.scan()


@pytest.mark.parametrize("status", ["broken", "waiting"])
def test_a_title_that_is_not_ready_says_why(page: Page, box: Box, film: dict[str, Any], status: str) -> None:
    reason = "The file ends before its index does."
    change = {"status": status, "status_reason": reason}
    altered(page, "**/api/v1/videos?*", lambda answer: [video.update(change) for video in answer["items"]])
    altered(page, f"**/api/v1/videos/{film['id']}", lambda video: video.update(change))
    visit(page, box.url)
    expect(page.locator(".card").first).to_contain_text(reason)
    expect(page.locator(".card").first).to_contain_text(status.capitalize())
    open_title(page, box, film)
    expect(page.get_by_text(reason)).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_have_count(0)


def test_a_title_that_plays_in_part_says_so(page: Page, box: Box, film: dict[str, Any]) -> None:
    change = {"status_reason": "The file is incomplete: it ends at 0:05 of 1:00. Copy or download it again."}
    altered(page, "**/api/v1/videos?*", lambda answer: [video.update(change) for video in answer["items"]])
    altered(page, f"**/api/v1/videos/{film['id']}", lambda video: video.update(change))
    visit(page, box.url)
    expect(page.locator(".card").first).to_contain_text("incomplete")
    open_title(page, box, film)
    expect(page.get_by_text(change["status_reason"])).to_be_visible()
    assert sound_at_both_widths(page) == []
    press_play(page)


def test_the_numbers_read_as_people_write_them(page: Page, box: Box, watch: Watch) -> None:
    visit(page, box.url)
    said = page.evaluate(
        """async () => {
            const format = await import('/js/format.js');
            const {playlistName, m3u} = await import('/js/playlist.js');
            const {parse} = await import('/js/router.js');
            const {resumeAt} = await import('/js/playback.js');
            return {
                clock: [0, 59.9, 187, 3729, NaN, Infinity].map(format.clock),
                spoken: [0, 61, 7322].map(format.spoken),
                bytes: [0, 999, 1000, 1536000, 999950000, 73e9].map(format.bytes),
                resolution: [[1920, 800], [1080, 1920], [640, 360], [100, 50], [null, 1]]
                    .map((pair) => format.resolution(...pair)),
                names: ['a/b:c', '..', '', 'x'.repeat(300), '\\u{1F600}'.repeat(90)].map(playlistName)
                    .map((name) => [[...name].slice(0, 9).join(''), new TextEncoder().encode(name).length]),
                m3u: m3u({title: 'a\\nhttp://elsewhere/\\u2028b', duration_seconds: 1.6}, 'https://box/m/x'),
                routes: ['', '#/', '#/title/' + 'a'.repeat(32), '#/title/..', '#/?q=a%26b']
                    .map((hash) => parse(hash).name),
                resume: [[0, 60], [2, 60], [30, 60], [59.5, 60], [NaN, 60], [7000, 7200], [7190, 7200]]
                    .map((pair) => resumeAt(...pair)),
            };
        }"""
    )
    assert said == {
        "clock": ["0:00", "0:59", "3:07", "1:02:09", "0:00", "0:00"],
        "spoken": ["0 seconds", "1 minute 1 second", "2 hours 2 minutes 2 seconds"],
        "bytes": ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "1.0 GB", "73.0 GB"],
        "resolution": ["1080p", "1080p", "360p", "50p", None],
        "names": [["a_b_c.m3u", 9], ["video.m3u", 9], ["video.m3u", 9], ["xxxxxxxxx", 204], ["😀" * 9, 204]],
        "m3u": "#EXTM3U\n#EXTINF:2,a http://elsewhere/ b\nhttps://box/m/x\n",
        "routes": ["library", "library", "title", "nowhere", "library"],
        "resume": [0, 0, 30, 0, 0, 7000, 0],
    }
