"""What hashes a password costs the box a tenth of a second: it is counted, and nobody can take every place."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from authsvc.people import password_resets
from authsvc.people.accounts import Actor
from authsvc.signin import passwords
from authsvc.signin.turns import Turns, TurnTaken
from testbed.servers.redis_server import RedisServer
from testbed.services.sign_in import LOGIN, login
from testbed.services.viewer import Viewer
from testbed.services.world import PASSWORD, World

NEW = "violet umbrella 42"


class Gate:
    """A hasher that stands still until it is let go, one hash at a time, and tells which hashes are in it."""

    def __init__(self, hasher: Any) -> None:
        self._hasher = hasher
        self.entered, self.leave = threading.Semaphore(0), threading.Semaphore(0)
        self.inside = 0
        self._counting = threading.Lock()

    def verify(self, stored: str, password: str) -> bool:
        with self._counting:
            self.inside += 1
        self.entered.release()
        assert self.leave.acquire(timeout=20)
        with self._counting:
            self.inside -= 1
        return bool(self._hasher.verify(stored, password))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(passwords._hasher)
    yield gate
    gate.leave.release(100)


def prove(viewer: Viewer) -> Any:
    return viewer.call("POST", "/users/me/proof", {"password": PASSWORD})


def test_loop_of_proofs_by_one_user_leaves_room_for_everybody_else(
    world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_settings(hashes_waiting=2, hash_wait_seconds=20)
    mallory = Viewer(world, "mallory")
    world.user("alice")
    assert prove(mallory).status_code == 204
    monkeypatch.setattr(passwords, "_hasher", gate)
    with ThreadPoolExecutor(8) as pool:
        loop = [pool.submit(prove, mallory) for _ in range(6)]
        assert gate.entered.acquire(timeout=20)
        refused = [future for future in loop if _is_refused(future)]
        assert len(refused) == 3, "one runs and two wait in a line of their own"
        sign_in = pool.submit(login, world)
        # Mallory's next one comes after Alice, who came before its turn.
        _until(lambda: bool(_checker(world)._strangers._line))
        gate.leave.release()
        assert gate.entered.acquire(timeout=20)
        assert gate.inside == 1
        gate.leave.release()
        assert sign_in.result(20).status_code == 200
        assert {future.result(0).status_code for future in loop if future.done()} == {204, 503}
        gate.leave.release(10)
        assert sorted(future.result(20).status_code for future in loop) == [204, 204, 204, 503, 503, 503]
    assert all(future.result().headers["Retry-After"] for future in refused)


def _checker(world: World) -> Any:
    return world.api_app.extensions["kinetoscope"].passwords


def _is_refused(future: "Future[Any]") -> bool:
    try:
        return bool(future.result(timeout=1).status_code == 503)
    except TimeoutError:
        return False


def _until(holds: Callable[[], bool]) -> None:
    ticks = threading.Event()
    for _ in range(400):
        if holds():
            return
        ticks.wait(0.05)
    raise AssertionError("it never came to that")


def test_turn_holds_over_all_processes_and_for_one_caller_alone(redis_live: RedisServer) -> None:
    one, other = (Turns(redis_live.client(), waiting=1, wait_seconds=0.2) for _ in range(2))
    with one.of("alice"):
        with pytest.raises(TurnTaken), other.of("alice"):
            pass
        with other.of("bob"):
            pass
    with other.of("alice"):
        pass


def test_turns_do_without_a_store_that_is_away(redis_live: RedisServer) -> None:
    turns = Turns(redis_live.client(), waiting=0, wait_seconds=5)
    redis_live.stop()
    with turns.of("alice"), pytest.raises(TurnTaken), turns.of("alice"):
        pass


def test_owner_does_not_wait_for_a_stranger_who_guesses(world: World, gate: Gate, monkeypatch: Any) -> None:
    world.with_settings(hashes_at_once=4, hash_wait_seconds=20)
    world.user("alice")
    login(world)
    monkeypatch.setattr(passwords, "_hasher", gate)
    with ThreadPoolExecutor(2) as pool:
        guess = pool.submit(login, world, password="wrong", headers={"X-Real-IP": "198.51.100.9"})
        assert gate.entered.acquire(timeout=20)
        owner = pool.submit(login, world, headers={"X-Real-IP": "192.0.2.1"})
        assert gate.entered.acquire(timeout=20), "the owner waits for the turn of a stranger"
        gate.leave.release(2)
        assert (guess.result(20).status_code, owner.result(20).status_code) == (401, 200)


def _reset_token(world: World, viewer: Viewer) -> str:
    return password_resets.issue(world.owner, viewer.user.id, life_seconds=60, actor=Actor())[0]


CALLS: dict[str, Callable[[World, Viewer], Any]] = {
    "sign in": lambda world, _: world.client().post(LOGIN, json={"username": "alice", "password": PASSWORD}),
    "register": lambda world, _: world.client().post(
        "/api/v1/auth/register", json={"username": "carol", "email": "carol@example.org", "password": NEW}
    ),
    "reset": lambda world, alice: world.client().post(
        "/api/v1/auth/reset", json={"token": _reset_token(world, alice), "password": NEW}
    ),
    "proof": lambda _, alice: prove(alice),
    "password": lambda _, alice: alice.call("PUT", "/users/me/password", {"current": PASSWORD, "new": NEW}),
    "address": lambda _, alice: alice.call("PATCH", "/users/me", {"email": "alice@example.org", "password": PASSWORD}),
    "farewell": lambda world, alice: (
        world.user("bob", role="admin") and alice.call("DELETE", "/users/me", {"password": PASSWORD})
    ),
    "create": lambda _, alice: alice.call("POST", "/admin/users", {"username": "carol"}),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_hashes_counts_as_signing_in(world: World, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    world.with_settings(login_calls_per_minute=1, registration="open")
    alice = Viewer(world, "alice", role="admin")
    hashed: list[str] = []
    hasher = passwords._hasher

    class Counting:
        def __getattr__(self, name: str) -> Any:
            hashed.append(name)
            return getattr(hasher, name)

    # The application makes a hash of its own when it starts.
    assert world.api_app
    monkeypatch.setattr(passwords, "_hasher", Counting())
    answer = CALLS[call](world, alice)
    assert answer.status_code < 300, answer.text
    assert {"verify", "hash"} & set(hashed)
    assert answer.headers["RateLimit-Policy"] == '"login";q=1;w=60'


def test_who_asks_whether_somebody_has_an_address_is_slowed_down_like_who_registers(world: World) -> None:
    world.with_settings(login_calls_per_minute=3)
    mallory, bob = Viewer(world, "mallory"), Viewer(world, "bob")
    assert bob.call("PATCH", "/users/me", {"email": "bob@example.org", "password": PASSWORD}).status_code == 200
    tries = ["carol@example.org", "bob@example.org", "BOB@example.org", "bob@example.org"]
    answers = [mallory.call("PATCH", "/users/me", {"email": each, "password": PASSWORD}) for each in tries]
    assert [answer.status_code for answer in answers] == [200, 409, 409, 429]
