"""Viewers that check every byte they get against the file, and remember what went wrong and for how long."""

import contextlib
import http.client
import os
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testbed.viewers.box import Access, Viewer

CHUNK_BYTES = 64 << 10
RANGE_BYTES = 512 << 10
CHUNKS_A_SECOND = 24
# As a player: it asks again at once, and then twice a second.
RETRY_SECONDS = 0.5
# Beyond this an answer counts as gone; below Nginx's own patience with authz and the API.
ANSWER_SECONDS = 10


@dataclass
class Seen:
    """What one viewer met."""

    received: int = 0
    wrong: int = 0
    broken: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    longest_gap: float = 0


class Watcher:
    """Reads a film round and round through a signed link: in ranges of 512 KiB, or in answers as long as the film.

    With a `renew` it takes a new grant when the link is out of date (410), as a player does.

    A connection that turns out to be closed before an answer began is opened again without counting: any client may do
    that for a GET (RFC 9110, 9.2.2). An answer that breaks off counts.
    """

    def __init__(
        self, access: Access, grant: dict[str, Any], film: Path, *, whole: bool,
        renew: Callable[[], dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        address = urlsplit(access.url)
        self._host, self._port = address.hostname or "", address.port or 443
        self._context = ssl.create_default_context(cafile=access.ca_file)
        self.playbacks: list[str] = []
        self._renew = renew
        self._take(grant)
        self._film, self._size = os.open(film, os.O_RDONLY), film.stat().st_size
        self._range = self._size if whole else RANGE_BYTES
        self.seen = Seen()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._moved = time.monotonic()
        self._connection: http.client.HTTPSConnection | None = None

    @property
    def playback(self) -> str:
        """The latest."""
        return self.playbacks[-1]

    def _take(self, grant: dict[str, Any]) -> None:
        self._link = urlsplit(grant["links"]["source"]).path
        self.playbacks.append(grant["playback_id"])

    def start(self) -> None:
        self._moved = time.monotonic()
        self._thread.start()

    def stop(self) -> Seen:
        """End it, once; what it saw."""
        if self._stop.is_set():
            return self.seen
        self._stop.set()
        self._thread.join(ANSWER_SECONDS + 5)
        self._gap()
        os.close(self._film)
        return self.seen

    def _run(self) -> None:
        position = 0
        while not self._stop.is_set():
            try:
                position = self._answer(position) % self._size
            except (OSError, http.client.HTTPException):
                self._drop()
                self.seen.broken += 1
                self._stop.wait(RETRY_SECONDS)

    def _answer(self, position: int) -> int:
        answer = self._ask(position)
        if answer.status != 206:
            answer.read()
            self.seen.refused[answer.status] += 1
            if answer.status == 410 and self._renew:
                self._take(self._renew())
            self._stop.wait(RETRY_SECONDS)
            return position
        while not self._stop.is_set() and (chunk := answer.read(CHUNK_BYTES)):
            if chunk != os.pread(self._film, len(chunk), position):
                self.seen.wrong += len(chunk)
            position += len(chunk)
            self.seen.received += len(chunk)
            self._gap()
            self._stop.wait(1 / CHUNKS_A_SECOND)
        if self._stop.is_set():
            self._drop()
        elif answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return position

    def _ask(self, position: int) -> http.client.HTTPResponse:
        last = min(position + self._range, self._size) - 1
        headers = {"Range": f"bytes={position}-{last}"}
        reused = self._connection is not None
        try:
            return self._send(headers)
        except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLEOFError):
            self._drop()
            if not reused:
                raise
            return self._send(headers)

    def _send(self, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=ANSWER_SECONDS, context=self._context
            )
        self._connection.request("GET", self._link, headers=headers)
        return self._connection.getresponse()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _gap(self) -> None:
        now = time.monotonic()
        self.seen.longest_gap = max(self.seen.longest_gap, now - self._moved)
        self._moved = now


@contextlib.contextmanager
def watching(
    viewer: Viewer, video_id: str, film: Path, renew: Callable[[], dict[str, Any]] | None = None
) -> Iterator[list[Watcher]]:
    """Three streams of one viewer: two in ranges, one in a single long answer."""
    grants = [viewer.playback(video_id) for _ in range(3)]
    watchers = [
        Watcher(viewer.access, grant, film, whole=number == 2, renew=renew) for number, grant in enumerate(grants)
    ]
    for watcher in watchers:
        watcher.start()
    try:
        yield watchers
    finally:
        for watcher in watchers:
            watcher.stop()
        for watcher in watchers:
            with contextlib.suppress(OSError):
                for playback in watcher.playbacks:
                    viewer.end(playback)
