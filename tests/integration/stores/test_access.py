"""Who may do what in Redis. Every test here runs the services under the rules of the box; this one breaks into them."""

from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from authsvc.api.protocol.access import ADMIN, WHO_MAY
from catalog import roles
from testbed.servers.redis_server import RedisServer
from testbed.services.viewer import Viewer
from testbed.services.world import Asker, World

SERVICES = (roles.AUTHZ, roles.API, roles.LEDGER)
SESSION, USER, VIDEO = "5" * 32, "6" * 32, "7" * 32


def refused(client: "Redis", *command: Any) -> bool:
    """Is it refused for want of rights? Whatever else goes wrong is no refusal."""
    try:
        client.execute_command(*command)
    except NoPermissionError:
        return True
    except Exception as error:
        # What a script meets is told as an error of the script.
        if any(said in str(error) for said in ("ACL failure in script", "The user executing the script can't")):
            return True
        raise
    return False


def in_a_script(*command: str) -> tuple[Any, ...]:
    words = ", ".join(f"'{word}'" for word in command)
    return ("EVAL", f"return redis.call({words})", 0)


@pytest.fixture
def mallory(world: World) -> Viewer:
    """Signed in, known to both services, and not an admin."""
    mallory = Viewer(world, "mallory")
    assert mallory.call("GET", "/users/me").status_code == 200
    assert Asker(world.authz_app).header(world.video(), mallory.token).status_code == 204
    return mallory


def admin_calls(world: World) -> list[tuple[str, str]]:
    """Method and path of every call that is for admins alone."""
    calls = []
    for rule in world.api_app.url_map.iter_rules():
        if WHO_MAY.get(rule.endpoint) == ADMIN:
            path = rule.build(dict.fromkeys(rule.arguments, SESSION), append_unknown=False)[1]  # type: ignore[index]  # it has all that it needs
            calls += [(method, path) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return calls


def test_an_admin_by_the_word_of_redis_alone_is_none(world: World, mallory: Viewer) -> None:
    """Whatever wrote it, and however it could: each call for admins asks PostgreSQL."""
    Viewer(world, "boss", role="admin")
    calls = admin_calls(world)
    assert len(calls) > 25
    for method, path in calls:
        world.redis_live.client().hset(f"ks:identity:{mallory.session_id}", "role", "admin")
        answer = mallory.call(method, path.removeprefix("/api/v1"), {} if method in {"POST", "PUT", "PATCH"} else None)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden"), (method, path)


def test_an_admin_without_the_second_factor_stays_one_who_has_to_show_it(world: World) -> None:
    world.with_settings(second_factor_required_for_admins=True)
    boss = Viewer(world, "boss", role="admin")
    assert boss.call("GET", "/admin/users").get_json()["code"] == "second_factor_required"
    world.redis_live.client().hset(f"ks:identity:{boss.session_id}", "role", "admin")
    assert boss.call("GET", "/admin/users").get_json()["code"] == "second_factor_required"


def test_an_admin_who_was_turned_into_a_user_is_none_at_once_though_redis_has_not_heard(world: World) -> None:
    boss, other = Viewer(world, "boss", role="admin"), Viewer(world, "other", role="admin")
    assert boss.call("GET", "/admin/users").status_code == other.call("GET", "/admin/users").status_code == 200
    world.owner.execute("UPDATE users SET role = 'user' WHERE id = %s", (boss.user.id,))
    assert boss.call("GET", "/admin/users").status_code == 403
    world.owner.execute(
        "UPDATE sessions SET ended_at = now(), end_reason = 'logout' WHERE id = %s", (other.session_id,)
    )
    assert other.call("GET", "/admin/users").status_code == 401


@pytest.mark.parametrize("service", [roles.AUTHZ, roles.LEDGER])
def test_neither_doors_nor_ledger_can_make_an_admin_for_the_interface(
    world: World, mallory: Viewer, service: str
) -> None:
    live = world.redis_live.client(service)
    own, theirs = f"ks:session:{mallory.session_id}", f"ks:identity:{mallory.session_id}"
    attempts = [
        ("HSET", theirs, "role", "admin"), ("DEL", theirs), ("HGETALL", theirs), ("SET", theirs, "admin"),
        ("RENAME", own, theirs), ("COPY", own, theirs, "REPLACE"), ("RESTORE", theirs, 0, b"", "REPLACE"),
        ("MIGRATE", "", 1, own, 0, 1), ("SORT", own, "STORE", theirs), ("MSET", "ks:seen:x", "1", theirs, "1"),
        in_a_script("HSET", theirs, "role", "admin"), in_a_script("RENAME", own, theirs),
        in_a_script("INCR", "ks:clock") if service == roles.AUTHZ else ("HSET", own, "role", "admin"),
    ]  # fmt: skip
    assert [attempt for attempt in attempts if not refused(live, *attempt)] == []
    assert mallory.call("GET", "/admin/users").status_code == 403


def test_doors_can_end_nobody_and_take_no_revocation_back(world: World, mallory: Viewer) -> None:
    live = world.redis_live.client(roles.AUTHZ)
    attempts = [
        ("SET", f"ks:ended:{SESSION}", "logout"), ("DEL", f"ks:ended:{SESSION}"), ("DEL", f"ks:epoch:user:{USER}"),
        ("DEL", f"ks:barred:{SESSION}:{VIDEO}"), ("SET", "ks:clock", "0"), ("DEL", "ks:rebuilt"),
        ("SET", "ks:looked", "1"), ("GETDEL", "ks:clock"), ("SET", "ks:clock", "0", "GET"),
        in_a_script("DEL", f"ks:ended:{SESSION}"),
    ]  # fmt: skip
    assert [attempt for attempt in attempts if not refused(live, *attempt)] == []


def test_the_ledger_can_make_no_session(world: World) -> None:
    live = world.redis_live.client(roles.LEDGER)
    facts = ("user", USER, "role", "admin", "expires", "9999999999999", "idle", "0", "loaded", "0", "checked", "0")
    for key in (f"ks:session:{SESSION}", f"ks:identity:{SESSION}"):
        assert refused(live, "HSET", key, *facts)
        assert refused(live, *in_a_script("HSET", key, *facts))
    assert refused(live, "HSET", f"ks:video:{VIDEO}", "access", "public", "playable", "1")
    assert refused(live, "HSET", f"ks:named:{USER}:{VIDEO}", "allowed", "1")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "command",
    [
        "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "FLUSHALL", "FLUSHDB", "CONFIG GET *", "ACL LIST", "ACL WHOAMI",
        "ACL SETUSER default on nopass", "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION LIST", "MONITOR",
        "CLIENT LIST", "CLIENT KILL TYPE normal", "SAVE", "BGREWRITEAOF", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE",
        "SUBSCRIBE x", "PUBLISH x y", "SWAPDB 0 1", "INFO", "MODULE LIST",
        "SET elsewhere 1", "GET elsewhere", "SET ks: 1",
    ],
)  # fmt: skip
def test_nobody_looks_around_or_touches_the_server(redis_live: RedisServer, service: str, command: str) -> None:
    assert refused(redis_live.client(service), *command.split(" "))


@pytest.mark.parametrize("command", ["KEYS *", "SCAN 0", "FLUSHALL", "GET ks:session:x", "HSET ks:quota:x a b"])
def test_the_cache_is_no_way_round(redis_cache: RedisServer, command: str) -> None:
    assert refused(redis_cache.client(roles.API), *command.split(" "))


def test_a_scripts_commands_are_held_to_the_rules_of_whoever_runs_it(redis_live: RedisServer) -> None:
    """A script names keys that are not in KEYS, so this is what all of the rules rest on."""
    client = redis_live.client(roles.AUTHZ)
    assert client.eval("return redis.call('SET', 'ks:seen:x', '1')", 0) == b"OK"
    assert refused(client, *in_a_script("GET", "ks:identity:x"))
    assert client.eval("return redis.call('GET', 'ks:clock')", 0) is None, "to read is one right, to write another"
    assert refused(client, *in_a_script("INCR", "ks:clock"))
