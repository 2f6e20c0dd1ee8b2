"""Leases: limits are exact, under races too; a lease is kept as long as it should and no longer."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from authsvc.settings import ApiSettings
from authsvc.stores import live
from authsvc.stores.live import Script
from authsvc.watching.leases import Leases, LimitReached
from authsvc.watching.playbacks import Playback
from testbed.servers.redis_server import RedisServer
from testbed.services.world import PLAY_SECRET, PRIVATE_PEM, PUBLIC_PEM, Asker, World


def leases_with(redis_live: RedisServer, **overrides: object) -> Leases:
    settings = ApiSettings(
        **{
            "access_jwt_public": {"a1": PUBLIC_PEM},
            "access_jwt_private": PRIVATE_PEM,
            "play_keys": {"current": "k1", "keys": {"k1": PLAY_SECRET}},
            # Many threads on a busy machine: the bound on waiting is not under test here.
            "redis_timeout_seconds": 10,
            **overrides,
        }
    )
    client = live.connect(redis_live.url, timeout_seconds=10, username=None, password=None)
    return Leases(client, settings)


def playback(user: uuid.UUID | None = None, session: uuid.UUID | None = None) -> Playback:
    return Playback(uuid.uuid4(), session or uuid.uuid4(), user or uuid.uuid4(), uuid.uuid4())


def sets(redis_live: RedisServer) -> dict[str, set[str]]:
    client = redis_live.client()
    return {
        key.decode(): {member.decode() for member in client.zrange(key, 0, -1)} for key in client.keys("ks:leases:*")
    }


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_thousand_racing_starts_admit_exactly_the_limit(redis_live: RedisServer, limit: int) -> None:
    leases = leases_with(redis_live, streams_per_user=limit, streams_per_session=0)
    user = uuid.uuid4()
    threads, each = 25, 40
    barrier = threading.Barrier(threads)

    waits: list[float] = []

    def race() -> int:
        admitted = 0
        barrier.wait()
        for _ in range(each):
            try:
                leases.grant(playback(user))
                admitted += 1
            except LimitReached as refusal:
                waits.append(refusal.retry_after_seconds)
        return admitted

    with ThreadPoolExecutor(threads) as pool:
        admitted = sum(future.result() for future in [pool.submit(race) for _ in range(threads)])
    assert admitted == limit
    assert len(waits) == 1000 - limit
    assert 0 < min(waits) <= max(waits) <= 30
    found = sets(redis_live)
    assert len(found["ks:leases:box"]) == len(found[f"ks:leases:user:{user.hex}"]) == limit
    assert sum(len(members) for key, members in found.items() if ":session:" in key) == limit


def test_racing_first_requests_at_the_header_door_admit_exactly_the_limit(world: World) -> None:
    """Whole decisions, each for another title: rows in PostgreSQL and leases in Redis agree."""
    world.with_settings(redis_timeout_seconds=10, database_wait_seconds=10, addresses_per_playback=0)
    app = world.authz_app
    _, token = world.session(world.user("alice"))
    videos = [world.video() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda video: Asker(app).header(video, token).status_code, videos))
    assert sorted(set(statuses)) == [204, 403]
    assert statuses.count(204) == 3
    assert world.redis_live.client().zcard("ks:leases:box") == 3


def test_limits_are_all_or_nothing(redis_live: RedisServer) -> None:
    leases = leases_with(redis_live, streams_per_user=5, streams_per_session=5, streams_per_box=2)
    user, session = uuid.uuid4(), uuid.uuid4()
    leases.grant(playback(user, session))
    leases.grant(playback())
    before = sets(redis_live)
    with pytest.raises(LimitReached):
        leases.grant(playback(user, session))
    assert sets(redis_live) == before, "a refusal at the box left something in the user's or session's set"


def test_session_limit_is_its_own(redis_live: RedisServer) -> None:
    leases = leases_with(redis_live, streams_per_user=3, streams_per_session=1)
    user, session = uuid.uuid4(), uuid.uuid4()
    leases.grant(playback(user, session))
    with pytest.raises(LimitReached):
        leases.grant(playback(user, session))
    leases.grant(playback(user, uuid.uuid4()))


def test_viewer_seeking_ten_thousand_times_is_never_refused(world: World) -> None:
    """The script itself, as each seek asks it: at the limit, next to the user's other playbacks."""
    alice = world.user("alice")
    session_id, token = world.session(alice)
    ask = Asker(world.authz_app)
    videos = [world.video() for _ in range(3)]
    for video in videos:
        assert ask.header(video, token).status_code == 204
    decide = Script("decide")
    client = world.redis_live.client()
    arguments = ["header", "1", "", session_id, alice.id.hex, videos[0], "192.0.2.7"]
    limits = [3, 3, 3, 90_000, 900_000, 600_000, 2, 60_000, 12, 10_000, 22_500, 300]
    pipeline = client.pipeline(transaction=False)
    for serial in range(10_000):
        pipeline.evalsha(decide.digest, 0, *arguments, *limits, f"{serial} 192.0.2.7 {20_000 + serial}")
    verdicts = {reply[0] for reply in pipeline.execute()}
    assert verdicts == {b"ok"}
    assert client.zcard("ks:leases:box") == 3
    for _ in range(200):
        assert ask.header(videos[0], token).status_code == 204


def test_replacing_one_makes_room_for_another_in_one_step(redis_live: RedisServer) -> None:
    leases = leases_with(redis_live)
    user, session = uuid.uuid4(), uuid.uuid4()
    running = [playback(user, session) for _ in range(3)]
    for one in running:
        leases.grant(one)
    with pytest.raises(LimitReached):
        leases.grant(playback(user, session))
    new = playback(user, session)
    leases.grant(new, replaces=running[0])
    held = {lease.playback_id for lease in leases.of_user(user.hex)}
    assert held == {running[1].id.hex, running[2].id.hex, new.id.hex}
    assert redis_live.client().hget(f"ks:playback:{running[0].id.hex}", "ended") == b"replaced"


def test_refused_replacement_ends_nothing(redis_live: RedisServer) -> None:
    """The box is full with others: replacing one's own lapsed playback does not help, and nothing is lost."""
    leases = leases_with(redis_live, streams_per_box=2)
    mine = playback()
    for _ in range(2):
        leases.grant(playback())
    before = sets(redis_live)
    with pytest.raises(LimitReached):
        leases.grant(playback(mine.user_id, mine.session_id), replaces=mine)
    assert sets(redis_live) == before
    assert not redis_live.client().exists(f"ks:playback:{mine.id.hex}")


def test_racing_replacements_of_the_same_playback_stay_within_the_limit(redis_live: RedisServer) -> None:
    leases = leases_with(redis_live)
    user, session = uuid.uuid4(), uuid.uuid4()
    running = [playback(user, session) for _ in range(3)]
    for one in running:
        leases.grant(one)

    def race(_: int) -> int:
        try:
            leases.grant(playback(user, session), replaces=running[0])
        except LimitReached:
            return 0
        return 1

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(race, range(50))) == 1
    assert len(leases.of_user(user.hex)) == 3


def test_pending_lapses_unless_it_is_used(world: World) -> None:
    world.with_settings(lease_pending_seconds=0.4, lease_idle_seconds=30)
    ask = Asker(world.authz_app)
    _, token = world.session(world.user("alice"))
    video = world.video()
    bearer = {"Authorization": f"Bearer {token}"}

    def grant() -> str:
        return str(world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).get_json()["playback_id"])

    used, unused = grant(), grant()
    assert ask.signed(video, used).status_code == 204
    time.sleep(0.5)
    box = world.redis_live.client()
    assert Leases(box, world.api_settings).of_box()[0].playback_id == used
    assert len(Leases(box, world.api_settings).of_box()) == 1
    assert ask.signed(video, unused).status_code == 204, "a lapsed one may start again while there is room"


def test_states_of_a_playback(world: World) -> None:
    world.with_settings(lease_idle_seconds=1.2, lease_paused_seconds=3, heartbeat_seconds=1)
    ask = Asker(world.authz_app)
    _, token = world.session(world.user("alice"))
    video = world.video()
    bearer = {"Authorization": f"Bearer {token}"}
    leases = Leases(world.redis_live.client(), world.api_settings)

    def states() -> list[str]:
        return [lease.state for lease in leases.of_box()]

    def beat(state: str) -> int:
        body = {"position_seconds": 1, "state": state}
        return world.client().post(f"/api/v1/playbacks/{one}/heartbeat", json=body, headers=bearer).status_code

    one = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).get_json()["playback_id"]
    assert states() == ["pending"]
    assert ask.signed(video, one).status_code == 204
    assert states() == ["streaming"]
    assert beat("paused") == 204
    assert states() == ["paused"]
    for _ in range(2):
        time.sleep(0.9)
        assert beat("paused") == 204
    assert states() == ["paused"], "beyond the idle time a paused one keeps its lease"
    time.sleep(0.9)
    assert beat("paused") == 204
    time.sleep(0.5)
    assert states() == [], "the pause is counted from its beginning, however often it is repeated"
    assert beat("playing") == 204
    assert states() == [], "a heartbeat never starts a lapsed one"
    assert ask.signed(video, one).status_code == 204
    assert states() == ["streaming"]
    time.sleep(1.3)
    assert states() == []


def test_a_viewer_that_vanished_while_paused_frees_the_slot(world: World) -> None:
    world.with_settings(lease_pending_seconds=1, lease_idle_seconds=1, lease_paused_seconds=30)
    _, token = world.session(world.user("alice"))
    bearer = {"Authorization": f"Bearer {token}"}
    video = world.video()
    one = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).get_json()["playback_id"]
    assert Asker(world.authz_app).signed(video, one).status_code == 204
    world.client().post(
        f"/api/v1/playbacks/{one}/heartbeat", json={"position_seconds": 1, "state": "paused"}, headers=bearer
    )
    assert len(Leases(world.redis_live.client(), world.api_settings).of_box()) == 1
    time.sleep(1.2)
    assert Leases(world.redis_live.client(), world.api_settings).of_box() == []


def test_lapsed_lease_is_a_new_start_and_competes_for_a_slot(world: World) -> None:
    world.with_settings(lease_idle_seconds=0.5, streams_per_user=1)
    ask = Asker(world.authz_app)
    _, token = world.session(world.user("alice"))
    first, second = world.video(), world.video()
    assert ask.header(first, token).status_code == 204
    assert ask.header(second, token).headers["X-Deny"] == "streams"
    time.sleep(0.6)
    assert ask.header(second, token).status_code == 204
    assert ask.header(first, token).headers["X-Deny"] == "streams"


def test_deadlines_from_before_the_clock_was_set_back_are_clamped(redis_live: RedisServer) -> None:
    leases = leases_with(redis_live, streams_per_user=1, lease_idle_seconds=0.5)
    stuck, new = playback(), playback()
    new = Playback(new.id, new.session_id, stuck.user_id, new.video_id)
    leases.grant(stuck)
    client = redis_live.client()
    tomorrow = (time.time() + 86_400) * 1000
    for key in client.keys("ks:leases:*"):
        client.zadd(key, {stuck.id.hex: tomorrow})
    with pytest.raises(LimitReached):
        leases.grant(new)
    time.sleep(0.6)
    leases.grant(new)


def test_wiped_store_lets_watchers_go_on_and_limits_hold_again(world: World) -> None:
    ask = Asker(world.authz_app)
    _, token = world.session(world.user("alice"))
    videos = [world.video() for _ in range(3)]
    playbacks = [ask.header(video, token).headers["X-Playback-Id"] for video in videos]
    world.redis_live.client().flushall()
    again = [ask.header(video, token).headers["X-Playback-Id"] for video in videos]
    assert again == playbacks, "the same playbacks, from PostgreSQL"
    assert ask.header(world.video(), token).headers["X-Deny"] == "streams"


def test_everything_is_below_our_prefix_and_goes_away_by_itself(world: World) -> None:
    ask = Asker(world.authz_app)
    _, token = world.session(world.user("alice"))
    _, boss = world.session(world.user("boss", role="admin"))
    video = world.video()
    bearer = {"Authorization": f"Bearer {token}"}
    one = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer).get_json()["playback_id"]
    ask.signed(video, one)
    header = ask.header(video, token).headers["X-Playback-Id"]
    world.client().delete(f"/api/v1/admin/streams/{header}", headers={"Authorization": f"Bearer {boss}"})
    world.client().post("/api/v1/auth/logout", headers=bearer)
    client = world.redis_live.client()
    keys = client.keys("*")
    assert len(keys) > 5
    assert [key for key in keys if not key.startswith(b"ks:")] == []
    assert [key for key in keys if client.ttl(key) < 0] == [], "a key without an end"
