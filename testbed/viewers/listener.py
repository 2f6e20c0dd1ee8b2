"""Somebody who listens to server-sent events, as HTML says that a browser does (9.2.6), through Nginx."""

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

TIMEOUT_SECONDS = 30


class Event(NamedTuple):
    """`id` is the last that was told with or before it; `at` the moment it came, by the monotonic clock."""

    name: str
    content: Any
    id: str
    at: float


class Listener:
    """A stream; its events come to `next` in order. An answer that is no stream is `refusal`."""

    def __init__(self, port: int, ca_file: Path, target: str = "/api/v1/events", **headers: str) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=TIMEOUT_SECONDS, context=context)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", target, headers={"Accept": "text/event-stream", **sent})
        # The answer takes the socket over when it says that it ends with the connection.
        self._socket = self._connection.sock
        self.answer = self._connection.getresponse()
        self.status = self.answer.status
        self.refusal: dict[str, Any] = {}
        self.last_id = ""
        self.heartbeats = 0
        self.ended = threading.Event()
        self._events: queue.Queue[Event] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._thread.start()
        else:
            self.refusal = json.loads(self.answer.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def next(self, name: str | None = None, within: float = TIMEOUT_SECONDS) -> Event:
        """The next event, or the next of this name. Raises queue.Empty."""
        deadline = time.monotonic() + within
        while True:
            event = self._events.get(timeout=max(deadline - time.monotonic(), 0.001))
            if name in {None, event.name}:
                return event

    def come(self) -> list[Event]:
        """What has come and was not taken."""
        found = []
        while not self._events.empty():
            found.append(self._events.get())
        return found

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.ident:
            self._thread.join(TIMEOUT_SECONDS)
        self._connection.close()

    def _read(self) -> None:
        name, content, number = "message", "", ""
        try:
            while line := self.answer.readline():
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    content = value
                elif field == "id":
                    number = value
                elif field == ":":
                    self.heartbeats += 1
                elif not field and content:
                    # Not before the event is whole: who is cut off in it must get it again (HTML, 9.2.6).
                    self.last_id = number
                    self._events.put(Event(name, json.loads(content), self.last_id, time.monotonic()))
                    name, content = "message", ""
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        finally:
            self.ended.set()
