"""What is counted is the answer (tests/answer_rows.py), on the stack of child processes; and what is not to be cut."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from testbed.servers.nginx_server import REPOSITORY
from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.paced import Http1Reader, Http2Reader, Where
from testbed.waiting import eventually
from tests import answer_rows as rows
from tests.integration.ledger.test_running import FILM_BYTES, PACE, House, by_api

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="cutting a connection takes CAP_NET_ADMIN")

LIMIT = 3
LEASE_SECONDS = 4
ADDRESSES = [f"127.0.0.{number}" for number in range(11, 31)]


class Site(House):
    """The stack, as the rows want it."""

    limit, slow, lease_seconds = LIMIT, 300_000, LEASE_SECONDS

    def where(self, source: str | None = None) -> Where:
        return Where("localhost", self.stack.nginx.https_port, self.stack.nginx.ca_file, "127.0.0.1", source)

    def start(self, replace: str | None = None) -> tuple[int, dict[str, Any]]:
        wishes = {"replace": replace} if replace else {}
        return self.stack.call("POST", f"/api/v1/videos/{self.stack.video_id}/playback", self.token, wishes)

    def stop(self, grant: dict[str, Any]) -> None:
        by_api(self, grant)

    def playlist(self) -> str:
        """The path of the library as a playlist of a new device."""
        status, device = self.stack.call("POST", "/api/v1/users/me/devices", self.token, {"name": "kitchen"})
        assert status == 201, device
        return f"/play/{device['device_token']}/library.m3u"

    def list_entries(self) -> Sequence[str]:
        with self.stack.connection() as connection:
            text = connection.get(self.playlist()).body.decode()
        return ["/" + line.split("/", 3)[3] for line in text.splitlines() if line.startswith("https://")]

    def is_open(self, grant: dict[str, Any]) -> bool:
        found = self.stack.live.client().hget(f"ks:playback:{grant['playback_id']}", "open")
        return found not in {None, b"0"}


@pytest.fixture(scope="module")
def running(postgres: PostgresServer) -> Iterator[Site]:
    """As on a box: three streams a user, two addresses and twelve sockets a playback; and leases that lapse soon."""
    settings = {"streams_per_user": LIMIT, "lease_idle_seconds": LEASE_SECONDS, "lease_pending_seconds": LEASE_SECONDS}
    with (
        Stack.running(postgres, settings=settings) as stack,
        psycopg.connect(stack.database.owner_url, autocommit=True) as owner,
    ):
        for number in range(2 * LIMIT):
            stack._publish(owner, uuid4().hex, f"Part {number}", stack.nginx.folder / "film.mp4")
        film = stack.nginx.folder / "long.mp4"
        with film.open("wb") as file:
            file.truncate(FILM_BYTES)
        for video in (stack.video_id, stack.other_video_id):
            link = stack.nginx.titles / video / "source.mp4"
            link.unlink()
            link.symlink_to(film)
        stack.start_ledger(**PACE | {"KINETOSCOPE_CUT_AFTER_SECONDS": "0.5"})
        yield Site(stack, owner)


@pytest.fixture
def site(running: Site) -> Site:
    running.begin()
    return running


def by_disabling(site: Site, _: dict[str, Any]) -> None:
    site.owner.execute("UPDATE users SET is_active = false WHERE username = 'bob'")


@pytest.mark.parametrize("end", [by_api, by_disabling])
def test_an_ended_film_is_cut_whatever_else_is_on_its_http2_connection(
    site: Site, end: Callable[[Site, dict[str, Any]], None]
) -> None:
    rows.film_beside_another_on_http2(site, lambda grant: end(site, grant))


def test_a_film_that_a_cached_decision_let_in_is_counted_and_cut(site: Site) -> None:
    rows.film_that_a_cached_decision_let_in(site)


def test_never_more_titles_move_than_the_limit_over_one_http2_connection(site: Site) -> None:
    assert rows.more_titles_than_the_limit_on_http2(site, rounds=4) == LIMIT


def test_never_more_titles_move_than_the_limit_when_one_after_the_other_is_replaced(site: Site) -> None:
    most, granted = rows.titles_replaced_while_they_are_read(site, seconds=12)
    assert most == LIMIT
    assert granted > LIMIT, "who replaces what still moves waits for its end, not for ever"


def test_few_addresses_at_once_read_one_link(site: Site) -> None:
    assert rows.new_addresses_while_others_read(site, ADDRESSES[:11], pause_seconds=3) == 2


def test_of_three_addresses_that_begin_at_once_two_go_on(site: Site) -> None:
    rows.three_addresses_at_once(site, ADDRESSES)


def test_a_viewer_whose_address_changes_is_one_viewer(site: Site) -> None:
    assert rows.address_after_address(site, ADDRESSES[:3], 0) == 3
    time.sleep(5)
    assert rows.address_after_address(site, ADDRESSES[:6], 5) == 6


def test_addresses_left_behind_with_answers_that_stand_still_do_not_count(site: Site) -> None:
    assert rows.phone_that_moves(site, ADDRESSES[:4]) == 4


def test_connections_of_one_playback_are_few_over_http2_too(site: Site) -> None:
    rows.many_http2_connections(site, 20, 12)


def test_who_skips_through_titles_is_never_at_the_limit(site: Site) -> None:
    assert rows.skipping_through_the_list(site, rate=1_000_000) == 3 * LIMIT


def test_mpv_skips_through_the_library(site: Site) -> None:
    """A second of each title, as somebody does who looks for something."""
    done = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--length=0.5", "--tls-verify=yes",
         f"--tls-ca-file={site.stack.nginx.ca_file}", site.stack.url + site.playlist()],
        capture_output=True, text=True, timeout=120, cwd=REPOSITORY,
    )  # fmt: skip
    # The two long ones are no films. What marks a chosen track differs between the versions of mpv.
    assert len(re.findall(r"Video +--vid=1", done.stdout)) == 2 * LIMIT, done.stdout + done.stderr


def test_three_that_are_watched_never_give_way(site: Site) -> None:
    with contextlib.ExitStack() as opened:
        readings = []
        for _ in range(LIMIT):
            reader = opened.enter_context(Http1Reader(site.where()))
            readings.append(reader.read(rows.started(site)[1], bytes_a_second=site.slow).wait())
        for _ in range(3):
            status, body = site.start()
            assert (status, body["code"], len(body["running"])) == (429, "streams", LIMIT)
            time.sleep(1)
        assert rows.moving(readings) == LIMIT


def test_what_was_granted_a_moment_ago_is_kept_for_who_starts_on_another_tab(site: Site) -> None:
    for _ in range(LIMIT):
        rows.started(site)
    status, body = site.start()
    assert (status, body["code"]) == (429, "streams")


def test_a_paused_player_that_says_so_keeps_its_slot(site: Site) -> None:
    for _ in range(LIMIT):
        grant, link = rows.started(site)
        with Http1Reader(site.where()) as reader:
            reader.read(link, byte_range="0-0").finished()
        body = {"position_seconds": 1, "state": "paused"}
        beat = f"/api/v1/playbacks/{grant['playback_id']}/heartbeat"
        assert site.stack.call("POST", beat, site.token, body)[0] == 204
    assert site.start()[0] == 429


def test_an_answer_that_the_viewer_leaves_costs_no_connection(site: Site) -> None:
    """A page that ends its film and goes on with the list: the end overtakes the reset of the answer."""
    film, link = rows.started(site)
    with Http2Reader(site.where()) as reader:
        reading = reader.read(link, bytes_a_second=site.slow).wait()
        assert eventually(lambda: site.is_open(film)), site.log()
        by_api(site, film)
        reader.leave(reading)
        time.sleep(4)
        _, other = rows.started(site)
        assert reader.read(other, byte_range="0-0").finished().status == 206, site.log()


def test_an_answer_that_ends_as_an_error_is_over(site: Site) -> None:
    """Let in, and then there is no such range: it ends in another place of Nginx."""
    film, link = rows.started(site)
    with Http2Reader(site.where()) as reader:
        assert reader.read(link, byte_range=f"{FILM_BYTES}-").finished().status == 416
        assert reader.read(link, byte_range="0-0").finished().status == 206
        assert eventually(lambda: site.begun(film))
        assert eventually(lambda: site.answers.read_bytes().count(b"\n-") >= 2), site.answers.read_bytes()
        time.sleep(1)
        assert not site.is_open(film)
