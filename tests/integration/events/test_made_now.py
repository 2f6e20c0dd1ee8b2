"""What is made while it is watched, through Nginx with the real services: who waits, for how long, and what they hear.

There is no worker here: a test puts the files where one does.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from testbed.viewers.http1 import Answer
from testbed.waiting import eventually

WAIT_SECONDS, ASK_SECONDS = 2.0, 0.2
CONTENT = secrets.token_bytes(200_000)
QUICKLY = {"instant_wait_seconds": WAIT_SECONDS, "instant_ask_seconds": ASK_SECONDS}


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    with Stack.running(postgres, settings=QUICKLY) as running:
        yield running


@pytest.fixture(scope="module")
def patient(postgres: PostgresServer) -> Iterator[Stack]:
    """Where no wait ends by itself before a test does."""
    with Stack.running(postgres, settings=QUICKLY | {"instant_wait_seconds": 60}) as running:
        yield running


@pytest.fixture
def owner(stack: Stack) -> Iterator["psycopg.Connection[Any]"]:
    """The schema's owner, for one test: the title is as at the start, and nobody waits."""
    with psycopg.connect(stack.database.owner_url, autocommit=True) as connection:
        connection.execute("DELETE FROM jobs")
        connection.execute("DELETE FROM instant_wants")
        connection.execute("DELETE FROM published_files WHERE name = 'master.m3u8'")
        connection.execute("UPDATE videos SET renditions = NULL")
        yield connection


@pytest.fixture
def segment() -> str:
    """The 17th of a picture that no other test has asked for."""
    return f"n720-{secrets.token_hex(4)}-00017.m4s"


class Watching:
    """Somebody who has a grant, and how they ask for a file."""

    def __init__(self, stack: Stack, username: str = "bob") -> None:
        self.stack = stack
        self.token = stack.sign_in(username)["access_token"]
        self.playback = stack.grant(self.token)
        link = self.playback["links"]["now"]
        self.prefix, _, name = link.rpartition("/")
        assert name == "now.m3u8"

    def link(self, file: str) -> str:
        return f"{self.prefix}/{file}"

    def both(self, file: str) -> list[tuple[str, list[str]]]:
        """Target and headers at the signed door, and at the header door."""
        path = f"/stream/{self.stack.video_id}/{file}"
        return [(self.link(file), []), (path, [f"Authorization: Bearer {self.token}"])]

    def get(self, file: str, *headers: str) -> Answer:
        return get(self.stack, self.link(file), *headers)


def get(stack: Stack, target: str, *headers: str, method: str = "GET") -> Answer:
    with stack.connection() as connection:
        return connection.get(target, *headers, method=method)


def problem(answer: Answer) -> dict[str, Any]:
    """The body, in the shape of all problems."""
    assert answer.header("Content-Type") == "application/problem+json", answer
    body: dict[str, Any] = json.loads(answer.body)
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["request_id"]) == (answer.status, answer.header("X-Request-Id"))
    assert answer.header("Cache-Control") == "no-store"
    return body


def folder(stack: Stack) -> Path:
    found = stack.nginx.titles / stack.video_id / "now"
    found.mkdir(exist_ok=True)
    return found


def make(stack: Stack, file: str, content: bytes = CONTENT) -> None:
    """As a worker does: written elsewhere, and moved when it is whole."""
    growing = folder(stack) / f".{file}"
    growing.write_bytes(content)
    growing.rename(folder(stack) / file)


def wants(owner: "psycopg.Connection[Any]") -> set[int]:
    return {row[0] for row in owner.execute("SELECT segment FROM instant_wants")}


# -- sent --


def test_what_is_there_is_sent_with_ranges_at_both_doors_and_nothing_is_wanted(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    make(stack, segment)
    for target, headers in Watching(stack).both(segment):
        assert get(stack, target, *headers).body == CONTENT
        part = get(stack, target, *headers, "Range: bytes=1000-1999")
        assert (part.status, part.body) == (206, CONTENT[1000:2000])
        assert get(stack, target, *headers, method="HEAD").header("Content-Length") == str(len(CONTENT))
    assert wants(owner) == set()
    assert owner.execute("SELECT FROM jobs WHERE kind = 'instant'").fetchone() is None


@pytest.mark.parametrize("door", [0, 1], ids=["signed", "header"])
@pytest.mark.parametrize(
    ("form", "wanted"),
    [("n720-{}-00017.m4s", 17), ("sound-3-{}-00002.m4s", 2), ("sound-0-{}.m3u8", 0), ("n720-{}.mp4", 0)],
)
def test_a_file_that_appears_meanwhile_is_sent_and_a_job_makes_it(
    stack: Stack, owner: "psycopg.Connection[Any]", door: int, form: str, wanted: int
) -> None:
    file = form.format(secrets.token_hex(4))
    target, headers = Watching(stack).both(file)[door]
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(get(stack, target, *headers, "Range: bytes=5-24")))
    waiting.start()
    assert eventually(lambda: wants(owner) == {wanted}, every=0.02), "nobody hears that it is wanted"
    assert answers == []
    make(stack, file)
    waiting.join()
    assert (answers[0].status, answers[0].body) == (206, CONTENT[5:25])
    jobs = owner.execute("SELECT video_id, state, urgency, requested_by FROM jobs WHERE kind = 'instant'").fetchall()
    bob = owner.execute("SELECT id FROM users WHERE username = 'bob'").fetchone()
    assert bob
    assert jobs == [(UUID(stack.video_id), "queued", "wanted", bob[0])]


def test_whoever_wants_the_same_waits_along_and_it_is_made_once(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    viewers = [Watching(stack, name) for name in ("alice", "bob", "bob")]
    answers: list[int] = []
    threads = [threading.Thread(target=lambda one=one: answers.append(one.get(segment).status)) for one in viewers]
    for thread in threads:
        thread.start()
    assert eventually(lambda: wants(owner) == {17}, every=0.02)
    make(stack, segment)
    for thread in threads:
        thread.join()
    assert answers == [200] * 3
    assert owner.execute("SELECT count(*) FROM jobs WHERE kind = 'instant'").fetchone() == (1,)


def test_the_account_has_the_bytes_of_what_was_waited_for(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    watching = Watching(stack)
    make(stack, segment)
    request = watching.get(segment, "Range: bytes=0-99999").header("X-Request-Id")
    log = stack.nginx.logs / "account.log"
    assert eventually(lambda: f'"{request}"' in log.read_text())
    line = next(line for line in map(json.loads, log.read_text().splitlines()) if line["request_id"] == request)
    assert (line["bytes"], line["file"], line["completed"]) == (100_000, segment, True)
    assert (line["playback"], line["video"]) == (watching.playback["playback_id"], stack.video_id)


# -- not sent --


def test_a_wait_in_vain_is_503_that_says_when_to_ask_again(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    for target, headers in Watching(stack).both(segment):
        begun = time.monotonic()
        answer = get(stack, target, *headers)
        assert time.monotonic() - begun >= WAIT_SECONDS
        assert (answer.status, problem(answer)["code"]) == (503, "being_made")
        assert answer.header("Retry-After") == "1"
    assert owner.execute("SELECT count(*) FROM jobs WHERE kind = 'instant'").fetchone() == (1,)
    asked: LiteralString = "SELECT since < asked_at - interval '1 second' FROM instant_wants"
    assert owner.execute(asked).fetchone() == (True,), "it is told once, and not that somebody still waits"


@pytest.mark.parametrize(
    ("state", "reason", "detail"),
    [
        ("failed", "The sound has no codec.", "It can't be made: The sound has no codec."),
        ("cancelled", None, "It can't be made: it was cancelled."),
    ],
)
def test_what_can_not_be_made_is_409_with_the_reason_and_is_not_begun_anew(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str, state: str, reason: str | None, detail: str
) -> None:
    owner.execute("SELECT enqueue_job('instant', %s, '{}', NULL, 'wanted')", (UUID(stack.video_id),))
    owner.execute("UPDATE jobs SET state = %s, reason = %s, ended_at = now()", (state, reason))
    for target, headers in Watching(stack).both(segment):
        said = problem(get(stack, target, *headers))
        assert (said["status"], said["code"], said["detail"]) == (409, "not_made", detail)
    assert owner.execute("SELECT count(*) FROM jobs WHERE kind = 'instant'").fetchone() == (1,)
    assert wants(owner) == set()


def test_a_job_that_fails_meanwhile_ends_the_wait(stack: Stack, owner: "psycopg.Connection[Any]", segment: str) -> None:
    answers: list[Answer] = []
    watching = Watching(stack)
    waiting = threading.Thread(target=lambda: answers.append(watching.get(segment)))
    waiting.start()
    assert eventually(lambda: wants(owner) == {17}, every=0.02)
    owner.execute("UPDATE jobs SET state = 'failed', reason = 'No.', ended_at = now() WHERE kind = 'instant'")
    waiting.join()
    assert problem(answers[0])["detail"] == "It can't be made: No."


def test_what_is_kept_by_now_is_410(stack: Stack, owner: "psycopg.Connection[Any]", segment: str) -> None:
    watching = Watching(stack)
    owner.execute(
        "INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, 'master.m3u8', 'x/y', 1)",
        (UUID(stack.video_id),),
    )
    for target, headers in watching.both(segment):
        said = problem(get(stack, target, *headers))
        assert (said["status"], said["code"]) == (410, "kept")
    # Who has begun goes on with what is there.
    make(stack, segment)
    assert watching.get(segment).body == CONTENT
    assert stack.grant(watching.token)["links"]["now"] is None


def test_where_nothing_is_to_be_made_there_is_nothing(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    watching = Watching(stack)
    owner.execute("UPDATE videos SET renditions = 'none'")
    for target, headers in watching.both(segment):
        assert problem(get(stack, target, *headers))["code"] == "not_found"
    assert stack.grant(watching.token)["links"]["now"] is None
    assert owner.execute("SELECT FROM jobs WHERE kind = 'instant'").fetchone() is None


def test_nobody_waits_without_permission(stack: Stack, owner: "psycopg.Connection[Any]", segment: str) -> None:
    watching = Watching(stack)
    path = f"/stream/{stack.video_id}/{segment}"
    assert get(stack, path).status == 401
    assert get(stack, path, "Authorization: Bearer x.y.z").status == 401
    assert get(stack, watching.link(segment).replace(stack.video_id, stack.other_video_id)).status == 403
    assert get(stack, f"/stream/{'0' * 32}/{segment}", f"Authorization: Bearer {watching.token}").status == 404
    for twisted in (segment + "/", segment + "%20", "now/" + segment, "./" + segment, "%6e" + segment[1:]):
        assert get(stack, watching.link(twisted)).status == 404
    assert wants(owner) == set()


def test_an_ended_playback_waits_no_more(stack: Stack, owner: "psycopg.Connection[Any]", segment: str) -> None:
    watching = Watching(stack)
    ended = f"/api/v1/playbacks/{watching.playback['playback_id']}"
    assert stack.call("DELETE", ended, watching.token)[0] == 204
    make(stack, segment)
    answer = watching.get(segment)
    assert (answer.status, problem(answer)["code"]) == (410, "gone")
    assert watching.get(segment.replace("00017", "00018")).status == 410
    assert wants(owner) == set()


# -- what breaks --


def test_who_leaves_is_waited_for_no_more(patient: Stack) -> None:
    """As after each seek: what was sought before is not made before what is sought now."""
    watching = Watching(patient)
    with psycopg.connect(patient.database.owner_url, autocommit=True) as owner:
        with patient.connection() as connection:
            connection.send(f"GET {watching.link('now.m3u8')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert eventually(lambda: wants(owner) == {0}, every=0.02)
            # It goes on being told, for longer than the pause between two times.
            until = time.monotonic() + 10 * ASK_SECONDS
            assert eventually(lambda: time.monotonic() > until)
            assert wants(owner) == {0}
        assert eventually(lambda: wants(owner) == set(), every=0.02), "it goes on"


def test_a_dead_service_is_a_problem_and_what_is_there_is_sent_all_the_same(
    stack: Stack, owner: "psycopg.Connection[Any]", segment: str
) -> None:
    watching = Watching(stack)
    later = segment.replace("00017", "00018")
    make(stack, segment)
    stack.stop("events")
    try:
        answer = watching.get(later)
        assert (answer.status, problem(answer)["code"]) == (503, "busy")
        assert int(answer.header("Retry-After") or 0) > 0
        assert watching.get(segment).body == CONTENT
    finally:
        stack.start("events")
    assert problem(watching.get(later))["code"] == "being_made"


def test_a_restart_does_not_wait_for_who_waits_and_tells_them_to_ask_again(patient: Stack) -> None:
    answers: list[Answer] = []
    watching = Watching(patient)
    with psycopg.connect(patient.database.owner_url, autocommit=True) as owner:
        waiting = threading.Thread(target=lambda: answers.append(watching.get("n720-0a1b2c3d-00003.m4s")))
        waiting.start()
        assert eventually(lambda: 3 in wants(owner), every=0.02)
        begun = time.monotonic()
        patient.stop("events")
        assert time.monotonic() - begun < 10
        waiting.join()
    patient.start("events")
    assert (answers[0].status, problem(answers[0])["code"]) == (503, "busy")
