"""The wall clock is set while the ledger runs: what is over by it is refused, and ends when the clock stays so."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from authsvc.ledger.cutter_client import Cutter
from authsvc.ledger.rounds import Rounds
from authsvc.ledger.settings import LedgerSettings
from authsvc.ledger.sockets import SocketTable
from catalog import roles
from testbed.services.clock import Clock
from testbed.services.sign_in import me
from testbed.services.world import World

SETTLE_SECONDS = 0.5
# No port of this machine: nobody is connected.
PORT = 1


@pytest.fixture
def rounds(world: World, tmp_path: Path) -> Iterator[Callable[..., Callable[[], None]]]:
    """Rounds of a ledger that looks after sessions in each of them."""
    (tmp_path / "account.log").touch()
    connections: list[psycopg.Connection[Any]] = []

    def begin(settle_seconds: float) -> Callable[[], None]:
        settings = LedgerSettings(
            database_url="", redis_live_url=world.redis_live.url, upkeep_seconds=1e-6,
            clock_settle_seconds=settle_seconds, account_log=str(tmp_path / "account.log"),
            answers_log=str(tmp_path / "answers.log"), answers_state=str(tmp_path / "answers.json"),
        )  # fmt: skip
        connection = psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True)
        connections.append(connection)
        ledger = Rounds(
            settings, world.redis_live.client(roles.LEDGER), SocketTable(PORT), Cutter(str(tmp_path / "no cutter"))
        )
        ledger.begin(connection)
        ledger.round(connection)
        return lambda: ledger.round(connection)

    yield begin
    for connection in connections:
        connection.close()


def ended(world: World, session_id: str) -> bool:
    row = world.owner.execute("SELECT ended_at IS NOT NULL FROM sessions WHERE id = %s", (session_id,)).fetchone()
    assert row is not None
    return bool(row[0])


def test_an_hour_that_is_taken_back_ends_no_session(
    world: World, clock: Clock, rounds: Callable[[float], Callable[[], None]]
) -> None:
    session_id, token = world.session(world.user("alice"), life_seconds=86_400)
    bearer = {"Authorization": f"Bearer {token}"}
    assert me(world, **bearer).status_code == 200
    look = rounds(60)
    clock.forward(hours=1)
    look()
    assert me(world, **bearer).status_code == 401, "by this clock nobody has used it for an hour"
    clock.forward(hours=-1)
    look()
    assert me(world, **bearer).status_code == 200
    assert not ended(world, session_id)


def test_an_hour_that_stays_ends_what_is_over(
    world: World, clock: Clock, rounds: Callable[[float], Callable[[], None]]
) -> None:
    session_id, _ = world.session(world.user("alice"), life_seconds=86_400)
    look = rounds(SETTLE_SECONDS)
    clock.forward(hours=1)
    look()
    assert not ended(world, session_id)
    deadline = time.monotonic() + 10 * SETTLE_SECONDS
    while not ended(world, session_id) and time.monotonic() < deadline:
        look()
    assert ended(world, session_id)
