"""Other sites: the configured ones may call with credentials, all others may not; and bodies that never end."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from testbed.edge import VIDEO, Edge
from testbed.servers.scripted import Says

PORTAL = "https://portal.example"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
ANSWERS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running(nginx_cors_origins=[PORTAL]) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    running.api.answer = lambda _: Says(200, {"Content-Type": "application/json"}, b"{}")
    return running.again()


@pytest.mark.parametrize("method", METHODS)
def test_a_preflight_of_a_configured_origin_allows_each_method_and_our_headers(edge: Edge, method: str) -> None:
    answer = edge.get(
        "/api/v1/videos", f"Origin: {PORTAL}", f"Access-Control-Request-Method: {method}",
        "Access-Control-Request-Headers: authorization, idempotency-key, if-match", method="OPTIONS",
    )  # fmt: skip
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == PORTAL
    assert answer.header("Access-Control-Allow-Credentials") == "true"
    assert method in (answer.header("Access-Control-Allow-Methods") or "").split(", ")
    allowed = (answer.header("Access-Control-Allow-Headers") or "").lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"} <= set(allowed)
    assert edge.api.seen == [], "the API is not asked"


def test_a_configured_origin_may_read_the_headers_of_the_contract(edge: Edge) -> None:
    answer = edge.get("/api/v1/videos", f"Origin: {PORTAL}")
    exposed = set((answer.header("Access-Control-Expose-Headers") or "").split(", "))
    assert {"ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "Location", "X-Request-Id"} <= exposed
    assert "Origin" in (answer.header("Vary") or "")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://portal.example", "https://portal.example.evil.example", "*",
     "https://portal.example:444", "https://PORTAL.example@evil", "https://xportal.example", f"{PORTAL}, https://evil"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/videos", f"/stream/{VIDEO}/source.mp4", "/nowhere", "/api/docs"])
def test_no_other_origin_is_told_anything(edge: Edge, origin: str, path: str) -> None:
    for method in ("OPTIONS", "GET"):
        answer = edge.get(path, f"Origin: {origin}", "Access-Control-Request-Method: GET", method=method)
        for name in ANSWERS:
            assert answer.header(name) is None, (method, name)


def test_bodies_that_never_end_hold_nothing_of_the_api(edge: Edge) -> None:
    context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
    slow = []
    try:
        for _ in range(30):
            plain = socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=5)
            stream = context.wrap_socket(plain, server_hostname="localhost")
            stream.sendall(
                b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 60000\r\n\r\n{"
            )
            slow.append(stream)
        assert edge.get("/api/v1/videos").status == 200
        assert [asked.method for asked in edge.api.seen] == ["GET"], "a body is passed on when it is whole"
    finally:
        for stream in slow:
            stream.close()
