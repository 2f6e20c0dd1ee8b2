"""HTTP/2 as frames (RFC 9113): whatever fields a test wants, also those that no client library would send.

Of an answer only the status and the body are read. Fields are written as literals without Huffman coding or table
(RFC 7541, 6.2.3); of Nginx's header block the first field is the status, and Nginx never puts it into the table.
"""

import ssl
import struct
from collections.abc import Iterable
from pathlib import Path

from testbed.viewers.http1 import Answer, TlsConnection

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST_WINDOW = (1 << 31) - 1
# Below what Nginx takes at once on one connection (http2_max_concurrent_streams is 128).
_AT_ONCE = 100
# RFC 7541, appendix A: entries 8 to 14 are whole statuses.
_INDEXED = dict(zip(range(0x88, 0x8F), (200, 204, 206, 304, 400, 404, 500), strict=True))


class Http2Connection(TlsConnection):
    """One stream at a time, but for `repeat`."""

    def __init__(self, port: int, ca_file: Path, server_name: str = "localhost", address: str = "127.0.0.1") -> None:
        super().__init__(port, ca_file, server_name, address)
        self._context.set_alpn_protocols(["h2"])
        self._next = 1

    def ask(self, fields: Iterable[tuple[bytes, bytes]]) -> Answer:
        """Send a request of these fields; status 0 when the stream is reset or the connection closed."""
        try:
            stream = self._opened()
            block = b"".join(b"\x10" + literal(name) + literal(value) for name, value in fields)
            number, self._next = self._next, self._next + 2
            stream.sendall(frame(HEADERS, END_STREAM | END_HEADERS, number, block))
            return self._answer(number)
        except (ConnectionError, ssl.SSLError):
            self.close()
            return Answer(0, {}, b"")

    def repeat(self, fields: Iterable[tuple[bytes, bytes]], times: int) -> tuple[int, dict[int, int]]:
        """The same request over and over, as few bytes as HPACK makes it: all its fields from the table of the server.

        Returns the bytes that were sent, before TLS, and how often each status came (0 for a stream that was reset).
        """
        stream, known = self._opened(), list(fields)
        # RFC 7541, 6.2.1: each goes to the front of the table, whose first index is 62.
        taught = b"".join(b"\x40" + literal(name) + literal(value) for name, value in known)
        indexed = bytes(0x80 | 62 + at for at in range(len(known)))
        sent, statuses = 0, dict[int, int]()
        for batch in range(0, times, _AT_ONCE):
            numbers = [self._next + 2 * at for at in range(min(_AT_ONCE, times - batch))]
            self._next += 2 * len(numbers)
            for number in numbers:
                asked = frame(HEADERS, END_STREAM | END_HEADERS, number, indexed if sent else taught)
                stream.sendall(asked)
                sent += len(asked)
            open_streams = dict.fromkeys(numbers, 0)
            while open_streams:
                kind, flags, of, content = self._read_frame()
                if kind == GOAWAY:
                    raise ConnectionError("GOAWAY")
                if of not in open_streams:
                    continue
                if kind == HEADERS:
                    open_streams[of] = open_streams[of] or status_of(content)
                if kind == RST_STREAM or flags & END_STREAM:
                    status = open_streams.pop(of)
                    statuses[status] = statuses.get(status, 0) + 1
        return sent, statuses

    def _greet(self, stream: ssl.SSLSocket) -> None:
        assert stream.selected_alpn_protocol() == "h2"
        self._next = 1
        # No table, no push; a window that no answer of a test fills.
        settings = struct.pack("!HIHIHI", 1, 0, 2, 0, 4, LARGEST_WINDOW)
        window = struct.pack("!I", LARGEST_WINDOW - 65535)
        stream.sendall(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, window))

    def _answer(self, number: int) -> Answer:
        assert self._stream is not None
        status, body = 0, b""
        while True:
            kind, flags, of, content = self._read_frame()
            if kind == SETTINGS and not flags & ACK:
                self._stream.sendall(frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                self._stream.sendall(frame(PING, ACK, 0, content))
            elif kind == GOAWAY:
                raise ConnectionError("GOAWAY")
            elif of == number and kind == RST_STREAM:
                return Answer(status, {}, body)
            elif of == number and kind in {HEADERS, DATA}:
                if kind == HEADERS:
                    status = status or status_of(content)
                else:
                    body += content
                if flags & END_STREAM:
                    return Answer(status, {}, body)

    def _read_frame(self) -> tuple[int, int, int, bytes]:
        head = self._exactly(9)
        kind, flags, number = struct.unpack("!BBI", head[3:])
        return kind, flags, number & LARGEST_WINDOW, self._exactly(int.from_bytes(head[:3], "big"))


def frame(kind: int, flags: int, number: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + struct.pack("!BBI", kind, flags, number) + content


def literal(text: bytes) -> bytes:
    """A string of RFC 7541, 5.2, with its length as an integer of 5.1."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, octets = len(text) - 127, [127]
    while rest >= 128:
        octets.append(rest % 128 + 128)
        rest //= 128
    return bytes([*octets, rest]) + text


def status_of(block: bytes) -> int:
    at = 0
    while block[at] & 0xE0 == 0x20:  # a change of the table's size
        at += 1
    if block[at] in _INDEXED:
        return _INDEXED[block[at]]
    assert block[at] in {0x08, 0x18, 0x48}, block
    assert block[at + 1] == 3, block
    return int(block[at + 2 : at + 5])
