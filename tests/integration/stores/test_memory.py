"""What one session and one address can make the live Redis keep. It drops nothing by itself: all is bounded."""

from typing import Any

import pytest

from testbed.services.world import Asker, World

CALLS = 2000
ADDRESS = {"X-Real-IP": "192.0.2.66"}


class Guest:
    """Somebody without an account, at one address."""

    def __init__(self, world: World) -> None:
        self.world, self.playing = world, ""
        answer = world.client().post("/api/v1/auth/guest", json={}, headers=ADDRESS)
        assert answer.status_code == 200, answer.get_json()
        self.headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}", **ADDRESS}

    def start_another(self, video: str) -> str:
        """Start the title in place of what plays; what played."""
        body = {"device": "n" * 200} | ({"replace": self.playing} if self.playing else {})
        answer = self.world.client().post(f"/api/v1/videos/{video}/playback", json=body, headers=self.headers)
        assert answer.status_code == 201, answer.get_json()
        before, self.playing = self.playing, answer.get_json()["playback_id"]
        return before

    def leave(self) -> None:
        assert self.world.client().post("/api/v1/auth/logout", headers=self.headers).status_code == 204


def used(world: World) -> int:
    """Bytes that Redis has taken: keys, values, and what it needs to find them."""
    return int(world.redis_live.client().info("memory")["used_memory"])


def keys(world: World) -> dict[str, int]:
    """How many keys there are, by their second word: evidence."""
    found: dict[str, int] = {}
    for key in world.redis_live.client().scan_iter(count=1000):
        word = key.decode().split(":")[1]
        found[word] = found.get(word, 0) + 1
    return found


def test_a_guest_who_replaces_what_plays_all_the_time_takes_no_more_than_at_first(
    world: World, record_property: Any
) -> None:
    video = world.video(visibility="public")
    guest = Guest(world)
    for _ in range(100):
        guest.start_another(video)
    before = used(world)
    for _ in range(CALLS):
        guest.start_another(video)
    grown = used(world) - before
    record_property("bytes", grown)
    assert grown < 64 * 1024, (grown / CALLS, keys(world))
    assert keys(world)["playback"] <= world.api_settings.ended_playbacks_per_session + 1
    # What is left of one is small, and what was left of the rest is not needed.
    ended = max(world.redis_live.client().memory_usage(key) for key in world.redis_live.client().keys("ks:playback:*"))
    assert ended < 400


def test_links_of_playbacks_that_ended_long_ago_stay_dead_and_fill_nothing(world: World) -> None:
    most = world.with_settings(ended_playbacks_per_session=4).api_settings.ended_playbacks_per_session
    video = world.video(visibility="public")
    guest, ask = Guest(world), Asker(world.authz_app)
    old = [guest.start_another(video) for _ in range(20)][1:]
    for _ in range(3):
        for playback in old:
            answer = ask.signed(video, playback, real_ip=ADDRESS["X-Real-IP"])
            assert (answer.status_code, answer.headers["X-Deny"]) == (403, "gone")
    assert ask.signed(video, guest.playing).status_code == 204
    assert keys(world)["playback"] <= most + 1


def test_what_was_granted_and_never_used_is_forgotten_soon_and_can_still_be_used(world: World) -> None:
    world.with_settings(streams_per_user=0, streams_per_session=0)
    settings = world.api_settings
    video = world.video(visibility="public")
    guest, live = Guest(world), world.redis_live.client()
    guest.start_another(video)
    life = live.ttl(f"ks:playback:{guest.playing}")
    assert life <= settings.lease_pending_seconds + settings.ended_playback_seconds
    live.delete(f"ks:playback:{guest.playing}")
    assert Asker(world.authz_app).signed(video, guest.playing).status_code == 204


@pytest.mark.parametrize("rounds", [12])
def test_guests_who_come_and_go_at_one_address_leave_little_behind(world: World, rounds: int) -> None:
    video = world.video(visibility="public")
    before = used(world)
    for _ in range(rounds):
        guest = Guest(world)
        for _ in range(60):
            guest.start_another(video)
        guest.leave()
    # 60 of them can come in a minute (login_calls_per_minute), and what they leave is gone after two.
    each = (used(world) - before) / rounds
    assert each < 16 * 1024, (each, keys(world))
