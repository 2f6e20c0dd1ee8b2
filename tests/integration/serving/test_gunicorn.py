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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from authsvc.serving import socket_probe
from catalog import roles
from testbed.servers.gunicorn import Service
from testbed.services.world import PASSWORD, Asker, World


def test_api_signs_in_and_grants(world: World, tmp_path: Path) -> None:
    world.user("alice")
    video = world.video()
    with Service.running(world, "api", tmp_path) as api:
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
        loaded = Path(f"/proc/{api.process.pid}/maps").read_text()
        assert "pydantic_core" in loaded, "each worker loads the code for itself"
    lines = [json.loads(line) for line in api.log.read_text().splitlines()]
    assert lines, "nothing was logged"
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    assert token not in api.log.read_text()
    assert PASSWORD not in api.log.read_text()


def test_authz_decides_with_shared_workers_and_survives_one(world: World, tmp_path: Path) -> None:
    _, token = world.session(world.user("alice"))
    video = world.video()
    ask = Asker(world.authz_app)
    with Service.running(world, "authz", tmp_path) as authz:

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
    with Service.running(world, "authz", tmp_path) as authz:

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
    with Service.running(world, "authz", tmp_path) as authz:
        response, _ = authz.get("/decide", Asker(world.authz_app).headers(uuid.uuid4().hex))
        assert response.status == 401
    with Service.running(world, "api", tmp_path) as api:
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
