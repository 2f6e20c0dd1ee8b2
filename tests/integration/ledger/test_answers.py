"""What is counted is the answer: limits, cuts, addresses and sockets go by the answers that are open, on HTTP/1.1 and
HTTP/2 alike. Each as it was once got round, from outside."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.paced import Http1Reader, Http2Reader, Reading, Where
from tests.integration.ledger.test_running import FILM_BYTES, PACE, House, by_api, eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="cutting a connection takes CAP_NET_ADMIN")

LIMIT = 3
SLOW = 300_000
PROMISED_SECONDS = 10


@pytest.fixture(scope="module")
def running(postgres: PostgresServer) -> Iterator[House]:
    """As on a box: three streams a user, two addresses and twelve sockets a playback."""
    settings = {"streams_per_user": LIMIT, "lease_idle_seconds": 4, "lease_pending_seconds": 4}
    with Stack.running(postgres, settings=settings) as stack:
        film = stack.nginx.folder / "long.mp4"
        with film.open("wb") as file:
            file.truncate(FILM_BYTES)
        for video in (stack.video_id, stack.other_video_id):
            link = stack.nginx.titles / video / "source.mp4"
            link.unlink()
            link.symlink_to(film)
        stack.start_ledger(**PACE | {"KINETOSCOPE_CUT_AFTER_SECONDS": "0.5"})
        with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
            yield House(stack, owner)


@pytest.fixture
def house(running: House) -> House:
    running.begin()
    return running


def where(house: House, source: str | None = None) -> Where:
    return Where("localhost", house.stack.nginx.https_port, house.stack.nginx.ca_file, "127.0.0.1", source)


def source(grant: dict[str, Any]) -> str:
    return str(grant["links"]["source"])


def moving(readings: list[Reading]) -> int:
    return sum(reading.moved_within(1) for reading in readings)


def is_open(house: House, grant: dict[str, Any]) -> bool:
    return house.stack.live.client().hget(f"ks:playback:{grant['playback_id']}", "open") not in {None, b"0"}


def by_disabling(house: House, _: dict[str, Any]) -> None:
    house.owner.execute("UPDATE users SET is_active = false WHERE username = 'bob'")


@pytest.mark.parametrize("end", [by_api, by_disabling])
def test_an_ended_film_is_cut_whatever_else_is_on_its_http2_connection(house: House, end: Any) -> None:
    film, other = house.grant(), house.grant()
    with Http2Reader(where(house)) as reader:
        reading = reader.read(source(film), bytes_a_second=SLOW).wait()
        assert reader.read(source(other), byte_range="0-0").wait().is_whole
        assert eventually(lambda: is_open(house, film)), house.log()
        end(house, film)
        began = time.monotonic()
        assert eventually(lambda: reading.is_cut, PROMISED_SECONDS), house.log()
        assert time.monotonic() - began < PROMISED_SECONDS


@pytest.mark.parametrize("count", [1, 2])
def test_a_film_that_a_cached_decision_let_in_is_cut_and_counted(house: House, count: int) -> None:
    """A's first byte, B's, and A whole, within a second: authz was asked for B last."""
    film, other = house.grant(), house.grant()
    with Http1Reader(where(house)) as reader:
        for grant in (film, *[other] * count):
            assert reader.read(source(grant), byte_range="0-0").wait().is_whole
        reading = reader.read(source(film), bytes_a_second=SLOW).wait()
        assert eventually(lambda: is_open(house, film)), house.log()
        time.sleep(6)
        assert [stream["playback_id"] for stream in house.streams()] == [film["playback_id"]], "what moves has a slot"
        by_api(house, other)
        time.sleep(2)
        assert not reading.is_over, "the other's end is none of its business"
        by_api(house, film)
        assert eventually(lambda: reading.is_cut, PROMISED_SECONDS), house.log()


def test_never_more_titles_move_than_the_limit_over_one_http2_connection(house: House) -> None:
    readings: list[Reading] = []
    with Http2Reader(where(house)) as reader:
        for _ in range(3):
            for _ in range(LIMIT):
                status, grant = house.stack.call(
                    "POST", f"/api/v1/videos/{house.stack.video_id}/playback", house.token, {}
                )
                if status == 201:
                    readings.append(reader.read(source(grant), bytes_a_second=SLOW).wait())
                else:
                    assert (status, len(grant["running"])) == (429, LIMIT), grant
            # Longer than a lease is kept after its last sign of life.
            for _ in range(6):
                time.sleep(1)
                assert moving(readings) <= LIMIT, house.log()
        assert moving(readings) == LIMIT


def test_few_addresses_at_once_read_one_link(house: House) -> None:
    link = source(house.grant())
    with contextlib.ExitStack() as opened:

        def read(number: int) -> Reading:
            reader = opened.enter_context(Http1Reader(where(house, f"127.0.0.{number}")))
            return reader.read(link, bytes_a_second=SLOW).wait()

        first = [read(number) for number in (11, 12)]
        time.sleep(2)
        assert read(13).status == 403
        readings = list(first)
        for newcomers in (range(21, 24), range(31, 34), range(41, 44)):
            readings += [read(number) for number in newcomers]
            time.sleep(5)
            assert moving(readings) == 2, house.log()
        assert all(not reading.is_over for reading in first), "who was there first stays"


def test_of_three_addresses_that_begin_at_once_two_stay(house: House) -> None:
    link = source(house.grant())
    with contextlib.ExitStack() as opened:
        readers = [opened.enter_context(Http1Reader(where(house, f"127.0.0.{number}"))) for number in (11, 12, 13)]
        readings = [reader.read(link, bytes_a_second=SLOW) for reader in readers]
        assert eventually(lambda: sum(reading.wait().is_over for reading in readings) == 1), house.log()
        time.sleep(2)
        assert moving(readings) == 2


@pytest.mark.parametrize("pause", [0.0, 2.0])
def test_a_viewer_whose_address_changes_is_one_viewer(house: House, pause: float) -> None:
    link = source(house.grant())
    for number in range(11, 17):
        with Http1Reader(where(house, f"127.0.0.{number}")) as reader:
            reading = reader.read(link, byte_range="0-999999").wait()
            assert eventually(lambda reading=reading: reading.is_over)
            assert (reading.status, reading.received) == (206, 1_000_000), number
        time.sleep(pause)
        if pause == 0 and number == 13:
            return


def test_addresses_left_behind_with_answers_that_stand_still_do_not_count(house: House) -> None:
    """A phone that changed its network: nobody closes its old connections."""
    link = source(house.grant())
    with contextlib.ExitStack() as opened:
        for number in range(11, 15):
            reader = opened.enter_context(Http1Reader(where(house, f"127.0.0.{number}")))
            # Reads for three seconds, and then no more; its socket stays.
            reading = reader.read(link, bytes_a_second=SLOW).wait()
            assert reading.status == 200, (number, house.log())
            time.sleep(3)
            reading.bytes_a_second = 1e-3
            time.sleep(3)


def test_connections_of_one_playback_are_few_over_http2_too(house: House) -> None:
    link = source(house.grant())
    with contextlib.ExitStack() as opened:
        readers = [opened.enter_context(Http2Reader(where(house))) for _ in range(20)]
        readings = [reader.read(link, bytes_a_second=50_000) for reader in readers]
        assert eventually(lambda: sum(not reading.is_over for reading in readings) == 12), house.log()
        late = opened.enter_context(Http2Reader(where(house)))
        assert late.read(link, byte_range="0-0").wait().status == 403
        time.sleep(1)
        assert sum(not reading.is_over for reading in readings) == 12
        known = next(reader for reader, reading in zip(readers, readings, strict=True) if not reading.is_over)
        assert known.read(link, byte_range="0-0").wait().status == 206


def test_who_skips_through_titles_is_never_at_the_limit(house: House) -> None:
    """As fast as a player can: each title is left for the next."""
    for _ in range(3 * LIMIT):
        with Http1Reader(where(house)) as reader:
            reading = reader.read(source(house.grant()), bytes_a_second=5_000_000).wait()
            assert reading.status == 200


def test_three_that_are_watched_never_give_way(house: House) -> None:
    with contextlib.ExitStack() as opened:
        readings = []
        for _ in range(LIMIT):
            reader = opened.enter_context(Http1Reader(where(house)))
            readings.append(reader.read(source(house.grant()), bytes_a_second=SLOW).wait())
        for _ in range(3):
            status, body = house.stack.call("POST", f"/api/v1/videos/{house.stack.video_id}/playback", house.token, {})
            assert (status, body["code"], len(body["running"])) == (429, "streams", LIMIT)
            time.sleep(1)
        assert moving(readings) == LIMIT


def test_titles_that_were_granted_a_moment_ago_are_kept_for_who_starts_on_another_tab(house: House) -> None:
    for _ in range(LIMIT):
        house.grant()
    status, body = house.stack.call("POST", f"/api/v1/videos/{house.stack.video_id}/playback", house.token, {})
    assert (status, body["code"]) == (429, "streams")


def test_an_answer_that_the_viewer_leaves_costs_no_connection(house: House) -> None:
    """A page that ends its film and goes on with the list: the end overtakes the reset of the answer."""
    film = house.grant()
    with Http2Reader(where(house)) as reader:
        reading = reader.read(source(film), bytes_a_second=SLOW).wait()
        assert eventually(lambda: is_open(house, film)), house.log()
        by_api(house, film)
        reader.leave(reading)
        time.sleep(4)
        other = house.grant()
        assert reader.read(source(other), byte_range="0-0").wait().status == 206, house.log()
