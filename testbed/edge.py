"""Nginx with a published title, between scripted services: the fixture of the tests that are about Nginx alone."""

import base64
import contextlib
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from testbed.servers.nginx_server import PLAY_KEYS, NginxServer
from testbed.servers.scripted import Asked, Says, ScriptedServer, grants
from testbed.viewers.http1 import Answer, RawConnection

# What is waited for is there.
SENT = Says(200, {"X-Accel-Redirect": "/_made_now"})
VIDEO, OTHER_VIDEO = "0123456789abcdef" * 2, "fedcba9876543210" * 2
PLAYBACK, OTHER_PLAYBACK = "a1" * 16, "b2" * 16
SENTINEL = b"sentinel-of-the-guarded-bytes"
SOURCE = SENTINEL + random.Random(2).randbytes(3_000_000)


def link(
    file: str = "source.mp4",
    *,
    video: str = VIDEO,
    playback: str = PLAYBACK,
    kid: str = "k1",
    seconds: int = 3600,
    secret: str | None = None,
    audience: str = "play",
) -> str:
    """A link of the signed door, as the API makes it."""
    expires = int(time.time()) + seconds
    secret = PLAY_KEYS.get(kid, "") if secret is None else secret
    signed = f"{expires}|{audience}|{kid}|{playback}|{video}|{secret}"
    digest = hashlib.md5(signed.encode()).digest()  # noqa: S324 (secure_link is MD5 by definition)
    mac = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"/m/{kid}/{expires}/{playback}/{mac}/{video}/{file}"


def good_targets(source: str = "source.mp4", segment: str = "n720-0a1b2c3d-00000.m4s") -> list[str]:
    """What leads to the same bytes at both doors: a file of the title, and one of what is made of it now."""
    return [link(source), f"/stream/{VIDEO}/{source}", link(segment), f"/stream/{VIDEO}/{segment}"]


def publish(titles: Path, video: str, files: dict[str, bytes], now: dict[str, bytes] | None = None) -> None:
    """Put a title into the published tree, with what is made of it `now`; the source is a link to a library beside it,
    as the indexer makes it."""
    folder, library = titles / video, titles.parent / "library"
    (folder / "now").mkdir(parents=True)
    for name, content in (now or {}).items():
        (folder / "now" / name).write_bytes(content)
    library.mkdir(exist_ok=True)
    for name, content in files.items():
        if name.startswith("source."):
            (library / f"{video}-{name}").write_bytes(content)
            (folder / name).symlink_to(library / f"{video}-{name}")
        else:
            (folder / name).write_bytes(content)


TITLE = {
    "source.mp4": SOURCE, "source.mkv": SENTINEL, "source.avi": SENTINEL, "source.mov": SENTINEL,
    "source.webm": SENTINEL, "source.m4v": SENTINEL, "poster.jpg": SENTINEL + b"poster", "thumb-01.jpg": SENTINEL,
    "storyboard-1.jpg": SENTINEL, "storyboard.vtt": SENTINEL, "preview.mp4": SENTINEL, "sub-eng.vtt": SENTINEL,
    "master.m3u8": SENTINEL, "manifest.mpd": SENTINEL, "v1080-0a1b2c3d.mp4": SENTINEL, "v360-0a1b2c3d.mp4": SENTINEL,
    "a-eng-0a1b2c3d.mp4": SENTINEL, "v360-0a1b2c3d.m3u8": SENTINEL, "a-eng-0a1b2c3d.m3u8": SENTINEL,
    "iframes-360-0a1b2c3d.m3u8": SENTINEL, "sub-eng.m3u8": SENTINEL, "sub-eng-0a1b2c3d.mp4": SENTINEL,
    # In the folder, but no name of the contract: not to be had.
    "source.mp4.part": SENTINEL, "v1080-0a1b2c3d.mp4.tmp": SENTINEL, "notes.txt": SENTINEL, ".hidden": SENTINEL,
}  # fmt: skip

# In the folder `now`.
MADE_NOW = {
    "now.m3u8": SENTINEL, "n720-0a1b2c3d.m3u8": SENTINEL, "n720-0a1b2c3d.mp4": SENTINEL,
    "n720-0a1b2c3d-00000.m4s": SOURCE, "n360-0a1b2c3d-00017.m4s": SENTINEL, "sound-0-0a1b2c3d.m3u8": SENTINEL,
    "sound-0-0a1b2c3d.mp4": SENTINEL, "sound-15-0a1b2c3d-00000.m4s": SENTINEL,
    # No names of it.
    "n720-0a1b2c3d-00001.m4s.part": SENTINEL, "n720-0a1b2c3d-00001.mp4": SENTINEL, "n1080-0a1b2c3d.mp4": SENTINEL,
    "poster.jpg": SENTINEL, "now.json": SENTINEL, "source.mp4": SENTINEL,
}  # fmt: skip


@dataclass
class Edge:
    """What a test holds: the server, what stands behind it, and a way to ask."""

    nginx: NginxServer
    authz: ScriptedServer
    api: ScriptedServer
    events: ScriptedServer

    @classmethod
    @contextlib.contextmanager
    def running(cls, **overrides: Any) -> Iterator[Self]:
        # nginx/test_nobody is about the limits; elsewhere nothing may depend on which test ran before.
        wide = {"nginx_refusal_rate": "10000r/s", "nginx_refusal_burst": 100_000, "nginx_page_rate": "10000r/s"}
        overrides = wide | overrides
        with (
            NginxServer.prepared(**overrides) as nginx,
            ScriptedServer.listening(nginx.authz_socket, lambda _: grants()) as authz,
            ScriptedServer.listening(nginx.api_socket, lambda _: Says(200, {}, b"{}")) as api,
            ScriptedServer.listening(nginx.events_socket, lambda _: SENT) as events,
        ):
            publish(nginx.titles, VIDEO, TITLE, MADE_NOW)
            publish(nginx.titles, OTHER_VIDEO, {"source.mp4": SENTINEL + b"of another title"})
            (nginx.www / "index.html").write_text("<!doctype html><title>client</title>")
            (nginx.www / "404.html").write_text("<!doctype html><title>nothing</title>")
            (nginx.www / "js").mkdir()
            (nginx.www / "js/main.js").write_text("export const answer = 42;\n" * 100)
            nginx.start()
            yield cls(nginx, authz, api, events)

    def again(self) -> Self:
        """As at the start, for the next test: authz says yes to all, nothing was seen."""
        self.authz.answer = lambda _: grants()
        self.api.answer = lambda _: Says(200, {}, b"{}")
        self.events.answer = lambda _: SENT
        for server in (self.authz, self.api, self.events):
            server.seen.clear()
        return self

    def connection(self) -> RawConnection:
        return RawConnection(self.nginx.https_port, self.nginx.ca_file)

    def get(self, target: str, *headers: str, **more: Any) -> Answer:
        """One request on a connection of its own."""
        with self.connection() as connection:
            return connection.get(target, *headers, **more)

    def says(self, answer: Says | Callable[[Asked], Says]) -> None:
        self.authz.answer = answer if callable(answer) else lambda _: answer

    def log(self, name: str) -> list[dict[str, Any]]:
        """The lines of access.log or account.log."""
        return [json.loads(line) for line in (self.nginx.logs / f"{name}.log").read_text().splitlines()]


def problem(answer: Answer) -> dict[str, Any]:
    """The body as a problem of RFC 9457, checked for its shape."""
    assert answer.header("Content-Type") == "application/problem+json", answer
    body: dict[str, Any] = json.loads(answer.body)
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == answer.status
    assert body["request_id"] == answer.header("X-Request-Id")
    assert answer.header("Cache-Control") == "no-store"
    return body
