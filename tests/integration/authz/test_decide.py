"""The decision endpoint: every status, for each door and kind, on real stores."""

import time
import uuid

import pytest

from authsvc.authz import Undecided
from authsvc.authz.decision import Gate
from authsvc.sessions import sessions
from testbed.services.world import PRIVATE_PEM, Asker, World, key_pair

LEASED = [("media:source", "GET"), ("media:720", "GET"), ("media:audio", "GET"), ("manifest", "GET")]
UNLEASED = [("picture", "GET"), ("text", "GET"), ("media:source", "HEAD"), ("manifest", "HEAD"), ("picture", "HEAD")]


@pytest.fixture
def ask(world: World) -> Asker:
    return Asker(world.authz_app)


def granted(world: World, token: str, video_id: str) -> str:
    response = world.client().post(f"/api/v1/videos/{video_id}/playback", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 201, response.text
    return str(response.get_json()["playback_id"])


def leases(world: World) -> int:
    return int(world.redis_live.client().zcard("ks:leases:box"))


@pytest.mark.parametrize(("kind", "method"), LEASED + UNLEASED)
def test_member_gets_every_kind_at_both_doors(world: World, ask: Asker, kind: str, method: str) -> None:
    alice, video = world.user("alice"), world.video()
    _, token = world.session(alice)
    playback = granted(world, token, video)
    response = ask.signed(video, playback, kind=kind, method=method)
    assert response.status_code == 204, response.headers
    assert dict(response.headers) == {
        "X-Playback-Id": playback,
        "X-User-Id": alice.id.hex,
        "X-Rate": "0",
        "Cache-Control": "max-age=1, stale-if-error=30",
    }
    response = ask.header(video, token, kind=kind, method=method)
    assert response.status_code == 204, response.headers
    opened = response.headers["X-Playback-Id"]
    assert (len(opened) == 32 and opened != playback) if (kind, method) in LEASED else opened == ""
    assert response.headers["X-User-Id"] == alice.id.hex
    assert ask(video, cookie=f"__Host-ks={token}", kind=kind, method=method).status_code == 204


def test_pictures_text_and_head_take_no_lease(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    for kind, method in UNLEASED:
        assert ask.header(video, token, kind=kind, method=method).status_code == 204
    assert leases(world) == 0
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (0,)
    assert ask.header(video, token).status_code == 204
    assert leases(world) == 1


@pytest.mark.parametrize(("kind", "method"), LEASED + UNLEASED)
def test_no_credentials_and_bad_ones_are_401(world: World, ask: Asker, kind: str, method: str) -> None:
    alice, video = world.user("alice"), world.video()
    _, token = world.session(alice)
    response = ask(video, kind=kind, method=method)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    for bad in (
        {"authorization": "Bearer nonsense"},
        {"authorization": f"Basic {token}"},
        {"authorization": f"Bearer {token[:-6]}AAAAAA"},
        {"authorization": "Bearer \xff"},
        {"authorization": f"Bearer {token}, Bearer {token}"},
        {"cookie": f"__Host-ks={token}; __Host-ks={token}"},
        {"cookie": "__Host-ks=a.b.c"},
        {"authorization": "Bearer nonsense", "cookie": f"__Host-ks={token}"},
        {"authorization": f"Bearer {world.token(alice, uuid.uuid4().hex)}"},
    ):
        response = ask(video, kind=kind, method=method, **bad)
        assert response.status_code == 401, bad
        assert "invalid_token" in response.headers["WWW-Authenticate"]
        assert response.headers["Cache-Control"] == "max-age=1"
    assert ask(video, kind=kind, method=method, cookie=f"__Host-ks-x={token}").status_code == 401


def test_token_of_another_key_or_another_user_is_401(world: World, ask: Asker) -> None:
    alice, bob, video = world.user("alice"), world.user("bob"), world.video()
    session_id, token = world.session(alice)
    from pydantic import SecretStr

    from authsvc.sessions.tokens import Issuer

    forged = Issuer(SecretStr(key_pair()[0]), "a1", 600).issue(alice.id.hex, session_id)
    assert ask.header(video, forged).status_code == 401
    swapped = Issuer(SecretStr(PRIVATE_PEM), "a1", 600).issue(bob.id.hex, session_id)
    assert ask.header(video, swapped).status_code == 401
    assert ask.header(video, token).status_code == 204


@pytest.mark.parametrize("door", ["signed", "header"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in ("door", "kind", "video_id", "method", "real_ip", "conn", "request_id")),
        ("door", "other"), ("kind", "media"), ("kind", "\xff"), ("video_id", "\xe9" * 32), ("video_id", "D" * 32),
        ("method", "PUT"), ("method", "\x80"), ("real_ip", "not an address"), ("real_ip", "\xff"), ("conn", "\xff"),
        ("request_id", "\xff"), ("playback_id", "\xff" * 32), ("playback_id", "zz"),
    ],
)  # fmt: skip
def test_malformed_question_is_403_without_a_reason(
    world: World, ask: Asker, door: str, name: str, value: str | None
) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    good: dict[str, str | None] = {"authorization": f"Bearer {token}", "door": door}
    if door == "signed":
        good["playback_id"] = granted(world, token, video)
    assert ask(video, **good).status_code == 204
    response = ask(video, **good | {name: value})
    assert response.status_code == 403
    assert "X-Deny" not in response.headers


@pytest.mark.parametrize(("kind", "method"), LEASED + UNLEASED)
def test_what_one_may_not_see_is_forbidden_at_both_doors(world: World, ask: Asker, kind: str, method: str) -> None:
    _, token = world.session(world.user("alice"))
    _, guest = world.session(world.user("ghost", role="guest"))
    members, public, hidden = world.video("members"), world.video("public", visibility="public"), world.video("gone")
    playback, of_hidden = granted(world, token, members), granted(world, token, hidden)
    world.owner.execute("UPDATE videos SET removed_at = now() WHERE id = %s", (hidden,))
    for video, who, status in (
        (members, token, 204),
        (members, guest, 403),
        (public, guest, 204),
        (hidden, token, 403),
        (uuid.uuid4().hex, token, 403),
    ):
        response = ask.header(video, who, kind=kind, method=method)
        assert response.status_code == status, (video, who)
        assert response.headers.get("X-Deny") == ("forbidden" if status == 403 else None)
    assert ask.signed(hidden, of_hidden, kind=kind, method=method).headers["X-Deny"] == "forbidden"
    swapped = ask.signed(public, playback, kind=kind, method=method)
    assert swapped.status_code == 403
    assert "X-Deny" not in swapped.headers, "a playback of another title has no reason"


@pytest.mark.parametrize("status", ["waiting", "broken"])
def test_title_that_is_not_ready_gives_no_media(world: World, ask: Asker, status: str) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video(status=status, status_reason="because")
    assert ask.header(video, token).headers["X-Deny"] == "forbidden"
    assert ask.header(video, token, kind="picture").status_code == 204


@pytest.mark.parametrize(("kind", "method"), LEASED + UNLEASED)
def test_ended_playback_is_gone(world: World, ask: Asker, kind: str, method: str) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    assert ask.signed(video, playback, kind=kind, method=method).status_code == 204
    ended = world.client().delete(f"/api/v1/playbacks/{playback}", headers={"Authorization": f"Bearer {token}"})
    assert ended.status_code == 204
    response = ask.signed(video, playback, kind=kind, method=method)
    assert (response.status_code, response.headers["X-Deny"]) == (403, "gone")
    world.redis_live.client().flushall()
    response = ask.signed(video, playback, kind=kind, method=method)
    assert (response.status_code, response.headers["X-Deny"]) == (403, "gone"), "after Redis was wiped"
    assert ask.signed(video, uuid.uuid4().hex, kind=kind, method=method).headers["X-Deny"] == "gone"


@pytest.mark.parametrize(("kind", "method"), LEASED + UNLEASED)
def test_ended_session_is_refused_at_both_doors(world: World, ask: Asker, kind: str, method: str) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    assert ask.signed(video, playback, kind=kind, method=method).status_code == 204
    assert ask.header(video, token, kind=kind, method=method).status_code == 204
    out = world.client().post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"})
    assert out.status_code == 204
    for wiped in (False, True):
        if wiped:
            world.redis_live.client().flushall()
        response = ask.signed(video, playback, kind=kind, method=method)
        assert (response.status_code, response.headers["X-Deny"]) == (403, "session"), wiped
        response = ask.header(video, token, kind=kind, method=method)
        assert (response.status_code, response.headers["X-Deny"]) == (401, "session"), wiped
    assert leases(world) == 0


def test_disabled_user_is_refused_once_the_user_is_in_doubt(world: World, ask: Asker) -> None:
    alice, video = world.user("alice"), world.video()
    _, token = world.session(alice)
    playback = granted(world, token, video)
    assert ask.signed(video, playback).status_code == 204
    world.owner.execute("UPDATE users SET is_active = false WHERE id = %s", (alice.id,))
    sessions.invalidate_user(world.redis_live.client(), alice.id)
    assert ask.signed(video, playback).headers["X-Deny"] == "session"
    assert ask.header(video, token).status_code == 401


def test_title_that_was_hidden_is_refused_once_it_is_in_doubt(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    assert ask.signed(video, playback).status_code == 204
    world.owner.execute("UPDATE videos SET removed_at = now() WHERE id = %s", (video,))
    assert ask.signed(video, playback).status_code == 204, "nobody has told yet"
    sessions.invalidate_video(world.redis_live.client(), uuid.UUID(video))
    assert ask.signed(video, playback).headers["X-Deny"] == "forbidden"


def test_lost_revocation_is_noticed_when_facts_are_no_longer_fresh(world: World) -> None:
    ask = Asker(world.with_settings(fresh_seconds=0.2).authz_app)
    alice, video = world.user("alice"), world.video()
    session_id, token = world.session(alice)
    assert ask.header(video, token).status_code == 204
    world.owner.execute("UPDATE sessions SET ended_at = now(), end_reason = 'x' WHERE id = %s", (session_id,))
    assert ask.header(video, token).status_code == 204
    time.sleep(0.3)
    assert ask.header(video, token).status_code == 401


def test_expired_session_goes_on_only_where_a_lease_is_held(world: World, ask: Asker) -> None:
    alice, video = world.user("alice"), world.video()
    _, token = world.session(alice, life_seconds=3)
    playback = granted(world, token, video)
    assert ask.signed(video, playback).status_code == 204
    time.sleep(3)
    assert ask.signed(video, playback).status_code == 204, "no time-out ends a running playback"
    assert ask.signed(video, playback, kind="text").status_code == 204
    assert ask.header(video, token).status_code == 401
    for key in ("ks:leases:box", f"ks:leases:user:{alice.id.hex}"):
        world.redis_live.client().delete(key)
    assert ask.signed(video, playback).headers["X-Deny"] == "session", "lapsed: that would be a new start"


def test_fourth_stream_is_refused_with_a_wait(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    for _ in range(3):
        assert ask.header(world.video(), token).status_code == 204
    fourth = world.video()
    response = ask.header(fourth, token)
    assert (response.status_code, response.headers["X-Deny"]) == (403, "streams")
    assert 1 <= int(response.headers["X-Retry-After"]) <= 60
    assert ask.header(fourth, token, kind="picture").status_code == 204, "a poster is not a stream"
    count = world.owner.execute("SELECT count(*) FROM playbacks").fetchone()
    assert count == (3,), "a refused start leaves a row"


def test_two_sessions_share_the_limit_of_their_user(world: World, ask: Asker) -> None:
    alice = world.user("alice")
    (_, phone), (_, tv) = world.session(alice), world.session(alice)
    _, other = world.session(world.user("bob"))
    for token in (phone, tv, phone):
        assert ask.header(world.video(), token).status_code == 204
    assert ask.header(world.video(), tv).headers["X-Deny"] == "streams"
    assert ask.header(world.video(), other).status_code == 204


def test_box_limit_counts_everybody(world: World) -> None:
    ask = Asker(world.with_settings(streams_per_box=2).authz_app)
    tokens = [world.session(world.user(name))[1] for name in ("alice", "bob", "charlie")]
    video = world.video()
    assert [ask.header(video, token).status_code for token in tokens] == [204, 204, 403]


def test_parallel_requests_of_one_player_are_one_stream(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    for kind in ["media:720", "media:audio", "manifest", "media:source"] * 50:
        assert ask.header(video, token, kind=kind).status_code == 204
    assert leases(world) == 1
    assert world.owner.execute("SELECT count(*) FROM playbacks").fetchone() == (1,)


def test_third_address_of_one_playback_is_shared(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    for address, status in (
        ("192.0.2.1", 204),
        ("2001:db8::1", 204),
        ("2001:db8::ffff", 204),
        ("192.0.2.3", 403),
        ("192.0.2.1", 204),
    ):
        response = ask.signed(video, playback, real_ip=address)
        assert response.status_code == status, address
        assert response.headers.get("X-Deny") == ("shared" if status == 403 else None)


def test_address_that_was_quiet_for_the_window_makes_room(world: World) -> None:
    ask = Asker(world.with_settings(addresses_window_seconds=0.3).authz_app)
    _, token = world.session(world.user("alice"))
    video = world.video()
    for address in ("192.0.2.1", "192.0.2.2"):
        assert ask.header(video, token, real_ip=address).status_code == 204
    assert ask.header(video, token, real_ip="192.0.2.3").headers["X-Deny"] == "shared"
    time.sleep(0.35)
    assert ask.header(video, token, real_ip="192.0.2.3").status_code == 204


def test_rate_of_the_role_travels_with_the_answer(world: World) -> None:
    ask = Asker(world.with_settings(stream_rate={"guest": 250_000}).authz_app)
    video = world.video(visibility="public")
    for role, rate in (("guest", "250000"), ("user", "0")):
        _, token = world.session(world.user(role, role=role))
        assert ask.header(video, token).headers["X-Rate"] == rate


def test_stopped_header_playback_stays_out_for_a_while(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    _, boss = world.session(world.user("boss", role="admin"))
    video, other = world.video(), world.video()
    playback = ask.header(video, token).headers["X-Playback-Id"]
    stopped = world.client().delete(f"/api/v1/admin/streams/{playback}", headers={"Authorization": f"Bearer {boss}"})
    assert stopped.status_code == 204
    assert ask.header(video, token).headers["X-Deny"] == "gone"
    assert ask.header(other, token).status_code == 204, "only that title"
    world.redis_live.client().delete(*world.redis_live.client().keys("ks:barred:*"))
    assert ask.header(video, token).status_code == 204, "after the ban"


def test_other_paths_and_methods_are_refused(world: World, ask: Asker) -> None:
    _, token = world.session(world.user("alice"))
    headers = ask.headers(world.video(), authorization=f"Bearer {token}")
    client = world.authz_app.test_client()
    assert client.get("/decide", headers=headers).status_code == 204
    for method, path in (("POST", "/decide"), ("PUT", "/decide"), ("GET", "/decide/"), ("GET", "/"), ("GET", "/x")):
        response = client.open(path, method=method, headers=headers)
        assert (response.status_code, response.data) == (403, b"")
        assert "X-Deny" not in response.headers


def test_fault_is_no_answer_at_all(world: World, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    assert ask.header(video, token).status_code == 204

    def broken(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(Gate, "_with_live", broken)
    with pytest.raises(Undecided):
        ask.header(video, token)


def test_refusals_that_are_verdicts_take_the_place_of_a_yes_in_nginx(world: World, ask: Asker) -> None:
    """Those may be kept for a second, the others not at all; none may be stale."""
    _, token = world.session(world.user("alice"))
    video = world.video()
    playback = granted(world, token, video)
    assert world.client().delete(f"/api/v1/playbacks/{playback}", headers={"Authorization": f"Bearer {token}"})
    gone = ask.signed(video, playback)
    assert (gone.headers["X-Deny"], gone.headers["Cache-Control"]) == ("gone", "max-age=1")
    forbidden = ask.header(uuid.uuid4().hex, token)
    assert (forbidden.headers["X-Deny"], forbidden.headers["Cache-Control"]) == ("forbidden", "max-age=1")
    assert ask(video).headers["Cache-Control"] == "no-store"
    for _ in range(3):
        ask.header(world.video(), token)
    streams = ask.header(world.video(), token)
    assert (streams.headers["X-Deny"], streams.headers["Cache-Control"]) == ("streams", "no-store")


def test_two_users_never_get_each_others_answer(world: World, ask: Asker) -> None:
    video = world.video()
    people = [(user, world.session(user)[1]) for user in (world.user("alice"), world.user("bob"))]
    for _ in range(20):
        for user, token in people:
            assert ask.header(video, token).headers["X-User-Id"] == user.id.hex
        assert ask(video).status_code == 401
