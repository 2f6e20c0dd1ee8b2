"""Idempotency-Key: a call that is repeated happens once, and nobody gets somebody else's answer."""

import threading
import uuid
from typing import Any

import pytest

from authsvc.watching import leases
from testbed.servers.redis_server import RedisServer
from testbed.services.sign_in import login
from testbed.services.world import World


class Viewer:
    """Somebody who is signed in and starts playbacks."""

    def __init__(self, world: World, username: str = "alice") -> None:
        self.world = world
        self.user = world.user(username)
        self.bearer = self.signed_in_again()

    def signed_in_again(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.session(self.user)[1]}"}

    def start(self, video: str, key: str | None, body: Any = None, **headers: str) -> Any:
        sent = self.bearer | headers | ({"Idempotency-Key": key} if key else {})
        return self.world.client().post(f"/api/v1/videos/{video}/playback", json=body or {}, headers=sent)


@pytest.fixture
def viewer(world: World) -> Viewer:
    return Viewer(world)


def playbacks(world: World) -> int:
    row = world.owner.execute("SELECT count(*) FROM playbacks").fetchone()
    assert row is not None
    return int(row[0])


def new_key() -> str:
    return str(uuid.uuid4())


def test_a_repeat_gets_the_answer_of_the_first_and_starts_nothing(world: World, viewer: Viewer) -> None:
    video, key = world.video(), new_key()
    first, again, quoted = (viewer.start(video, each) for each in (key, key, f'"{key}"'))
    assert {answer.status_code for answer in (first, again, quoted)} == {201}
    assert first.data == again.data == quoted.data
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content_type == first.content_type
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert playbacks(world) == 1


def test_without_a_key_or_with_another_each_call_counts(world: World, viewer: Viewer) -> None:
    video = world.video()
    answers = [viewer.start(video, key).get_json()["playback_id"] for key in (None, new_key(), new_key())]
    assert len(set(answers)) == 3


def test_the_same_key_with_another_request_is_422(world: World, viewer: Viewer) -> None:
    video, key = world.video(), new_key()
    viewer.start(video, key)
    answer = viewer.start(video, key, {"device": "another"})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "key_reused")
    # Another address is another call, with keys of its own.
    assert viewer.start(world.video("Metropolis"), key).status_code == 201


def test_a_key_belongs_to_one_session(world: World, viewer: Viewer) -> None:
    video, key = world.video(), new_key()
    first = viewer.start(video, key).get_json()["playback_id"]
    bob = Viewer(world, "bob").start(video, key)
    assert (bob.status_code, bob.get_json()["playback_id"] == first) == (201, False)
    viewer.bearer = viewer.signed_in_again()
    assert viewer.start(video, key).get_json()["playback_id"] != first


@pytest.mark.parametrize("key", ["short", "x" * 129, "a key with spaces in it", '"0123456789abcdef', "ü" * 20])
def test_a_strange_key_is_400_and_nothing_runs(world: World, viewer: Viewer, key: str) -> None:
    answer = viewer.start(world.video(), None, **{"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key")
    assert playbacks(world) == 0


def test_after_an_error_the_same_key_runs_again(world: World, viewer: Viewer) -> None:
    video, key = world.video(status="waiting", duration_seconds=None), new_key()
    assert viewer.start(video, key).status_code == 409
    world.owner.execute("UPDATE videos SET status = 'ready', duration_seconds = 60")
    assert viewer.start(video, key).status_code == 201


def test_a_repeat_while_the_first_runs_is_409(world: World, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    video, key = world.video(), new_key()
    reached, go = threading.Event(), threading.Event()
    grant = leases.Leases.grant

    def waiting(*args: Any, **kwargs: Any) -> Any:
        reached.set()
        assert go.wait(10)
        return grant(*args, **kwargs)

    monkeypatch.setattr(leases.Leases, "grant", waiting)
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(viewer.start(video, key)))
    thread.start()
    assert reached.wait(10)
    second = viewer.start(video, key)
    go.set()
    thread.join(10)
    assert (second.status_code, second.get_json()["code"]) == (409, "repeat_running")
    assert int(second.headers["Retry-After"]) > 0
    assert first[0].status_code == 201
    assert viewer.start(video, key).data == first[0].data
    assert playbacks(world) == 1


def test_a_store_that_is_away_stops_no_call(world: World, viewer: Viewer, redis_cache: RedisServer) -> None:
    video = world.video()
    redis_cache.stop()
    assert [viewer.start(video, "k" * 16).status_code for _ in range(2)] == [201, 201]
    assert playbacks(world) == 2


def test_what_is_kept_tells_nobody_who_called_or_what_was_sent(
    world: World, viewer: Viewer, redis_cache: RedisServer
) -> None:
    viewer.start(world.video(), key := new_key(), {"device": "a secret word"})
    client = redis_cache.client()
    kept = {name: client.get(name) for name in client.keys("ks:repeat:*")}
    assert len(kept) == 1
    text = repr(kept)
    assert key not in text
    assert viewer.user.id.hex not in text
    assert "secret word" not in text
    assert 86_000 < client.ttl(next(iter(kept))) <= 86_400


def test_calls_that_answer_credentials_are_never_kept(world: World) -> None:
    marked = {name for name, view in world.api_app.view_functions.items() if hasattr(view, "is_repeatable")}
    assert "grants.start_playback" in marked
    assert not {name for name in marked if name.startswith(("auth.", "invitations.", "people.", "devices."))}


def kept_bytes(cache: RedisServer) -> int:
    client = cache.client()
    return sum(client.strlen(name) for name in client.keys("ks:repeat:*"))


def test_answers_that_are_kept_for_one_user_are_bounded_however_many_sessions_ask(
    world: World, redis_cache: RedisServer
) -> None:
    world.with_settings(repeat_bytes_per_caller=5000, streams_per_user=0, streams_per_session=0)
    viewer, video = Viewer(world), world.video()
    keys = [new_key() for _ in range(30)]
    for number, key in enumerate(keys):
        if number % 10 == 9:
            viewer.bearer = viewer.signed_in_again()
        assert viewer.start(video, key).status_code == 201
    assert 3000 < kept_bytes(redis_cache) <= 5000
    # A repeat of what was not kept runs again, as it would without a key.
    assert "Idempotency-Replayed" not in viewer.start(video, keys[-1]).headers
    other = Viewer(world, "bob")
    first, again = (other.start(video, keys[0]) for _ in range(2))
    assert (first.data, again.headers["Idempotency-Replayed"]) == (again.data, "true"), "another user has no room"


def test_nobody_pushes_the_count_of_wrong_passwords_out_of_a_full_cache(world: World, redis_cache: RedisServer) -> None:
    world.with_settings(login_failures_per_account_and_address=3, streams_per_user=0, streams_per_session=0)
    viewer, _ = Viewer(world), world.user("bob")
    assert [login(world, "bob", password="wrong password").status_code for _ in range(4)] == [401, 401, 401, 429]
    cache, video = redis_cache.client(), world.video()
    cache.config_set("maxmemory-policy", "allkeys-lru")
    cache.config_set("maxmemory", cache.info("memory")["used_memory"] + 500_000)
    try:
        full = 0
        while not cache.info("stats")["evicted_keys"] and full < 100:
            # Titles in the cache, as whoever reads the library puts them there.
            cache.set(f"ks:title:{full}", "x" * 20_000)
            full += 1
        for number in range(60):
            cache.set(f"ks:title:again:{number}", "x" * 20_000)
            assert viewer.start(video, new_key()).status_code == 201
        assert cache.info("stats")["evicted_keys"] > 30
        assert login(world, "bob").status_code == 429, "the guesser has made room for more guesses"
    finally:
        cache.config_set("maxmemory", 0)
        cache.config_set("maxmemory-policy", "noeviction")
        cache.config_resetstat()
