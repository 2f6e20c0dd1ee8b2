"""Viewers that read at a pace: over HTTP/1.1 one answer at a time on a connection, over HTTP/2 several at once.

    with Http2Reader(Where("localhost", 443, ca_file)) as reader:
        film = reader.read("/m/...", bytes_a_second=200_000)
        film.status, film.received, film.is_cut, film.moved_within(2)

Each connection has a thread. Over HTTP/2 the pace of each answer is kept by its window (RFC 9113, 5.2), over HTTP/1.1
by reading no faster from a small buffer: then the server waits, as with a slow network.
"""

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.viewers import http2

_BUFFER_BYTES = 16_384
_STEP_SECONDS = 0.05
_WAIT_SECONDS = 15


@dataclass(frozen=True)
class Where:
    """A server, and perhaps the address of this machine from which it is asked."""

    name: str
    port: int
    ca_file: Path
    address: str
    source: str | None = None

    def connected(self, protocol: str) -> ssl.SSLSocket:
        plain = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        plain.settimeout(_WAIT_SECONDS)
        if self.source:
            plain.bind((self.source, 0))
        plain.connect((self.address, self.port))
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.set_alpn_protocols([protocol])
        return context.wrap_socket(plain, server_hostname=self.name)


@dataclass
class Reading:
    """An answer that is being read."""

    path: str
    bytes_a_second: float
    status: int = 0
    received: int = 0
    # Over HTTP/1.1.
    headers: dict[str, str] = field(default_factory=dict)
    # Came to its end; or was broken off.
    is_whole: bool = False
    is_cut: bool = False
    _moved: float = 0.0
    _allowed: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def moved_within(self, seconds: float) -> bool:
        """Did a byte come that lately?"""
        return time.monotonic() - self._moved < seconds

    def wait(self, seconds: float = _WAIT_SECONDS) -> Self:
        """Until the first byte, or the end."""
        with self._changed:
            self._changed.wait_for(lambda: self.received or self.is_over, seconds)
        return self

    def finished(self, seconds: float = _WAIT_SECONDS) -> Self:
        """Until the end."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over, seconds)
        return self

    @property
    def is_over(self) -> bool:
        return self.is_whole or self.is_cut

    def got(self, size: int) -> None:
        with self._changed:
            self.received += size
            self._moved = time.monotonic()
            self._changed.notify_all()

    def ended(self, *, whole: bool) -> None:
        with self._changed:
            if not self.is_over:
                self.is_whole, self.is_cut = whole, not whole
            self._changed.notify_all()


class _Reader:
    """A connection with its thread."""

    protocol = ""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._stream = where.connected(self.protocol)
        self.port: int = self._stream.getsockname()[1]
        self._lock = threading.Lock()
        self._left = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave, as a client that is closed."""
        self._left.set()
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()


class Http1Reader(_Reader):
    """One answer after the other on one connection."""

    protocol = "http/1.1"

    def read(self, path: str, *, byte_range: str | None = None, bytes_a_second: float = 1e12) -> Reading:
        """Begin to read; the answer before has to be over."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {self._where.name}"]
        lines += [f"Range: bytes={byte_range}"] if byte_range else []
        reading = Reading(path, bytes_a_second)
        self._stream.sendall("\r\n".join([*lines, "", ""]).encode())
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()
        return reading

    def _read(self, reading: Reading) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := self._stream.recv(1)):
                    raise ConnectionError
                head += more
            reading.status = int(head.split(b" ", 2)[1])
            lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
            reading.headers = {name.lower(): value.strip() for name, _, value in lines}
            left = int(reading.headers.get("content-length", "0"))
            while left:
                size = max(int(reading.bytes_a_second * _STEP_SECONDS), 1)
                part = self._stream.recv(min(left, size, 65_536))
                if not part:
                    raise ConnectionError
                left -= len(part)
                reading.got(len(part))
                if reading.bytes_a_second < 1e9:
                    self._left.wait(len(part) / reading.bytes_a_second)
            reading.ended(whole=True)
        except (OSError, ValueError):
            reading.ended(whole=False)


class Http2Reader(_Reader):
    """As many answers at once as wanted."""

    protocol = "h2"

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        assert self._stream.selected_alpn_protocol() == "h2"
        self._next = 1
        self._readings: dict[int, Reading] = {}
        # No table, no push, and no window: each answer gets its bytes by the step.
        settings = struct.pack("!HIHIHI", 1, 0, 2, 0, 4, 0)
        window = struct.pack("!I", http2.LARGEST_WINDOW - 65_535)
        self._send(http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0, settings))
        self._send(http2.frame(http2.WINDOW_UPDATE, 0, 0, window))
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._allow, daemon=True).start()

    def read(self, path: str, *, byte_range: str | None = None, bytes_a_second: float = 1e8) -> Reading:
        """Begin to read, beside what is being read."""
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", self._where.name), (":path", path)]
        fields += [("range", f"bytes={byte_range}")] if byte_range else []
        block = b"".join(b"\x10" + http2.literal(n.encode()) + http2.literal(v.encode()) for n, v in fields)
        reading = Reading(path, bytes_a_second)
        with self._lock:
            number, self._next = self._next, self._next + 2
            self._readings[number] = reading
            self._stream.sendall(http2.frame(http2.HEADERS, http2.END_STREAM | http2.END_HEADERS, number, block))
        return reading

    def leave(self, reading: Reading) -> None:
        """Want no more of this answer (RST_STREAM, CANCEL)."""
        number = next(each for each, known in self._readings.items() if known is reading)
        self._send(http2.frame(http2.RST_STREAM, 0, number, struct.pack("!I", 8)))
        reading.ended(whole=False)

    def _send(self, content: bytes) -> None:
        with self._lock:
            self._stream.sendall(content)

    def _allow(self) -> None:
        while not self._left.wait(_STEP_SECONDS):
            for number, reading in list(self._readings.items()):
                if reading.is_over:
                    continue
                reading._allowed += reading.bytes_a_second * _STEP_SECONDS
                if size := min(int(reading._allowed), 1 << 24):
                    reading._allowed -= size
                    with contextlib.suppress(OSError):
                        self._send(http2.frame(http2.WINDOW_UPDATE, 0, number, struct.pack("!I", size)))

    def _listen(self) -> None:
        # A stream that its reader has closed meanwhile is no number any more: ValueError.
        with contextlib.suppress(OSError, ValueError):
            for kind, flags, number, content in self._frames():
                reading = self._readings.get(number)
                if kind == http2.SETTINGS and not flags & http2.ACK:
                    self._send(http2.frame(http2.SETTINGS, http2.ACK, 0, b""))
                elif kind == http2.PING and not flags & http2.ACK:
                    self._send(http2.frame(http2.PING, http2.ACK, 0, content))
                elif kind == http2.GOAWAY:
                    last, fault = struct.unpack("!II", content[:8])
                    if fault:
                        break
                    # No new answers on this connection; those under way go on (RFC 9113, 6.8).
                    for later in self._readings.keys() - range(last + 1):
                        self._readings[later].ended(whole=False)
                elif reading and kind == http2.RST_STREAM:
                    reading.ended(whole=False)
                elif reading and kind in {http2.HEADERS, http2.DATA}:
                    if kind == http2.HEADERS:
                        reading.status = reading.status or http2.status_of(content)
                    else:
                        reading.got(len(content))
                    if flags & http2.END_STREAM:
                        reading.ended(whole=True)
                if kind == http2.DATA and content:
                    self._send(http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack("!I", len(content))))
        for reading in self._readings.values():
            reading.ended(whole=False)

    def _some(self) -> bytes:
        """What has come; nothing at the end. Nobody writes meanwhile: OpenSSL is not for two threads at once."""
        while True:
            select.select([self._stream], [], [], _STEP_SECONDS)
            with self._lock, contextlib.suppress(TimeoutError):
                self._stream.settimeout(_STEP_SECONDS / 5)
                try:
                    return self._stream.recv(65_536)
                finally:
                    self._stream.settimeout(_WAIT_SECONDS)

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        buffer = b""
        while True:
            if not (more := self._some()):
                return
            buffer += more
            while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
                size = int.from_bytes(buffer[:3], "big")
                kind, flags, number = struct.unpack("!BBI", buffer[3:9])
                yield kind, flags, number & http2.LARGEST_WINDOW, buffer[9 : 9 + size]
                buffer = buffer[9 + size :]
