"""What has ended keeps its place while an answer of it is open: else who ends and begins often has more than may be."""

import time
from collections.abc import Callable

import pytest

from authsvc.stores.live import Script
from authsvc.watching import leases
from testbed.services.viewer import Viewer
from testbed.services.world import Asker, World
from testbed.waiting import eventually
from tests.integration.watching.test_sparing import the_ledger_tells

LIMIT = 3


@pytest.fixture
def running(world: World, alice: Viewer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As many as may be, each of which was asked for. Nobody answers who waits for the ledger, so nobody waits long."""
    monkeypatch.setattr(leases, "_GLANCE_SECONDS", 0.05)
    ask, found = Asker(world.authz_app), []
    for _ in range(LIMIT):
        video = world.video()
        found.append(alice.play(video).get_json()["playback_id"])
        assert ask.signed(video, found[-1]).status_code == 204
    return found


def by_the_viewer(_: World, alice: Viewer, playback: str) -> Viewer:
    assert alice.call("DELETE", f"/playbacks/{playback}").status_code == 204
    return alice


def by_signing_out(_: World, alice: Viewer, __: str) -> Viewer:
    """All three."""
    other = alice.other_device()
    assert alice.call("POST", "/auth/logout").status_code == 204
    return other


def by_replacing(world: World, alice: Viewer, playback: str) -> Viewer:
    """The end holds, and is told to PostgreSQL, though there is no room yet."""
    assert alice.play(world.video(), replace=playback).status_code == 429
    reason = world.owner.execute("SELECT end_reason FROM playbacks WHERE id = %s", (playback,)).fetchone()
    assert reason == ("replaced",)
    return alice


def all_open(world: World, playbacks: list[str], number: int) -> None:
    for playback in playbacks:
        the_ledger_tells(world, playback, open=number)


@pytest.mark.parametrize("end", [by_the_viewer, by_signing_out, by_replacing])
def test_it_keeps_its_place_until_its_answers_are_over(
    world: World, alice: Viewer, running: list[str], end: Callable[[World, Viewer, str], Viewer]
) -> None:
    all_open(world, running, 1)
    viewer, video = end(world, alice, running[0]), world.video()
    refused = viewer.play(video)
    body = refused.get_json()
    assert (refused.status_code, body["code"], refused.headers["Retry-After"]) == (429, "streams", "2")
    assert "Ask again" in body["detail"]
    assert running[0] not in {stream["playback_id"] for stream in body["running"]}

    def begins() -> bool:
        the_ledger_tells(world, running[0], open=0)
        return bool(viewer.play(video).status_code == 201)

    assert eventually(begins)
    assert viewer.play(video).status_code == 429, "there was room for one"


def test_what_was_asked_for_a_moment_ago_may_have_an_answer_that_nobody_told_of(
    world: World, alice: Viewer, running: list[str]
) -> None:
    """Until the ledger has looked a moment after its end."""
    all_open(world, running, 0)
    by_the_viewer(world, alice, running[0])
    assert alice.play(world.video()).status_code == 429
    time.sleep(0.3)
    the_ledger_tells(world, running[1], open=0)
    assert alice.play(world.video()).status_code == 201


def test_what_was_never_asked_for_gives_its_place_back_at_once(world: World, alice: Viewer, running: list[str]) -> None:
    by_the_viewer(world, alice, running[0])
    assert alice.play(world.video()).status_code == 201, "the ledger is away"
    waiting = alice.play(world.video(), replace=running[1]).get_json()["playback_id"]
    all_open(world, running, 0)
    by_the_viewer(world, alice, waiting)
    assert alice.play(world.video()).status_code == 201


def test_while_the_ledger_is_away_nobody_waits_for_it(world: World, alice: Viewer, running: list[str]) -> None:
    all_open(world, running, 1)
    world.redis_live.client().delete("ks:looked")
    by_the_viewer(world, alice, running[0])
    assert alice.play(world.video()).status_code == 201


def test_a_place_is_kept_for_ten_seconds_at_most(world: World, alice: Viewer, running: list[str]) -> None:
    """An end of an answer that is never told keeps nobody out."""
    all_open(world, running, 1)
    by_the_viewer(world, alice, running[0])
    client = world.redis_live.client()
    sets = client.keys("ks:leases:*:leaving")
    assert len(sets) == 3
    assert all(0 < client.pttl(key) <= 10_000 for key in sets)
    for key in sets:
        client.zincrby(key, -10_000, running[0])
    assert alice.play(world.video()).status_code == 201


def test_an_answer_that_a_cached_decision_let_begin_after_the_end_counts(
    world: World, alice: Viewer, running: list[str]
) -> None:
    all_open(world, running, 0)
    by_the_viewer(world, alice, running[0])
    client = world.redis_live.client()
    client.delete(*client.keys("ks:leases:*:leaving"))
    now = client.get("ks:looked") or b""
    Script("looked")(client, int(now), running[0], 1)
    assert alice.play(world.video()).status_code == 429


def test_a_lease_that_can_be_spared_gives_way_beside_one_that_leaves(
    world: World, alice: Viewer, running: list[str]
) -> None:
    by_the_viewer(world, alice, running[2])
    all_open(world, running[:1], 1)
    client = world.redis_live.client()
    client.hset(f"ks:playback:{running[1]}", "asked", 1)
    the_ledger_tells(world, running[1], open=0)
    by_the_viewer(world, alice, running[0])
    assert alice.play(world.video()).status_code == 201
    assert alice.play(world.video()).status_code == 201, "the spared one's"
    assert alice.play(world.video()).status_code == 429


def test_no_lease_gives_way_before_the_ledger_was_asked(
    world: World, alice: Viewer, running: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves is gone in truth, and the other title that could be spared is wanted again in a moment."""
    all_open(world, running, 1)
    client = world.redis_live.client()
    client.hset(f"ks:playback:{running[1]}", "asked", 1)
    the_ledger_tells(world, running[1], open=0)
    by_the_viewer(world, alice, running[0])

    def look_again(*_: object) -> bool:
        time.sleep(0.3)
        the_ledger_tells(world, running[0], open=0)
        return True

    monkeypatch.setattr(leases.Leases, "look_again", look_again)
    assert alice.play(world.video()).status_code == 201
    assert running[1].encode() in client.zrange("ks:leases:box", 0, -1)
