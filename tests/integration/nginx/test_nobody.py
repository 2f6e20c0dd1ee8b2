"""What somebody whom nobody signed in can make Nginx write and do: every entrance is limited by address, and so is
what a request leaves in the logs.
"""

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.edge import VIDEO, Edge, link, problem
from testbed.servers.nginx_server import role_variables
from testbed.servers.scripted import Says, refuses
from testbed.viewers.http1 import RawConnection
from testbed.viewers.http2 import Http2Connection

# Low enough that a test meets them, high enough that it has something to count.
BURST = 50
LIMITS = {
    "nginx_page_rate": "1r/s", "nginx_page_burst": BURST, "nginx_refusal_rate": "1r/s", "nginx_refusal_burst": BURST,
    "nginx_api_rate": "1r/s", "nginx_api_burst": BURST,
}  # fmt: skip
LONG = b"\x01" * 3_800


def _addresses_from_a_header(_: object) -> str:
    return "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Address;"


@pytest.fixture
def edge() -> Iterator[Edge]:
    """With the limits of a real box."""
    with Edge.running(**{name: role_variables()[name] for name in LIMITS}) as running:
        yield running


@pytest.fixture
def narrow() -> Iterator[Edge]:
    with Edge.running(**LIMITS) as running:
        yield running


def _fields(path: str, *more: tuple[bytes, bytes], host: str = "localhost") -> list[tuple[bytes, bytes]]:
    return [
        (b":method", b"HEAD"), (b":scheme", b"https"), (b":path", path.encode()), (b":authority", host.encode()), *more,
    ]  # fmt: skip


def _logged(edge: Edge, name: str = "access") -> Path:
    """The log, once what was buffered is in it."""
    time.sleep(1.3)
    file: Path = edge.nginx.logs / f"{name}.log"
    return file


def _h2(edge: Edge) -> Http2Connection:
    return Http2Connection(edge.nginx.https_port, edge.nginx.ca_file)


# -- what a line holds --


@pytest.mark.parametrize(
    "agent", [LONG, b"x" * 3_800, b'"' * 200, b"\\" * 3_800], ids=["control", "x", "quote", "backslash"]
)
def test_the_table_of_a_connection_fills_no_disk(edge: Edge, agent: bytes) -> None:
    """Sent once, a field of 3,800 control characters costs a byte each time after that, and 22,800 in the log."""
    with _h2(edge) as connection:
        sent, statuses = connection.repeat(_fields("/", (b"user-agent", agent)), 1_200)
    assert set(statuses) <= {200, 429}
    written = _logged(edge).stat().st_size
    # 23 MB for 25 KB before; a line is 20 times what it takes to ask, and 50 with the longest agent, all escaped.
    assert written < 60 * sent, f"{written} bytes of log for {sent} bytes sent"


@pytest.mark.parametrize(
    "agent", ["\x01" * 3_900, "x" * 3_900, '"\\' * 1_900, "ok then \x01\x02", "\x7f", "\xff" * 900, ""]
)
def test_an_agent_is_cut_to_what_can_be_read(edge: Edge, agent: str) -> None:
    with edge.connection() as connection:
        request = f"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {agent}\r\n\r\n".encode("latin-1")
        assert connection.exchange(request).status == 200
    text = _logged(edge).read_text()
    (line,) = text.splitlines()
    assert len(line) < 900
    shown = json.loads(line)["agent"]
    assert len(shown) <= 200
    assert agent.startswith(shown)
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"A" * 3_900 + b" / HTTP/1.1", 405),
        (b"GET / HTTP/1." + b"0" * 3_900 + b"1", 200),
        (b"GET /" + b"/" * 3_900 + b"js/main.js HTTP/1.1", 404),
        (b"GET /api/" + b"a" * 3_900 + b" HTTP/1.1", 200),
        (b"GET /" + b"a" * 3_900 + b" HTTP/1.1", 404),
    ],
    ids=["method", "version", "slashes", "call", "path"],
)
def test_no_other_field_of_a_line_is_as_long_as_the_client_likes(edge: Edge, head: bytes, status: int) -> None:
    with edge.connection() as connection:
        assert connection.exchange(head + b"\r\nHost: localhost\r\n\r\n").status == status
    assert len(_logged(edge).read_text()) < 600


def test_the_error_log_is_cut_too(edge: Edge) -> None:
    """An error quotes the request line, the host, the referrer and what stood in the way, unescaped."""
    edge.says(Says(500))
    with edge.connection() as connection:
        for header in (f"Referer: {'x' * 3_900}", f"Cookie: {LONG.decode()}", f"User-Agent: {LONG.decode()}"):
            assert connection.get(f"{link()}?{'y' * 3_000}", header).status in {400, 503}
    text = _logged(edge, "error").read_text()
    assert text
    assert max(map(len, text.splitlines())) < 1_000
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("header", [b"cookie", b"authorization"])
@pytest.mark.parametrize("path", ["/stream/{}/source.mp4", ""], ids=["header door", "signed door"])
def test_what_is_no_header_reaches_neither_authz_nor_the_error_log(narrow: Edge, path: str, header: bytes) -> None:
    """authz would take its time to refuse it and write a line; Nginx would write another, for each."""
    with _h2(narrow) as connection:
        _, statuses = connection.repeat(_fields(path.format(VIDEO) or link(), (header, b"\x01" * 3_000)), 4 * BURST)
    assert set(statuses) == {400, 429}
    _refused(Counter(statuses))
    assert narrow.authz.seen == []
    assert _logged(narrow, "error").read_text() == ""


# -- how many --


def _refused(statuses: Counter[int]) -> None:
    assert statuses[429] > 0, statuses
    assert statuses.total() - statuses[429] in range(BURST, BURST + 10), statuses


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("/", {}),
        ("/js/main.js", {}),
        ("/api/docs", {}),
        ("/nowhere", {}),
        ("/js/main.js", {"method": "DELETE"}),
        ("/", {"host": "a-foreign.example"}),
        ("/m/x", {}),
        ("/stream/x", {}),
        (f"/stream/{VIDEO}/source.mp4", {"method": "POST"}),
        (f"/stream/{VIDEO}/source.mp4", {"method": "OPTIONS"}),
        ("/api/v1/videos", {"method": "OPTIONS"}),
        ("/api/v1/videos", {}),
        ("/health", {}),
        (f"/stream//{VIDEO}/source.mp4", {}),
        ("forged", {}),
        ("expired", {}),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "-".join(value.values()) or "GET",
)
def test_each_entrance_is_limited_over_tls(narrow: Edge, target: str, more: dict[str, str]) -> None:
    target = {"forged": link(secret="guess"), "expired": link(seconds=-1)}.get(target, target)
    with narrow.connection() as connection:
        answers = [connection.get(target, **more) for _ in range(BURST * 2)]
    _refused(Counter(answer.status for answer in answers))
    assert problem(answers[-1])["code"] == "rate_limited"
    assert int(answers[-1].header("Retry-After") or 0) > 0


@pytest.mark.parametrize(
    "says", [Says(401, {"WWW-Authenticate": "Bearer"}), refuses("session"), refuses("forbidden"), refuses("shared")]
)
def test_who_is_refused_at_a_door_is_limited(narrow: Edge, says: Says) -> None:
    narrow.says(says)
    with narrow.connection() as connection:
        answers = [connection.get(f"/stream/{VIDEO}/source.mp4") for _ in range(BURST * 2)]
    _refused(Counter(answer.status for answer in answers))


def test_unreadable_requests_are_limited(narrow: Edge) -> None:
    answers = []
    for _ in range(BURST * 2):
        with narrow.connection() as connection:
            answers.append(connection.exchange(b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    _refused(Counter(answer.status for answer in answers))


@pytest.mark.parametrize("host", ["localhost", "a-foreign.example"])
@pytest.mark.parametrize("target", ["/", "/api/v1/videos"])
def test_each_entrance_is_limited_in_the_clear(narrow: Edge, host: str, target: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", narrow.nginx.http_port, timeout=5)
    statuses = Counter[int]()
    for _ in range(BURST * 2):
        connection.request("GET", target, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read()
        statuses[answer.status] += 1
    _refused(statuses)
    assert json.loads(body)["code"] == "rate_limited"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_network_of_ipv6_is_one_address() -> None:
    """Whoever has one has 2^64. The address is what realip makes of it, so the limits follow a trusted proxy too."""

    def ask(address: str) -> int:
        return connection.get("/m/x", f"X-Test-Address: {address}").status

    same = ["2001:db8:5:6::1", "2001:db8:5:6:ffff:1:2:3", "2001:db8:5:6::", "2001:db8:5:6:0:1::"]
    zeros = ["2001:db8::1", "2001:db8::1:2:3:4", "2001:db8::", "2001:db8::ffff:0"]
    others = [
        "2001:db8:5:7::1", "2001:db8:5::1", "2001:db8:0:1::1", "2001::5:a:b:c:d", "2001:0:0:6:1:2:3:4", "::1",
        "::ffff:0:1", "1::", "fe80::1", "192.0.2.1", "192.0.2.2", "2001:db8:5:6a::1",
    ]  # fmt: skip
    with Edge.running(**LIMITS, more=_addresses_from_a_header) as edge, edge.connection() as connection:
        for network in (same, zeros):
            statuses = Counter(ask(network[at % len(network)]) for at in range(BURST * 2))
            _refused(statuses)
        assert {address: ask(address) for address in others} == dict.fromkeys(others, 404)
        assert {ask(address) for address in same} == {429}


def test_of_what_was_refused_for_its_number_one_in_a_hundred_is_logged(narrow: Edge) -> None:
    with _h2(narrow) as connection:
        connection.repeat(_fields("/", host="a-foreign.example"), 5_000)
    lines = [json.loads(line) for line in _logged(narrow).read_text().splitlines()]
    told = sum(line["status"] == 429 for line in lines)
    assert BURST <= len(lines) - told <= BURST + 10
    # 4,950 of them: 49 or 50 are expected, and 120 are ten times less likely than a broken machine.
    assert told < 120, f"{told} of 5,000"


# -- and whom nobody notices --


def test_a_house_that_loads_pages_meets_no_limit(edge: Edge) -> None:
    """Ten browsers behind one address, each with a hundred files, three times in a row."""
    with _h2(edge) as connection:
        _, statuses = connection.repeat(_fields("/js/main.js"), 3_000)
    assert statuses == {200: 3_000}


def test_ten_thousand_seeks_are_never_refused(edge: Edge) -> None:
    with _h2(edge) as connection:
        _, statuses = connection.repeat([*_fields(link())], 10_000)
    assert statuses == {200: 10_000}


def test_who_was_refused_often_still_watches(narrow: Edge) -> None:
    with narrow.connection() as connection:
        assert [connection.get("/m/x").status for _ in range(BURST * 2)][-1] == 429
        assert connection.get(link(), "Range: bytes=0-9").status == 206
        assert connection.get("/").status == 200


# -- slow ones --


@pytest.mark.parametrize("coding", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_slow_body_reaches_the_api_when_it_is_whole(edge: Edge, coding: str) -> None:
    """Nginx holds it: forty of them take none of the threads that the API has."""
    head = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n{coding}\r\n\r\n"
    first, last = (b"x" * 99, b"x") if "Length" in coding else (b"63\r\n" + b"x" * 99, b"\r\n1\r\nx\r\n0\r\n\r\n")
    slow = [RawConnection(edge.nginx.https_port, edge.nginx.ca_file) for _ in range(40)]
    try:
        for connection in slow:
            connection.send(head.encode() + first)
        assert edge.get("/api/v1/videos").status == 200
        assert [asked.target for asked in edge.api.seen] == ["/api/v1/videos"]
        assert slow[0].exchange(last, "POST").status == 200
        assert edge.api.seen[-1].body == b"x" * 100
    finally:
        for connection in slow:
            connection.close()


def test_who_stops_in_the_middle_of_a_body_is_told_so_and_let_go() -> None:
    """After `client_body_timeout` between two pieces; the API has heard nothing."""
    with Edge.running(nginx_body_seconds=1) as edge, edge.connection() as connection:
        head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        answer = connection.exchange(head.encode() + b"x", "POST")
        assert answer.status in {0, 400}
        assert edge.api.seen == []
