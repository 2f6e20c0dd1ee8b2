"""mpv, VLC and ffmpeg of the distribution play entries of a device: whole product, TLS, their own requests."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testbed.stack import FILM_SECONDS, Stack
from testbed.viewers.http1 import Answer
from testbed.viewers.players import Mpv, Vlc, until

LOOPS = 15
LONG_SECONDS = FILM_SECONDS * LOOPS
FAR = LONG_SECONDS - 100


@dataclass
class House:
    """A device of alice's, and a film that no player reads ahead to its end."""

    stack: Stack
    access_token: str
    session_id: str
    token: str
    film: Path

    def address(self, path: str = "") -> str:
        return f"{self.stack.url}{self.path(path)}"

    def path(self, path: str = "") -> str:
        return f"/play/{self.token}/{path or self.stack.video_id}"

    def get(self, path: str = "", *headers: str) -> Answer:
        with self.stack.connection() as connection:
            return connection.get(self.path(path), *headers)

    def playbacks(self) -> int:
        with psycopg.connect(self.stack.database.owner_url) as owner:
            row = owner.execute(
                "SELECT count(*) FROM playbacks WHERE session_id = %s AND video_id = %s AND ended_at IS NULL",
                (self.session_id, self.stack.video_id),
            ).fetchone()
        assert row
        return int(row[0])

    def leases(self) -> int:
        return int(self.stack.live.client().zcard(f"ks:leases:session:{self.session_id}"))

    def media_requests(self) -> list[dict[str, Any]]:
        lines = (self.stack.nginx.logs / "account.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["file"].startswith("source.")]


@pytest.fixture(scope="module")
def long_film(stack: Stack) -> Path:
    """The film of the stack again and again, as its source."""
    film = stack.nginx.folder / "long.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-stream_loop", str(LOOPS - 1), "-i", str(stack.nginx.folder / "film.mp4"),
         "-c", "copy", "-movflags", "+faststart", str(film)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    source = stack.nginx.titles / stack.video_id / "source.mp4"
    source.unlink()
    source.symlink_to(film)
    with psycopg.connect(stack.database.owner_url) as owner:
        owner.execute("UPDATE videos SET duration_seconds = %s WHERE id = %s", (LONG_SECONDS, stack.video_id))
    return film


@pytest.fixture
def house(stack: Stack, long_film: Path) -> Iterator[House]:
    token = stack.sign_in()["access_token"]
    status, device = stack.call("POST", "/api/v1/users/me/devices", token, {"name": "living room"})
    assert status == 201, device
    found = House(stack, token, device["session_id"], device["device_token"], long_film)
    yield found
    stack.call("DELETE", f"/api/v1/users/me/sessions/{found.session_id}", token)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ks-player-") as made:
        yield Path(made)


def _frames(*source: str) -> str:
    """Checksums of ten pictures, as ffmpeg decodes them."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", *source, "-frames:v", "10", "-an", "-f", "framemd5", "-"],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    ).stdout  # fmt: skip


def test_ffmpeg_plays_and_seeks_to_the_same_pictures(house: House) -> None:
    tls = ["-ca_file", str(house.stack.nginx.ca_file), "-tls_verify", "1"]
    for start in ("0", str(FAR)):
        assert _frames(*tls, "-ss", start, "-i", house.address()) == _frames("-ss", start, "-i", str(house.film))
    assert (house.playbacks(), house.leases()) == (1, 1)


def test_mpv_plays_seeks_and_resumes_as_one_playback(house: House, folder: Path) -> None:
    with Mpv.playing(house.address(), house.stack.nginx.ca_file, folder) as mpv:
        mpv.plays_from(0)
        mpv.seek(FAR)
        mpv.plays_from(FAR)
        mpv.seek(60)
        mpv.plays_from(60)
        mpv.quit_and_remember()
    with Mpv.playing(house.address(), house.stack.nginx.ca_file, folder) as mpv:
        mpv.plays_from(60)
        assert mpv.position() < FAR
    assert (house.playbacks(), house.leases()) == (1, 1)


def test_mpv_goes_on_after_its_connection_was_cut(house: House, folder: Path) -> None:
    with Mpv.playing(house.address(), house.stack.nginx.ca_file, folder) as mpv:
        mpv.plays_from(0)
        for pid in house.stack.nginx.workers():
            subprocess.run(["kill", "-KILL", str(pid)], check=True)
        mpv.seek(FAR)
        mpv.plays_from(FAR)
    assert (house.playbacks(), house.leases()) == (1, 1)


def test_mpv_plays_two_entries_of_a_playlist_in_a_row(house: House, folder: Path) -> None:
    stack = house.stack
    status, made = stack.call("POST", "/api/v1/playlists", house.access_token, {"name": "Evening"})
    assert status == 201, made
    for video in (stack.other_video_id, stack.video_id):
        path = f"/api/v1/playlists/{made['id']}/items"
        assert stack.call("POST", path, house.access_token, {"video_id": video})[0] == 201
    with Mpv.playing(house.address(f"playlists/{made['id']}.m3u"), stack.nginx.ca_file, folder) as mpv:
        mpv.plays_from(0)
        assert (mpv.call("get_property", "playlist-count"), mpv.call("get_property", "playlist-pos")) == (2, 0)
        assert (house.leases(), house.playbacks()) == (1, 0), "the second entry takes nothing until it plays"
        mpv.seek(FILM_SECONDS - 2)
        until(lambda: mpv.call("get_property", "playlist-pos") == 1, mpv.log)
        mpv.plays_from(0)
        assert mpv.call("get_property", "duration") > FILM_SECONDS * 2
    assert house.playbacks() == 1
    assert house.leases() <= 2


def test_vlc_plays_and_seeks_as_one_playback(house: House, folder: Path) -> None:
    with Vlc.playing(house.address("library.m3u"), house.stack.nginx.ca_file, folder) as vlc:
        vlc.plays_from(0)
    with Vlc.playing(house.address(), house.stack.nginx.ca_file, folder) as vlc:
        vlc.plays_from(0)
        vlc.seek(FAR)
        vlc.plays_from(FAR)
        vlc.seek(60)
        vlc.plays_from(60)
    assert (house.playbacks(), house.leases()) <= (1, 2)
    assert max(int(line["range"].split()[1].split("-")[0]) for line in house.media_requests() if line["range"]) > 0


def test_vlc_resumes_where_the_browser_left_off(house: House, folder: Path) -> None:
    grant = house.stack.grant(house.access_token)
    beat = {"position_seconds": FAR, "state": "playing"}
    path = f"/api/v1/playbacks/{grant['playback_id']}"
    assert house.stack.call("POST", f"{path}/heartbeat", house.access_token, beat)[0] == 204
    with Vlc.playing(house.address(f"{house.stack.video_id}.m3u"), house.stack.nginx.ca_file, folder) as vlc:
        vlc.plays_from(FAR)
    house.stack.call("DELETE", path, house.access_token)


def test_a_device_that_is_signed_out_is_refused_at_once_and_its_links_within_two_seconds(house: House) -> None:
    link = house.get().header("Location") or ""
    with house.stack.connection() as watching:
        assert watching.get(link, "Range: bytes=0-99").status == 206
        path = f"/api/v1/users/me/sessions/{house.session_id}"
        assert house.stack.call("DELETE", path, house.access_token)[0] == 204
        assert house.get().status in {401, 410}
        assert house.get("library.m3u").status in {401, 410}
        time.sleep(2)
        assert watching.get(link, "Range: bytes=0-99").status in {401, 410}


def test_no_log_has_the_token_whatever_goes_wrong(house: House) -> None:
    paths = ["", "library.m3u", "nothing", "../x", "%2e%2e/x", "x" * 5000, "?q=1", '"x']
    for path in paths:
        house.get(path, f"Referer: {house.address()}")
    with house.stack.connection() as connection:
        connection.get(house.path(), method="DELETE")
    house.stack.stop("api")
    try:
        answer = house.get()
        assert (answer.status, answer.header("Content-Type")) == (503, "application/problem+json")
    finally:
        house.stack.start("api")
    time.sleep(1.2)  # the access log is written once a second
    logs = [file for file in house.stack.nginx.logs.iterdir() if file.is_file()]
    assert any('"place":"player"' in file.read_text() for file in logs)
    assert "[redacted]" in (house.stack.nginx.logs / "error.log").read_text()
    for file in logs:
        text = file.read_text()
        assert house.token not in text, file
        assert house.token[5:30] not in text, file


def test_in_the_clear_an_entry_is_refused(house: House) -> None:
    url = f"http://localhost:{house.stack.nginx.http_port}{house.path()}"
    shown = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url], capture_output=True, text=True)
    assert shown.stdout == "403"
