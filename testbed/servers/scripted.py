"""Servers behind Nginx that say what a test tells them to: for answers the real services give only in distress."""

import contextlib
import http.server
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. `headers` has lower-case names; values of a repeated header are joined by a newline."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """A response. `raw` replaces all of it; `after` is waited for first (a hang, until the test ends it)."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    after: threading.Event | None = None


class ScriptedServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a unix socket; `answer` decides, `seen` remembers."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path: Path, answer: Callable[[Asked], Says]) -> None:
        self.answer, self.path = answer, path
        self.seen: list[Asked] = []
        super().__init__(str(path), _Handler)

    @classmethod
    @contextlib.contextmanager
    def listening(cls, path: Path, answer: Callable[[Asked], Says]) -> Iterator[Self]:
        path.unlink(missing_ok=True)
        with cls(path, answer) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            try:
                yield server
            finally:
                server.shutdown()
                path.unlink(missing_ok=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.0"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            headers[name.lower()] = "\n".join(filter(None, [headers.get(name.lower()), value]))
        body = self.rfile.read(int(headers.get("content-length") or 0))
        asked = Asked(self.command, self.path, headers, body)
        self.server.seen.append(asked)
        says = self.server.answer(asked)
        if says.after is not None:
            says.after.wait(20)
        if says.raw is not None:
            self.wfile.write(says.raw)
            return
        self.send_response(says.status)
        for name, value in says.headers.items():
            self.send_header(name, value)
        if says.status not in {204, 304}:
            self.send_header("Content-Length", str(len(says.body)))
        self.end_headers()
        self.wfile.write(says.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the library's)
        """Nothing to the terminal."""


def grants(user: str = "u-1", playback: str = "9" * 32, **more: str) -> Says:
    """A yes in the words of the decision contract."""
    headers = {"X-User-Id": user, "X-Playback-Id": playback, "X-Rate": "0"}
    return Says(204, headers | {"Cache-Control": "max-age=1, stale-if-error=30"} | more)


def refuses(reason: str | None = None, retry_after: int | None = None) -> Says:
    """A no, with its reason."""
    headers = {"X-Deny": reason} if reason else {}
    if retry_after is not None:
        headers["X-Retry-After"] = str(retry_after)
    return Says(403, headers)
