"""Bad input: a clear problem with its code, the request's id, and nothing changed."""

import json
import logging
from typing import Any

import pytest

from authsvc.library import titles
from testbed.services.world import PASSWORD, World

LOGIN = "/api/v1/auth/login"


def post(world: World, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    return world.client().post(LOGIN, data=body, content_type=content_type, headers=headers)


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return body


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nonsense", b"{'username': 1}", b'{"username": NaN}', b'{"username": -Infinity}', b"\xff\xfe", b"[1,]",
        b'{"a":' * 50_000, b"[" * 60_000, b'{"n": ' + b"9" * 5000 + b"}", b"\x00",
    ],
    ids=range(11),
)  # fmt: skip
def test_malformed_json_is_400(world: World, body: bytes) -> None:
    problem(post(world, body[:60_000]), 400, "malformed")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"username", "password"}),
        ([], {"_schema"}),
        ("text", {"_schema"}),
        (None, {"_schema"}),
        (7, {"_schema"}),
        ({"username": 7, "password": PASSWORD}, {"username"}),
        ({"username": None, "password": PASSWORD}, {"username"}),
        ({"username": ["alice"], "password": {"$ne": 1}}, {"username", "password"}),
        ({"username": "", "password": PASSWORD}, {"username"}),
        ({"username": "a" * 257, "password": PASSWORD}, {"username"}),
        ({"username": "alice", "password": "x" * 1025}, {"password"}),
        ({"username": "ali\0ce", "password": PASSWORD}, {"username"}),
        ({"username": "\ud800", "password": PASSWORD}, {"username"}),
        ({"username": "alice", "password": "\udfff" * 9}, {"password"}),
        ({"username": "alice", "password": PASSWORD, "cookies": "yes"}, {"cookies"}),
        ({"username": "alice", "password": PASSWORD, "device": 7}, {"device"}),
        ({"username": "alice", "password": PASSWORD, "device": "x" * 201}, {"device"}),
    ],
)
def test_wrong_types_are_422_and_the_fields_are_listed(world: World, body: Any, fields: set[str]) -> None:
    world.user("alice")
    answer = problem(post(world, json.dumps(body).encode()), 422, "invalid")
    assert set(answer["errors"]) == fields
    assert PASSWORD not in json.dumps(answer), "the value that came is in the answer"
    assert world.owner.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_whole_number_may_be_written_with_a_point(world: World) -> None:
    """JSON Schema says so, and programs in some languages write no other."""
    _, token = world.session(world.user("alice"))
    answer = world.client().put(
        f"/api/v1/videos/{world.video()}/rating",
        data=b'{"rating": 4.0}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text


def test_empty_body_is_read_as_an_empty_object(world: World) -> None:
    answer = problem(world.client().post(LOGIN), 422, "invalid")
    assert set(answer["errors"]) == {"username", "password"}


def test_body_that_is_too_large_is_413(world: World) -> None:
    problem(post(world, b'{"username": "' + b"a" * 70_000 + b'"}'), 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_body_of_another_kind_is_415(world: World, kind: str) -> None:
    problem(post(world, b'{"username": "alice"}', content_type=kind), 415, "media_type")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/videos/../admin", 404, "not_found"),
        ("GET", LOGIN, 405, "method"),
        ("PUT", "/api/v1/videos", 405, "method"),
        ("DELETE", "/health", 405, "method"),
        ("PUT", "/api/v1/users/me", 405, "method"),
    ],
)
def test_unknown_paths_and_methods(world: World, method: str, path: str, status: int, code: str) -> None:
    response = world.client().open(path, method=method)
    problem(response, status, code)
    assert ("Allow" in response.headers) == (status == 405)


def test_request_id_of_nginx_is_kept_and_a_strange_one_is_not(world: World) -> None:
    given = "0123456789abcdef0123456789abcdef"
    assert world.client().get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    for strange in ("short", "x" * 65, "<script>alert(1)</script>", "a b c d e f g h"):
        response = world.client().get("/health", headers={"X-Request-Id": strange})
        assert response.headers["X-Request-Id"] != strange
        assert len(response.headers["X-Request-Id"]) == 32


def test_fault_is_500_and_is_written_down_without_secrets(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, token = world.session(world.user("alice"))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    client = world.client()
    monkeypatch.setattr(titles, "page", broken)
    with caplog.at_level(logging.ERROR):
        response = client.get("/api/v1/videos", headers={"Authorization": f"Bearer {token}"})
    body = problem(response, 500, "internal")
    assert "injected" not in response.text
    assert "injected" in caplog.text
    assert body["request_id"] in caplog.text
    assert token not in caplog.text


def test_openapi_document_is_served_and_names_every_error_body(world: World) -> None:
    document = world.client().get("/api/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    login = document["paths"]["/api/v1/auth/login"]["post"]["responses"]
    assert {"200", "400", "401", "415", "422", "429", "503"} <= set(login)
    for status, answer in login.items():
        if status != "200":
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema["$ref"].endswith("/ProblemOut"), status
    assert document["components"]["schemas"]["VideoDetailsOut"]["properties"]["duration_seconds"]
