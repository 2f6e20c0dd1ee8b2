"""The decision beside a ledger that tells what is open: addresses, connections, and which leases give way."""

import time

import pytest

from testbed.services.world import Asker, World
from tests.integration.authz.test_decide import ask, granted

__all__ = ["ask"]  # a fixture


def the_ledger_tells(world: World, playback: str, **fields: object) -> None:
    """As it does at each look: of now, by Redis's clock."""
    client = world.redis_live.client()
    now = round(float("{}.{:06d}".format(*client.time())) * 1000)
    client.hset(f"ks:playback:{playback}", mapping={"counted": now, **fields})  # type: ignore[arg-type]
    client.set("ks:looked", now)


def test_while_the_ledger_looks_addresses_count_to_which_bytes_move(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)

    def asks(number: int) -> int:
        return int(ask.signed(video, playback, real_ip=f"192.0.2.{number}").status_code)

    the_ledger_tells(world, playback, addresses="")
    assert [asks(1), asks(2), asks(3)] == [204] * 3, "two of them may be gone again"
    assert asks(4) == 403, "so many at once are no one viewer's"
    the_ledger_tells(world, playback, addresses="192.0.2.1 192.0.2.3")
    assert [asks(1), asks(3)] == [204] * 2
    assert asks(2) == 403


def test_at_the_limit_of_connections_only_known_ones_may_ask(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    known, stranger = "7 192.0.2.7 40007", "8 192.0.2.7 40008"
    the_ledger_tells(world, playback, sockets=12)
    world.redis_live.client().sadd(f"ks:sockets:{playback}", known)
    assert ask.signed(video, playback, conn=known).status_code == 204
    assert ask.signed(video, playback, conn=stranger).headers["X-Deny"] == "shared"
    the_ledger_tells(world, playback, sockets=11)
    assert ask.signed(video, playback, conn=stranger).status_code == 204


@pytest.mark.parametrize(
    ("told", "gives_way"),
    [
        pytest.param({"open": 0}, True, id="no open answer"),
        pytest.param({"open": 1}, False, id="an open answer"),
        pytest.param({"open": 0, "beat": 1 << 50}, False, id="heartbeats"),
        pytest.param(None, False, id="the ledger is away"),
    ],
)
def test_at_the_limit_what_nobody_needs_gives_way(world: World, told: dict[str, int] | None, gives_way: bool) -> None:
    ask = Asker(world.with_settings(answers_late_seconds=0.001).authz_app)
    _, token = world.session(world.user("alice"))
    playbacks = [ask.header(world.video(), token).headers["X-Playback-Id"] for _ in range(3)]
    time.sleep(0.01)
    if told is not None:
        for playback in playbacks[1:]:
            the_ledger_tells(world, playback, open=1)
        the_ledger_tells(world, playbacks[0], **told)
    assert (ask.header(world.video(), token).status_code == 204) is gives_way
    held = world.redis_live.client().zrange("ks:leases:box", 0, -1)
    assert len(held) == 3
    assert (playbacks[0].encode() not in held) is gives_way


def test_leases_of_other_sessions_never_give_way(world: World) -> None:
    ask = Asker(world.with_settings(answers_late_seconds=0.001).authz_app)
    alice = world.user("alice")
    (_, one), (_, other) = world.session(alice), world.session(alice)
    playbacks = [ask.header(world.video(), one).headers["X-Playback-Id"] for _ in range(3)]
    time.sleep(0.01)
    for playback in playbacks:
        the_ledger_tells(world, playback, open=0)
    assert ask.header(world.video(), other).headers["X-Deny"] == "streams"
