"""Who a client is behind a reverse proxy, and that nobody else can say so; and the further names of the house."""

import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.edge import Edge, link, problem
from testbed.servers.nginx_server import NAME
from testbed.viewers.http1 import Answer, RawConnection
from testbed.waiting import eventually

CLIENT, OTHER, FORGED = "203.0.113.7", "203.0.113.8", "198.51.100.66"
LOGIN = "/api/v1/auth/login"


@pytest.fixture(scope="module")
def _behind() -> Iterator[Edge]:
    with Edge.running(nginx_trusted_proxies=["127.0.0.0/8", "192.0.2.0/24"]) as edge:
        yield edge


@pytest.fixture
def behind(_behind: Edge) -> Edge:
    """We are its proxy."""
    return _behind.again()


@pytest.fixture(scope="module")
def _apart() -> Iterator[Edge]:
    with Edge.running(nginx_trusted_proxies=["192.0.2.0/24"], nginx_public_aliases=["kino.home"]) as edge:
        yield edge


@pytest.fixture
def apart(_apart: Edge) -> Edge:
    """It has a proxy, and we are somebody else."""
    return _apart.again()


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (CLIENT, CLIENT),
        (f"{FORGED}, {CLIENT}", CLIENT),
        (f"{FORGED}, {CLIENT}, 192.0.2.9", CLIENT),
        (f"127.0.0.1, {CLIENT}", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("not an address", "127.0.0.1"),
        (f"{CLIENT}, not an address", "127.0.0.1"),
    ],
)
def test_authz_and_the_api_learn_the_last_address_that_is_no_proxy(behind: Edge, said: str, client: str) -> None:
    with behind.connection() as connection:
        port = _port_of(connection)
        assert connection.get(link(), f"X-Forwarded-For: {said}").status == 200
        asked = behind.authz.seen[-1]
        assert asked.headers["x-real-ip"] == client
        assert asked.headers["x-conn"].split(" ")[1:] == ["127.0.0.1", str(port)], "the socket's own peer"
        assert connection.get("/health", f"X-Forwarded-For: {said}").status == 200
    seen = behind.api.seen[-1]
    assert (seen.headers["x-real-ip"], seen.headers["x-forwarded-for"]) == (client, client)


def _port_of(connection: RawConnection) -> int:
    port: int = connection._opened().getsockname()[1]
    return port


def test_two_headers_are_read_as_one(behind: Edge) -> None:
    behind.get("/health", f"X-Forwarded-For: {FORGED}", f"X-Forwarded-For: {CLIENT}")
    assert behind.api.seen[-1].headers["x-real-ip"] == CLIENT


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"])
def test_nobody_but_a_proxy_says_whom_it_speaks_for(apart: Edge, header: str) -> None:
    value = f"for={FORGED}" if header == "Forwarded" else FORGED
    assert apart.get(link(), f"{header}: {value}").status == 200
    assert apart.authz.seen[-1].headers["x-real-ip"] == "127.0.0.1"
    assert apart.get("/health", f"{header}: {value}").status == 200
    assert FORGED not in json.dumps(apart.api.seen[-1].headers)


def test_the_logs_name_the_client_and_the_socket(behind: Edge) -> None:
    with behind.connection() as connection:
        port = _port_of(connection)
        poster = connection.get(link("poster.jpg"), f"X-Forwarded-For: {CLIENT}")
        assert poster.status == 200
        answer = connection.get("/health", f"X-Forwarded-For: {CLIENT}")

    def booked() -> list[dict[str, Any]]:
        return [line for line in behind.log("account") if line["request_id"] == poster.header("X-Request-Id")]

    # The account log is written ten times a second.
    assert eventually(booked, within=5)
    assert [(line["client"], line["port"]) for line in booked()] == [("127.0.0.1", port)]
    # The access log is written once a second.
    behind.nginx.stop()
    behind.nginx.start()
    access = [line for line in behind.log("access") if line["request_id"] == answer.header("X-Request-Id")]
    assert [line["client"] for line in access] == [CLIENT]


def test_a_cached_decision_is_not_for_another_client_of_the_proxy(behind: Edge) -> None:
    target = link(playback="c3" * 16)
    with behind.connection() as connection:
        for client in (CLIENT, CLIENT, OTHER):
            assert connection.get(target, f"X-Forwarded-For: {client}").status == 200
    # A decision is kept for a second, which a busy machine may need for one of these requests.
    *before, last = (asked.headers["x-real-ip"] for asked in behind.authz.seen)
    assert (set(before), last) == ({CLIENT}, OTHER)


def test_who_guesses_through_the_proxy_throttles_nobody_else(behind: Edge) -> None:
    guesses = [_guess(behind, f"{FORGED}, {CLIENT}").status for _ in range(51)]
    assert guesses[0] == 200
    assert guesses[-1] == 429
    assert _guess(behind, OTHER).status == 200
    assert _guess(behind, f"{CLIENT}, {OTHER}").status == 200, "what a client claims itself does not count"


def _guess(edge: Edge, forwarded: str) -> Answer:
    return edge.get(LOGIN, f"X-Forwarded-For: {forwarded}", "Content-Length: 0", method="POST")


def test_the_proxy_protocol_says_it_once_for_a_connection() -> None:
    with Edge.running(nginx_trusted_proxies=["127.0.0.1"], nginx_proxied_by="proxy_protocol") as edge:
        status = _by_proxy_protocol(edge, f"PROXY TCP4 {CLIENT} 192.0.2.1 40000 443\r\n")
        assert status == 200
        assert edge.api.seen[-1].headers["x-real-ip"] == CLIENT
        assert _by_proxy_protocol(edge, f"PROXY TCP4 {CLIENT} 192.0.2.1 40000 443\r\n", FORGED) == 200
        assert edge.api.seen[-1].headers["x-real-ip"] == CLIENT
    with Edge.running(nginx_trusted_proxies=["192.0.2.1"], nginx_proxied_by="proxy_protocol") as edge:
        assert _by_proxy_protocol(edge, f"PROXY TCP4 {FORGED} 192.0.2.1 40000 443\r\n") == 200
        assert edge.api.seen[-1].headers["x-real-ip"] == "127.0.0.1"


def _by_proxy_protocol(edge: Edge, line: str, forwarded: str = "192.0.2.99") -> int:
    context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
    with socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=10) as plain:
        plain.sendall(line.encode())
        with context.wrap_socket(plain, server_hostname=NAME) as secure:
            lines = ["GET /health HTTP/1.1", f"Host: {NAME}", f"X-Forwarded-For: {forwarded}", "Connection: close"]
            secure.sendall("\r\n".join([*lines, "", ""]).encode())
            return int(secure.recv(4096).split(b" ")[1])


def test_a_further_name_serves_the_same_and_its_own_links(apart: Edge) -> None:
    port = apart.nginx.https_port
    for name in ("kino.home", NAME):
        answer = apart.get("/health", host=f"{name}:{port}")
        assert answer.status == 200
        assert apart.api.seen[-1].headers["host"] == f"{name}:{port}"
    elsewhere = apart.get("/health", host=f"elsewhere.example:{port}")
    assert elsewhere.status == 421
    assert problem(elsewhere)["code"] == "misdirected"
