"""A statement in PostgreSQL's log is found by the X-Request-Id of the answer."""

import json
import re
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.http1 import Answer

SLOW_MS = 300


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Its log says for each line which process wrote it."""
    with PostgresServer.started(
        log_min_duration_statement=str(SLOW_MS), log_line_prefix="[%p] %a ", deadlock_timeout="30s"
    ) as started:
        started.prepare_template()
        yield started


@pytest.fixture(scope="module")
def house(server: PostgresServer) -> Iterator[Stack]:
    with Stack.running(server) as stack:
        yield stack


def _lines(server: PostgresServer, after: int) -> list[str]:
    return (server.folder / "log").read_bytes()[after:].decode().splitlines()


def _size(server: PostgresServer) -> int:
    return (server.folder / "log").stat().st_size


def _told(server: PostgresServer, after: int, request_id: str) -> tuple[str, str]:
    """The line that names the request, and the one before it of the same process that says what happened."""
    lines = _lines(server, after)
    at = next((at for at, line in enumerate(lines) if f"request {request_id}: " in line), None)
    assert at is not None, lines
    process = re.match(r"\[\d+\]", lines[at])
    assert process
    before = [line for line in lines[:at] if line.startswith(process[0]) and re.search("ERROR: |duration: ", line)]
    return lines[at], before[-1]


def _register(house: Stack, username: str) -> Answer:
    body = json.dumps({"username": username, "email": None, "password": "a password of the statement log"}).encode()
    token = house.sign_in()["access_token"]
    head = [
        "POST /api/v1/admin/users HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}",
        "Content-Type: application/json", f"Authorization: Bearer {token}",
    ]  # fmt: skip
    with house.connection() as connection:
        return connection.exchange("\r\n".join([*head, "", ""]).encode() + body, "POST")


def test_a_statement_that_failed(house: Stack, server: PostgresServer) -> None:
    _register(house, "carol")
    before = _size(server)
    answer = _register(house, "carol")
    assert answer.status == 409, answer
    told, cause = _told(server, before, answer.header("X-Request-Id") or "")
    assert "statement failed (23505)" in told
    assert "kinetoscope-api ERROR:  duplicate key value" in cause


def test_a_statement_that_was_slow(house: Stack, server: PostgresServer) -> None:
    """It waits for a lock, as a slow one of real life does."""
    token = house.sign_in()["access_token"]
    before = _size(server)
    with psycopg.connect(house.database.owner_url) as owner:
        owner.execute("LOCK TABLE videos IN ACCESS EXCLUSIVE MODE")
        release = threading.Timer(2 * SLOW_MS / 1000, owner.rollback)
        release.start()
        with house.connection() as connection:
            answer = connection.get(f"/api/v1/videos/{house.video_id}", f"Authorization: Bearer {token}")
        release.join()
    assert answer.status == 200
    told, cause = _told(server, before, answer.header("X-Request-Id") or "")
    assert re.search(r"statement took \d{3,4} ms", told)
    assert "kinetoscope-api LOG:  duration: " in cause


def test_a_decision_at_a_door_has_its_request_too(house: Stack, server: PostgresServer) -> None:
    token = house.sign_in()["access_token"]
    before = _size(server)
    with psycopg.connect(house.database.owner_url) as owner:
        owner.execute("LOCK TABLE videos IN ACCESS EXCLUSIVE MODE")
        release = threading.Timer(2 * SLOW_MS / 1000, owner.rollback)
        release.start()
        with house.connection() as connection:
            answer = connection.get(
                f"/stream/{house.other_video_id}/source.mp4", f"Authorization: Bearer {token}", "Range: bytes=0-9"
            )
        release.join()
    told, cause = _told(server, before, answer.header("X-Request-Id") or "")
    assert "kinetoscope-authz" in told
    assert re.search("duration: |ERROR: ", cause)


def test_what_is_neither_asks_postgresql_nothing_more(house: Stack, server: PostgresServer) -> None:
    token = house.sign_in()["access_token"]
    # Every process has its connections and has prepared what it asks.
    for _ in range(40):
        assert house.call("GET", "/api/v1/users/me", token)[0] == 200
    before = _size(server)
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute("ALTER SYSTEM SET log_statement = 'all'")
        superuser.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(0.5)
            assert house.call("GET", "/api/v1/users/me", token)[0] == 200
        finally:
            superuser.execute("ALTER SYSTEM RESET log_statement")
            superuser.execute("SELECT pg_reload_conf()")
    said = "\n".join(_lines(server, before))
    assert "FROM users" in said
    for word in ("RAISE", "SET ", "application_name", "request "):
        assert word not in said.replace("ALTER SYSTEM SET", "").replace("ALTER SYSTEM RESET", "")
