"""What httplint (REDbot's own checks) finds in the answers of the doors: nothing bad, and each warning argued for."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from httplint import HttpRequestLinter, HttpResponseLinter, levels

from testbed.edge import VIDEO, Edge, link
from testbed.servers.scripted import Says, refuses
from testbed.viewers.http1 import Answer

# Notes that stay, and why.
ARGUED = {"CONTENT_TYPE_MISMATCH": "the files of these tests hold random bytes under names of every kind"}
HEADER = f"/stream/{VIDEO}/source.mp4"
ORIGIN = "Origin: https://portal.example"


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with Edge.running(nginx_cors_origins=["https://portal.example"]) as edge:
        yield edge


def notes(answer: Answer, method: str, lines: list[str]) -> dict[str, str]:
    """Bad notes and warnings, by name, with what they say."""
    request = HttpRequestLinter()
    request.process_request_topline(method.encode(), b"/", b"HTTP/1.1")
    sent = [line.partition(": ") for line in ("Host: localhost", *lines)]
    request.process_headers([(name.encode(), value.encode()) for name, _, value in sent])
    request.finish_content(True)
    linter = HttpResponseLinter(no_content=method == "HEAD" or answer.status in {204, 304})
    linter.request = request
    linter.process_response_topline(b"HTTP/1.1", str(answer.status).encode(), HTTPStatus(answer.status).phrase.encode())
    linter.process_headers([(name.encode(), value.encode()) for name, many in answer.headers.items() for value in many])
    linter.feed_content(answer.body)
    linter.finish_content(True)
    return {
        type(note).__name__: f"{note.level.name}: {note.summary}"
        for note in linter.notes
        if note.level in {levels.BAD, levels.WARN}
    }


def answers(edge: Edge) -> Iterator[tuple[str, list[str], Answer]]:
    for name in ("source.mp4", "v360-0a1b2c3d.mp4", "master.m3u8", "poster.jpg", "sub-eng.vtt"):
        for target in (link(name), f"/stream/{VIDEO}/{name}"):
            tag = edge.get(target, method="HEAD").header("ETag")
            for method, lines in (
                ("GET", []), ("HEAD", []), ("GET", ["Range: bytes=0-9"]), ("GET", ["Range: bytes=-9", ORIGIN]),
                ("GET", [f"If-None-Match: {tag}"]), ("GET", ['If-Match: "a"']),
                ("GET", ["Range: bytes=9999999-", ORIGIN]),
                ("OPTIONS", [ORIGIN, "Access-Control-Request-Method: GET"]), ("OPTIONS", []), ("POST", []),
            ):  # fmt: skip
                yield method, lines, edge.get(target, *lines, method=method)
    for target in (HEADER + "/", link(seconds=-1), link(secret="wrong")):
        yield "GET", [], edge.get(target)
    for reason in ("streams", "session", "gone", "forbidden", "shared", "busy", None):
        edge.says(refuses(reason, retry_after=9))
        yield "GET", [ORIGIN], edge.get(HEADER, ORIGIN)
    for says in (Says(401, {"WWW-Authenticate": "Bearer"}), Says(raw=b"")):
        edge.says(says)
        yield "GET", [], edge.get(HEADER)


def test_httplint_finds_nothing_bad_in_what_the_doors_answer(edge: Edge) -> None:
    found: dict[str, list[str]] = {}
    seen = set()
    for method, lines, answer in answers(edge):
        seen.add(answer.status)
        for name, said in notes(answer, method, lines).items():
            if name not in ARGUED:
                found.setdefault(f"{name} ({said})", []).append(f"{answer.status} {method} {lines}")
    assert seen == {200, 204, 206, 304, 401, 403, 404, 405, 410, 412, 416, 429, 503}
    assert found == {}, found
