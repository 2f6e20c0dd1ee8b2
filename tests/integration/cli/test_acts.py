"""What the commands do to those who are signed in: the doors know at once; and what they print."""

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from authsvc.cli import main
from authsvc.people import accounts
from authsvc.people.accounts import Actor
from catalog import jobs, roles
from testbed.servers import redis_access
from testbed.services.sign_in import login, me
from testbed.services.world import ORIGIN, PASSWORD, Asker, World

NEW = "violet umbrella 42"


def run(world: World, *arguments: str, stdin: str = "", code: int = 0, **environment: str) -> Result:
    known = {
        "KINETOSCOPE_DATABASE_URL": world.database.url_for(roles.API),
        "KINETOSCOPE_REDIS_LIVE_URL": world.redis_live.url,
        "KINETOSCOPE_REDIS_USERNAME": roles.API,
        "KINETOSCOPE_REDIS_LIVE_PASSWORD": redis_access.PASSWORD,
        "KINETOSCOPE_PUBLIC_ORIGINS": ORIGIN,
    }
    done = CliRunner().invoke(main, list(arguments), input=stdin, env=known | environment)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def printed(world: World, *arguments: str, **more: Any) -> Any:
    return json.loads(run(world, *arguments, "--json", **more).stdout)


def test_disabled_user_is_refused_by_interface_and_doors_at_once(world: World) -> None:
    bob, video = world.user("bob"), world.video()
    world.user("root", role="admin")
    _, token = world.session(bob)
    ask = Asker(world.authz_app)
    assert me(world, Authorization=f"Bearer {token}").status_code == 200
    assert ask.header(video, token).status_code == 204
    assert run(world, "user", "disable", "--username", "BOB").stdout == "disabled, 1 sessions ended\n"
    assert me(world, Authorization=f"Bearer {token}").status_code == 401
    assert ask.header(video, token).status_code in {401, 403}
    assert world.redis_live.client().zcard("ks:leases:box") == 0
    assert login(world, "bob").status_code == 401
    run(world, "user", "enable", "--username", "bob")
    assert login(world, "bob").status_code == 200


def test_change_is_made_while_redis_is_away(world: World) -> None:
    bob = world.user("bob")
    world.session(bob)
    done = run(world, "user", "disable", "--username", "bob", KINETOSCOPE_REDIS_LIVE_URL="unix:///nowhere/redis.sock")
    assert done.stdout == "disabled, 1 sessions ended\n"
    assert "Redis can't be reached" in done.stderr
    assert run(
        world, "streams", "list", KINETOSCOPE_REDIS_LIVE_URL="unix:///nowhere/redis.sock", code=1
    ).stderr.startswith("Error: Redis")


def test_role_password_reset_and_delete(world: World) -> None:
    bob = world.user("bob")
    _, token = world.session(bob)
    bearer = {"Authorization": f"Bearer {token}"}
    run(world, "user", "role", "--username", "bob", "--role", "admin")
    assert world.client().get("/api/v1/admin/users", headers=bearer).status_code == 200
    for refused in (
        ("user", "role", "--username", "bob", "--role", "user"),
        ("user", "disable", "--username", "bob"),
        ("user", "delete", "--username", "bob", "--yes"),
    ):
        assert "last admin" in run(world, *refused, code=1).stderr
    assert me(world, **bearer).status_code == 200
    assert (
        "a guesser tries"
        in run(world, "user", "password", "--username", "bob", stdin="bob-kinetoscope-bob\n", code=1).stderr
    )
    run(world, "user", "password", "--username", "bob", stdin=NEW + "\n")
    assert me(world, **bearer).status_code == 401
    reset = printed(world, "user", "reset", "--username", "bob")
    assert reset["link"] == f"{ORIGIN}/#/reset/{reset['token']}"
    body = {"token": reset["token"], "password": PASSWORD}
    assert world.client().post("/api/v1/auth/reset", json=body).status_code == 204
    assert login(world, "bob").status_code == 200
    world.user("root", role="admin")
    assert run(world, "user", "delete", "--username", "bob", stdin="n\n", code=1)
    assert run(world, "user", "delete", "--username", "bob", "--yes").stdout == "deleted, 1 sessions ended\n"
    assert [each["username"] for each in printed(world, "user", "list")] == ["root"]
    assert "there is no user" in run(world, "user", "enable", "--username", "bob", code=1).stderr


def test_invitation_is_printed_once_and_may_be_revoked(world: World) -> None:
    given = printed(world, "invite", "--role", "admin", "--uses", "2", "--hours", "1")
    assert given["link"] == f"{ORIGIN}/#/invitation/{given['token']}"
    person = {"username": "zoe", "email": "zoe@example.org", "password": NEW, "invitation": given["token"]}
    assert world.client().post("/api/v1/auth/register", json=person).get_json()["role"] == "admin"
    (listed,) = printed(world, "invitations", "list")
    assert (listed["id"], listed["used"], listed["uses"]) == (given["id"], 1, 2)
    assert given["token"] not in run(world, "invitations", "list").stdout
    run(world, "invitations", "revoke", "--id", given["id"])
    again = world.client().post("/api/v1/auth/register", json=person | {"username": "yan", "email": "y@example.org"})
    assert again.status_code == 403
    assert run(world, "invitations", "revoke", "--id", given["id"], code=1)


def test_sessions_are_listed_and_ended(world: World) -> None:
    alice, bob = world.user("alice"), world.user("bob")
    session, token = world.session(alice)
    _, other = world.session(bob)
    rows = printed(world, "sessions", "list")
    assert {(row["username"], row["device"]) for row in rows} == {("alice", "test"), ("bob", "test")}
    assert [row["id"] for row in printed(world, "sessions", "list", "--username", "alice")] == [session]
    assert session in run(world, "sessions", "list").stdout, "the id has another form than in the interface"
    assert me(world, Authorization=f"Bearer {token}").status_code == 200
    run(world, "sessions", "end", "--id", session)
    assert me(world, Authorization=f"Bearer {token}").status_code == 401
    run(world, "sessions", "end", "--id", session, code=1)
    run(world, "sessions", "end", "--username", "bob")
    assert me(world, Authorization=f"Bearer {other}").status_code == 401
    run(world, "sessions", "end", code=2)
    assert printed(world, "sessions", "list") == []


def test_streams_are_listed_and_ended(world: World) -> None:
    alice, video = world.user("alice"), world.video("Sunrise")
    _, token = world.session(alice)
    started = world.client().post(
        f"/api/v1/videos/{video}/playback", json={}, headers={"Authorization": f"Bearer {token}"}
    )
    playback = started.get_json()["playback_id"]
    (row,) = printed(world, "streams", "list")
    assert (row["username"], row["title"], row["state"], row["id"]) == ("alice", "Sunrise", "pending", playback)
    run(world, "streams", "end", "--id", playback)
    assert printed(world, "streams", "list") == []
    assert Asker(world.authz_app).signed(video, playback).status_code == 403
    assert "stream_stopped" in run(world, "audit", "list").stdout
    assert "there is no such playback" in run(world, "streams", "end", "--id", "0" * 32, code=1).stderr


def test_status_scan_and_audit_read_as_text_and_as_json(world: World) -> None:
    world.user("alice")
    world.video()
    found = printed(world, "status")
    assert (found["postgresql"], found["redis_live"], found["users"], found["videos"]) == ("ok", "ok", 1, {"ready": 1})
    assert "users\t1\n" in run(world, "status").stdout
    assert "no scan" in run(world, "scan", code=1).stderr
    world.owner.execute("INSERT INTO scans (finished_at, summary) VALUES (now(), '{\"seen\": 7}')")
    assert printed(world, "scan")["seen"] == 7
    run(world, "user", "role", "--username", "alice", "--role", "admin")
    (event,) = printed(world, "audit", "list", "--username", "alice")
    assert (event["event"], event["actor"], event["subject"]) == ("user_changed", None, "alice")
    assert "playbacks\t0\n" in run(world, "forget").stdout
    assert set(printed(world, "forget").values()) == {0}


def test_nothing_that_a_device_is_called_reaches_the_terminal_as_a_command(world: World) -> None:
    alice = world.user("alice")
    world.session(alice, device="\x1b]0;owned\x07 tv\nroot\tadmin")
    text = run(world, "sessions", "list").stdout
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("name", ["'; DROP TABLE users; --", "%", "alice' OR '1'='1", "\u0430lice"])
def test_name_is_data(world: World, name: str) -> None:
    world.user("alice")
    run(world, "user", "disable", "--username", name, code=1)
    found = accounts.by_name(world.owner, "alice")
    assert found is not None
    assert found.is_active
    assert accounts.change(world.owner, found.id, actor=Actor(), role="user")[0] == found


def test_jobs_are_listed_cancelled_and_tried_again(world: World) -> None:
    job = jobs.enqueue(world.owner, "pictures", video_id=UUID(world.video("Metropolis")))
    (row,) = printed(world, "jobs", "list")
    assert (row["kind"], row["state"], row["title"], row["id"]) == ("pictures", "queued", "Metropolis", job.hex)
    assert "only a job that failed" in run(world, "jobs", "retry", "--id", str(job), code=1).stderr
    assert run(world, "jobs", "cancel", "--id", str(job)).stdout == "cancelled\n"
    assert "ended already" in run(world, "jobs", "cancel", "--id", str(job), code=1).stderr
    assert [row["state"] for row in printed(world, "jobs", "list", "--state", "cancelled")] == ["cancelled"]
    assert run(world, "jobs", "retry", "--id", str(job)).stdout == "queued\n"
    assert "no such job" in run(world, "jobs", "cancel", "--id", str(UUID(int=0)), code=1).stderr


def test_a_job_is_put_first_and_last(world: World) -> None:
    job = jobs.enqueue(world.owner, "pictures", parameters={"number": 1})
    jobs.enqueue(world.owner, "pictures", parameters={"number": 2})
    for place, urgency in (("last", "backlog"), ("first", "wanted")):
        assert run(world, "jobs", "move", "--id", str(job), "--place", place).stdout == f"{place} of what is queued\n"
        found = world.owner.execute("SELECT urgency FROM jobs WHERE id = %s", (job,)).fetchone()
        assert found == (urgency,)
    run(world, "jobs", "cancel", "--id", str(job))
    assert "queued" in run(world, "jobs", "move", "--id", str(job), "--place", "last", code=1).stderr
    assert "no such job" in run(world, "jobs", "move", "--id", str(UUID(int=0)), "--place", "last", code=1).stderr


def test_files_that_stream_badly_are_counted_listed_and_helped(world: World) -> None:
    ill = world.video("Metropolis", container="mkv", direct_play=False, judgement=3)
    other = world.video("Faust", container="avi", direct_play=False, open_gop=True, judgement=3)
    counts = {row["finding"]: row for row in printed(world, "health", "findings")}
    assert (counts["not_everywhere"]["titles"], counts["not_everywhere"]["startable"]) == (2, 2)
    assert counts["broken"]["titles"] == 0
    rows = printed(world, "health", "list")
    assert [(row["title"], row["finding"], row["remedy"]) for row in rows] == [
        ("Faust", "not_everywhere", "transcode"),
        ("Faust", "open_gop", "none"),
        ("Metropolis", "not_everywhere", "transcode"),
    ]
    assert "container: mkv" in rows[2]["sentence"]
    assert len(printed(world, "health", "list", "--finding", "open_gop", "--limit", "1")) == 2
    started = printed(world, "health", "remedy", "--finding", "not_everywhere", "--id", ill)
    assert started == {"remedy": "transcode", "started": 1, "under_way": 0, "left": 0}
    assert printed(world, "health", "remedy", "--finding", "not_everywhere")["started"] == 1
    assert printed(world, "health", "remedy", "--finding", "not_everywhere")["started"] == 0
    known = world.owner.execute("SELECT video_id, urgency, requested_by FROM jobs").fetchall()
    assert set(known) == {(UUID(ill), "wanted", None), (UUID(other), "backlog", None)}
    done = run(world, "health", "remedy", "--finding", "broken", "--id", ill, code=1)
    assert done.stderr == f"Error: no title with that finding: {ill}\n"
