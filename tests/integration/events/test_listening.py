"""Events through Nginx with the real services: what is told, to whom, and what nobody misses."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from catalog import jobs, roles
from testbed.servers.postgres import USER, PostgresServer
from testbed.services.listeners import People, id_of, progressed, queued, upload
from testbed.stack import Stack
from testbed.viewers.listener import Event, Listener
from testbed.waiting import eventually

STREAMS, OF_USER, WAITS = 6, 3, 2
SETTINGS = {
    "event_session_seconds": 0.2, "event_heartbeat_seconds": 0.5, "event_streams": STREAMS,
    "event_streams_per_user": OF_USER, "instant_waits": WAITS, "event_resume_changes": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    with Stack.running(postgres, settings=SETTINGS) as running:
        # "alice" is an admin of the stack, "bob" is not.
        yield running


@pytest.fixture
def owner(stack: Stack) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(stack.database.owner_url, autocommit=True) as connection:
        connection.execute("DELETE FROM jobs")
        connection.execute("UPDATE videos SET visibility = 'members'")
        yield connection


@pytest.fixture
def people(stack: Stack) -> Iterator[People]:
    with ExitStack() as streams:
        yield People(stack, streams)


# -- what is told --


def test_a_job_is_told_as_the_list_of_jobs_has_it(
    stack: Stack, owner: "psycopg.Connection[Any]", people: People
) -> None:
    listener = people.listen("bob")
    assert listener.next("hello").content == {"resumed": False, "heartbeat_seconds": 0.5}
    job = queued(owner, "bob", stack.video_id)
    told = listener.next("job")
    assert told.content == stack.call("GET", f"/api/v1/jobs/{job}", people.token("bob"))[1]
    progressed(owner, job, 0.25)
    later = listener.next("job")
    assert (later.content["state"], later.content["progress"]) == ("running", 0.25)
    assert int(later.id) > int(told.id)
    assert later.content == stack.call("GET", f"/api/v1/jobs/{job}", people.token("bob"))[1]


def test_the_answer_is_a_stream_that_nothing_keeps(people: People, owner: "psycopg.Connection[Any]") -> None:
    listener = people.listen("bob")
    headers = listener.answer.headers
    assert headers["Content-Type"] == "text/event-stream"
    assert headers.get_all("Cache-Control") == ["no-store"]
    assert headers["X-Request-Id"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for name in ("X-Accel-Redirect", "X-Session-Id", "X-User-Id", "X-Role", "X-After"):
        assert headers[name] is None, name
    assert eventually(lambda: listener.heartbeats >= 2), "it is silent"
    # A sign of life is nothing that happened.
    assert [event.name for event in listener.come()] == ["hello"]


def test_uploads_playbacks_and_scans_are_told(stack: Stack, owner: "psycopg.Connection[Any]", people: People) -> None:
    bob, admin = people.listen("bob"), people.listen("alice")
    one = upload(owner, "bob")
    told = bob.next("upload").content
    assert (told["id"], told["state"], told["parts"], told["appended"]) == (one, "open", 4, 0)
    owner.execute("UPDATE uploads SET appended = 2 WHERE id = %s", (one,))
    assert bob.next("upload").content["appended"] == 2
    owner.execute("DELETE FROM uploads WHERE id = %s", (one,))
    assert bob.next("upload").content == {"id": one, "state": "gone"}
    playback = stack.grant(people.token("bob"))["playback_id"]
    told = bob.next("playback").content
    assert (told["playback_id"], told["state"], told["video"]["id"]) == (playback, "begun", stack.video_id)
    assert stack.call("DELETE", f"/api/v1/playbacks/{playback}", people.token("bob"))[0] == 204
    told = bob.next("playback").content
    assert (told["playback_id"], told["state"], told["reason"]) == (playback, "ended", "ended")
    owner.execute("INSERT INTO scans DEFAULT VALUES")
    owner.execute("UPDATE scans SET finished_at = now(), summary = '{\"seen\": 2}'")
    # How it is when it is read is told: the begin may tell the end, which is told once more or not.
    assert eventually(lambda: admin.next("scan").content["summary"] == {"seen": 2})
    queued(owner, "bob")
    assert {event.name for event in rest(bob)} == {"job"}
    assert {event.name for event in rest(admin)} - {"scan"} == {"job"}, "others' uploads and playbacks"


def rest(listener: Listener, end: str = "job") -> list[Event]:
    """All that comes up to the next event of this name."""
    found = [listener.next()]
    while found[-1].name != end:
        found.append(listener.next())
    return found


# -- to whom --


def test_nobody_hears_of_what_is_not_theirs(stack: Stack, owner: "psycopg.Connection[Any]", people: People) -> None:
    owner.execute("UPDATE videos SET visibility = 'named'")
    first = people.listen("bob")
    begun = first.next("hello").id
    theirs = [queued(owner, "alice", stack.video_id), queued(owner, None, stack.other_video_id), queued(owner, None)]
    upload(owner, "alice")
    owner.execute("INSERT INTO scans DEFAULT VALUES")
    stack.grant(people.token("alice"))
    for job in theirs:
        progressed(owner, job, 0.5)
    mine = queued(owner, "bob")
    # Not as it happens, and not afterwards: whatever number is claimed.
    told = [rest(first)]
    for again in (people.listen("bob", Last_Event_ID=begun), people.listen("bob", f"?after={begun}")):
        told.append(rest(again, "hello"))
        assert told[-1].pop().content["resumed"] is True
    for heard in told:
        assert [(event.name, event.content["id"]) for event in heard] == [("job", mine)]
    # The titles are shown to him now, and so is what is made of them; not who asked for it.
    owner.execute("UPDATE videos SET visibility = 'members'")
    progressed(owner, theirs[0], 0.75)
    making = first.next().content
    assert (making["video_id"], making["job"]["id"]) == (stack.video_id, theirs[0])
    assert "requested_by" not in json.dumps(making)


def test_a_claim_to_be_somebody_else_is_not_heard(stack: Stack, people: People) -> None:
    """Who asks is what the interface says; a stranger's own headers come to nobody."""
    bob = people.token("bob")
    forged = {
        "X_User_Id": "0" * 32,
        "X_Session_Id": "0" * 32,
        "X_Role": "admin",
        "X_After": "0",
        "X_Accel_Redirect": "/",
    }
    listener = people.listen("bob", **forged)
    assert listener.next("hello").content["resumed"] is False
    with stack.connection() as connection:
        for target in ("/_events", "/events"):
            assert connection.get(target, f"Authorization: Bearer {bob}").status == 404
        for headers in ([], ["Authorization: Bearer x.y.z"], ["Cookie: __Host-ks=x"]):
            answer = connection.get("/api/v1/events", *headers)
            assert (answer.status, json.loads(answer.body)["code"]) == (401, "credentials")
        for method, status in (("POST", 405), ("DELETE", 405), ("HEAD", 200)):
            assert connection.get("/api/v1/events", f"Authorization: Bearer {bob}", method=method).status == status
        assert connection.get("/api/v1/events?after=x", f"Authorization: Bearer {bob}").status == 422


# -- nothing is missed --


def test_who_comes_again_is_told_what_was_missed(
    stack: Stack, owner: "psycopg.Connection[Any]", people: People
) -> None:
    first = people.listen("bob")
    job = queued(owner, "bob")
    first.next("job")
    first.close()
    progressed(owner, job, 0.5)
    other = queued(owner, "bob")
    for again in (people.listen("bob", Last_Event_ID=first.last_id), people.listen("bob", f"?after={first.last_id}")):
        told = [again.next("job").content for _ in range(2)]
        assert again.next().content["resumed"] is True
        assert [(one["id"], one["progress"]) for one in told] == [(job, 0.5), (other, 0)]
        again.close()
    # And when the service was away meanwhile.
    stack.stop("events")
    progressed(owner, job, 0.75)
    stack.start("events")
    again = eventually_listens(people, Last_Event_ID=again.last_id)
    assert again.next("job").content["progress"] == 0.75
    assert again.next("hello").content["resumed"] is True


def eventually_listens(people: People, **headers: str) -> Listener:
    def asked() -> Listener | None:
        listener = people.ask("bob", **headers)
        return listener if listener.status == 200 else None

    listener = eventually(asked)
    assert listener is not None
    return listener


def test_who_missed_too_much_is_told_so(owner: "psycopg.Connection[Any]", people: People) -> None:
    first = people.listen("bob")
    first.next("hello")
    for _ in range(int(SETTINGS["event_resume_changes"]) + 1):
        job = queued(owner, "bob")
    assert eventually(lambda: first.next("job").content["id"] == job, every=0)
    begun = first.last_id
    first.close()
    missed = int(begun) - int(SETTINGS["event_resume_changes"]) - 1
    for last in (str(missed), str(10**17), "0"):
        again = people.listen("bob", Last_Event_ID=last)
        assert again.next("hello").content["resumed"] is False, last
        again.close()
    again = people.listen("bob", Last_Event_ID=str(missed + 1))
    assert again.next("hello").content["resumed"] is True
    # Now the changes themselves are gone.
    owner.execute("UPDATE changes SET changed_at = now() - interval '1 day'")
    with psycopg.connect(owner.info.dsn, user=roles.EVENTS, autocommit=True) as events:
        events.execute("SELECT forget_changes(60)")
    again.close()
    again = people.listen("bob", Last_Event_ID=str(missed + 1))
    assert again.next("hello").content["resumed"] is False
    again.close()
    assert people.listen("bob", Last_Event_ID=begun).next("hello").content["resumed"] is True


def test_a_change_that_commits_late_is_told_after_one_that_began_later(
    stack: Stack, owner: "psycopg.Connection[Any]", people: People
) -> None:
    listener = people.listen("bob")
    with psycopg.connect(stack.database.owner_url) as slow:
        late = queued(slow, "bob")
        early = queued(owner, "bob")
        told = listener.next("job")
        assert told.content["id"] == early
        listener.close()
        slow.commit()
    again = people.listen("bob", Last_Event_ID=told.id)
    assert again.next("job").content["id"] == late
    assert int(again.last_id) > int(told.id)


def test_nothing_is_missed_by_who_comes_and_goes_while_many_commit(
    stack: Stack, owner: "psycopg.Connection[Any]", people: People
) -> None:
    """Four that commit at once, in whatever order, no more than who comes again may have missed; a listener who is cut
    off all the time hears of every job.
    """
    made: list[str] = []

    def make() -> None:
        with psycopg.connect(stack.database.owner_url, autocommit=True) as connection:
            for _ in range(5):
                with connection.transaction():
                    made.append(queued(connection, "bob"))

    threads = [threading.Thread(target=make) for _ in range(4)]
    people.token("bob")
    listener = people.listen("bob")
    for thread in threads:
        thread.start()
    heard: set[str] = set()
    deadline = time.monotonic() + 60
    while (len(heard) < 20 or len(made) < 20) and time.monotonic() < deadline:
        try:
            told = listener.next("job", within=1)
            heard.add(told.content["id"])
        except queue.Empty:
            continue
        listener.close()
        heard |= {event.content["id"] for event in listener.come() if event.name == "job"}
        listener = people.listen("bob", Last_Event_ID=listener.last_id)
    for thread in threads:
        thread.join()
    assert heard == set(made)


# -- who may listen, and how many --


def test_the_stream_of_a_session_that_ends_ends(stack: Stack, owner: "psycopg.Connection[Any]", people: People) -> None:
    bob, other = people.listen("bob"), people.again().listen("bob")
    assert stack.call("POST", "/api/v1/auth/logout", people.token("bob"))[0] == 204
    assert bob.ended.wait(10)
    assert not other.ended.is_set(), "another session of the same user"
    assert people.ask("bob").refusal["code"] == "session"
    owner.execute("UPDATE users SET role = 'admin' WHERE username = 'bob'")
    assert other.ended.wait(10), "what he may hear has changed"
    owner.execute("UPDATE users SET role = 'user' WHERE username = 'bob'")
    third = people.again().listen("bob")
    owner.execute("UPDATE users SET is_active = false WHERE username = 'bob'")
    assert third.ended.wait(10)
    owner.execute("UPDATE users SET is_active = true WHERE username = 'bob'")


def test_streams_are_counted_by_user_and_in_all(stack: Stack, owner: "psycopg.Connection[Any]", people: People) -> None:
    mine = [people.listen("bob") for _ in range(OF_USER)]
    refused = people.ask("bob")
    assert (refused.status, refused.refusal["code"]) == (429, "event_streams")
    assert refused.answer.headers["Content-Type"] == "application/problem+json"
    assert int(refused.answer.headers["Retry-After"]) > 0
    assert refused.refusal["request_id"] == refused.answer.headers["X-Request-Id"]
    others = [people.listen("alice") for _ in range(STREAMS - OF_USER)]
    mine.pop().close()
    assert eventually(lambda: people.ask("bob").status == 200, every=0.05), "who has left counts no more"
    assert not any(listener.ended.is_set() for listener in mine + others)


def test_streams_take_nothing_from_those_who_wait_for_a_film(
    stack: Stack, owner: "psycopg.Connection[Any]", people: People
) -> None:
    """With as many streams as may be, and more who ask, as many wait as may, and are answered."""
    streams = [people.listen(name) for name in ("alice", "bob") for _ in range(OF_USER)]
    token = stack.sign_in("bob")["access_token"]
    prefix = stack.grant(token)["links"]["now"].rpartition("/")[0]
    statuses: list[int] = []

    def wait(file: str) -> None:
        with stack.connection() as connection:
            statuses.append(connection.get(f"{prefix}/{file}").status)

    files = [f"n720-{uuid4().hex[:8]}-00017.m4s" for _ in range(WAITS)]
    threads = [threading.Thread(target=wait, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    assert eventually(lambda: owner.execute("SELECT FROM instant_wants").fetchone() is not None)
    for _ in range(5):
        assert people.ask("bob").status == 429
    folder = stack.nginx.titles / stack.video_id / "now"
    folder.mkdir(exist_ok=True)
    for file in files:
        (folder / file).write_bytes(b"made")
    for thread in threads:
        thread.join(15)
    assert statuses == [200] * WAITS
    assert not any(stream.ended.is_set() for stream in streams)


# -- outages --


def test_without_postgresql_nobody_listens_and_nothing_is_missed(
    stack: Stack, postgres: PostgresServer, owner: "psycopg.Connection[Any]", people: People
) -> None:
    listener = people.listen("bob")
    listener.next("hello")
    bob = id_of(owner, "bob")
    name = stack.database.name
    with closing(psycopg.connect(postgres.url("postgres", USER), autocommit=True)) as superuser:
        away(superuser, name)
        try:
            assert listener.ended.wait(15)
            refused = people.ask("bob")
            assert (refused.status, refused.refusal["code"]) == (503, "busy")
            assert int(refused.answer.headers["Retry-After"]) > 0
        finally:
            superuser.execute(allow(name, "true"))
    with psycopg.connect(stack.database.owner_url, autocommit=True) as connection:
        job = jobs.enqueue(connection, "pictures", parameters={"n": uuid4().hex}, requested_by=bob).hex
    again = eventually_listens(people, Last_Event_ID=listener.last_id)
    assert again.next("job").content["id"] == job


def allow(name: str, allowed: LiteralString) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.SQL(allowed))


def away(superuser: "psycopg.Connection[Any]", name: str) -> None:
    """Let nobody in, and throw out who is."""
    superuser.execute(allow(name, "false"))
    superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


# -- what is written down --


def test_the_log_has_the_address_and_no_token(stack: Stack, people: People) -> None:
    listener = people.listen("bob", "?after=7")
    request_id = listener.answer.headers["X-Request-Id"]
    listener.close()

    def lines() -> list[str]:
        return [line for line in (stack.nginx.logs / "access.log").read_text().splitlines() if request_id in line]

    assert eventually(lambda: len(lines()) == 1)
    logged = json.loads(lines()[0])
    assert (logged["path"], logged["status"], logged["place"]) == ("/api/v1/events", 200, "api")
    for log in stack.nginx.logs.iterdir():
        assert people.token("bob") not in log.read_text(errors="replace")
