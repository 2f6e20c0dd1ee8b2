"""The decision cache: who may be answered from it, for how long, and what happens when authz is gone."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.edge import SENTINEL, VIDEO, Edge, link, problem
from tests.integration.scripted import Asked, Says, grants, refuses

HEADER = f"/stream/{VIDEO}/source.mp4"
FIRST_BYTES = "Range: bytes=0-28"
USERS = {"Bearer of-alice": "alice", "Bearer of-bob": "bob"}


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running() as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    return running.again()


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


def test_a_refusal_is_never_kept_whatever_its_headers_say(edge: Edge) -> None:
    target = link()
    with edge.connection() as connection:
        for status in (401, 403):
            edge.says(Says(status, {"Cache-Control": "max-age=60, stale-if-error=60", "WWW-Authenticate": "Bearer"}))
            assert connection.get(target, FIRST_BYTES).status == status
            edge.says(grants())
            assert connection.get(target, FIRST_BYTES).status == 206
            time.sleep(2)


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
