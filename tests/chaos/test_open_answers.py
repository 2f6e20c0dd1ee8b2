"""A part fails while answers are open: what has ended is cut all the same, and who watches keeps the lease."""

import time
from collections.abc import Callable

import pytest

from testbed.viewers.box import Access
from testbed.viewers.paced import Http2Reader
from tests import answer_rows as rows
from tests.chaos.trials import House, Row
from tests.host.site import Site

REDIS_FILES = "/var/lib/redis-live /var/lib/redis/live"
ANSWERS = "/run/kinetoscope-answers/answers.log"
# Before the answer begins, and while it is open.
DISTURBED = {
    "Nginx reloaded 3 times under an open answer": ("true", "for n in 1 2 3; do systemctl reload nginx; sleep 1; done"),
    "logs rotated under an open answer": ("true", "logrotate --force /etc/logrotate.d/nginx || true"),
    "ledger killed (-9) under an open answer": ("true", "systemctl kill --signal=KILL kinetoscope-ledger"),
    "ledger away when an answer begins": (
        "systemctl stop kinetoscope-ledger",
        "systemctl start kinetoscope-ledger",
    ),
    "Redis restarted without its file under an open answer": (
        "true",
        f"systemctl stop redis-server@live; find {REDIS_FILES} -type f -delete; systemctl start redis-server@live",
    ),
}


@pytest.mark.parametrize("what", DISTURBED)
def test_an_ended_film_is_cut_within_10_s_all_the_same(
    access: Access, house: House, note: Callable[[Row], None], what: str
) -> None:
    site = Site.of(access, house.admin, house.viewer)
    before, meanwhile = DISTURBED[what]
    row = Row(what)
    film, link = rows.started(site)
    _, other = rows.started(site)
    house.shell(before)
    with Http2Reader(site.where()) as reader:
        reading = reader.read(link, bytes_a_second=site.slow).wait()
        assert reader.read(other, byte_range="0-0").finished().is_whole
        time.sleep(rows.KNOWN_SECONDS)
        house.shell(meanwhile)
        row.untrue = house.seconds_until(lambda listed: film["playback_id"] in listed)
        time.sleep(rows.KNOWN_SECONDS)
        assert rows.moving([reading]) == 1, "broken off"
        site.stop(film)
        row.note = f"an ended film is cut after {rows.within(rows.PROMISED_SECONDS, lambda: reading.is_cut):.1f} s"
    note(row)
    assert row.untrue is not None, row


def test_the_answers_log_takes_no_more_memory_than_what_is_not_read(house: House, note: Callable[[Row], None]) -> None:
    row = house.trial("answers log after 60 s of three streams", lambda: time.sleep(60))
    kib = int(house.shell(f"stat --format=%b {ANSWERS}").strip()) // 2
    row.note = f"{kib} KiB in memory"
    note(row)
    assert kib <= 128, row
