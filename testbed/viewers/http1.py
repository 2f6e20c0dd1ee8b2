"""HTTP/1 as bytes: what a client library would tidy up before it is sent."""

import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """One response. `headers` has lower-case names; of a header sent twice, both values."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one value of a header; None without it. Sent twice, it fails the test."""
        values = self.headers.get(name.lower(), [])
        assert len(values) <= 1, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else None


class TlsConnection:
    """Bytes over TLS; opened when first needed, and again when the server has closed it."""

    def __init__(self, port: int, ca_file: Path, server_name: str = "localhost", address: str = "127.0.0.1") -> None:
        self.port, self.server_name, self.address = port, server_name, address
        self._context = ssl.create_default_context(cafile=str(ca_file))
        self._stream: ssl.SSLSocket | None = None
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def local_port(self) -> int:
        """This end's port."""
        return int(self._opened().getsockname()[1])

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._buffer = None, b""

    def _opened(self) -> ssl.SSLSocket:
        if self._stream is None:
            plain = socket.create_connection((self.address, self.port), timeout=TIMEOUT_SECONDS)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = self._context.wrap_socket(plain, server_hostname=self.server_name)
            self._greet(self._stream)
        return self._stream

    def _greet(self, stream: ssl.SSLSocket) -> None:
        """What the client says first."""

    def _more(self) -> bytes:
        """What has come, at most a buffer's worth; nothing at the end."""
        assert self._stream is not None
        try:
            return self._stream.recv(65536)
        except ssl.SSLEOFError:
            return b""

    def _exactly(self, size: int) -> bytes:
        """ConnectionError when the server closes before."""
        while len(self._buffer) < size:
            more = self._more()
            if not more:
                raise ConnectionError(f"the connection was cut after {len(self._buffer)} of {size} bytes")
            self._buffer += more
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found


class RawConnection(TlsConnection):
    """HTTP/1.1."""

    def get(self, target: str, *headers: str, method: str = "GET", host: str | None = None) -> Answer:
        """Ask for `target` as it stands; further headers as lines."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or self.server_name}", *headers]
        return self.exchange("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"), method)

    def send(self, piece: bytes) -> None:
        """Send bytes as they stand, and read nothing."""
        self._opened().sendall(piece)

    def exchange(self, request: bytes, method: str = "GET") -> Answer:
        """Send the bytes of one request, read one response (status 0 when the server just closes)."""
        self._opened().sendall(request)
        try:
            head = self._until(b"\r\n\r\n")
        except ConnectionError:
            self.close()
            return Answer(0, {}, b"")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        found = re.fullmatch(r"HTTP/1\.[01] (\d{3}).*", status_line)
        assert found, status_line
        status = int(found[1])
        body = self._body(status, method, headers)
        if headers.get("connection") == ["close"]:
            self.close()
        return Answer(status, headers, body)

    def _body(self, status: int, method: str, headers: dict[str, list[str]]) -> bytes:
        if method == "HEAD" or status in {204, 304}:
            return b""
        if "chunked" in headers.get("transfer-encoding", []):
            body = b""
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size + 2)[:-2]
            self._until(b"\r\n")
            return body
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"][0]))
        return self._to_the_end()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            more = self._more()
            if not more:
                raise ConnectionError("closed")
            self._buffer += more
        head, _, self._buffer = self._buffer.partition(mark)
        return head

    def _to_the_end(self) -> bytes:
        while more := self._more():
            self._buffer += more
        body, self._buffer = self._buffer, b""
        return body
