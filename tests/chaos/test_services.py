"""A part stops, dies or is restarted under three streams: nobody notices, or the stated policy holds."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from testbed.waiting import eventually
from tests.chaos.trials import ABORTED_BYTES, House, Row

MASTER = "systemctl show --property=MainPID --value nginx"
REDIS_FILES = "/var/lib/redis-live /var/lib/redis/live"


def repeated(command: str, times: int, pause: float = 0.5) -> str:
    return f"for n in $(seq {times}); do {command} || exit 1; sleep {pause}; done"


QUIET = {
    "authz restarted 5 times": repeated("systemctl restart kinetoscope-authz", 5),
    "API restarted 5 times": repeated("systemctl restart kinetoscope-api", 5),
    "authz killed (-9)": "systemctl kill --signal=KILL kinetoscope-authz",
    "Nginx reloaded 20 times": repeated("systemctl reload nginx", 20),
    "Redis restarted with its file": "systemctl restart redis-server@live",
    "Redis restarted without its file": (
        f"systemctl stop redis-server@live && find {REDIS_FILES} -type f -delete 2>/dev/null;"
        " systemctl start redis-server@live"
    ),
    "redactor killed (-9)": "systemctl kill --signal=KILL kinetoscope-redactor",
}


@pytest.mark.parametrize("what", QUIET)
def test_nobody_notices(house: House, note: Callable[[Row], None], what: str) -> None:
    row = house.trial(what, lambda: house.shell(QUIET[what]))
    note(row)
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row
    assert row.untrue is not None, row


def test_a_killed_ledger_loses_nothing_of_the_book(house: House, note: Callable[[Row], None]) -> None:
    if not house.has_ledger():
        pytest.skip("this box has no ledger")
    row = house.trial(
        "ledger killed (-9) 5 times",
        lambda: house.shell(repeated("systemctl kill --signal=KILL kinetoscope-ledger", 5)),
    )
    note(row)
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row
    assert row.lost is not None, row
    assert row.lost <= ABORTED_BYTES, row
    assert row.untrue is not None, row


def test_a_killed_worker_of_nginx_breaks_its_answers_and_no_more(house: House, note: Callable[[Row], None]) -> None:
    row = house.trial(
        "all Nginx workers killed (-9)",
        lambda: house.shell(
            'kill -KILL $(pgrep -f "nginx: worker process" -P "$(systemctl show --property=MainPID --value nginx)")'
        ),
    )
    note(row)
    assert row.broken <= 3, row
    assert (row.wrong, dict(row.refused)) == (0, {}), row
    assert row.longest_gap < 5, row
    assert row.lost is not None, row
    assert row.lost <= 3 * ABORTED_BYTES, row


def test_without_postgres_for_30_s_streams_go_on_and_newcomers_are_told_to_wait(
    house: House, note: Callable[[Row], None]
) -> None:
    told: list[tuple[int, bool]] = []

    def disturb() -> str:
        house.shell("systemctl stop postgresql@17-main")
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                answer = house.viewer.call("POST", f"/api/v1/videos/{house.video_id}/playback", json={})
                told.append((answer.status_code, "Retry-After" in answer.headers))
                time.sleep(3)
        finally:
            house.shell("systemctl start postgresql@17-main")
        eventually(lambda: house.viewer.get("/ready").status_code == 200, within=20)
        return f"{len(told)} starts: 503"

    row = house.trial("PostgreSQL stopped for 30 s", disturb)
    note(row)
    assert set(told) == {(503, True)}
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row


def test_a_hanging_redis_is_outlived_for_20_s(house: House, note: Callable[[Row], None]) -> None:
    def disturb() -> None:
        house.shell("systemctl kill --signal=STOP redis-server@live")
        try:
            time.sleep(20)
        finally:
            house.shell("systemctl kill --signal=CONT redis-server@live")

    row = house.trial("Redis hangs for 20 s", disturb)
    note(row)
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row


def test_after_a_reboot_the_stream_goes_on_with_the_same_link(house: House, note: Callable[[Row], None]) -> None:
    def disturb() -> Any:
        started = "stat --format=%Y /proc/1"
        before = house.shell(started)
        with contextlib.suppress(AssertionError):  # the connection goes with the box
            house.shell("systemctl reboot")
        began = time.monotonic()

        def is_up() -> bool:
            try:
                return house.viewer.get("/ready", timeout=3).status_code == 200 and before != house.shell(started)
            except (requests.RequestException, AssertionError):
                return False

        time.sleep(3)
        assert eventually(is_up, within=90, every=1), "the box has not come back"
        return f"ready after {time.monotonic() - began:.0f} s"

    row = house.trial("box rebooted", disturb)
    note(row)
    assert row.wrong == 0, row
    assert set(row.refused) <= {503}, row
    assert row.untrue is not None, row
    assert row.lost is not None, row
    assert row.lost <= 3 * ABORTED_BYTES, row


def test_a_full_disk_under_the_logs_breaks_no_stream(house: House, note: Callable[[Row], None]) -> None:
    def disturb() -> str:
        house.shell("dd if=/dev/zero of=/var/log/nginx/fill bs=64k 2>/dev/null; test -s /var/log/nginx/fill")
        time.sleep(8)
        house.shell("rm /var/log/nginx/fill")
        return "the ledger says how much was in the lines that could not be written"

    house.shell(
        "mkdir -p /run/chaos && chown --reference=/var/log/nginx /run/chaos"
        " && chmod --reference=/var/log/nginx /run/chaos"
        " && mount -t tmpfs -o size=1m tmpfs /var/log/nginx && chown --reference=/run/chaos /var/log/nginx"
        " && chmod --reference=/run/chaos /var/log/nginx && cd /var/log/nginx"
        # As logrotate makes them: the ledger reads them by their group.
        " && for log in access account error; do install -m 0640 -o www-data -g adm /dev/null $log.log; done"
        " && systemctl restart nginx"
    )
    try:
        eventually(lambda: house.viewer.get("/health").status_code == 200, within=10)
        began = house.shell("date +%s").strip()
        row = house.trial("disk full under the logs of Nginx", disturb)
        said = house.shell(f"journalctl --unit=kinetoscope-ledger --since=@{began} --output=cat --no-pager")
    finally:
        house.shell("systemctl stop nginx; umount -l /var/log/nginx; systemctl start nginx")
    note(row)
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row
    assert row.lost is not None, row
    assert row.lost <= 3 * ABORTED_BYTES, row
    assert "lines_missing" in said or "answer_without_line" in said, said[-2000:]
