"""The service alone, asked as Nginx asks it, and otherwise."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from authsvc import events
from authsvc.events import waiting
from authsvc.events.settings import EventsSettings
from catalog import roles
from testbed.servers.postgres import Database

VIDEO, USER, REQUEST = "0123456789abcdef" * 2, "5" * 32, "f" * 32
FILE = "n720-0a1b2c3d-00001.m4s"
GOOD = {"X-Video-Id": VIDEO, "X-File": FILE, "X-User-Id": USER, "X-Request-Id": REQUEST}


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[FlaskClient]:
    settings = EventsSettings(
        database_url=database.url_for(roles.EVENTS), titles_dir=tmp_path, instant_wait_seconds=0.3,
        database_wait_seconds=20,
    )  # fmt: skip
    app = events.create_app(settings)
    yield app.test_client(use_cookies=False)
    app.extensions["kinetoscope.close"]()


def put(titles: Path, file: str = FILE) -> Path:
    path = titles / VIDEO / "now" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def told(response: Any) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.data)
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == response.status_code
    return body


def test_it_says_where_the_file_is_and_nothing_of_its_own(client: FlaskClient, tmp_path: Path) -> None:
    put(tmp_path)
    response = client.get("/made-now", headers=GOOD)
    assert (response.status_code, response.data) == (200, b"")
    # A type or a cache's rule would become the file's.
    assert dict(response.headers) == {"X-Accel-Redirect": "/_made_now", "Content-Length": "0"}


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Video-Id": None}, {"X-Video-Id": ""}, {"X-Video-Id": ".."}, {"X-Video-Id": VIDEO.upper()},
        {"X-Video-Id": VIDEO + "/"}, {"X-Video-Id": f"../{VIDEO}"}, {"X-File": None}, {"X-File": "source.mp4"},
        {"X-File": "../now/" + FILE}, {"X-File": FILE + "x"}, {"X-File": "n1080-0a1b2c3d-00001.m4s"},
        {"X-File": "." + FILE}, {"X-User-Id": None}, {"X-User-Id": ""}, {"X-User-Id": "root"},
        {"X-Request-Id": None}, {"X-Request-Id": "x y"}, {"X-Request-Id": "r" * 65},
    ],
    ids=str,
)  # fmt: skip
def test_what_nginx_does_not_ask_is_not_there(
    client: FlaskClient, tmp_path: Path, changes: dict[str, str | None]
) -> None:
    put(tmp_path)
    put(tmp_path, "source.mp4")
    headers = {name: value for name, value in (GOOD | changes).items() if value is not None}
    assert told(client.get("/made-now", headers=headers))["code"] == "not_found"


@pytest.mark.parametrize(("method", "path"), [("POST", "/made-now"), ("GET", "/"), ("GET", "/decide"), ("GET", "/now")])
def test_it_knows_no_other_call(client: FlaskClient, tmp_path: Path, method: str, path: str) -> None:
    put(tmp_path)
    assert told(client.open(path, method=method, headers=GOOD))["code"] == "not_found"


def test_an_unknown_title_is_not_waited_for(client: FlaskClient) -> None:
    begun = time.monotonic()
    assert told(client.get("/made-now", headers=GOOD))["request_id"] == REQUEST
    assert time.monotonic() - begun < 20


def test_a_folder_or_a_link_is_no_file(client: FlaskClient, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"of another title")
    path = put(tmp_path)
    path.unlink()
    path.symlink_to(elsewhere)
    assert client.get("/made-now", headers=GOOD).status_code == 404
    path.unlink()
    path.mkdir()
    assert client.get("/made-now", headers=GOOD).status_code == 404


def test_without_postgresql_nobody_waits_and_what_is_there_is_told(tmp_path: Path) -> None:
    settings = EventsSettings(
        database_url=f"host={tmp_path}", titles_dir=tmp_path, database_wait_seconds=0.2, instant_wait_seconds=60
    )
    app = events.create_app(settings)
    client = app.test_client(use_cookies=False)
    try:
        assert client.get("/health").status_code == 200
        begun = time.monotonic()
        response = client.get("/made-now", headers=GOOD)
        assert time.monotonic() - begun < 20
        assert (response.status_code, told(response)["code"]) == (503, "busy")
        assert int(response.headers["Retry-After"]) > 0
        put(tmp_path)
        assert client.get("/made-now", headers=GOOD).status_code == 200
    finally:
        app.extensions["kinetoscope.close"]()


def test_a_fault_is_a_problem_and_written_down(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: Path) -> bool:
        raise PermissionError("titles")

    monkeypatch.setattr(waiting, "_is_there", breaks)
    with caplog.at_level(logging.ERROR):
        assert told(client.get("/made-now", headers=GOOD))["code"] == "internal"
    assert "request_failed" in caplog.text
