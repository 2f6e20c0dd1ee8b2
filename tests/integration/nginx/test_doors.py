"""Both doors of the real Nginx: what is asked of authz, what each of its answers becomes, which bytes leave.

authz is scripted here; with the real services it is nginx/test_stack.py.
"""

import time
from collections.abc import Iterator

import pytest

from testbed.edge import (
    MADE_NOW,
    OTHER_PLAYBACK,
    OTHER_VIDEO,
    PLAYBACK,
    SENTINEL,
    SOURCE,
    TITLE,
    VIDEO,
    Edge,
    good_targets,
    link,
    problem,
)
from testbed.servers.scripted import Says, grants, refuses

HEADER = f"/stream/{VIDEO}/source.mp4"
KINDS = {
    "source.mp4": ("media:source", "video/mp4"),
    "source.mkv": ("media:source", "video/x-matroska"),
    "source.avi": ("media:source", "video/x-msvideo"),
    "source.mov": ("media:source", "video/quicktime"),
    "source.webm": ("media:source", "video/webm"),
    "source.m4v": ("media:source", "video/x-m4v"),
    "v1080-0a1b2c3d.mp4": ("media:1080", "video/mp4"),
    "v360-0a1b2c3d.mp4": ("media:360", "video/mp4"),
    "a-eng-0a1b2c3d.mp4": ("media:audio", "video/mp4"),
    "v360-0a1b2c3d.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "a-eng-0a1b2c3d.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "iframes-360-0a1b2c3d.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "master.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "manifest.mpd": ("manifest", "application/dash+xml"),
    "poster.jpg": ("picture", "image/jpeg"),
    "thumb-01.jpg": ("picture", "image/jpeg"),
    "storyboard-1.jpg": ("picture", "image/jpeg"),
    "preview.mp4": ("picture", "video/mp4"),
    "storyboard.vtt": ("text", "text/vtt; charset=utf-8"),
    "sub-eng.vtt": ("text", "text/vtt; charset=utf-8"),
    "sub-eng.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "sub-eng-0a1b2c3d.mp4": ("text", "video/mp4"),
    "now.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "n720-0a1b2c3d.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "n720-0a1b2c3d.mp4": ("media:720", "video/mp4"),
    "n720-0a1b2c3d-00000.m4s": ("media:720", "video/iso.segment"),
    "n360-0a1b2c3d-00017.m4s": ("media:360", "video/iso.segment"),
    "sound-0-0a1b2c3d.m3u8": ("manifest", "application/vnd.apple.mpegurl"),
    "sound-0-0a1b2c3d.mp4": ("media:audio", "video/mp4"),
    "sound-15-0a1b2c3d-00000.m4s": ("media:audio", "video/iso.segment"),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running(nginx_cors_origins=["https://portal.example"]) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    return running.again()


# -- what authz is asked --


def test_authz_gets_the_headers_of_the_contract_and_none_of_the_clients(edge: Edge) -> None:
    forged = [
        "X-Door: signed", "X-Kind: picture", f"X-Video-Id: {OTHER_VIDEO}", f"X-Playback-Id: {OTHER_PLAYBACK}",
        "X-Method: HEAD", "X-Real-IP: 192.0.2.1", "X-Conn: 1 192.0.2.1 1", "X-Request-Id: mine", "X-User-Id: 1",
        "X-Forwarded-For: 192.0.2.1", "X-Forwarded-User: root", "X_Door: signed", "Forwarded: for=192.0.2.1",
        "Connection: keep-alive, X-Door", "Range: bytes=0-1", "X-Original-URI: /", "X-Rewrite-URL: /", "X-Rate: 1",
        "Cookie: __Host-ks=token-a; b=2", "Authorization: Bearer token-b",
    ]  # fmt: skip
    answer = edge.get(HEADER, *forged)
    assert answer.status == 206
    asked = edge.authz.seen[0]
    assert (asked.method, asked.target, asked.body) == ("GET", "/decide", b"")
    connection = asked.headers.pop("x-conn").split()
    assert connection[0].isdigit()
    assert connection[1] == "127.0.0.1"
    assert asked.headers == {
        "host": "authz", "connection": "close", "x-door": "header", "x-kind": "media:source", "x-video-id": VIDEO,
        "x-method": "GET", "x-real-ip": "127.0.0.1",
        "x-request-id": answer.header("X-Request-Id"), "cookie": "__Host-ks=token-a; b=2",
        "authorization": "Bearer token-b",
    }  # fmt: skip


@pytest.mark.parametrize("file", KINDS)
def test_each_file_is_asked_for_with_its_kind_and_sent_with_its_type(edge: Edge, file: str) -> None:
    kind, media_type = KINDS[file]
    for door, target in (("signed", link(file)), ("header", f"/stream/{VIDEO}/{file}")):
        edge.authz.seen.clear()
        answer = edge.get(target, method="HEAD")
        assert answer.status == 200
        assert answer.header("Content-Type") == media_type
        assert answer.header("Accept-Ranges") == "bytes"
        cache_control = answer.header("Cache-Control") or ""
        assert cache_control.startswith("private, ")
        assert ("no-cache" in cache_control) == (door == "header" or kind == "manifest")
        asked = edge.authz.seen[0].headers
        assert (asked["x-door"], asked["x-kind"], asked["x-method"]) == (door, kind, "HEAD")
        assert asked.get("x-playback-id") == (PLAYBACK if door == "signed" else None)


@pytest.mark.parametrize(
    "file",
    [*sorted((TITLE | MADE_NOW).keys() - KINDS.keys()), *(f"now/{file}" for file in MADE_NOW), "now", "now/"],
)
def test_what_is_no_published_name_is_not_there(edge: Edge, file: str) -> None:
    for target in (link(file), f"/stream/{VIDEO}/{file}"):
        assert problem(edge.get(target))["status"] == 404
    assert edge.authz.seen == edge.events.seen == []


# -- what its answers become --


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("streams", 429, "streams"),
        ("session", 401, "session"),
        ("gone", 410, "gone"),
        ("forbidden", 404, "not_found"),
        ("shared", 403, "shared"),
        ("busy", 503, "busy"),
        (None, 403, "forbidden"),
        ("a-reason-of-tomorrow", 403, "forbidden"),
    ],
)
def test_each_reason_of_a_refusal_has_its_status(edge: Edge, reason: str | None, status: int, code: str) -> None:
    edge.says(refuses(reason, retry_after=17))
    for target in good_targets():
        answer = edge.get(target, "Range: bytes=0-9")
        assert problem(answer)["code"] == code
        assert answer.status == status
        assert answer.header("Retry-After") == ("17" if status in {429, 503} else None)
        assert (answer.header("WWW-Authenticate") is None) == (status != 401)
        assert SENTINEL[:8] not in answer.body


def test_a_401_has_authzs_challenge_once(edge: Edge) -> None:
    for more in ({}, {"X-Deny": "session"}):
        edge.says(Says(401, {"WWW-Authenticate": 'Bearer error="invalid_token"', **more}))
        answer = edge.get(HEADER)
        assert answer.status == 401
        assert answer.header("WWW-Authenticate") == 'Bearer error="invalid_token"'
        assert problem(answer)["code"] == ("session" if more else "credentials")


@pytest.mark.parametrize(
    "says",
    [
        Says(500), Says(502), Says(404), Says(302, {"Location": "/"}), Says(400), Says(503),
        Says(raw=b""), Says(raw=b"nonsense\r\n\r\n"), Says(raw=b"HTTP/1.1 204"), Says(raw=b"HTTP/1.1 999 Odd\r\n\r\n"),
        Says(200, {"X-Accel-Redirect": "/index.html"}, b"x" * 100_000, raw=b"HTTP/1.1 500 No\r\n\r\n"),
    ],
    ids=str,
)  # fmt: skip
def test_whatever_else_authz_says_denies_with_503(edge: Edge, says: Says) -> None:
    edge.says(says)
    for target in good_targets():
        answer = edge.get(target)
        assert answer.status == 503
        assert problem(answer)["code"] == "busy"
        assert int(answer.header("Retry-After") or 0) > 0


def test_the_rate_of_the_decision_paces_the_answer_and_no_rate_does_not(edge: Edge) -> None:
    edge.says(grants(**{"X-Rate": "500000"}))
    with edge.connection() as connection:
        request = f"GET {link()} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-999999\r\n\r\n".encode()
        started = time.monotonic()
        assert len(connection.exchange(request).body) == 1_000_000
        assert time.monotonic() - started > 0.7
    for without in ({"X-Rate": "0"}, {"X-Rate": ""}):
        edge.says(grants(**without))
        started = time.monotonic()
        assert len(edge.get(link()).body) == len(SOURCE)
        assert time.monotonic() - started < 0.7


# -- methods --


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "CONNECT", "FOO", "get"])
def test_other_methods_get_405_or_400_and_no_byte(edge: Edge, method: str) -> None:
    for target in good_targets():
        answer = edge.get(target, method=method)
        assert answer.status == (400 if method == "get" else 405)
        problem(answer)
        if answer.status == 405:
            assert answer.header("Allow") == "GET, HEAD"
    assert edge.authz.seen == []


def test_options_is_answered_from_the_configured_origins_alone(edge: Edge) -> None:
    for target in good_targets():
        known = edge.get(target, "Origin: https://portal.example", method="OPTIONS")
        assert known.status == 204
        assert known.header("Access-Control-Allow-Origin") == "https://portal.example"
        assert known.header("Access-Control-Allow-Credentials") == "true"
        assert known.header("Access-Control-Allow-Methods") == "GET, HEAD"
        for stranger in (
            "https://evil.example",
            "null",
            "https://portal.example.evil.example",
            "http://portal.example",
        ):
            answer = edge.get(target, f"Origin: {stranger}", method="OPTIONS")
            assert answer.status == 204
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.header("Vary") == "Origin"
    assert edge.authz.seen == []
    media = edge.get(HEADER, "Origin: https://portal.example", "Range: bytes=0-1")
    assert media.header("Access-Control-Allow-Origin") == "https://portal.example"
    assert "Content-Range" in (media.header("Access-Control-Expose-Headers") or "")
    assert media.header("Access-Control-Allow-Methods") is None, "that is for the answer to a preflight"
    # Nginx adds headers twice to a 416; two of these and a browser hides it from the page.
    beyond = edge.get(HEADER, "Origin: https://portal.example", "Range: bytes=9999999-")
    assert (beyond.status, beyond.header("Access-Control-Allow-Origin")) == (416, "https://portal.example")
    for stranger in ("https://evil.example", "null"):
        answer = edge.get(HEADER, f"Origin: {stranger}", "Range: bytes=0-1")
        assert not [name for name in answer.headers if name.startswith("access-control")]


# Ranges and conditions: nginx/test_ranges.py.


def test_a_condition_is_decided_too(edge: Edge) -> None:
    """304 says that one may see it: it needs the same permission as the bytes."""
    tag = edge.get(HEADER, method="HEAD").header("ETag")
    edge.says(refuses("forbidden"))
    assert edge.get(HEADER, f"If-None-Match: {tag}").status == 404
