"""The ledger as a process, between real Nginx, PostgreSQL and Redis: what is booked, renewed, cut and rebuilt."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.waiting import eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="cutting a connection takes CAP_NET_ADMIN")

FILM_BYTES = 300_000_000
MIB = 1_048_576
# How long Nginx keeps lines of account.log, and some.
BUFFERED_SECONDS = 0.2
PACE = {
    "KINETOSCOPE_TICK_SECONDS": "0.5",
    "KINETOSCOPE_RENEW_SECONDS": "1",
    "KINETOSCOPE_REVIEW_SECONDS": "1",
    "KINETOSCOPE_UNLOGGED_SECONDS": "2",
}


class Watching:
    """curl that reads one link at a pace, and tells how much it got."""

    def __init__(
        self, stack: Stack, link: str, *options: str, version: str = "--http1.1", into: str = "/dev/null"
    ) -> None:
        self._process = subprocess.Popen(
            ["curl", "--silent", "--cacert", str(stack.nginx.ca_file), "--output", into, version,
             "--write-out", "%{size_download} %{http_code}", *options, stack.url + link],
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def runs(self) -> bool:
        return self._process.poll() is None

    def ended(self, within: float) -> tuple[int, int]:
        """Bytes received and the status."""
        output, _ = self._process.communicate(timeout=within)
        size, status = output.split()
        return int(size), int(status)


class House:
    """The running stack, with a film that takes long to send, and a way to ask its stores."""

    def __init__(self, stack: Stack, owner: psycopg.Connection[Any]) -> None:
        self.stack, self.owner = stack, owner
        self.token = ""

    def begin(self) -> None:
        assert eventually(self._is_settled, every=0.1), self.log()
        self.owner.execute(
            "UPDATE users SET is_active = true, role = CASE username WHEN 'alice' THEN 'admin' ELSE 'user' END"
        )
        self.owner.execute("UPDATE videos SET removed_at = NULL, visibility = 'members'")
        self.owner.execute("TRUNCATE playbacks CASCADE")
        self.owner.execute("TRUNCATE traffic, revocations")
        client = self.stack.live.client()
        client.flushall()
        # A ledger that is stopped before it has filled the store again would do so at its next start.
        assert eventually(lambda: client.exists("ks:rebuilt")), self.log()
        self.token = self.stack.sign_in("bob")["access_token"]

    def _is_settled(self) -> bool:
        """Is everything of the test before in the book? What is booked later would be counted as this one's."""
        open_sockets = subprocess.check_output(
            ["ss", "-Htn", "state", "established", f"sport = :{self.stack.nginx.https_port}"]
        )
        if open_sockets:
            return False
        time.sleep(BUFFERED_SECONDS)
        log = (self.stack.nginx.logs / "account.log").stat()
        row = self.owner.execute("SELECT max(position) FROM log_positions WHERE inode = %s", [log.st_ino]).fetchone()
        assert row
        return bool(log.st_size == (row[0] or 0))

    def grant(self) -> dict[str, Any]:
        return self.stack.grant(self.token)

    def streams(self) -> list[dict[str, Any]]:
        boss = self.stack.sign_in()["access_token"]
        status, body = self.stack.call("GET", "/api/v1/admin/streams", boss)
        assert status == 200, body
        return list(body["items"])

    def booked(self) -> tuple[int, int, int]:
        row = self.owner.execute(
            "SELECT coalesce(sum(bytes), 0)::bigint, coalesce(sum(estimated_bytes), 0)::bigint,"
            " coalesce(sum(requests), 0)::bigint FROM traffic"
        ).fetchone()
        assert row
        return row

    @property
    def answers(self) -> Path:
        """Nginx's answers log."""
        return self.stack.nginx.folder / "run/answers.log"

    def begun(self, grant: dict[str, Any]) -> bool:
        """Has Nginx told of an answer of this playback?"""
        return grant["playback_id"].encode() in self.answers.read_bytes()

    def log(self) -> str:
        return (self.stack.nginx.logs / "ledger.log").read_text()[-4000:]


@pytest.fixture(scope="module")
def running(postgres: PostgresServer) -> Iterator[House]:
    with Stack.running(postgres) as stack:
        film = stack.nginx.folder / "long.mp4"
        with film.open("wb") as file:
            file.truncate(FILM_BYTES)
        for video in (stack.video_id, stack.other_video_id):
            link = stack.nginx.titles / video / "source.mp4"
            link.unlink()
            link.symlink_to(film)
        stack.start_ledger(**PACE)
        with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
            yield House(stack, owner)


@pytest.fixture
def house(running: House) -> House:
    running.begin()
    return running


@contextlib.contextmanager
def watching(house: House, link: str, version: str = "--http1.1", into: str = "/dev/null") -> Iterator[Watching]:
    viewer = Watching(house.stack, link, "--limit-rate", "4M", version=version, into=into)
    try:
        yield viewer
    finally:
        viewer.kill()


def test_completed_answers_are_booked_to_the_byte(house: House) -> None:
    grant = house.grant()
    sizes = [100_000, 1, 7 * MIB]
    for size in sizes:
        got = Watching(house.stack, grant["links"]["source"], "--range", f"0-{size - 1}").ended(20)
        assert got == (size, 206)
    assert eventually(lambda: house.booked() == (sum(sizes), 0, 3)), house.booked()
    row = house.owner.execute("SELECT bytes FROM playbacks WHERE id = %s", (grant["playback_id"],)).fetchone()
    assert row == (sum(sizes),)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_an_aborted_answer_is_booked_by_what_arrived(house: House, version: str, tmp_path: Path) -> None:
    """Nginx has handed over far more by then: it logs that."""
    received = tmp_path / "received"
    with watching(house, house.grant()["links"]["source"], version, str(received)):
        assert eventually(lambda: received.exists() and received.stat().st_size > 6 * MIB)
    assert eventually(lambda: house.booked()[2]), house.log()
    exact, estimated, _ = house.booked()
    assert exact == 0
    assert abs(estimated - received.stat().st_size) < 4 * MIB, (estimated, received.stat().st_size)


def test_kill_9_under_load_loses_and_doubles_nothing(house: House) -> None:
    link = house.grant()["links"]["source"]
    size, rounds = 200_000, 40
    for number in range(rounds):
        assert Watching(house.stack, link, "--range", f"0-{size - 1}").ended(20) == (size, 206)
        if number % 10 == 5:
            house.stack.process("ledger").send_signal(signal.SIGKILL)
            house.stack.stop("ledger")
        if number % 10 == 8:
            house.stack.start_ledger(**PACE)
    if "ledger" not in house.stack._services:
        house.stack.start_ledger(**PACE)
    assert eventually(lambda: house.booked() == (size * rounds, 0, rounds)), house.booked()


def test_rotations_while_the_ledger_is_stopped_lose_nothing(house: House) -> None:
    log = house.stack.nginx.logs / "account.log"
    link = house.grant()["links"]["source"]
    Watching(house.stack, link, "--range", "0-999").ended(20)
    assert eventually(lambda: house.booked()[2] == 1)
    house.stack.stop("ledger")
    Watching(house.stack, link, "--range", "0-999").ended(20)
    log.rename(log.with_name("account.log.1"))
    Watching(house.stack, link, "--range", "0-999").ended(20)
    house.stack.nginx.master.send_signal(signal.SIGUSR1)
    assert eventually(log.exists)
    Watching(house.stack, link, "--range", "0-999").ended(20)
    house.stack.start_ledger(**PACE)
    assert eventually(lambda: house.booked() == (4000, 0, 4)), house.booked()


def test_a_transfer_without_requests_keeps_its_slot_and_is_shown_as_it_is(house: House) -> None:
    grant = house.grant()
    with watching(house, grant["links"]["source"]) as viewer:
        assert eventually(lambda: (found := house.streams()) and found[0]["bytes"] > 4 * MIB and found[0])
        (stream,) = house.streams()
        assert (stream["state"], stream["connections"]) == ("streaming", 1)
        client = house.stack.live.client()
        first = client.zscore("ks:leases:box", grant["playback_id"])
        assert eventually(lambda: client.zscore("ks:leases:box", grant["playback_id"]) > first + 2000)
        assert viewer.runs()
    assert eventually(lambda: house.streams()[0]["connections"] == 0)
    last = client.zscore("ks:leases:box", grant["playback_id"])
    time.sleep(2)
    assert client.zscore("ks:leases:box", grant["playback_id"]) == last, "nobody is there: nothing renews"


def by_api(house: House, grant: dict[str, Any]) -> None:
    boss = house.stack.sign_in()["access_token"]
    status, _ = house.stack.call("DELETE", f"/api/v1/admin/streams/{grant['playback_id']}", boss)
    assert status == 204


def by_logout(house: House, grant: dict[str, Any]) -> None:
    assert house.stack.call("POST", "/api/v1/auth/logout", house.token, {})[0] == 204


def by_sql(statement: str) -> Callable[[House, dict[str, Any]], None]:
    return lambda house, _: house.owner.execute(statement) and None


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(by_api, id="admin stops it"),
        pytest.param(by_logout, id="logout"),
        pytest.param(by_sql("UPDATE sessions SET ended_at = now(), end_reason = 'x'"), id="session ends"),
        pytest.param(by_sql("UPDATE users SET is_active = false WHERE username = 'bob'"), id="user disabled"),
        pytest.param(by_sql("UPDATE users SET role = 'guest' WHERE username = 'bob'"), id="access withdrawn"),
        pytest.param(by_sql("UPDATE videos SET removed_at = now()"), id="title removed"),
    ],
)  # fmt: skip
def test_a_running_transfer_is_cut(house: House, cause: Callable[[House, dict[str, Any]], None], version: str) -> None:
    grant = house.grant()
    with watching(house, grant["links"]["source"], version) as viewer:
        assert eventually(lambda: any(stream["connections"] for stream in house.streams()))
        cause(house, grant)
        began = time.monotonic()
        size, _ = viewer.ended(10)
        assert 0 < size < FILM_BYTES, house.log()
        assert time.monotonic() - began < 10
    refused = Watching(house.stack, grant["links"]["source"], "--range", "0-9").ended(10)
    assert refused[1] in {401, 404, 410}


def test_an_end_touches_nobody_else(house: House) -> None:
    first, second = house.grant(), house.grant()
    with watching(house, first["links"]["source"]) as one, watching(house, second["links"]["source"]) as other:
        assert eventually(lambda: sum(stream["connections"] or 0 for stream in house.streams()) == 2)
        by_api(house, first)
        one.ended(10)
        time.sleep(2)
        assert other.runs()


def test_a_wiped_redis_is_filled_again_under_load(house: House) -> None:
    grants = [house.grant() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(watching(house, grant["links"]["source"])) for grant in grants]
        assert eventually(lambda: [stream["connections"] for stream in house.streams()] == [1, 1, 1])
        # One more lease that no socket shows: granted, or paused.
        quiet = house.grant()
        house.stack.call(
            "POST", f"/api/v1/playbacks/{quiet['playback_id']}/heartbeat", house.token,
            {"position_seconds": 1, "state": "paused"},
        )  # fmt: skip
        assert eventually(lambda: house.owner.execute("SELECT count(*) FROM leases").fetchone() == (4,))
        before = {stream["playback_id"] for stream in house.streams()}
        house.stack.live.client().flushall()
        assert eventually(lambda: {stream["playback_id"] for stream in house.streams()} == before), house.log()
        assert eventually(lambda: sum(stream["connections"] or 0 for stream in house.streams()) == 3), house.log()
        by_api(house, grants[0])
        viewers[0].ended(10)
        assert all(viewer.runs() for viewer in viewers[1:])


def test_redis_wiped_and_the_ledger_killed_at_once(house: House) -> None:
    grant = house.grant()
    with watching(house, grant["links"]["source"]) as viewer:
        assert eventually(lambda: [stream["connections"] for stream in house.streams()] == [1]), house.log()
        assert eventually(lambda: house.owner.execute("SELECT count(*) FROM leases").fetchone() == (1,))
        house.stack.process("ledger").send_signal(signal.SIGKILL)
        house.stack.stop("ledger")
        house.stack.live.client().flushall()
        house.stack.start_ledger(**PACE)
        assert eventually(lambda: [stream["connections"] for stream in house.streams()] == [1]), house.log()
        by_api(house, grant)
        assert viewer.ended(10)[0] < FILM_BYTES


def test_a_transfer_whose_slot_lapsed_goes_on_only_if_there_is_room(house: House) -> None:
    house.stack.stop("ledger")
    first, second = house.grant(), house.grant()
    with watching(house, first["links"]["source"]) as one, watching(house, second["links"]["source"]) as other:
        client = house.stack.live.client()
        assert eventually(lambda: client.zcard("ks:leases:box") == 2 and house.begun(first) and house.begun(second))
        for key in client.keys("ks:leases:*"):
            client.zrem(key, first["playback_id"])
        house.stack.start_ledger(**PACE, KINETOSCOPE_STREAMS_PER_USER="1")
        assert eventually(lambda: not one.runs()), house.log()
        assert other.runs()
        for key in client.keys("ks:leases:*"):
            client.zrem(key, second["playback_id"])
        assert eventually(lambda: client.zscore("ks:leases:box", second["playback_id"])), "there is room: a new start"
    house.stack.stop("ledger")
    house.stack.start_ledger(**PACE)


def test_a_transfer_that_nothing_is_known_of_is_cut(house: House) -> None:
    house.stack.stop("ledger")
    grant = house.grant()
    with watching(house, grant["links"]["source"]) as viewer:
        assert eventually(lambda: house.begun(grant))
        house.answers.write_bytes(b"")
        house.stack.start_ledger(**PACE, KINETOSCOPE_STRAY_SECONDS="2")
        assert eventually(lambda: not viewer.runs(), within=12), house.log()
        assert viewer.ended(1)[0] < FILM_BYTES
    house.stack.stop("ledger")
    house.stack.start_ledger(**PACE)


def test_more_connections_than_a_playback_may_have_are_cut_and_refused(house: House) -> None:
    link = house.grant()["links"]["source"]
    with contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(watching(house, link)) for _ in range(16)]
        assert eventually(lambda: sum(viewer.runs() for viewer in viewers) == 12, within=15), house.log()
        assert Watching(house.stack, link, "--range", "0-9").ended(10)[1] == 403
        assert sum(viewer.runs() for viewer in viewers) == 12
    assert eventually(lambda: Watching(house.stack, link, "--range", "0-9").ended(10)[1] == 206)


def test_without_postgres_running_transfers_are_renewed_and_the_book_waits(
    house: House, postgres: PostgresServer
) -> None:
    grant = house.grant()
    with watching(house, grant["links"]["source"]) as viewer:
        client = house.stack.live.client()
        assert eventually(lambda: [stream["connections"] for stream in house.streams()] == [1])
        postgres.stop()
        try:
            first = client.zscore("ks:leases:box", grant["playback_id"])
            assert eventually(lambda: client.zscore("ks:leases:box", grant["playback_id"]) > first + 2000)
            assert viewer.runs()
        finally:
            postgres.start()
            house.owner = psycopg.connect(house.stack.database.owner_url, autocommit=True)
    assert eventually(lambda: house.booked()[2] == 1, within=15), f"{house.booked()}\n{house.log()}"


def test_what_the_ledger_says_is_json(house: House) -> None:
    for line in house.log().splitlines()[1:]:
        assert json.loads(line)["event"]
