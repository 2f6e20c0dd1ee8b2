"""Attacks on every endpoint, by walking the URL map: an endpoint that somebody adds tomorrow is attacked too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.routing import Rule

from authsvc.api.protocol import access
from authsvc.people import accounts
from testbed.services.sign_in import cookie_header, login
from testbed.services.world import World

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# The end of the session that asks is what these are for.
ENDS_WHO_ASKS = {"auth.logout", "disclosed.close"}
STRANGE_ID = "0" * 32
HOSTILE = "x\r\nSet-Cookie: evil=1\r\n\r\n<script>alert(1)</script>"
ELSEWHERE = "https://evil.example"
# What a caller might try to give itself.
ASSIGNED = {
    "role": "admin", "id": STRANGE_ID, "user_id": STRANGE_ID, "is_active": True, "is_admin": True, "owner": STRANGE_ID,
    "username": "root", "visibility": "public", "session_id": STRANGE_ID, "kind": "device", "password_hash": "x",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One method of one rule, with its arguments filled in."""

    endpoint: str
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def calls(world: World, ids: dict[str, str] | None = None) -> Iterator[Call]:
    """Every call of the interface; arguments from `ids`, else an id that nobody has."""
    for rule in world.api_app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Call(rule.endpoint, method, filled(rule, ids or {}))


def filled(rule: Rule, ids: dict[str, str]) -> str:
    _, path = rule.build({name: ids.get(name, _nobodys(rule, name)) for name in rule.arguments}) or ("", "")
    assert path, rule
    return str(path)


def _nobodys(rule: Rule, name: str) -> str:
    return STRANGE_ID if rule._converters[name].regex == "[0-9a-f]{32}" else "x" * 43


def signed_in(world: World, username: str, role: str = "user") -> tuple[accounts.User, str, dict[str, str]]:
    """The user, the session's id and the header."""
    user = world.user(username, role)
    session, token = world.session(user)
    return user, session, {"Authorization": f"Bearer {token}"}


def ask(world: World, call: Call, headers: dict[str, str] | None = None, **arguments: Any) -> Any:
    if call.method in UNSAFE and not arguments:
        arguments = {"json": {}}
    return world.client().open(call.path, method=call.method, headers=headers or {}, **arguments)


def whole_state(world: World) -> dict[str, list[Any]]:
    """Every row of every table, but for what a visit itself writes."""
    tables = world.owner.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%%' ORDER BY 1"
    ).fetchall()
    visits = {"last_seen_at", "client"}
    state: dict[str, list[Any]] = {}
    for (table,) in tables:
        if table.startswith("audit"):
            continue
        rows = world.owner.execute(f"SELECT to_jsonb(t) FROM {table} t ORDER BY t::text").fetchall()
        state[table] = [{key: value for key, value in row.items() if key not in visits} for (row,) in rows]
    return state


@pytest.fixture
def ids_of_bob(world: World) -> dict[str, str]:
    """Everything that bob has, by the names of arguments in paths."""
    bob, session, bearer = signed_in(world, "bob")
    video = world.video()
    started = world.client().post(f"/api/v1/videos/{video}/playback", json={}, headers=bearer)
    assert started.status_code == 201, started.text
    return {
        "user_id": bob.id.hex, "session_id": session, "playback_id": started.get_json()["playback_id"],
        "video_id": world.video("Bob's", visibility="named"),
    }  # fmt: skip


def test_nobody_signed_in_reaches_nothing_but_the_named_few(world: World) -> None:
    before = whole_state(world)
    for call in calls(world):
        if access.WHO_MAY[call.endpoint] is not access.ANYONE:
            answer = ask(world, call)
            assert answer.status_code == 401, (str(call), answer.text)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), call
    assert whole_state(world) == before


@pytest.mark.parametrize("role", ["user", "guest"])
def test_a_role_reaches_nothing_of_a_higher_one(world: World, ids_of_bob: dict[str, str], role: str) -> None:
    _, _, bearer = signed_in(world, "mallory", role)
    before = whole_state(world)
    forbidden = 0
    for call in calls(world, ids_of_bob):
        if not access.may(role, call.endpoint) and access.WHO_MAY[call.endpoint] is not access.ANYONE:
            assert ask(world, call, bearer).status_code == 403, call
            forbidden += 1
    assert forbidden > 5
    assert whole_state(world) == before


def test_ids_of_somebody_else_are_not_there(world: World, ids_of_bob: dict[str, str]) -> None:
    """Insecure direct object references: whatever has an id in its path, asked for by another user."""
    _, _, bearer = signed_in(world, "mallory")
    before = whole_state(world)
    for call in calls(world, ids_of_bob):
        if not any(value in call.path for value in ids_of_bob.values()) or not access.may("user", call.endpoint):
            continue
        for body in ({}, {"state": "playing", "position_seconds": 1, "rating": 5, "name": "x", "videos": []}):
            arguments = {"json": body} if call.method in UNSAFE else {}
            answer = ask(world, call, bearer, **arguments)
            assert answer.status_code in {404, 422}, (str(call), answer.status_code, answer.text)
            assert "bob" not in answer.text.lower(), call
        if call.method in {"GET", "DELETE"}:
            assert answer.status_code == 404, call
    assert whole_state(world) == before


def test_methods_that_are_not_there_are_405_with_allow(world: World) -> None:
    for rule in world.api_app.url_map.iter_rules():
        path = filled(rule, {})
        there = {method for other in world.api_app.url_map.iter_rules() if filled(other, {}) == path
                 for method in other.methods or ()}  # fmt: skip
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY"} - there:
            answer = world.client().open(path, method=method)
            assert (answer.status_code, answer.get_json()["code"]) == (405, "method"), (method, path)
            assert set(answer.headers["Allow"].split(", ")) == there, path


BODIES: dict[str, tuple[bytes, str, set[int]]] = {
    "deep": (b'{"a":' * 8000 + b"1" + b"}" * 8000, "application/json", {400}),
    "deep for us": (b'{"a":' * 34 + b"1" + b"}" * 34, "application/json", {400}),
    "deep list": (b"[" * 30_000, "application/json", {400}),
    "large": (b'{"a": "' + b"x" * 70_000 + b'"}', "application/json", {413}),
    "many keys": (json.dumps({f"k{n}": n for n in range(4000)}).encode(), "application/json", set()),
    "long number": (b'{"a": ' + b"9" * 6000 + b"}", "application/json", {400}),
    "not UTF-8": (b'{"a": "\xff"}', "application/json", {400}),
    "null": (b"null", "application/json", {422}),
    "a form": (b"username=alice&role=admin", "application/x-www-form-urlencoded", {415}),
    "parts": (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", {415}),
    "XML": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "application/xml", {415}),
    "of no kind": (b"{}", "", {415}),
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_breaks_any_endpoint(world: World, name: str) -> None:
    content, kind, statuses = BODIES[name]
    _, _, bearer = signed_in(world, "root", "admin")
    described = world.api_app.spec["paths"]  # type: ignore[attr-defined]  # an APIFlask
    with_body = {
        operation["operationId"]
        for path in described.values() for operation in path.values() if "requestBody" in operation
    }  # fmt: skip
    asked = 0
    for call in calls(world, {"video_id": world.video()}):
        if call.method not in UNSAFE or call.endpoint in ENDS_WHO_ASKS:
            continue
        answer = ask(world, call, bearer, data=content, content_type=kind)
        assert answer.status_code < 500, (str(call), answer.text)
        if statuses and (call.endpoint.replace(".", "_") in with_body or kind != "application/json"):
            # A quota or a check that comes first may answer instead.
            assert answer.status_code in statuses | {404}, (str(call), answer.status_code, answer.text)
            asked += 1
    assert asked or not statuses


def test_nothing_hostile_in_the_request_becomes_a_header(world: World) -> None:
    _, _, bearer = signed_in(world, "root", "admin")
    hostile = HOSTILE.replace("\r\n", " ")
    for call in calls(world):
        if call.endpoint in ENDS_WHO_ASKS:
            continue
        headers = bearer | {
            "User-Agent": hostile, "Referer": ELSEWHERE, "Origin": ELSEWHERE, "X-Forwarded-Host": "evil.example",
            "Accept-Language": hostile, "Idempotency-Key": "evil:1234567890abcdef", "X-Request-Id": "evil<1>",
            "If-None-Match": '"evil"', "Accept": "text/html",
        }  # fmt: skip
        path = f"{call.path}?next={ELSEWHERE}&q=%0d%0aSet-Cookie:%20evil=1&cursor=%0d%0aX:%20evil&event=%0aevil"
        body = {"device": HOSTILE, "name": HOSTILE} if call.method in UNSAFE else None
        answer = world.client().open(path, method=call.method, headers=headers, json=body)
        assert answer.status_code < 500, (str(call), answer.text)
        for name, value in answer.headers.items():
            assert "evil" not in value, (str(call), name, value)
        assert "text/html" not in (answer.content_type or ""), call


def test_nothing_redirects_to_where_the_request_says(world: World) -> None:
    _, _, bearer = signed_in(world, "root", "admin")
    for call in calls(world):
        if call.method != "GET":
            continue
        for query in ("next", "url", "redirect_uri", "return_to"):
            for target in (ELSEWHERE, "//evil.example", "/\\evil.example"):
                answer = world.client().get(
                    call.path, query_string={query: target}, headers=bearer | {"Host": "evil.example"}
                )
                assert answer.status_code not in range(300, 400), call
                assert "evil" not in answer.headers.get("Location", ""), call
    for path in ("/api/v1//evil.example", "/api/v1/videos/", "/api/v1/\\evil.example", "/https://evil.example/"):
        assert world.client().get(path, headers=bearer).status_code == 404, path


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": ELSEWHERE},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.box.test"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Origin": "https://box.test.evil.example"},
        {"Origin": "http://box.test"},
        {"Referer": "https://box.test/"},
        {},
    ],
    ids=range(9),
)  # fmt: skip
def test_no_change_of_state_by_another_sites_page_with_our_cookies(world: World, sent: dict[str, str]) -> None:
    world.user("root", "admin")
    cookies = cookie_header(login(world, "root", headers={"Sec-Fetch-Site": "same-origin"}))
    video = world.video()
    before = whole_state(world)
    asked = 0
    for call in calls(world, {"video_id": video}):
        if call.method not in UNSAFE or access.WHO_MAY[call.endpoint] is access.ANYONE:
            continue
        answer = ask(world, call, cookies | sent)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "cross_site"), (str(call), answer.text)
        asked += 1
    assert asked > 10
    assert whole_state(world) == before


def test_no_read_changes_anything(world: World, ids_of_bob: dict[str, str]) -> None:
    """So that a link, a picture or a prefetch on another site can't either."""
    _, _, bearer = signed_in(world, "root", "admin")
    before = whole_state(world)
    for call in calls(world, ids_of_bob):
        if call.method == "GET":
            ask(world, call, bearer)
            world.client().head(call.path, headers=bearer)
    assert whole_state(world) == before


def test_nobody_gives_oneself_a_role_or_another_identity(world: World) -> None:
    """Mass assignment: fields of the model that no call of a user names."""
    mallory, session, bearer = signed_in(world, "mallory")
    video, untouched = world.video(), world.video("Metropolis")
    for call in calls(world, {"video_id": video, "user_id": mallory.id.hex}):
        if call.method not in UNSAFE or not access.may("user", call.endpoint):
            continue
        if call.endpoint.startswith("devices.end") or "delete" in call.endpoint:
            continue
        body = ASSIGNED | {"device": "x", "state": "playing", "position_seconds": 1, "rating": 3, "title": "x"}
        assert ask(world, call, bearer, json=body).status_code < 500, call
    row = world.owner.execute("SELECT role, is_active, username FROM users WHERE id = %s", (mallory.id,)).fetchone()
    assert row == ("user", True, "mallory")
    assert world.owner.execute("SELECT count(*) FROM users WHERE role = 'admin'").fetchone() == (0,)
    kind = world.owner.execute("SELECT kind FROM sessions WHERE id = %s", (session,)).fetchone()
    assert kind == ("program",)
    kept = world.owner.execute(
        "SELECT count(DISTINCT visibility) FROM videos WHERE id IN (%s, %s)", (video, untouched)
    ).fetchone()
    assert kept == (1,)


@pytest.mark.parametrize("attack", ["' OR 1=1 --", "'; DROP TABLE users; --", "\\'; SELECT pg_sleep(9) --", "%00"])
def test_sql_in_any_value_is_text(world: World, attack: str) -> None:
    _, _, bearer = signed_in(world, "root", "admin")
    world.video()
    parameters = {"q": attack, "cursor": attack, "sort": attack, "limit": attack, "event": attack, "user": attack}
    for call in calls(world):
        if call.endpoint in ENDS_WHO_ASKS:
            continue
        for name, value in parameters.items():
            if call.method == "GET":
                answer = world.client().get(call.path, query_string={name: value}, headers=bearer)
                assert answer.status_code < 500, (str(call), name)
        if call.method in UNSAFE:
            body = dict.fromkeys(
                ("username", "password", "device", "name", "title", "token", "replace", "folder"), attack
            )
            assert ask(world, call, bearer, json=body).status_code < 500, call
    assert world.owner.execute("SELECT count(*) > 0 FROM users").fetchone() == (True,)
