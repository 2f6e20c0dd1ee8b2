"""gunicorn's sync worker, with a short way for the one request that Nginx sends.

Between the kernel and a WSGI application gunicorn does much that a decision has no use for: it takes a request of any
form apart in Python, dates the answer, offers it to an access log, and waits for the client to hang up first. Measured,
that was more than the decision itself (docs/performance.md). Here a request of exactly the form in nginx/kinetoscope/
doors.conf.j2 is read with one expression; whatever differs from it in a single byte goes gunicorn's own way.
"""

import io
import re
import socket
import sys
import time
from typing import Any

from gunicorn.workers.sync import SyncWorker

# Cookie and Authorization have up to 8 KiB each (gunicorn_shared.py). What is longer goes gunicorn's way.
_LONGEST = 32 << 10
_LINE = b"GET /decide HTTP/1.0\r\n"
# RFC 9112, 5: names as Nginx writes them, values without any control character but the tab.
_HEAD = re.compile(rb"GET /decide HTTP/1\.0\r\n(?:[A-Za-z-]+: [\t\x20-\x7e\x80-\xff]+\r\n)+\r\n")
# Headers by the names of the WSGI environment (PEP 3333).
_NAMES = {
    name: "HTTP_" + name.upper().replace("-", "_")
    for name in (
        "Authorization", "Connection", "Cookie", "Host", "X-Conn", "X-Door", "X-Kind", "X-Method", "X-Playback-Id",
        "X-Real-IP", "X-Request-Id", "X-Video-Id",
    )
}  # fmt: skip
_ENVIRONMENT: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/decide",
    "QUERY_STRING": "",
    "SERVER_NAME": "authz",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.0",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
# gunicorn's master looks for a sign of life within `timeout`, which is whole seconds.
_NOTIFY_SECONDS = 0.5


def environment(head: bytes) -> dict[str, Any] | None:
    """The WSGI environment of a request as Nginx sends it; None when it differs in anything."""
    if not _HEAD.fullmatch(head):
        return None
    environ = _ENVIRONMENT.copy()
    for line in head[len(_LINE) : -4].decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        key = _NAMES.get(name)
        if key is None or key in environ:
            return None
        environ[key] = value
    environ["wsgi.input"] = io.BytesIO()
    return environ


class Worker(SyncWorker):  # type: ignore[misc]  # gunicorn ships no types
    """One request at a time."""

    _notified = 0.0

    def notify(self) -> None:
        """A sign of life, not more often than anybody looks."""
        now = time.monotonic()
        if now - self._notified >= _NOTIFY_SECONDS:
            self._notified = now
            super().notify()

    def accept(self, listener: Any) -> None:
        # An accepted socket blocks (accept(2)) and is not inherited (PEP 446): nothing to set on it.
        client, address = listener.accept()
        self.handle(listener, client, address)

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Answer the request on `client`, and close it."""
        try:
            head = client.recv(_LONGEST, socket.MSG_PEEK)
        except OSError:
            client.close()
            return
        environ = environment(head)
        if environ is None:
            super().handle(listener, client, addr)
            return
        try:
            # Off the socket too: closed with something unread, it would reset what was sent.
            client.recv(len(head))
            client.sendall(self._answer(environ))
        except OSError as error:
            self.log.debug("Closed without an answer: %s", error)
        finally:
            client.close()

    def _answer(self, environ: dict[str, Any]) -> bytes:
        said: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            said[:] = [f"HTTP/1.0 {status}\r\n", *[f"{name}: {value}\r\n" for name, value in headers]]

        body = b"".join(self.wsgi(environ, start_response))
        return "".join([*said, "Connection: close\r\n\r\n"]).encode("latin-1") + body
