"""From an admin's order to a player: the API, a worker, ffmpeg and the packager in their sandboxes, Nginx over TLS."""

import re
import subprocess

import psycopg
import pytest

from catalog import roles
from testbed.services.workers import work_off
from testbed.stack import FILM_SECONDS, Stack
from worker.settings import WorkerSettings

FRAMES = FILM_SECONDS * 25


@pytest.fixture(scope="module")
def rendered(stack: Stack) -> Stack:
    """The film of the stack, with what a worker made when an admin asked for it."""
    film = stack.nginx.folder / "film.mp4"
    with psycopg.connect(stack.database.owner_url) as owner:
        owner.execute(
            "UPDATE videos SET library_root = %s, path = 'film.mp4', mtime_ns = %s WHERE id = %s",
            (str(film.parent), film.stat().st_mtime_ns, stack.video_id),
        )
    token = stack.sign_in()["access_token"]
    status, said = stack.call("POST", f"/api/v1/videos/{stack.video_id}/transcode", token, {"profiles": ["360p"]})
    assert status == 202, said
    work_off(
        WorkerSettings(
            database_url=stack.database.url_for(roles.WORKER),
            titles_dir=stack.nginx.titles,
            rendition_preset="veryfast",
        )
    )
    _, job = stack.call("GET", f"/api/v1/jobs/{said['jobs'][0]['id']}", token)
    assert job["state"] == "done", job
    return stack


@pytest.mark.parametrize("link", ["hls", "dash"])
def test_a_player_finds_all_pictures_by_the_signed_link(rendered: Stack, link: str) -> None:
    """Every playlist and range comes by the same permission, since the names in a manifest are relative."""
    granted = rendered.grant(rendered.sign_in()["access_token"])["links"][link]
    tls = ["-ca_file", str(rendered.nginx.ca_file), "-tls_verify", "1"]
    played = subprocess.run(
        ["ffmpeg", "-v", "error", *tls, "-i", f"{rendered.url}{granted}", "-map", "0:v:0", "-map", "0:a:0",
         "-progress", "pipe:1", "-f", "null", "-"],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert played.stderr == ""
    assert int(re.findall(r"^frame=(\d+)$", played.stdout, re.MULTILINE)[-1]) == FRAMES
    log = (rendered.nginx.logs / "account.log").read_text()
    assert re.search(r'"v360-[0-9a-f]{8}\.mp4"', log), "no byte of the rendition is in the book"
    assert re.search(r'"a-und-[0-9a-f]{8}\.mp4"', log)


def test_without_permission_no_playlist_is_had(rendered: Stack) -> None:
    token = rendered.sign_in()["access_token"]
    _, video = rendered.call("GET", f"/api/v1/videos/{rendered.video_id}", token)
    names = [file["name"] for file in video["files"] if file["name"].endswith((".m3u8", ".mpd"))]
    assert len(names) == 5, "master, manifest, picture, its key frames, sound"
    for name in names:
        with rendered.connection() as connection:
            assert connection.get(f"/stream/{rendered.video_id}/{name}").status == 401
            bearer = f"Authorization: Bearer {token}"
            assert connection.get(f"/stream/{rendered.video_id}/{name}", bearer).status == 200
