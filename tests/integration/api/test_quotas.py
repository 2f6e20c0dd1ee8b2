"""Quotas: every answer tells them, a call too many waits, and a counter that breaks stops nobody."""

import math
import re
import threading
import time
from typing import Any

import pytest

from authsvc.api.protocol import costs, limits
from authsvc.api.protocol.quotas import CallClass
from testbed.servers.redis_server import RedisServer
from testbed.services.devices import new_device
from testbed.services.sign_in import ME, login
from testbed.services.world import World

VIDEOS = "/api/v1/videos"


def left(response: Any) -> tuple[str, int, int]:
    """Class, calls left and seconds, as the answer tells them."""
    found = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    assert found, response.headers
    return found[1], int(found[2]), int(found[3])


def bearer(world: World, username: str = "alice") -> dict[str, str]:
    return {"Authorization": f"Bearer {world.session(world.user(username))[1]}"}


def test_every_answer_tells_the_quota_and_what_is_left_of_it(world: World) -> None:
    world.with_settings(general_calls_per_minute=10, streaming_calls_per_minute=7)
    headers = bearer(world)
    began = time.monotonic()
    first, second = (world.client().get(ME, headers=headers) for _ in range(2))
    missing = world.client().post(f"{VIDEOS}/{'0' * 32}/playback", headers=headers)
    passed = math.ceil(time.monotonic() - began)
    assert passed < 6, "a call has come back meanwhile"
    assert first.headers["RateLimit-Policy"] == '"general";q=10;w=60'
    assert missing.status_code == 404
    for answer, call_class, calls, seconds in (
        (first, "general", 9, 6), (second, "general", 8, 12), (missing, "streaming", 6, 9),
    ):  # fmt: skip
        assert left(answer)[:2] == (call_class, calls)
        assert seconds - passed < left(answer)[2] <= seconds
    assert missing.headers["RateLimit-Policy"] == '"streaming";q=7;w=60'


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", ME, 401), ("GET", "/api/v1/nowhere", 404), ("PUT", VIDEOS, 405), ("GET", "/api/openapi.json", 200)],
)
def test_refusals_tell_it_too(world: World, method: str, path: str, status: int) -> None:
    answer = world.client().open(path, method=method)
    assert (answer.status_code, left(answer)[0]) == (status, "general")


def test_probes_of_the_box_are_not_counted(world: World) -> None:
    world.with_settings(general_calls_per_minute=1)
    assert {world.client().get("/health").status_code for _ in range(5)} == {200}
    assert "RateLimit" not in world.client().get("/health").headers


def test_a_call_too_many_is_429_and_fits_again_after_the_wait_it_names(world: World) -> None:
    world.with_settings(general_calls_per_minute=12)
    headers = bearer(world)
    *allowed, refused = (world.client().get(ME, headers=headers) for _ in range(13))
    assert [answer.status_code for answer in allowed] == [200] * 12
    assert (refused.status_code, refused.get_json()["code"]) == (429, "rate_limited")
    assert left(refused)[1] == 0
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 5
    time.sleep(wait)
    assert world.client().get(ME, headers=headers).status_code == 200


def test_racing_calls_get_exactly_the_quota(world: World) -> None:
    world.with_settings(general_calls_per_minute=4)
    headers = bearer(world)
    world.client().get(ME, headers=headers)
    statuses: list[int] = []

    def call() -> None:
        statuses.extend(world.client().get(ME, headers=headers).status_code for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One call comes back every 15 seconds.
    assert statuses.count(200) in {3, 4}
    assert set(statuses) == {200, 429}


def test_a_quota_is_of_one_user_and_of_one_address(world: World) -> None:
    world.with_settings(general_calls_per_minute=2)
    alice, bob = bearer(world), bearer(world, "bob")
    assert [world.client().get(ME, headers=alice).status_code for _ in range(3)] == [200, 200, 429]
    assert world.client().get(ME, headers=bob).status_code == 200
    strangers = {"2001:db8::1": 401, "2001:db8::2": 401, "2001:db8::ffff:3": 429, "2001:db8:0:1::1": 401}
    for address, status in strangers.items():
        assert world.client().get(ME, headers={"X-Real-IP": address}).status_code == status, address


def test_signing_in_has_a_quota_of_its_own_and_guessing_tokens_has_one_too(world: World) -> None:
    world.with_settings(login_calls_per_minute=3, general_calls_per_minute=4)
    world.user("alice")
    assert [login(world).status_code for _ in range(4)] == [200, 200, 200, 429]
    forged = {"Authorization": "Bearer a.b.c"}
    assert [world.client().get(ME, headers=forged).status_code for _ in range(5)] == [401] * 4 + [429]


def test_counters_that_are_away_stop_nobody_and_are_left_alone(world: World, redis_cache: RedisServer) -> None:
    world.with_settings(general_calls_per_minute=1)
    headers = bearer(world)
    redis_cache.stop()
    answers = [world.client().get(ME, headers=headers) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[-1].headers
    assert world.api_app.extensions["kinetoscope"].quotas.failed_open == 5


def test_every_class_is_used_by_an_endpoint_or_awaits_its_topic(world: World) -> None:
    used = {limits.class_of(rule.endpoint) for rule in world.api_app.url_map.iter_rules()}
    assert used >= {CallClass.GENERAL, CallClass.LOGIN, CallClass.STREAMING}
    assert limits.class_of("auth.login") is CallClass.LOGIN
    assert limits.class_of("auth.refresh") is CallClass.GENERAL


def test_a_call_costs_as_much_as_it_asks_for(world: World) -> None:
    world.with_settings(general_calls_per_minute=300, streaming_calls_per_minute=300)
    user = world.user("alice")
    headers = {"Authorization": f"Bearer {world.session(user)[1]}"}

    def cost(path: str) -> range:
        """What a call may have cost: some of the quota comes back while the test runs."""
        began = time.monotonic()
        before = left(world.client().get(ME, headers=headers))[1]
        gone = before - left(world.client().get(path, headers=headers))[1]
        return range(gone, gone + math.ceil((time.monotonic() - began) * 300 / 60) + 1)

    asked = {"": 3, "?limit=1": 1, "?limit=19": 1, "?limit=20": 2, "?limit=100": 6, "?limit=x": 6}
    asked |= {"?limit=" + "9" * 5000: 6}
    for query, calls in asked.items():
        assert calls in cost(f"{VIDEOS}{query}"), query[:20]
    assert 10 in cost("/api/v1/playlists")
    assert 100 in cost("/api/v1/users/me/export")


def test_reading_a_long_list_in_a_loop_ends_at_the_quota(world: World) -> None:
    world.with_settings(general_calls_per_minute=60)
    alice = bearer(world)
    made = world.client().post("/api/v1/playlists", json={"name": "Long"}, headers=alice).get_json()["id"]
    loop = [world.client().get(f"/api/v1/playlists/{made}?limit=100", headers=alice).status_code for _ in range(12)]
    # One comes back every 6 s.
    assert 9 <= loop.count(200) <= 11
    assert 429 in loop


def test_what_players_ask_for_is_counted_for_their_address(world: World) -> None:
    world.with_settings(streaming_calls_per_minute=250)
    user = world.user("alice")
    _, token = new_device(world.owner, user.id)
    answers = [world.client().get(f"/play/{token}/library.m3u", buffered=True) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    elsewhere = {"X-Real-IP": "198.51.100.9"}
    assert world.client().get(f"/play/{token}/library.m3u", buffered=True, headers=elsewhere).status_code == 200


def test_costs_are_of_endpoints_that_exist_and_told_in_the_document(world: World) -> None:
    document = world.client().get("/api/openapi.json").get_json()
    told = {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}
    for endpoint, default in costs.LISTS.items():
        operation = told[endpoint.replace(".", "_")]
        (limit,) = (parameter for parameter in operation["parameters"] if parameter["name"] == "limit")
        assert (limit["schema"]["default"], limit["schema"]["maximum"]) == (default, 100), endpoint
        assert operation["x-cost"] == 1 + default // costs.ENTRIES_A_CALL
        assert operation["x-entries-a-call"] == costs.ENTRIES_A_CALL
    for endpoint, calls in costs.OTHERS.items():
        assert told[endpoint.replace(".", "_")]["x-cost"] == calls
    with_limit = {
        name
        for name, operation in told.items()
        if any(parameter.get("name") == "limit" for parameter in operation.get("parameters", []))
    }
    assert with_limit == {endpoint.replace(".", "_") for endpoint in costs.LISTS}, "a list that costs one call"
