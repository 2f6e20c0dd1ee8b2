"""Accounts on the box: the command line as root has it, and how fast the doors learn of what it does."""

import json
import re
import secrets
import time
from typing import Any

from testinfra.host import Host

from testbed.viewers.box import SECRETS, Access, Viewer, connection, problem
from testbed.waiting import eventually


def test_command_line_is_roots_and_needs_no_setting(host: Host, shell: Any) -> None:
    assert "admin\tactive" in shell("kinetoscope user list")
    found = json.loads(shell("kinetoscope status --json"))
    assert (found["postgresql"], found["redis_live"]) == ("ok", "ok")
    refused = host.run("runuser -u nobody -- /usr/local/sbin/kinetoscope user list")
    assert refused.rc == 77
    wrong = host.run("kinetoscope user disable --username 'nobody $HOME %%n \"x'")
    assert wrong.rc == 1
    assert 'there is no user nobody $HOME %%n "x' in wrong.stderr, "the command line was read twice"


def test_command_runs_without_roots_rights(host: Host, shell: Any) -> None:
    unit = shell("systemctl cat kinetoscope-api.service")
    assert "User=kinetoscope-api" in unit
    script = host.file("/usr/local/sbin/kinetoscope").content_string
    assert "User=kinetoscope-api" in script
    assert host.file("/usr/local/sbin/kinetoscope").mode == 0o755
    password = host.file("/etc/kinetoscope/secrets/redis-live-kinetoscope-api.password").content_string.strip()
    assert password not in script


def test_disabled_user_is_refused_everywhere_within_two_seconds(
    access: Access, carol: Viewer, mp4: dict[str, Any], shell: Any, note: Any
) -> None:
    grant = carol.playback(mp4["id"])
    link = grant["links"]["source"]
    assert carol.get(link, headers={"Range": "bytes=0-0"}).status_code == 206
    shell(f"kinetoscope user disable --username {carol.username}")
    began = time.monotonic()

    def refused() -> bool:
        door = connection(access).get(access.at(link), headers={"Range": "bytes=0-0"}, timeout=5)
        return carol.get("/api/v1/users/me").status_code == 401 and door.status_code in {401, 403, 410}

    assert eventually(refused, within=10, every=0.1)
    took = time.monotonic() - began
    note("user disabled by command: refused by the API and the signed door", took)
    assert took < 2
    again = connection(access).post(
        access.url.rstrip("/") + "/api/v1/auth/login",
        json={"username": carol.username, "password": carol.password},
        timeout=20,
    )
    assert again.status_code == 401


def test_invited_person_registers_and_leaves_without_a_trace(
    access: Access, admin: Viewer, anonymous: Any, shell: Any
) -> None:
    name, password = f"zoe-{secrets.token_hex(3)}", secrets.token_urlsafe(18)
    person = {"username": name, "email": f"{name}@example.org", "password": password}
    SECRETS.add(password)
    register = access.url.rstrip("/") + "/api/v1/auth/register"
    uninvited = anonymous.post(register, json=person, timeout=20)
    assert (uninvited.status_code, problem(uninvited)["code"]) == (403, "invitation")
    token = json.loads(shell("kinetoscope invite --json"))["token"]
    SECRETS.add(token)
    assert anonymous.post(register, json=person | {"invitation": token}, timeout=20).status_code == 201
    another = {"username": f"{name}-2", "email": f"{name}-2@example.org", "password": password, "invitation": token}
    spent = anonymous.post(register, json=another, timeout=20)
    assert (spent.status_code, problem(spent)["code"]) == (403, "invitation"), "an invitation serves once"
    assert Viewer(access, name, password).get("/api/v1/users/me").json()["role"] == "user"
    (found,) = admin.get("/api/v1/admin/users", params={"q": name}).json()["items"]
    events = admin.get("/api/v1/admin/audit", params={"user": found["id"]}).json()["items"]
    assert [event["event"] for event in events] == ["login", "registered"]
    assert all(event["client"] for event in events)
    assert admin.call("DELETE", f"/api/v1/admin/users/{found['id']}").status_code == 204
    dump = shell("runuser -u postgres -- pg_dump --data-only kinetoscope | grep -c -F " + name + " || true")
    assert dump.strip() == "0"


def test_what_is_kept_no_longer_goes_every_day(host: Host, shell: Any) -> None:
    assert host.service("kinetoscope-retention.timer").is_running
    assert host.service("kinetoscope-retention.timer").is_enabled
    shell("systemctl start kinetoscope-retention.service")
    said = shell("journalctl --unit kinetoscope-retention.service --lines 20 --output cat")
    assert re.search(r"^playbacks\t0$", said, re.MULTILINE), said
    assert not host.file("/etc/systemd/system/kinetoscope-audit.timer").exists
