"""Answers that Nginx never logs, because it was killed: booked as estimates, once, also when a line comes after all."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from testbed.waiting import eventually
from tests.integration.ledger.test_running import MIB, PACE, House, house, running, watching

__all__ = ["house", "running"]  # fixtures
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="cutting a connection takes CAP_NET_ADMIN")


def workers(house: House) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(house.stack.nginx.master.pid)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def signal_workers(house: House, number: signal.Signals) -> list[int]:
    found = workers(house)
    for pid in found:
        os.kill(pid, number)
    return found


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def settled(house: House, received: Path, within: float = 15) -> int:
    """The estimate, once it is within 4 MiB of what the viewer got; then it stays."""

    def estimated() -> int:
        exact, estimate, _ = house.booked()
        return estimate if exact == 0 and abs(estimate - size(received)) < 4 * MIB else 0

    assert eventually(estimated, within), (house.booked(), size(received), house.log())
    time.sleep(3)
    assert estimated(), (house.booked(), size(received), house.log())
    return estimated()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_what_a_killed_worker_of_nginx_had_sent_is_booked_though_it_never_logs_it(
    house: House, version: str, tmp_path: Path
) -> None:
    received = tmp_path / "received"
    with watching(house, house.grant()["links"]["source"], version, str(received)) as viewer:
        assert eventually(lambda: size(received) > 12 * MIB)
        signal_workers(house, signal.SIGKILL)
        viewer.ended(10)
    settled(house, received)
    row = house.owner.execute("SELECT bytes, estimated_bytes FROM playbacks").fetchone()
    assert row == house.booked()[:2]
    # Counted once, whoever counts.
    house.stack.stop("ledger")
    house.stack.start_ledger(**PACE)
    settled(house, received)


def test_what_nginx_and_the_ledger_took_with_them_is_booked_at_the_next_start(house: House, tmp_path: Path) -> None:
    """As when the box loses its power."""
    received = tmp_path / "received"
    with watching(house, house.grant()["links"]["source"], into=str(received)) as viewer:
        assert eventually(lambda: size(received) > 12 * MIB)
        signal_workers(house, signal.SIGKILL)
        viewer.kill()
        house.stack.process("ledger").send_signal(signal.SIGKILL)
        house.stack.stop("ledger")
    assert house.booked() == (0, 0, 0)
    for _ in range(2):
        house.stack.start_ledger(**PACE)
        settled(house, received)
        house.stack.stop("ledger")
    house.stack.start_ledger(**PACE)


def test_a_line_that_comes_after_all_is_not_booked_on_top(house: House, tmp_path: Path) -> None:
    """Nginx hangs when the client goes, for longer than anybody waits for its line."""
    received = tmp_path / "received"
    stopped: list[int] = []
    try:
        with watching(house, house.grant()["links"]["source"], into=str(received)):
            assert eventually(lambda: size(received) > 12 * MIB)
            stopped = signal_workers(house, signal.SIGSTOP)
        settled(house, received)
        assert house.booked()[2] == 0, "there was no line"
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: house.booked()[2] == 1), house.log()
    settled(house, received)
