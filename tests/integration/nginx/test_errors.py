"""No error is a page of HTML, whoever makes it (Nginx, gunicorn or Werkzeug), but for the client's own 404."""

import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from testbed.edge import VIDEO, Edge, link, problem
from testbed.servers.nginx_server import MEDIA_NAME
from testbed.stack import Stack
from testbed.viewers.http1 import Answer, RawConnection
from testbed.viewers.http2 import Http2Connection

DOOR = f"/stream/{VIDEO}/source.mp4"
PLACES = ["/", "/js/main.js", "/nowhere", "/api/v1/videos", "/api/docs", "/health", "/play/x", "/m/x", DOOR, "signed"]
HOSTS = ["localhost", "a-foreign.example", MEDIA_NAME]


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running(nginx_media_host=MEDIA_NAME, nginx_api_rate="1000r/s", nginx_api_burst=1000) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    return running.again()


def _request(line: str, *headers: str, host: str = "localhost", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode("latin-1") + body


def _is_told(answer: Answer) -> bool:
    """An error in our words: a problem, or the client's page for an address that nothing is at."""
    if answer.status == 404 and b"<title>nothing</title>" in answer.body:
        return True
    if answer.status == 416:
        # Nginx has begun the answer to the range before it finds that there is none: charset and caching are its.
        assert (answer.header("Content-Type") or "").startswith("application/problem+json"), answer
        return bool(json.loads(answer.body)["code"])
    return bool(problem(answer)["code"])


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("place", PLACES)
def test_a_method_that_a_place_does_not_take_is_a_problem(edge: Edge, place: str, host: str) -> None:
    edge.api.answer = edge.authz.answer
    target = link() if place == "signed" else place
    with RawConnection(edge.nginx.https_port, edge.nginx.ca_file, host if host != HOSTS[1] else "localhost") as one:
        for method in ("POST", "DELETE", "PUT", "PATCH", "PROPFIND", "TRACE", "CONNECT", "X", "A" * 30, "LONG-METHOD"):
            answer = one.exchange(_request(f"{method} {target}", "Content-Length: 0", host=host), method)
            if answer.status != 204:
                assert _is_told(answer), (method, answer)
                assert answer.status in {400, 404, 405, 421, 501}, (method, answer)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 100000000",), ("Content-Length: -1",), ("Content-Length: 1", "Content-Length: 2"),
        ("Transfer-Encoding: gzip",), ("Transfer-Encoding: chunked", "Content-Length: 3"), ("Host: twice",),
        ("Expect: the-impossible", "Content-Length: 0"), (f"X-Long: {'x' * 5_000}",),
        ("X-Many: " + "x" * 4_000,) * 5,
        ("Cookie: \x00",), ("Bad Name: 1",), ("Range: bytes=99999999999-",), ("If-Match: \"other\"",),
    ],
    ids=lambda headers: headers[0][:30],
)  # fmt: skip
def test_a_header_that_a_place_can_not_take_is_a_problem(
    edge: Edge, place: str, host: str, headers: tuple[str, ...]
) -> None:
    target = link() if place == "signed" else place
    for method in ("POST", "GET"):
        with RawConnection(edge.nginx.https_port, edge.nginx.ca_file, "localhost" if host == HOSTS[1] else host) as one:
            answer = one.exchange(_request(f"{method} {target}", *headers, host=host), method)
        assert answer.status < 400 or _is_told(answer), (method, answer)
        assert answer.status != 0, method


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"get / http/1.1\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /../.. HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        b"POST /js/main.js HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda sent: repr(sent[:40]),
)  # fmt: skip
@pytest.mark.parametrize("way", ["tls", "clear", "http to tls"])
def test_a_request_that_is_none_is_a_problem(edge: Edge, bytes_sent: bytes, way: str) -> None:
    port = edge.nginx.http_port if way == "clear" else edge.nginx.https_port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        stream: socket.socket = plain
        if way == "tls":
            context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
            stream = context.wrap_socket(plain, server_hostname="localhost")
        with stream:
            stream.sendall(bytes_sent)
            received = stream.recv(65_536)
    assert received, "closed without a word"
    head, _, body = received.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in {301, 400, 403, 404, 405, 421}, head
    if b" 301 " not in head[:13] and b"<title>nothing</title>" not in body:
        assert b"application/problem+json" in head, received
        json.loads(body)


@pytest.mark.parametrize("place", PLACES)
def test_over_http_2_too(edge: Edge, place: str) -> None:
    """Of an answer the frames' reader has the body: it is JSON, or the client's own page."""
    target = (link() if place == "signed" else place).encode()
    good = {b":method": b"GET", b":scheme": b"https", b":path": target, b":authority": b"localhost"}
    twisted: list[dict[bytes, bytes]] = [
        {b":method": b"POST"}, {b":method": b"TRACE"}, {b":method": b"X"}, {b":authority": b"a-foreign.example"},
        {b":authority": b"["}, {b":authority": b""}, {b"cookie": b"\x01"}, {b"authorization": b"Bearer \x7f"},
        {b"content-length": b"100000000"}, {b"content-length": b"x"}, {b":path": b"/%zz"}, {b":path": b"*"},
        {b":path": target + b"\x01"}, {b":authority": MEDIA_NAME.encode()}, {b"x-long": b"x" * 5_000},
    ]  # fmt: skip
    for fields in twisted:
        with Http2Connection(edge.nginx.https_port, edge.nginx.ca_file) as connection:
            answer = connection.ask((good | fields).items())
        # 0: the stream or the connection is ended, which is HTTP/2's own way to say so.
        if answer.status >= 400 and b"<title>nothing</title>" not in answer.body:
            assert json.loads(answer.body)["status"] == answer.status, (fields, answer)


# -- the services behind --


@pytest.mark.parametrize(
    "header", ["Cookie", "Authorization", "Accept", "Origin", "User-Agent", "If-Match", "Idempotency-Key"]
)
@pytest.mark.parametrize("value", ["a\x01b", "\x1b", "a\x7f", "a\x0bb"])
def test_a_control_character_in_a_header_is_a_problem(stack: Stack, header: str, value: str) -> None:
    doors = [f"/stream/{stack.video_id}/source.mp4"] if header in {"Cookie", "Authorization"} else []
    for target in ("/api/v1/videos", "/health", "/api/v1/auth/login", "/play/x", *doors):
        with stack.connection() as connection:
            answer = connection.exchange(_request(f"GET {target}", f"{header}: {value}"))
        assert problem(answer)["code"] == "malformed", (target, answer)


@pytest.mark.parametrize("value", ["a\tb", "\xff\xfe", "=", '"', "a=b; " * 700, "x" * 4_000])
def test_any_other_header_is_decided(stack: Stack, value: str) -> None:
    for target in ("/api/v1/videos", f"/stream/{stack.video_id}/source.mp4"):
        for header in ("Cookie", "Authorization"):
            with stack.connection() as connection:
                answer = connection.exchange(_request(f"GET {target}", f"{header}: {value}"))
            assert answer.status == 401, (target, header, answer)
            assert problem(answer)["code"] in {"credentials", "session"}, (target, header, answer)


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        ("POST /api/v1/auth/login", ("Content-Type: application/json", "Content-Length: 1"), b"{"),
        ("POST /api/v1/auth/login", ("Content-Type: text/plain", "Content-Length: 1"), b"x"),
        ("POST /api/v1/auth/login", ("Content-Type: application/json; charset=nonsense", "Content-Length: 2"), b"{}"),
        ("POST /api/v1/auth/login", ("Content-Type: multipart/form-data", "Content-Length: 2"), b"--"),
        ("POST /api/v1/auth/login", ("Content-Type: application/json", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        ("POST /api/v1/auth/login", (), b""),
        ("GET /api/v1/videos?limit=x&cursor=%ff%00", (), b""),
        ("GET /api/v1/videos?%00=%00", (), b""),
        ("GET /api/%ff", (), b""),
        ("GET /api/v1//videos", (), b""),
        ("GET /api/v1/videos/", (), b""),
        ("PUT /api/v1/videos", ("Content-Length: 0",), b""),
        ("HEAD /api/v1/nowhere", (), b""),
        ("GET /api/\xc3\xbc", (), b""),
        ("GET /play/%0d%0a", (), b""),
        ("GET /api/v1/videos?q=" + "x" * 3_900, (), b""),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_what_the_services_refuse_is_a_problem(stack: Stack, line: str, headers: tuple[str, ...], body: bytes) -> None:
    with stack.connection() as connection:
        answer = connection.exchange(_request(line, *headers, body=body), line.partition(" ")[0])
    assert 400 <= answer.status < 500, answer
    assert answer.header("Content-Type") == "application/problem+json", answer
