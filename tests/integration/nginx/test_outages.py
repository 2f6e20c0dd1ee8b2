"""Faults put into authz and its stores, seen through Nginx: who was watching goes on, nobody new comes in."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.http1 import Answer, RawConnection

FIRST_BYTES = "Range: bytes=0-99"
# A decision is kept for one to two seconds; after that authz is asked again.
UNTIL_ASKED_AGAIN = 2


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    """With the time-outs of the product, which are what is tested here."""
    with Stack.running(postgres, patience={}) as running:
        yield running


@contextmanager
def authz_broken(stack: Stack) -> Iterator[None]:
    """An exception in every decision: the keys of sessions, playbacks and titles hold something else than hashes."""
    redis = stack.live.client()
    kept = [key for pattern in ("session", "playback", "video") for key in redis.keys(f"ks:{pattern}:*")]
    for key in kept:
        redis.rename(key, b"kept:" + key)
        redis.set(key, "no hash")
    try:
        yield
    finally:
        for key in kept:
            redis.rename(b"kept:" + key, key)


@contextmanager
def authz_hanging(stack: Stack) -> Iterator[None]:
    pid = stack.process("authz").pid
    with open(f"/proc/{pid}/task/{pid}/children") as children:  # noqa: PTH123
        workers = [int(worker) for worker in children.read().split()]
    # The master too: it replaces a worker that hangs for 10 s, and all would be well.
    with _stopped(pid, *workers):
        yield


@contextmanager
def authz_dead(stack: Stack) -> Iterator[None]:
    stack.stop("authz")
    try:
        yield
    finally:
        stack.start("authz")


@contextmanager
def redis_hanging(stack: Stack) -> Iterator[None]:
    with _stopped(int(stack.live.client().info("server")["process_id"])):
        yield


@contextmanager
def redis_dead(stack: Stack) -> Iterator[None]:
    stack.live.stop()
    try:
        yield
    finally:
        stack.live.start()


@contextmanager
def postgresql_dead(stack: Stack) -> Iterator[None]:
    server = stack.database.server
    server.stop()
    try:
        yield
    finally:
        server.start()
        # Connections of the pools come back by themselves, a little later.
        deadline = time.monotonic() + 20
        while stack.call("GET", "/ready")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)


@contextmanager
def _stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


FAULTS: dict[str, Callable[[Stack], AbstractContextManager[None]]] = {
    "an exception in authz": authz_broken,
    "authz dead": authz_dead,
    "authz hanging": authz_hanging,
    "Redis dead": redis_dead,
    "Redis hanging": redis_hanging,
    "PostgreSQL dead": postgresql_dead,
}


def _get(connection: RawConnection, target: str, *headers: str) -> Answer:
    return connection.get(target, FIRST_BYTES, *headers)


def _served(connection: RawConnection, target: str, *headers: str) -> Answer:
    """The first answer with bytes, once the fault is over."""
    deadline = time.monotonic() + 20
    while (answer := _get(connection, target, *headers)).status != 206:
        assert time.monotonic() < deadline, f"the fault is over, and still nobody comes in: {answer}"
        time.sleep(0.2)
    return answer


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_refuses_newcomers_and_spares_who_was_watching(stack: Stack, fault: str) -> None:
    watcher, newcomer = stack.sign_in("alice")["access_token"], stack.sign_in("bob")["access_token"]
    playing, new = stack.grant(watcher)["links"]["source"], stack.grant(newcomer)["links"]["source"]
    header = f"/stream/{stack.video_id}/source.mp4"
    with stack.connection() as signed, stack.connection() as cookie:
        watching = ((signed, playing, "X-Nothing: 1"), (cookie, header, f"Authorization: Bearer {watcher}"))
        # A worker of authz that met the fault of the test before leaves Redis alone for a moment longer.
        for connection, target, line in watching:
            assert _served(connection, target, line).body == stack.film[:100]
        # Known for long enough to go on without Redis (outage_known_seconds); what bob asked for was never opened.
        with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
            owner.execute(
                "UPDATE playbacks p SET started_at = now() - interval '1 minute' FROM users u"
                " WHERE u.id = p.user_id AND u.username = 'alice'"
            )
        redis = stack.live.client()
        redis.delete(*redis.keys("ks:playback:" + new.split("/")[4]), *redis.keys("ks:session:*"))
        assert _get(signed, playing).status == 206
        time.sleep(UNTIL_ASKED_AGAIN)
        if fault == "PostgreSQL dead":
            # What Redis has just lost is put back by a decision, and only then is PostgreSQL not needed.
            assert _get(signed, playing).status == 206
            assert _get(cookie, header, f"Authorization: Bearer {watcher}").status == 206
        with FAULTS[fault](stack):
            for connection, target, line in watching:
                answer = _get(connection, target, line)
                assert (answer.status, answer.body) == (206, stack.film[:100]), (fault, target, answer)
            for target, line in ((new, "X-Nothing: 1"), (header, f"Authorization: Bearer {newcomer}")):
                with stack.connection() as connection:
                    answer = _get(connection, target, line)
                assert answer.status == 503, (fault, target, answer)
                assert int(answer.header("Retry-After") or 0) > 0
                assert stack.film[:16] not in answer.body
        _served(signed, new)
    log = (stack.nginx.logs / "authz.log").read_text()
    assert new.split("/")[5] not in log
    assert newcomer not in log


# -- pacing --

RATE = 300_000


def _seconds(stack: Stack, links: list[str], size: int) -> float:
    """How long it takes to read `size` bytes by each link, at once, each on its own connection."""

    def read(link: str) -> None:
        with stack.connection() as connection:
            assert len(connection.get(link, f"Range: bytes=0-{size - 1}").body) == size

    readers = [threading.Thread(target=read, args=(link,)) for link in links]
    started = time.monotonic()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return time.monotonic() - started


def test_the_rate_of_a_role_holds_for_each_connection_and_other_roles_have_none(postgres: PostgresServer) -> None:
    """A cap is for a connection: a player with two of them is twice as fast, and no slower than one of its own."""
    size = 600_000
    with Stack.running(postgres, settings={"stream_rate": f'{{"user": {RATE}}}'}) as stack:
        film = stack.nginx.titles / stack.video_id / "v720-00000000.mp4"
        film.write_bytes(os.urandom(1 << 20))

        def links(user: str, count: int) -> list[str]:
            found = stack.grant(stack.sign_in(user)["access_token"])["links"]["source"]
            return [found.replace("source.mp4", film.name)] * count

        one = _seconds(stack, links("bob", 1), size)
        assert 0.7 * size / RATE < one < 2.5 * size / RATE, f"{one:.2f} s at {RATE} bytes a second"
        three = _seconds(stack, links("bob", 3), size)
        assert three < 2.5 * size / RATE, f"{three:.2f} s: three connections share one cap"
        free = _seconds(stack, links("alice", 3), size)
        assert free < 0.5 * size / RATE, f"{free:.2f} s without a cap"


def test_a_viewer_who_leaves_before_the_decision_is_a_line_of_the_log_like_any_other(stack: Stack) -> None:
    grant = stack.grant(stack.sign_in()["access_token"])
    with authz_hanging(stack):
        command = ["curl", "-s", "--cacert", str(stack.nginx.ca_file), "--max-time", "0.5"]
        left = subprocess.run([*command, stack.url + grant["links"]["source"]], capture_output=True, check=False)
        assert left.returncode == 28, "curl did not get tired"
    log, deadline, found = stack.nginx.logs / "access.log", time.monotonic() + 15, []
    while not found:
        assert time.monotonic() < deadline, "there is no such line"
        time.sleep(0.1)
        found = [line for line in log.read_text().splitlines() if grant["playback_id"] in line]
    assert json.loads(found[0])["status"] == 0
