"""The audit trail: complete, readable by admins alone, and without a person in it once the account is gone."""

from typing import Any

import psycopg
import pytest

from authsvc import audit
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.sessions import expiry
from catalog import roles
from testbed.services.sign_in import login
from testbed.services.world import World

AUDIT = "/api/v1/admin/audit"


def read(world: World, role: str = "admin", **query: Any) -> Any:
    reader = accounts.by_name(world.owner, f"reader {role}") or world.user(f"reader {role}", role=role)
    _, token = world.session(reader)
    return world.client().get(AUDIT, query_string=query, headers={"Authorization": f"Bearer {token}"})


def test_admin_reads_who_did_what_to_whom(world: World) -> None:
    alice, bob = world.user("alice", role="admin"), world.user("bob")
    audit.record(
        world.owner, Event.USER_CHANGED, actor=alice.id, subject=bob.id, client="192.0.2.9", role="admin", number=3
    )
    (event,) = read(world).get_json()["items"]
    assert event["event"] == "user_changed"
    assert event["actor"]["user"] == {"id": alice.id.hex, "username": "alice"}
    assert event["subject"]["user"] == {"id": bob.id.hex, "username": "bob"}
    assert (event["client"], event["details"]) == ("192.0.2.9", {"role": "admin", "number": 3})
    assert event["actor"]["subject_id"] not in {alice.id.hex, bob.id.hex}, "the trail holds the user's own id"


@pytest.mark.parametrize("role", ["user", "guest"])
def test_nobody_else_reads_it(world: World, role: str) -> None:
    assert read(world, role).status_code == 403


def test_account_that_goes_leaves_the_events_and_no_person(world: World) -> None:
    alice = world.user("alice")
    audit.record(world.owner, Event.LOGIN, actor=alice.id, client="2001:db8::1")
    (before,) = read(world).get_json()["items"]
    world.owner.execute("DELETE FROM users WHERE id = %s", (alice.id,))
    (after,) = read(world).get_json()["items"]
    assert after == before | {"actor": {"subject_id": before["actor"]["subject_id"], "user": None}}
    row = world.owner.execute("SELECT e::text FROM audit_events e").fetchone()
    assert row is not None
    assert "alice" not in row[0]
    assert str(alice.id) not in row[0]


def test_pages_filters_and_cursor(world: World) -> None:
    alice, bob = world.user("alice"), world.user("bob")
    for number in range(5):
        audit.record(world.owner, Event.LOGIN, actor=alice.id, number=number)
        audit.record(world.owner, Event.LOGOUT, actor=bob.id, subject=alice.id, number=number)
    seen, cursor = [], None
    while True:
        body = read(world, limit=3, event="login", **({"cursor": cursor} if cursor else {})).get_json()
        # What comes in between the pages does not shift them.
        audit.record(world.owner, Event.LOGIN, actor=None, number=99)
        seen += [item["details"]["number"] for item in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen == [4, 3, 2, 1, 0]
    assert len(read(world, user=bob.id.hex).get_json()["items"]) == 5
    assert len(read(world, user=alice.id.hex, limit=100).get_json()["items"]) == 10
    assert read(world, until="2020-01-01T00:00:00Z").get_json()["items"] == []
    assert len(read(world, since="2020-01-01T00:00:00Z", event="logout").get_json()["items"]) == 5


@pytest.mark.parametrize(
    "query",
    [{"cursor": "-1"}, {"cursor": "1 OR 1=1"}, {"cursor": "9" * 30}, {"limit": 0}, {"limit": 101}, {"user": "alice"},
     {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"event": "x" * 65}, {"event": "\0"}],
)  # fmt: skip
def test_bad_query_is_422(world: World, query: dict[str, Any]) -> None:
    assert read(world, **query).status_code == 422


def test_guest_who_comes_and_leaves_is_in_the_trail_with_no_more_than_anybody(world: World) -> None:
    world.user("alice")
    login(world, headers={"X-Real-IP": "192.0.2.1"})
    leaves, stays = (
        world.client().post("/api/v1/auth/guest", json={"device": "Toms iPhone"}, headers={"X-Real-IP": "192.0.2.2"})
        for _ in range(2)
    )
    token = leaves.get_json()["access_token"]
    world.client().post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}", "X-Real-IP": "192.0.2.2"})
    world.owner.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour' WHERE kind = 'guest'")
    with psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True) as ledger:
        (over,) = expiry.run(ledger, world.redis_live.client(), world.api_settings)
    events = read(world).get_json()["items"]
    assert [event["event"] for event in events] == [
        "session_ended", "logout", "guest_admitted", "guest_admitted", "login",
    ]  # fmt: skip
    assert events[0]["details"] == {"session": over.session_id.hex, "reason": "idle"}
    assert events[0]["subject"]["user"]["id"] == stays.get_json()["user"]["id"]
    assert events[1]["actor"] == events[3]["actor"]
    assert [event["client"] for event in events[1:]] == ["192.0.2.2", "192.0.2.2", "192.0.2.2", "192.0.2.1"]
    assert events[2]["details"] == {"session": stays.get_json()["session_id"]}
    rows = str(world.owner.execute("SELECT e::text FROM audit_events e").fetchall())
    for answer in (leaves, stays):
        assert answer.get_json()["user"]["username"] not in rows
        assert answer.get_json()["user"]["id"] not in rows.replace("-", "")
    assert "iPhone" not in rows
    world.owner.execute("DELETE FROM users WHERE role = 'guest'")
    assert {event["subject"] and event["subject"]["user"] for event in read(world).get_json()["items"]} == {None}


def test_ledger_adds_to_the_trail_and_reads_none_of_it(world: World) -> None:
    with psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True) as ledger:
        for statement in (
            "SELECT * FROM audit_events",
            "DELETE FROM audit_events",
            "UPDATE audit_events SET at = now()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ledger.execute(statement)


def test_sign_in_says_which_session_it_opened_and_which_it_ended(world: World) -> None:
    world.user("alice")
    first = login(world).get_json()
    second = login(world, replace=first["session_id"]).get_json()
    guest = world.client().post("/api/v1/auth/guest", json={}).get_json()
    admitted, ended, opened, before = read(world).get_json()["items"]
    assert before["details"] == {"session": first["session_id"], "second_factor": False}
    assert opened["details"] == {"session": second["session_id"], "second_factor": False}
    assert ended["details"] == {"session": first["session_id"], "reason": "replaced"}
    assert admitted["details"] == {"session": guest["session_id"]}
    world.client().post("/api/v1/auth/logout", json={"refresh_token": second["refresh_token"]})
    (left,) = read(world, event="logout").get_json()["items"]
    assert left["details"] == {"session": second["session_id"]}
