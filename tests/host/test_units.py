"""Each unit runs, as its own user, in a sandbox whose exposure systemd itself measures."""

import json

import pytest
from testinfra.host import Host

OURS = [
    "kinetoscope-authz",
    "kinetoscope-api",
    "kinetoscope-events",
    "kinetoscope-indexer",
    "kinetoscope-ledger",
    "kinetoscope-cutter",
    "kinetoscope-worker@1",
    "kinetoscope-worker@now-1",
    "kinetoscope-worker@later-1",
    "redis-server@live",
    "redis-server@cache",
    "nginx",
]
EXPOSURE_AT_MOST = 2.0


def test_the_box_is_running_without_a_failed_unit(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""
    assert host.check_output("systemctl is-system-running") == "running"


@pytest.mark.parametrize(
    ("unit", "user"),
    [
        ("kinetoscope-authz", "kinetoscope-authz"),
        ("kinetoscope-api", "kinetoscope-api"),
        ("kinetoscope-events", "kinetoscope-events"),
        ("kinetoscope-ledger", "kinetoscope-ledger"),
        ("kinetoscope-cutter", "kinetoscope-cutter"),
        ("kinetoscope-worker@1", "kinetoscope-worker"),
        ("kinetoscope-worker@2", "kinetoscope-worker"),
        ("kinetoscope-worker@now-1", "kinetoscope-worker"),
        ("kinetoscope-worker@now-2", "kinetoscope-worker"),
        ("kinetoscope-worker@later-1", "kinetoscope-worker"),
        ("redis-server@live", "redis"),
        ("redis-server@cache", "redis"),
        ("nginx", "www-data"),
    ],
)
def test_each_process_of_a_unit_runs_as_its_user(host: Host, unit: str, user: str) -> None:
    assert host.service(unit).is_running
    group = host.check_output("systemctl show --property ControlGroup --value %s", unit)
    # One that ends between the two looks (Nginx has such, for a minute after its start) has no owner any more.
    look = "cd /proc; for p in $(cat /sys/fs/cgroup%s/cgroup.procs); do stat --format %%U $p || test ! -e $p; done"
    assert set(host.check_output(look, group).split()) == {user}


@pytest.mark.parametrize("unit", OURS)
def test_the_exposure_of_a_unit_stays_low(host: Host, unit: str) -> None:
    report = host.check_output("systemd-analyze security --no-pager --json=short %s.service", unit)
    overall = host.check_output("systemd-analyze security --no-pager %s.service | tail -n 1", unit)
    score = float(overall.split(":")[1].split()[0])
    worst = [entry["name"] for entry in json.loads(report) if float(entry.get("exposure") or 0) >= 0.2]
    assert score <= EXPOSURE_AT_MOST, f"{unit}: {score}; the widest: {worst}"


def test_nginx_can_read_no_file_but_what_it_serves(host: Host) -> None:
    pid = host.check_output("systemctl show --property MainPID --value nginx")
    assert host.run("ls /proc/%s/root/srv/kinetoscope/titles", pid).stdout.strip(), "nothing to serve: proves nothing"
    for path in ("/etc/shadow", "/etc/kinetoscope/secrets", "/var/lib/postgresql", "/home", "/root", "/etc/ssh"):
        seen = host.run("setpriv --reuid=www-data --clear-groups ls /proc/%s/root%s", pid, path)
        assert seen.rc != 0 or seen.stdout.strip() == "", path
        seen = host.run(f"ls /proc/{pid}/root{path}")
        assert seen.rc != 0 or seen.stdout.strip() == "", f"{path} is there, although only root could read it"


@pytest.mark.parametrize("unit", ["kinetoscope-authz", "kinetoscope-api", "kinetoscope-ledger", "kinetoscope-cutter"])
def test_the_services_have_no_network_and_see_no_media(host: Host, unit: str) -> None:
    properties = host.check_output("systemctl show --property RestrictAddressFamilies,IPAddressDeny %s", unit)
    assert "AF_INET" not in properties
    assert "AF_UNIX" in properties
    pid = host.check_output("systemctl show --property MainPID --value %s", unit)
    assert host.run("ls /proc/%s/root/opt/kinetoscope/current/bin", pid).rc == 0
    for path in ("/etc/kinetoscope", "/var/lib", "/home", "/root"):
        seen = host.run(f"ls /proc/{pid}/root{path}")
        assert seen.rc != 0 or seen.stdout.strip() == "", path
    # The interface looks whether parts are there and how full the disk is: it sees their folders, and no library.
    seen = host.run(f"cd /proc/{pid}/root && find srv -mindepth 2 -maxdepth 3")
    folders = {line for line in seen.stdout.split() if line.count("/") == 2}
    allowed = {"srv/kinetoscope/uploads", "srv/kinetoscope/uploaded"} if unit == "kinetoscope-api" else set[str]()
    assert folders <= allowed
    below = {line for line in seen.stdout.split() if line.count("/") == 3}
    assert below <= {
        "srv/kinetoscope/uploads/incoming",
        "srv/kinetoscope/uploads/parts",
        "srv/kinetoscope/uploaded/.uploads",
    }


def test_who_waits_for_what_is_made_sees_the_published_tree_and_no_socket_of_others(host: Host) -> None:
    pid = host.check_output("systemctl show --property MainPID --value kinetoscope-events")
    properties = host.check_output("systemctl show --property RestrictAddressFamilies kinetoscope-events")
    assert "AF_INET" not in properties
    titles = "/srv/kinetoscope/titles"
    assert host.check_output(f"ls /proc/{pid}/root/srv/kinetoscope").split() == ["titles"]
    seen = host.check_output(f"ls {titles}").split()
    assert seen, "nothing is published: proves nothing"
    # By its groups, as in its unit; and it writes nothing there.
    itself = "setpriv --reuid=kinetoscope-events --regid=kinetoscope-events --init-groups"
    assert host.check_output(f"{itself} stat --format %F {titles}/{seen[0]}/poster.jpg") == "regular file"
    assert host.run(f"nsenter --target={pid} --mount --wd=/ test -w {titles}").rc != 0
    assert host.check_output(f"ls /proc/{pid}/root/run/kinetoscope").split() == ["events.sock"]
    for path in ("/etc/kinetoscope", "/var/lib", "/home", "/root", "/run/redis-live"):
        hidden = host.run(f"ls /proc/{pid}/root{path}")
        assert hidden.rc != 0 or hidden.stdout.strip() == "", path


@pytest.mark.parametrize(
    ("name", "kinds"), [("1", "pictures text rendition upload"), ("now-1", "instant"), ("later-1", "extra")]
)
def test_no_worker_takes_what_is_anothers(host: Host, name: str, kinds: str) -> None:
    pid = host.check_output(f"systemctl show --property MainPID --value kinetoscope-worker@{name}")
    told = host.check_output(f"tr '\\0' '\\n' </proc/{pid}/environ | sed -n s/^KINETOSCOPE_JOB_KINDS=//p")
    assert json.loads(told) == kinds.split()
    weight = host.check_output(f"systemctl show --property CPUWeight --value kinetoscope-worker@{name}")
    assert (weight in {"idle", "0"}) == (name != "now-1"), weight


@pytest.mark.parametrize("instance", ["live", "cache"])
def test_redis_answers_nobody_without_a_password(host: Host, instance: str) -> None:
    answer = host.run("redis-cli -s /run/redis-%s/redis.sock PING", instance)
    assert "NOAUTH" in answer.stdout + answer.stderr


def test_postgres_knows_a_role_only_as_its_system_user(host: Host) -> None:
    refused = host.run("runuser -u www-data -- psql -h /run/postgresql -U kinetoscope-api -d kinetoscope -c 'select 1'")
    assert refused.rc != 0
    accepted = host.run("runuser -u kinetoscope-api -- psql -h /run/postgresql -d kinetoscope -Atc 'select 1'")
    assert accepted.stdout.strip() == "1"


def test_secrets_are_files_that_only_root_reads(host: Host) -> None:
    listing = host.check_output("find /etc/kinetoscope/secrets -printf '%m %u %y %p\\n'").splitlines()
    assert len(listing) > 5
    assert {line.rsplit(" ", 1)[0] for line in listing} <= {"700 root d", "600 root f"}


def test_no_secret_stands_in_an_argument_or_an_environment(host: Host) -> None:
    secret = host.check_output("cat /etc/kinetoscope/secrets/redis-live-kinetoscope-api.password").strip()
    assert len(secret) >= 32
    everything = host.check_output("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' || true")
    assert secret not in everything
