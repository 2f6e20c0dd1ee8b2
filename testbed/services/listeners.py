"""People of a running stack who listen to events, and what there is to be told."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from catalog import jobs
from testbed.stack import Stack
from testbed.viewers.listener import Listener


class People:
    """Who signs in, and listens; every stream of theirs is closed at the end."""

    def __init__(self, stack: Stack, streams: ExitStack) -> None:
        self._stack, self._streams = stack, streams
        self._tokens: dict[str, str] = {}

    def again(self) -> "People":
        """The same people, who sign in anew."""
        return People(self._stack, self._streams)

    def token(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = self._stack.sign_in(name)["access_token"]
        return self._tokens[name]

    def listen(self, name: str, query: str = "", **headers: str) -> Listener:
        """A stream that has begun."""
        listener = self.ask(name, query, **headers)
        assert listener.status == 200, listener.refusal
        return listener

    def ask(self, name: str, query: str = "", **headers: str) -> Listener:
        nginx = self._stack.nginx
        headers = {"Authorization": f"Bearer {self.token(name)}"} | headers
        target = "/api/v1/events" + query
        return self._streams.enter_context(Listener(nginx.https_port, nginx.ca_file, target, **headers))


def id_of(owner: "Connection[Any]", name: str) -> UUID:
    row = owner.execute("SELECT id FROM users WHERE username = %s", (name,)).fetchone()
    assert row
    found: UUID = row[0]
    return found


def queued(owner: "Connection[Any]", by: str | None, video: str | None = None) -> str:
    asked = id_of(owner, by) if by else None
    of = UUID(video) if video else None
    return jobs.enqueue(owner, "pictures", video_id=of, parameters={"n": uuid4().hex}, requested_by=asked).hex


def progressed(owner: "Connection[Any]", job: str, progress: float) -> None:
    owner.execute(
        "UPDATE jobs SET state = 'running', run_id = coalesce(run_id, gen_random_uuid()), progress = %s,"
        " heartbeat_at = now(), started_at = coalesce(started_at, now()) WHERE id = %s",
        (progress, job),
    )


def upload(owner: "Connection[Any]", by: str) -> str:
    row = owner.execute(
        "INSERT INTO uploads (id, user_id, name, size_bytes, part_size_bytes, library_root, expires_at)"
        " VALUES (gen_random_uuid(), %s, 'a.mkv', 100, 30, '/library', now() + interval '1 day') RETURNING id",
        (id_of(owner, by),),
    ).fetchone()
    assert row
    return str(row[0].hex)
