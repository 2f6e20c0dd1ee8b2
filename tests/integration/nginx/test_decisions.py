"""The decision cache: who may be answered from it, for how long, and what happens when authz is gone."""

import threading
import time

import pytest

from testbed.edge import SENTINEL, VIDEO, Edge, link, problem
from testbed.servers.nginx_server import PLAY_KEYS
from testbed.servers.scripted import Asked, Says, grants, refuses

HEADER = f"/stream/{VIDEO}/source.mp4"
FIRST_BYTES = "Range: bytes=0-28"
USERS = {"Bearer of-alice": "alice", "Bearer of-bob": "bob"}


def _by_token(asked: Asked) -> Says:
    user = USERS.get(asked.headers.get("authorization", "")) or USERS.get(asked.headers.get("cookie", ""))
    return grants(user=user) if user else Says(401, {"WWW-Authenticate": "Bearer"})


def test_a_decision_is_asked_once_a_second_on_a_connection(edge: Edge) -> None:
    target = link()
    with edge.connection() as connection:
        for _ in range(20):
            assert connection.get(target, FIRST_BYTES).status == 206
        # Expiry counts whole seconds of Nginx's clock, and one of them may end meanwhile.
        assert len(edge.authz.seen) in {1, 2}
        edge.authz.seen.clear()
        time.sleep(2)
        assert connection.get(target, FIRST_BYTES).status == 206
        assert len(edge.authz.seen) == 1


def test_two_users_and_a_stranger_on_one_connection_never_share_an_answer(edge: Edge) -> None:
    edge.says(_by_token)
    credentials = {
        "alice": "Authorization: Bearer of-alice", "bob": "Authorization: Bearer of-bob", "": "X-Nothing: 1",
        "a forger": "Authorization: Bearer of-alicf", "alice's cookie": "Cookie: Bearer of-alice",
        "another cookie": "Cookie: Bearer of-alice; x", "same prefix": "Cookie: __Host-ks=of-alice",
    }  # fmt: skip
    with edge.connection() as connection:
        for _ in range(40):
            for who, header in credentials.items():
                expected = 206 if who in {"alice", "bob", "alice's cookie"} else 401
                assert connection.get(HEADER, header, FIRST_BYTES).status == expected, who
    time.sleep(1.2)
    users = {line["user"] for line in edge.log("account") if line["door"] == "header"}
    assert users == {"alice", "bob"}


def test_the_key_holds_every_input(edge: Edge) -> None:
    """A yes to one question is no yes to its neighbours."""
    yes = link()
    edge.says(lambda asked: grants() if asked.headers["x-method"] == "GET" and _is_the_one(asked) else refuses())

    def _is_the_one(asked: Asked) -> bool:
        return asked.headers.get("x-playback-id") == "a1" * 16 and asked.headers["x-kind"] == "media:source"

    neighbours = [
        (link(playback="b2" * 16), "GET"), (link("poster.jpg"), "GET"), (link("v360-0a1b2c3d.mp4"), "GET"),
        (yes, "HEAD"), (HEADER, "GET"),
    ]  # fmt: skip
    with edge.connection() as connection:
        for _ in range(5):
            assert connection.get(yes, FIRST_BYTES).status == 206
            for target, method in neighbours:
                assert connection.get(target, FIRST_BYTES, method=method).status == 403, (target, method)


def test_every_connection_is_asked_for(edge: Edge) -> None:
    target = link()
    for _ in range(5):
        assert edge.get(target, FIRST_BYTES).status == 206
    connections = {asked.headers["x-conn"] for asked in edge.authz.seen}
    assert len(connections) == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_kept_only_where_authz_says_so(edge: Edge, status: int) -> None:
    target = link()
    with edge.connection() as connection:
        for more in ({}, {"Cache-Control": "no-store"}):
            edge.says(Says(status, {"WWW-Authenticate": "Bearer", **more}))
            assert connection.get(target, FIRST_BYTES).status == status
            edge.says(grants())
            assert connection.get(target, FIRST_BYTES).status == 206
            time.sleep(2)
        edge.says(Says(status, {"WWW-Authenticate": "Bearer", "X-Deny": "gone", "Cache-Control": "max-age=1"}))
        assert connection.get(target, FIRST_BYTES).status in {401, 410}
        edge.says(grants())
        time.sleep(2)
        assert connection.get(target, FIRST_BYTES).status == 206


@pytest.mark.parametrize("status", [401, 403])
def test_a_connection_that_was_refused_stays_out_when_authz_dies(edge: Edge, status: int) -> None:
    """The no takes the place of the yes before it, which would have been good for 30 s more (reproduced)."""
    target = link()
    with edge.connection() as connection:
        assert connection.get(target, FIRST_BYTES).status == 206
        time.sleep(2)
        edge.says(Says(status, {"WWW-Authenticate": "Bearer", "X-Deny": "session", "Cache-Control": "max-age=1"}))
        assert connection.get(target, FIRST_BYTES).status == 401
        edge.says(Says(raw=b""))
        assert connection.get(target, FIRST_BYTES).status in {401, 503}
        time.sleep(2)
        assert connection.get(target, FIRST_BYTES).status == 503


BAD = {
    "closed": Says(raw=b""),
    "half a header": Says(raw=b"HTTP/1.0 204 No Content\r\nX-User-Id: u\r\nX-Pl"),
    "a broken header": Says(raw=b"HTTP/1.0 204 No Content\r\nX-User-Id: u\r\nX-Rate 1\x00\r\n\r\n"),
    "a header too long": Says(raw=b"HTTP/1.0 204 No Content\r\nX-User-Id: u\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n"),
    "an endless header": Says(raw=b"HTTP/1.0 204 No Content\r\n" + b"X-A: b\r\n" * 9000),
}
# Whole answers, of which none is in the contract: who was watching is not covered, since authz is there.
STRANGE = {
    "nonsense": Says(raw=b"nonsense\r\n\r\n"),
    "200": Says(200, {}, b"{}"),
    "200 with a user": Says(200, {"X-User-Id": "u", "X-Playback-Id": "p"}, b"{}"),
    "206 with a user": Says(206, {"X-User-Id": "u"}, b"x"),
    "204 without a user": Says(204),
    "204 with junk": Says(204, {"X-User": "u", "Set-Cookie": "a=b", "X-Accel-Redirect": "/index.html"}),
    "302": Says(302, {"Location": "/", "X-User-Id": "u"}),
    "500": Says(500, {"X-User-Id": "u"}),
    "503": Says(503),
}


@pytest.mark.parametrize("bad", BAD)
def test_an_answer_that_is_none_denies_newcomers_and_spares_who_was_watching(edge: Edge, bad: str) -> None:
    target = link()
    with edge.connection() as watching:
        assert watching.get(target, FIRST_BYTES).status == 206
        edge.says(BAD[bad])
        time.sleep(2)
        assert watching.get(target, FIRST_BYTES).body == SENTINEL
        for newcomer in (HEADER, link(playback="b2" * 16)):
            answer = edge.get(newcomer, FIRST_BYTES)
            assert (answer.status, problem(answer)["code"]) == (503, "busy")
            assert SENTINEL[:8] not in answer.body


@pytest.mark.parametrize("strange", STRANGE)
def test_an_answer_outside_the_contract_lets_nobody_in(edge: Edge, strange: str) -> None:
    edge.says(STRANGE[strange])
    with edge.connection() as connection:
        for _ in range(2):
            for target in (link(), HEADER):
                answer = connection.get(target, FIRST_BYTES)
                assert (answer.status, problem(answer)["code"]) == (503, "busy")
                assert SENTINEL[:8] not in answer.body
                assert connection.get(target, method="HEAD").status == 503


def _reloaded(edge: Edge) -> None:
    """Reload, and wait for the last worker of before: it may still take a connection."""
    before = set(edge.nginx.workers())
    edge.nginx.reload()
    deadline = time.monotonic() + 10
    while before & set(edge.nginx.workers()):
        assert time.monotonic() < deadline, "an old worker does not end"
        time.sleep(0.02)


def test_keys_change_under_a_running_playback(edge: Edge) -> None:
    """The MAC is looked at before the cache: a decision never outlives the key that its link was made with."""
    of_first, of_second = link(kid="k1"), link(kid="k2")
    keys = edge.nginx.folder / "conf/kinetoscope/play-keys.conf"
    before = keys.read_text()
    with edge.connection() as first, edge.connection() as second:
        assert first.get(of_first, FIRST_BYTES).status == second.get(of_second, FIRST_BYTES).status == 206
        try:
            keys.write_text(before.replace('"k1"', '"k9"'))
            _reloaded(edge)
            asked = len(edge.authz.seen)
            assert edge.get(of_first, FIRST_BYTES).status == 403, "the key is gone"
            assert edge.get(link(kid="k1", secret=""), FIRST_BYTES).status == 403, "and no empty one took its place"
            assert len(edge.authz.seen) == asked, "refused before anybody was asked"
            assert edge.get(of_second, FIRST_BYTES).status == 206
            keys.write_text(before.replace(PLAY_KEYS["k1"], "another-secret-under-the-same-name-0123456"))
            _reloaded(edge)
            assert edge.get(of_first, FIRST_BYTES).status == 403, "another secret under the same kid"
            made_anew = link(kid="k1", secret="another-secret-under-the-same-name-0123456")
            assert edge.get(made_anew, FIRST_BYTES).status == 206
        finally:
            keys.write_text(before)
            _reloaded(edge)
    assert edge.get(of_first, FIRST_BYTES).status == 206


def test_a_yes_without_words_on_caching_lives_a_second_and_is_never_stale(edge: Edge) -> None:
    edge.says(Says(204, {"X-User-Id": "u", "X-Playback-Id": "p"}))
    target = link()
    with edge.connection() as connection:
        assert connection.get(target, FIRST_BYTES).status == 206
        edge.says(Says(500))
        time.sleep(2)
        assert connection.get(target, FIRST_BYTES).status == 503


def test_a_revocation_reaches_the_next_request_within_two_seconds(edge: Edge) -> None:
    target = link()
    with edge.connection() as connection:
        assert connection.get(target, FIRST_BYTES).status == 206
        edge.says(refuses("gone"))
        time.sleep(2)
        assert problem(connection.get(target, FIRST_BYTES))["code"] == "gone"


def test_with_authz_dead_who_was_watching_goes_on_and_newcomers_get_503(edge: Edge) -> None:
    target = link()
    with edge.connection() as watching:
        assert watching.get(target, FIRST_BYTES).status == 206
        path = edge.authz.path
        path.rename(path.with_suffix(".away"))
        try:
            time.sleep(2)
            assert watching.get(target, FIRST_BYTES).body == SENTINEL
            for other in (HEADER, link("poster.jpg"), link(playback="b2" * 16)):
                newcomer = watching.get(other, FIRST_BYTES)
                assert newcomer.status == 503
                assert int(newcomer.header("Retry-After") or 0) > 0
            assert problem(edge.get(target, FIRST_BYTES))["status"] == 503
        finally:
            path.with_suffix(".away").rename(path)
        assert edge.get(target, FIRST_BYTES).status == 206


def test_with_authz_hanging_who_was_watching_goes_on_and_newcomers_get_503(edge: Edge) -> None:
    target, released = link(), threading.Event()
    try:
        with edge.connection() as watching:
            assert watching.get(target, FIRST_BYTES).status == 206
            time.sleep(2)
            edge.says(Says(204, {"X-User-Id": "u"}, after=released))
            started = time.monotonic()
            assert watching.get(target, FIRST_BYTES).status == 206
            assert edge.get(HEADER, FIRST_BYTES).status == 503
            assert time.monotonic() - started < 9, "3 seconds each: proxy_read_timeout"
    finally:
        released.set()


@pytest.mark.timeout(60)
def test_the_grace_of_a_decision_ends_after_30_seconds(edge: Edge) -> None:
    """With 4 s in place of 30: the number is authz's, not Nginx's."""
    edge.says(grants(**{"Cache-Control": "max-age=1, stale-if-error=4"}))
    target = link()
    with edge.connection() as watching:
        assert watching.get(target, FIRST_BYTES).status == 206
        edge.says(Says(raw=b""))
        time.sleep(2)
        assert watching.get(target, FIRST_BYTES).status == 206
        time.sleep(5)
        assert watching.get(target, FIRST_BYTES).status == 503


def test_the_cache_is_readable_for_nobody_else(edge: Edge) -> None:
    edge.get(link(), FIRST_BYTES)
    folder = edge.nginx.folder / "run/decisions"
    assert folder.stat().st_mode & 0o077 == 0


REAL_ADDRESS = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;"


def test_behind_a_reverse_proxy_the_connection_is_the_proxys_and_the_address_the_viewers() -> None:
    """The socket is what can be cut, and the viewer is who is counted."""
    with Edge.running(more=lambda _: REAL_ADDRESS) as edge, edge.connection() as connection:
        for address in ("192.0.2.50", "192.0.2.51"):
            assert connection.get(link(), f"X-Forwarded-For: {address}", "Range: bytes=0-0").status == 206
        port = connection.local_port
        asked = [(each.headers["x-real-ip"], each.headers["x-conn"].split()[1:]) for each in edge.authz.seen]
        peer = ["127.0.0.1", str(port)]
        assert asked == [("192.0.2.50", peer), ("192.0.2.51", peer)], (
            "of one connection, and never one's answer for both"
        )
        log = edge.nginx.folder / "run/answers.log"
        deadline = time.monotonic() + 5
        while log.read_text().count("\n") < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        lines = [line for line in log.read_text().splitlines() if line.startswith("+")]
        assert [line.split()[3:6] for line in lines] == [[*peer, "192.0.2.50"], [*peer, "192.0.2.51"]]
        assert {(line["client"], line["port"]) for line in edge.log("account")} == {("127.0.0.1", port)}


def test_a_beginning_is_told_before_the_answer_and_its_end_after_it_also_from_the_cache(edge: Edge) -> None:
    log = edge.nginx.folder / "run/answers.log"
    before = log.read_text().count("\n")
    with edge.connection() as connection:
        ids = [str(connection.get(link(), "Range: bytes=0-0").header("X-Request-Id")) for _ in range(3)]
        # Let in, and over in another place of Nginx.
        ids.append(str(connection.get(link(), "Range: bytes=99999999-").header("X-Request-Id")))
    assert len(edge.authz.seen) < 4, "the cache has answered"
    deadline = time.monotonic() + 5
    while log.read_text().count("\n") < before + 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [line.split()[0] for line in log.read_text().splitlines()[before:]]
    assert lines == [line for each in ids for line in (f"+{each}", f"-{each}")]
