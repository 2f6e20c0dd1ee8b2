"""Everything a viewer meets, as child processes: PostgreSQL, Redis, Nginx, and under gunicorn authz, API and events.

    with Stack.running(postgres) as stack:
        stack.url, stack.nginx.ca_file, stack.username, stack.password, stack.video_id

One user (`alice`, an admin), one more (`bob`), two published titles with a real film. Nginx has no units and no
sandbox here: that is what the box is for.
"""

import contextlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any, Self
from uuid import uuid4

import psycopg

from authsvc.people import accounts
from authsvc.signin import passwords
from catalog import roles
from testbed.clips import drawn
from testbed.servers import gunicorn, redis_access
from testbed.servers.child import Child
from testbed.servers.nginx_server import PLAY_KEYS, REPOSITORY, UPLOAD_KEYS, NginxServer
from testbed.servers.postgres import Database, PostgresServer
from testbed.servers.redis_server import RedisServer
from testbed.services.world import PATIENCE, PRIVATE_PEM, PUBLIC_PEM
from testbed.viewers.http1 import RawConnection

PASSWORD = "a password of the whole stack"
FILM_SECONDS = 20
FILM = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i", "sine=440")


class Stack:
    """The running whole. Parts can be stopped and started again by name: `authz`, `api` and `events`."""

    username, password, other_username = "alice", PASSWORD, "bob"
    # More for the command lines of what runs under gunicorn.
    gunicorn_options: tuple[str, ...] = ()

    def __init__(self, nginx: NginxServer, database: Database, live: RedisServer, cache: RedisServer) -> None:
        self.nginx, self.database, self.live, self.cache = nginx, database, live, cache
        self.url = nginx.url
        media_host = nginx.variables["nginx_media_host"]
        self.media_origin = f"https://{media_host}:{nginx.https_port}" if media_host else ""
        self.video_id, self.other_video_id = uuid4().hex, uuid4().hex
        self.film = b""
        # Further settings of the services, by the names of their fields.
        self.settings: dict[str, object] = {}
        # How long they wait for stores; empty where that is what is tested.
        self.patience: Mapping[str, object] = PATIENCE
        self._services: dict[str, Child] = {}

    @classmethod
    @contextlib.contextmanager
    def running(
        cls,
        postgres: PostgresServer,
        *,
        www: Path | None = None,
        settings: Mapping[str, object] | None = None,
        patience: Mapping[str, object] = PATIENCE,
        **overrides: Any,
    ) -> Iterator[Self]:
        """Start everything; `www` is the folder of the client to serve (by default the project's own)."""
        # The tests of limits are the services' and nginx/test_pages'; here nothing may depend on which test ran before.
        wide = dict.fromkeys(("nginx_login_rate", "nginx_page_rate", "nginx_refusal_rate"), "1000r/s")
        overrides = wide | overrides | ({"nginx_www_dir": www} if www else {})
        with (
            postgres.cloned_database() as database,
            RedisServer.started("live") as live,
            RedisServer.started("cache") as cache,
            NginxServer.prepared(**overrides) as nginx,
        ):
            if www is None:
                nginx.lay_out_client()
            stack = cls(nginx, database, live, cache)
            stack.settings, stack.patience = dict(settings or {}), patience
            try:
                stack._fill()
                for service in stack._sockets:
                    stack.start(service)
                nginx.start()
                yield stack
            finally:
                for service in list(stack._services):
                    stack.stop(service)

    # -- services --

    def start(self, service: str) -> None:
        """Start `authz`, `api` or `events` under gunicorn, as its unit does."""
        self._services[service] = gunicorn.bound(
            service,
            self._sockets[service],
            self.nginx.logs / f"{service}.log",
            self._environment(service),
            *self.gunicorn_options,
        )

    def start_ledger(self, **settings: str) -> None:
        """Start the ledger, and before it the cutter with a listening socket as systemd hands it over."""
        path = self.nginx.folder / "run/cutter.sock"
        if "cutter" not in self._services:
            path.unlink(missing_ok=True)
            with socket(AF_UNIX, SOCK_STREAM) as listener:
                listener.bind(str(path))
                listener.listen()
                self._services["cutter"] = Child(
                    ["bash", "-c", f"exec {sys.executable} -m authsvc.cutter 3<&{listener.fileno()}"],
                    self.nginx.logs / "cutter.log", lambda: True, cwd=REPOSITORY, pass_fds=[listener.fileno()],
                    env={
                        "KINETOSCOPE_CUTTER_CLIENT": pwd.getpwuid(os.geteuid()).pw_name,
                        "KINETOSCOPE_MEDIA_PORT": str(self.nginx.https_port),
                    },
                )  # fmt: skip
        environment = self._environment("ledger") | {
            "KINETOSCOPE_ACCOUNT_LOG": str(self.nginx.logs / "account.log"),
            "KINETOSCOPE_ANSWERS_LOG": str(self.nginx.folder / "run/answers.log"),
            "KINETOSCOPE_ANSWERS_STATE": str(self.nginx.folder / "run/ledger-answers.json"),
            "KINETOSCOPE_MEDIA_PORT": str(self.nginx.https_port),
            "KINETOSCOPE_CUTTER_SOCKET": str(path),
            **settings,
        }
        self._services["ledger"] = Child(
            [sys.executable, "-m", "authsvc.ledger"], self.nginx.logs / "ledger.log", self._ledger_listens,
            env=environment, cwd=REPOSITORY,
        )  # fmt: skip

    @property
    def uploaded(self) -> Path:
        """The root of the library that takes uploads."""
        return self.nginx.folder / "uploaded"

    def start_worker(self, name: str = "worker", **settings: object) -> None:
        """Start a worker under that name; its log is beside the others'."""
        log = self.nginx.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        wanted = {
            "database_url": self.database.url_for(roles.WORKER), "titles_dir": self.nginx.titles,
            "uploads_dir": self.nginx.uploads, "reap_seconds": 1,
            "library_roots": json.dumps([{"path": str(self.uploaded), "writable": True}]), **settings,
        }  # fmt: skip
        environment = {f"KINETOSCOPE_{key.upper()}": str(value) for key, value in wanted.items()}
        self._services[name] = Child(
            [sys.executable, "-m", "worker.cli", name], log, lambda: '"worker_ready"' in log.read_text(),
            env={"PATH": os.environ["PATH"], **environment}, cwd=REPOSITORY,
        )  # fmt: skip

    def _ledger_listens(self) -> bool:
        with psycopg.connect(self.database.owner_url) as owner:
            found = owner.execute(
                "SELECT FROM pg_stat_activity WHERE application_name = 'kinetoscope-ledger'"
                " AND datname = current_database()"
            ).fetchone()
        return found is not None

    def stop(self, service: str) -> None:
        """Stop it, and take its socket away: as when service and socket unit are stopped."""
        self._services.pop(service).stop()
        if service in self._sockets:
            self._sockets[service].unlink(missing_ok=True)

    def process(self, service: str) -> subprocess.Popen[bytes]:
        return self._services[service].process

    @property
    def _sockets(self) -> dict[str, Path]:
        """Of what runs under gunicorn."""
        nginx = self.nginx
        return {"authz": nginx.authz_socket, "api": nginx.api_socket, "events": nginx.events_socket}

    def _environment(self, service: str) -> dict[str, str]:
        credentials = self.nginx.folder / "credentials"
        credentials.mkdir(exist_ok=True)
        role = {"authz": roles.AUTHZ, "api": roles.API, "ledger": roles.LEDGER, "events": roles.EVENTS}[service]
        secrets = {
            "redis_live_password": redis_access.PASSWORD,
            "redis_cache_password": redis_access.PASSWORD,
            "play_keys": json.dumps({"current": "k1", "keys": PLAY_KEYS}),
            "upload_keys": json.dumps({"current": "u1", "keys": UPLOAD_KEYS}),
            "access_jwt_private": PRIVATE_PEM,
            "access_jwt_public": json.dumps({"a1": PUBLIC_PEM}),
        }
        for name, content in secrets.items():
            (credentials / name).write_text(content)
        return {
            "PATH": os.environ["PATH"],
            "CREDENTIALS_DIRECTORY": str(credentials),
            "KINETOSCOPE_DATABASE_URL": self.database.url_for(role),
            "KINETOSCOPE_REDIS_LIVE_URL": self.live.url,
            "KINETOSCOPE_REDIS_USERNAME": role,
            "KINETOSCOPE_REDIS_CACHE_URL": self.cache.url,
            "KINETOSCOPE_PUBLIC_ORIGINS": self.url,
            "KINETOSCOPE_MEDIA_ORIGIN": self.media_origin,
            "KINETOSCOPE_TITLES_DIR": str(self.nginx.titles),
            "KINETOSCOPE_UPLOADS_DIR": str(self.nginx.uploads),
            "KINETOSCOPE_UPLOAD_PLACES": json.dumps([str(self.uploaded)]),
            "KINETOSCOPE_UPLOAD_SPARE_BYTES": "0",
            **{f"KINETOSCOPE_{name.upper()}": str(value) for name, value in self.patience.items()},
            # As with Nginx's limits.
            "KINETOSCOPE_STREAMS_PER_USER": "0",
            "KINETOSCOPE_STREAMS_PER_SESSION": "0",
            "KINETOSCOPE_SESSIONS_PER_USER": "0",
            "KINETOSCOPE_LOGIN_FAILURES_PER_ADDRESS": "100000",
            "KINETOSCOPE_LOGIN_CALLS_PER_MINUTE": "100000",
            **{f"KINETOSCOPE_{name.upper()}": str(value) for name, value in self.settings.items()},
        }

    # -- library --

    def _fill(self) -> None:
        hashed = passwords.hash_password(PASSWORD)
        self.uploaded.mkdir()
        film = self.nginx.folder / "film.mp4"
        make_film(film)
        self.film = film.read_bytes()
        with psycopg.connect(self.database.owner_url, autocommit=True) as owner:
            for name, role in ((self.username, "admin"), (self.other_username, "user")):
                accounts.create(owner, username=name, email=None, password_hash=hashed, role=role)
            for video_id, title in ((self.video_id, "Sunrise"), (self.other_video_id, "Metropolis")):
                self._publish(owner, video_id, title, film)

    def _publish(self, owner: "psycopg.Connection[Any]", video_id: str, title: str, film: Path) -> None:
        folder = self.nginx.titles / video_id
        folder.mkdir()
        (folder / "source.mp4").symlink_to(film)
        (folder / "poster.jpg").write_bytes(drawn("jpg", *FILM[:4], "-ss", "5", "-frames:v", "1"))
        owner.execute(
            "INSERT INTO videos (id, library_root, path, fingerprint, size_bytes, mtime_ns, filename, title, status,"
            " container, duration_seconds, width, height, fps, bitrate, video_codec, audio_codec, direct_play)"
            " VALUES (%s, '/library', %s, 'f', %s, 1, %s, %s, 'ready', 'mp4', %s, 640, 360, 25, 800000, 'h264', 'aac',"
            " true)",
            (video_id, video_id.encode(), film.stat().st_size, f"{title}.mp4", title, FILM_SECONDS),
        )
        for name, media_type in (("source.mp4", "video/mp4"), ("poster.jpg", "image/jpeg")):
            owner.execute(
                "INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, %s, %s, %s)",
                (video_id, name, media_type, (folder / name).stat().st_size),
            )

    # -- as a client --

    def connection(self) -> RawConnection:
        return RawConnection(self.nginx.https_port, self.nginx.ca_file)

    def call(self, method: str, path: str, token: str | None = None, body: Any = None) -> tuple[int, dict[str, Any]]:
        """One call of the API on a connection of its own: status and JSON ({} without a body)."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
        lines += ["Content-Type: application/json"] if content else []
        lines += [f"Authorization: Bearer {token}"] if token else []
        with self.connection() as connection:
            answer = connection.exchange("\r\n".join([*lines, "", ""]).encode() + content, method)
        return answer.status, json.loads(answer.body) if answer.body else {}

    def sign_in(self, username: str = username) -> dict[str, Any]:
        """What a program gets: access_token, refresh_token, session_id, ..."""
        status, body = self.call("POST", "/api/v1/auth/login", body={"username": username, "password": PASSWORD})
        assert status == 200, body
        return body

    def grant(self, token: str, video_id: str | None = None) -> dict[str, Any]:
        """A new playback with its links."""
        status, body = self.call("POST", f"/api/v1/videos/{video_id or self.video_id}/playback", token, {})
        assert status == 201, body
        return body


def make_film(path: Path) -> None:
    """A picture that moves and a tone, as browsers play it: H.264 and AAC in an MP4 whose index comes first."""
    film = drawn(
        "mp4", *FILM, "-t", str(FILM_SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-g", "50", "-c:a", "aac", "-movflags", "+faststart",
    )  # fmt: skip
    path.write_bytes(film)
