"""The doors to what is made while it is watched, with scripted services: who is asked what, and what becomes of it.

With the real service it is events/test_made_now.py; what both kinds of doors do alike is nginx/test_doors.py.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from testbed.edge import SENT, SENTINEL, SOURCE, VIDEO, Edge, link, problem
from testbed.servers.scripted import Asked, Says, grants, refuses
from testbed.waiting import eventually

USER, PLAYBACK = "5" * 32, "9" * 32
WAITS = 3


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running(nginx_made_now_waits=WAITS, nginx_made_now_seconds=2) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    edge = running.again()
    edge.says(grants(USER, PLAYBACK))
    return edge


@pytest.fixture
def awaited() -> str:
    """Nobody has made it yet, and no other test has: Nginx keeps what it has opened once."""
    return f"n720-{secrets.token_hex(4)}-00001.m4s"


def both(file: str) -> tuple[str, str]:
    """Its addresses at both doors."""
    return link(file), f"/stream/{VIDEO}/{file}"


def appears(edge: Edge, name: str, content: bytes = SOURCE) -> Callable[[object], Says]:
    """An answer by which the file is there, whole, as a worker puts it."""

    def answer(_: object) -> Says:
        folder = edge.nginx.titles / VIDEO / "now"
        (folder / "growing").write_bytes(content)
        (folder / "growing").rename(folder / name)
        return SENT

    return answer


# -- what is there --


def test_what_is_there_is_sent_without_asking_who_waits(edge: Edge) -> None:
    for target in both("n720-0a1b2c3d-00000.m4s"):
        answer = edge.get(target, "Range: bytes=100-299")
        assert (answer.status, answer.body) == (206, SOURCE[100:300])
        assert answer.header("Content-Range") == f"bytes 100-299/{len(SOURCE)}"
        tag = answer.header("ETag")
        assert edge.get(target, f"If-None-Match: {tag}").status == 304
        assert edge.get(target, "Range: bytes=99999999-").status == 416
        assert problem(edge.get(target, 'If-Match: "other"'))["code"] == "precondition_failed"
    assert edge.events.seen == []


# -- what is not --


def test_who_waits_is_asked_with_the_headers_of_the_contract_and_none_of_the_clients(edge: Edge, awaited: str) -> None:
    forged = [
        "X-Video-Id: 1", "X-File: now.m3u8", "X-User-Id: 1", "X-Request-Id: mine", "X-Accel-Redirect: /_made_now",
        "Cookie: __Host-ks=token-a", "Authorization: Bearer token-b", "Range: bytes=0-1", "X-Forwarded-For: 192.0.2.1",
    ]  # fmt: skip
    edge.events.answer = lambda _: Says(503, {"Retry-After": "1"}, b"{}")
    for target in both(awaited):
        for method, more in (("GET", ""), ("HEAD", ""), ("GET", "?x=1&file=/etc/passwd")):
            edge.events.seen.clear()
            answer = edge.get(target + more, *forged, method=method)
            assert answer.status == 503
            asked = edge.events.seen[0]
            assert (asked.method, asked.target, asked.body) == ("GET", "/made-now", b"")
            assert asked.headers == {
                "host": "events", "connection": "close", "x-video-id": VIDEO, "x-file": awaited, "x-user-id": USER,
                "x-request-id": answer.header("X-Request-Id"),
            }  # fmt: skip


@pytest.mark.parametrize("door", [0, 1], ids=["signed", "header"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_appears_meanwhile_is_sent_like_any_other(edge: Edge, awaited: str, door: int, method: str) -> None:
    edge.events.answer = appears(edge, awaited)
    answer = edge.get(both(awaited)[door], "Range: bytes=5-24", method=method)
    assert (answer.status, answer.body) == (206, SOURCE[5:25] if method == "GET" else b"")
    assert answer.header("Content-Range") == f"bytes 5-24/{len(SOURCE)}"
    assert answer.header("Content-Type") == "video/iso.segment"
    assert answer.header("Cache-Control") == ("private, no-cache" if door else "private, max-age=32400, immutable")
    assert answer.header("X-Accel-Redirect") is None
    assert len(edge.events.seen) == len(edge.authz.seen) == 1, "decided once, asked once"


def test_what_it_refuses_is_what_the_viewer_reads(edge: Edge, awaited: str) -> None:
    for status, code in ((404, "not_found"), (409, "not_made"), (410, "kept"), (503, "being_made")):

        def refuse(asked: Asked, status: int = status, code: str = code) -> Says:
            body = {
                "type": f"/api/docs#problem-{code}", "title": "T", "status": status, "detail": "Because.", "code": code,
                "request_id": asked.headers["x-request-id"],
            }  # fmt: skip
            later = {"Retry-After": "1"} if status == 503 else {}
            return Says(status, {"Content-Type": "application/problem+json"} | later, json.dumps(body).encode())

        edge.events.answer = refuse
        for target in both(awaited):
            answer = edge.get(target)
            assert (answer.status, problem(answer)["code"]) == (status, code)
            assert answer.header("Retry-After") == ("1" if status == 503 else None)
            assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "says",
    [
        Says(raw=b""), Says(raw=b"HTTP/1.1 200"),
        Says(200, {"X-Accel-Redirect": "/_decide"}), Says(200, {"X-Accel-Redirect": f"/titles/{VIDEO}/source.mp4"}),
        Says(200, {"X-Accel-Redirect": f"/stream/{VIDEO}/source.mp4"}),
        Says(after=threading.Event(), raw=b""),
    ],
    ids=["nothing", "half", "the decision", "a path", "another door", "no answer in time"],
)  # fmt: skip
def test_whatever_else_it_says_brings_no_byte(edge: Edge, awaited: str, says: Says) -> None:
    edge.events.answer = lambda _: says
    for target in both(awaited):
        answer = edge.get(target)
        assert SENTINEL not in answer.body
        assert answer.status in {200, 204, 404, 503}
    if says.after:
        says.after.set()


def test_a_place_that_is_empty_after_all_is_404(edge: Edge, awaited: str) -> None:
    for target in both(awaited):
        assert problem(edge.get(target))["code"] == "not_found"


# -- who may wait --


@pytest.mark.parametrize("file", ["n720-0a1b2c3d-00009.m4s", "now.m3u8"])
@pytest.mark.parametrize(
    "says",
    [refuses("gone"), refuses("forbidden"), Says(401), Says(500), Says(204), Says(200, {"X-User-Id": USER})],
    ids=str,
)
def test_whom_authz_does_not_let_in_does_not_wait_and_gets_nothing(edge: Edge, says: Says, file: str) -> None:
    edge.says(says)
    for target in both(file):
        answer = edge.get(target)
        assert answer.status >= 400
        assert SENTINEL not in answer.body
        problem(answer)
    assert edge.events.seen == []


@pytest.mark.parametrize("path", ["/_being_made", "/_made_now", "/made-now", "/_made_now?x", "/@waiting"])
def test_nobody_reaches_the_places_in_between(edge: Edge, path: str) -> None:
    for method in ("GET", "POST"):
        answer = edge.get(path, "X-Video-Id: " + VIDEO, "X-File: now.m3u8", "X-User-Id: " + USER, method=method)
        assert answer.status in {404, 405}
        assert SENTINEL not in answer.body
    assert edge.events.seen == []


def test_a_playback_waits_for_so_much_at_once_and_another_one_is_not_kept_from_it(edge: Edge, awaited: str) -> None:
    ends = threading.Event()
    edge.events.answer = lambda _: Says(503, {"Retry-After": "1"}, b"{}", after=ends)
    statuses: list[int] = []

    def wait(target: str) -> None:
        statuses.append(edge.get(target).status)

    threads = [threading.Thread(target=wait, args=(both(awaited)[number % 2],)) for number in range(WAITS)]
    for thread in threads:
        thread.start()
    try:
        assert eventually(lambda: len(edge.events.seen) == WAITS)
        for target in both(awaited):
            one_more = edge.get(target)
            assert (one_more.status, problem(one_more)["code"]) == (429, "rate_limited")
            assert int(one_more.header("Retry-After") or 0) > 0
        # What is there needs no wait.
        assert edge.get(link("n720-0a1b2c3d-00000.m4s"), "Range: bytes=0-9").status == 206
        edge.says(grants(USER, "8" * 32))
        edge.events.answer = lambda _: Says(404, {}, b"{}")
        assert edge.get(f"/stream/{VIDEO}/{awaited}", "Authorization: Bearer other").status == 404
        # A HEAD at the header door opens no playback: it counts for its user.
        edge.says(grants(USER, ""))
        assert edge.get(f"/stream/{VIDEO}/{awaited}", "Authorization: Bearer third", method="HEAD").status == 404
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert statuses == [503] * WAITS
    edge.says(grants(USER, PLAYBACK))
    assert edge.get(link(awaited)).status == 404, "a wait that is over counts no more"


def test_the_rate_of_the_decision_paces_what_was_waited_for(edge: Edge, awaited: str) -> None:
    edge.says(grants(USER, PLAYBACK, **{"X-Rate": "500000"}))
    edge.events.answer = appears(edge, awaited, SOURCE[:1_000_000])
    answer = edge.get(link(awaited))
    assert len(answer.body) == 1_000_000
    line = eventually_logged(edge, "account", answer.header("X-Request-Id") or "")
    assert float(line["seconds"]) > 0.7


# -- what is written down --


def eventually_logged(edge: Edge, name: str, request_id: str) -> dict[str, Any]:
    """The line of a request, when it is there."""

    def lines() -> list[dict[str, Any]]:
        return [line for line in edge.log(name) if line["request_id"] == request_id]

    assert eventually(lambda: bool(lines())), f"no line of {request_id} in {name}.log"
    assert len(lines()) == 1
    return lines()[0]


def test_the_account_has_what_was_sent_and_no_refusal(edge: Edge, awaited: str) -> None:
    edge.events.answer = appears(edge, awaited)
    waited = edge.get(link(awaited))
    there = edge.get(link(awaited), "Range: bytes=0-99")
    edge.events.answer = lambda _: Says(409, {}, b"{}")
    refused = edge.get(link(awaited.replace("00001", "00002")))
    for answer, size in ((waited, len(SOURCE)), (there, 100)):
        line = eventually_logged(edge, "account", answer.header("X-Request-Id") or "")
        assert (line["bytes"], line["file"], line["video"]) == (size, awaited, VIDEO)
        assert (line["playback"], line["user"], line["door"]) == (PLAYBACK, USER, "signed")
    line = eventually_logged(edge, "access", refused.header("X-Request-Id") or "")
    assert (line["status"], line["place"], line["playback"]) == (409, "signed", PLAYBACK)
    known = {line["request_id"] for line in edge.log("account")}
    assert refused.header("X-Request-Id") not in known
    # The ledger hears of each that it began and that it is over.
    ids = [answer.header("X-Request-Id") or "" for answer in (waited, there, refused)]
    answers = edge.nginx.folder / "run/answers.log"
    lines = [f"{sign}{one}" for sign in ("+", "-") for one in ids]
    assert eventually(lambda: all(line in answers.read_text() for line in lines))
