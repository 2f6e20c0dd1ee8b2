"""Both services as they run on the box: gunicorn with the shipped configuration on an inherited unix socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from authsvc.serving import socket_probe
from catalog import roles
from testbed.services.world import PASSWORD, Asker, World


class Service:
    """A gunicorn that got its listening socket as systemd hands it over."""

    def __init__(self, world: World, name: str, folder: Path) -> None:
        self.path = folder / f"{name}.sock"
        self.log = folder / f"{name}.log"
        credentials = folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for secret, value in world.credentials().items():
            (credentials / secret).write_text(value)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(1024)
        environment = {
            "PATH": os.environ["PATH"],
            "CREDENTIALS_DIRECTORY": str(credentials),
            "KINETOSCOPE_DATABASE_URL": world.database.url_for(f"kinetoscope-{name}"),
            **world.environment(f"kinetoscope-{name}"),
        }

        # LISTEN_PID has to be the process itself, so a shell sets it and becomes gunicorn.
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            f"python:authsvc.serving.gunicorn_{name}",
            f"authsvc.serving.wsgi:{name}",
        ]
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", script, "sh", *command],
                env=environment,
                stderr=log,
                stdout=log,
                # The first descriptor after the standard ones, as sd_listen_fds(3) says.
                preexec_fn=lambda: os.dup2(listener.fileno(), 3),
                close_fds=False,
            )
        listener.close()

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: Any = None) -> Any:
        connection = socket_probe.UnixConnection(str(self.path), 10)
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


@contextmanager
def running(world: World, name: str, folder: Path) -> Iterator[Service]:
    service = Service(world, name, folder)
    try:
        assert socket_probe.main([str(service.path), "/health", "30"]) == 0, service.log.read_text()
        yield service
    finally:
        service.stop()


def test_api_signs_in_and_grants(world: World, tmp_path: Path) -> None:
    world.user("alice")
    video = world.video()
    with running(world, "api", tmp_path) as api:
        assert api.get("/ready")[0].status == 200
        response, content = api.get(
            "/api/v1/auth/login", method="POST", body={"username": "alice", "password": PASSWORD}
        )
        assert response.status == 200, content
        token = json.loads(content)["access_token"]
        bearer = {"Authorization": f"Bearer {token}", "X-Request-Id": "f" * 32}
        response, content = api.get(f"/api/v1/videos/{video}/playback", bearer, method="POST")
        assert response.status == 201, content
        assert api.get("/api/v1/videos", bearer | {"Cookie": "a=" + "x" * 8000})[0].status == 200
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: api.get("/api/v1/videos", bearer)[0].status, range(64)))
        assert set(statuses) == {200}
    lines = [json.loads(line) for line in api.log.read_text().splitlines()]
    assert lines, "nothing was logged"
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    assert token not in api.log.read_text()
    assert PASSWORD not in api.log.read_text()


def test_authz_decides_with_shared_workers_and_survives_one(world: World, tmp_path: Path) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    ask = Asker(world.authz_app)
    with running(world, "authz", tmp_path) as authz:

        def decide(**changes: str | None) -> Any:
            return authz.get("/decide", ask.headers(video, authorization=f"Bearer {token}", **changes))[0]

        response = decide()
        assert response.status == 204
        assert response.headers["Cache-Control"] == "max-age=1, stale-if-error=30"
        assert response.headers["X-Playback-Id"] == decide().headers["X-Playback-Id"]
        assert decide(kind="nonsense").status == 403
        assert authz.get("/decide", ask.headers(video))[0].status == 401
        long_cookie = ask.headers(video, cookie=f"a={'x' * 8100}; __Host-ks={token}")
        assert authz.get("/decide", long_cookie)[0].status == 204
        twice = raw_request(authz, ask.headers(video, authorization=f"Bearer {token}"), extra="X-Door: header\r\n")
        assert twice == 403, "a doubled header"
        workers = Path(f"/proc/{authz.process.pid}/task/{authz.process.pid}/children").read_text().split()
        assert len(workers) >= 1
        os.kill(int(workers[0]), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            children = Path(f"/proc/{authz.process.pid}/task/{authz.process.pid}/children").read_text().split()
            if len(children) == len(workers) and workers[0] not in children:
                break
            time.sleep(0.1)
        assert {decide().status for _ in range(20)} == {204}
    assert token not in authz.log.read_text()


def raw_request(service: Service, headers: dict[str, str], extra: str) -> int:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(service.path))
    text = "GET /decide HTTP/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall((text + extra + "\r\n").encode())
    response = http.client.HTTPResponse(connection)
    response.begin()
    connection.close()
    return response.status


def test_a_request_in_pieces_and_one_that_hangs_up_are_as_good_as_any(world: World, tmp_path: Path) -> None:
    """What the short way of authz's worker does not take goes gunicorn's own way; what is broken breaks nothing."""
    _, token = world.session(world.user("alice"))
    headers = Asker(world.authz_app).headers(world.video(), authorization=f"Bearer {token}")
    text = "GET /decide HTTP/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    with running(world, "authz", tmp_path) as authz:

        def say(*pieces: str, listen: bool = True) -> str:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(8)
                asking.connect(str(authz.path))
                for number, piece in enumerate(pieces):
                    time.sleep(0.05 if number else 0)
                    asking.sendall(piece.encode("latin-1"))
                return _status_line(asking) if listen else ""

        assert " 204 " in say(text)
        assert " 204 " in say(text[:40], text[40:])
        assert " 204 " in say(text.replace("HTTP/1.0", "HTTP/1.1"))
        assert " 204 " in say(text.replace("X-Door", "x-door"))
        assert " 204 " in say(text.replace("\r\n\r\n", "\r\nX-Other: 1\r\n\r\n"))
        assert " 403 " in say(text.replace("X-Door: header", "X-Door: header\r\nX-Door: header"))
        assert " 403 " in say(text.replace("GET", "POST"))
        assert " 400 " in say(text.replace("X-Door: header", "X-Door: hea\x00der"))
        for _ in range(20):
            say(text, listen=False)
            say(text[:30], listen=False)
            say(listen=False)
        assert " 204 " in say(text)
    assert "Traceback" not in authz.log.read_text()


def _status_line(answering: socket.socket) -> str:
    with answering.makefile("rb") as answer:
        return answer.readline().decode("latin-1")


def test_services_start_without_their_stores(world: World, tmp_path: Path) -> None:
    world.redis_live.stop()
    world.redis_cache.stop()
    with running(world, "authz", tmp_path) as authz:
        response, _ = authz.get("/decide", Asker(world.authz_app).headers(uuid.uuid4().hex))
        assert response.status == 401
    with running(world, "api", tmp_path) as api:
        response, content = api.get("/ready")
        assert (response.status, json.loads(content)["code"]) == (503, "busy")


def test_wrong_setting_stops_the_start_with_its_name(world: World, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "KINETOSCOPE_STREAMS_PER_USER": "many",
        "KINETOSCOPE_DATABASE_URL": world.database.url_for(roles.AUTHZ),
    }
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:authsvc.serving.gunicorn_authz",
            "-b",
            f"unix:{tmp_path / 's'}",
        ],
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert found.returncode != 0
    assert b"streams_per_user" in found.stderr
    assert b"access_jwt_public" in found.stderr


def test_probe_tells_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert socket_probe.main([]) == 2
    assert socket_probe.main([str(tmp_path / "none"), "/health", "0.2"]) == 1
    assert "does not answer /health: FileNotFoundError" in capsys.readouterr().err
