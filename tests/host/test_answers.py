"""What is counted is the answer (tests/answer_rows.py), on the box: from outside, with the limits as they are deployed.

Each row runs once, or as often as KINETOSCOPE_ROUNDS says; the worst figure of each is told at the end.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_interface
from typing import Any

import pytest

from testbed.viewers.box import Access, Viewer
from tests import answer_rows as rows
from tests.host.site import LIMIT, Site

ROUNDS = range(int(os.environ.get("KINETOSCOPE_ROUNDS", "1")))
SOCKETS = 12

pytestmark = pytest.mark.parametrize("number", ROUNDS)


@pytest.fixture
def site(access: Access, admin: Viewer, carol: Viewer) -> Site:
    return Site.of(access, admin.fresh(), carol)


@pytest.fixture(scope="module")
def addresses(access: Access) -> Iterator[list[str]]:
    """Addresses of this machine on the box's own network, for as long as the tests run."""
    route = subprocess.run(["ip", "route", "get", access.address], capture_output=True, text=True, check=True).stdout
    words = route.split()
    if os.geteuid() or "via" in words:
        pytest.skip("more addresses on the network of the box take root, and a box on this machine")
    device, own = words[words.index("dev") + 1], words[words.index("src") + 1]
    shown = subprocess.run(["ip", "-br", "address", "show", device], capture_output=True, text=True, check=True).stdout
    network = next(ip_interface(word) for word in shown.split() if word.startswith(f"{own}/")).network
    # Boxes have the first ones.
    offset = 100 + os.getpid() % 8 * 16
    found = [str(network[offset + number]) for number in range(14)]
    for each in found:
        subprocess.run(["ip", "address", "replace", f"{each}/32", "dev", device], check=True)
    yield found
    for each in found:
        subprocess.run(["ip", "address", "delete", f"{each}/32", "dev", device], check=False)


def test_an_ended_film_is_cut_whatever_else_is_on_its_http2_connection(
    site: Site, worst: Callable[[str, float], None], number: int
) -> None:
    worst("film beside another on HTTP/2, cut after s", rows.film_beside_another_on_http2(site, site.stop))


def test_so_it_is_when_its_user_is_disabled(
    site: Site, worst: Callable[[str, float], None], shell: Any, number: int
) -> None:
    disable = f"UPDATE users SET is_active = false WHERE username = '{site.viewer.username}'"

    def end(_: dict[str, Any]) -> None:
        shell("runuser -u postgres -- psql -d kinetoscope -qAt", disable)

    worst("film of a disabled user on HTTP/2, cut after s", rows.film_beside_another_on_http2(site, end))


def test_a_film_that_a_cached_decision_let_in_is_counted_and_cut(
    site: Site, worst: Callable[[str, float], None], number: int
) -> None:
    worst("film let in by a cached decision, cut after s", rows.film_that_a_cached_decision_let_in(site))


def test_never_more_titles_move_than_the_limit_over_one_http2_connection(
    site: Site, worst: Callable[[str, float], None], number: int
) -> None:
    worst("titles moving on one HTTP/2 connection", rows.more_titles_than_the_limit_on_http2(site, rounds=2))


def test_never_more_titles_move_than_the_limit_when_one_after_the_other_is_replaced(
    site: Site, worst: Callable[[str, float], None], number: int
) -> None:
    most, granted = rows.titles_replaced_while_they_are_read(site, seconds=15)
    worst("titles moving while one after the other is replaced", most)
    assert granted > LIMIT


def test_few_addresses_at_once_read_one_link(
    site: Site, addresses: list[str], worst: Callable[[str, float], None], number: int
) -> None:
    worst("addresses reading one link", rows.new_addresses_while_others_read(site, addresses[:8], pause_seconds=5))


def test_of_three_addresses_that_begin_at_once_two_go_on(
    site: Site, addresses: list[str], worst: Callable[[str, float], None], number: int
) -> None:
    worst("third address that began with the others, cut after s", rows.three_addresses_at_once(site, addresses))


def test_a_viewer_whose_address_changes_is_one_viewer(site: Site, addresses: list[str], number: int) -> None:
    assert rows.address_after_address(site, addresses[:3], 0) == 3
    assert rows.phone_that_moves(site, addresses[3:6]) == 3


def test_connections_of_one_playback_are_few_over_http2_too(
    site: Site, worst: Callable[[str, float], None], number: int
) -> None:
    worst("connections beyond 12, cut after s", rows.many_http2_connections(site, 20, SOCKETS))


def test_who_skips_through_titles_is_never_at_the_limit(site: Site, number: int) -> None:
    assert rows.skipping_through_the_list(site, rate=1_000_000) == 3 * LIMIT
