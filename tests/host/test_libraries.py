"""What the published tree leads to: the roots that answer, the files that were examined, and nothing else."""

import contextlib
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

from testbed.viewers.box import Access, Viewer
from testbed.waiting import eventually

# Longer than open_file_cache_valid and than a look at the roots.
WITHIN_SECONDS = 30
SECRETS_AND_LOGS = [
    "/etc/kinetoscope/tls/server.key", "/etc/kinetoscope/secrets/nginx-play-keys.conf", "/run/nginx-keys/server.key",
    "/run/nginx-keys/play-keys.conf", "/var/log/nginx/access.log", "/var/log/nginx/account.log", "/etc/passwd",
]  # fmt: skip
# A FUSE file system whose server has gone: every look at it ends with ENOTCONN. With `hangs`, one that never answers.
DEAD_MOUNT = r"""
import ctypes, os, sys, time
point, hangs = sys.argv[1], len(sys.argv) > 2
fuse = os.open("/root/ks-fuse", os.O_RDWR)
os.makedirs(point, exist_ok=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"ks-dead", point.encode(), b"fuse", 0, options):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
if hangs:
    time.sleep(600)
"""
SECOND_ROOT = "/mnt/ks-second"


def _source(video: dict[str, Any]) -> str:
    return next(entry["href"] for entry in video["files"] if entry["name"].startswith("source."))


def _link(host: Host, video: dict[str, Any]) -> str:
    """Where the published name leads: the path of the library file."""
    name = _source(video).rsplit("/", 1)[1]
    return host.check_output("readlink /srv/kinetoscope/titles/%s/%s", video["id"], name)


def _first_byte(viewer: Viewer, video: dict[str, Any]) -> int:
    return viewer.get(_source(video), headers={"Range": "bytes=0-0"}).status_code


@contextlib.contextmanager
def _replaced(host: Host, path: str, target: str) -> Iterator[None]:
    """The name at `path` is a link to `target` for a while."""
    host.check_output("mv %s %s", path, f"{path}.ks-aside")
    try:
        host.check_output("ln -s %s %s", target, path)
        yield
    finally:
        host.check_output("rm -f %s", path)
        host.check_output("mv %s %s", f"{path}.ks-aside", path)


@pytest.fixture
def no_scan(host: Host) -> Iterator[None]:
    """Cron's next scan would take away the name of a file that is gone: the right end, and another test.

    A condition that never holds, since a unit in /etc can't be masked until the next boot: /etc goes before /run.
    """
    held = "/run/systemd/system/kinetoscope-indexer.service.d"
    condition = r"[Unit]\nConditionPathExists=!/\n"
    host.check_output(f"mkdir -p {held} && printf '{condition}' >{held}/ks-held.conf && systemctl daemon-reload")
    try:
        # One that began before that goes on.
        assert eventually(
            lambda: host.run("systemctl is-active kinetoscope-indexer").stdout.strip() == "inactive", within=60
        )
        yield
    finally:
        host.check_output(f"rm -r {held} && systemctl daemon-reload")


@pytest.fixture
def log_has_lines(bob: Viewer, host: Host) -> None:
    bob.get("/health")
    assert eventually(lambda: host.check_output("wc -c < /var/log/nginx/access.log") != "0", within=5)


@pytest.mark.parametrize("target", [*SECRETS_AND_LOGS, "another title"])
@pytest.mark.disruptive
def test_a_library_file_that_became_a_link_gives_out_nothing(
    bob: Viewer, host: Host, mp4: dict[str, Any], other: dict[str, Any], log_has_lines: None, no_scan: None, target: str
) -> None:
    path = _link(host, mp4)
    target = _link(host, other) if target == "another title" else target
    with _replaced(host, path, target):
        assert eventually(lambda: _first_byte(bob, mp4) in {403, 404}, within=WITHIN_SECONDS), target
        answer = bob.get(_source(mp4))
        assert answer.status_code in {403, 404}
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert eventually(lambda: _first_byte(bob, mp4) == 206, within=WITHIN_SECONDS)


@pytest.mark.parametrize("target", SECRETS_AND_LOGS[:-1])
@pytest.mark.disruptive
def test_even_a_link_in_the_published_tree_reaches_no_key_and_no_log(
    bob: Viewer, host: Host, mp4: dict[str, Any], log_has_lines: None, no_scan: None, target: str
) -> None:
    published = f"/srv/kinetoscope/titles/{mp4['id']}/poster.jpg"
    with _replaced(host, published, target):
        poster = f"/stream/{mp4['id']}/poster.jpg"
        assert eventually(lambda: bob.get(poster).status_code in {403, 404}, within=WITHIN_SECONDS), target


@pytest.fixture
def scanning(host: Host) -> Iterator[str]:
    """The PID of a process that sees and may write what a scan does, for as long as the test runs."""
    bound = ["RootDirectory", "MountAPIVFS", "BindPaths", "BindReadOnlyPaths"]
    unit = host.check_output("systemctl cat kinetoscope-indexer").splitlines()
    properties = [f"--property={line}" for line in unit if line.split("=")[0] in bound]
    host.check_output(f"systemd-run --unit=ks-scanning {shlex.join(properties)} sleep 300")
    try:
        yield host.check_output("systemctl show --value --property=MainPID ks-scanning")
    finally:
        host.check_output("systemctl stop ks-scanning")


@pytest.mark.disruptive
def test_a_scan_goes_on_writing_when_the_view_shows_the_published_tree_anew(host: Host, scanning: str) -> None:
    mounted = "/srv/kinetoscope/titles/.ks-mounted"
    written = "/srv/kinetoscope/titles/.ks-written"
    write = f"nsenter --target={scanning} --mount --root touch {written}"
    host.check_output(write)
    host.check_output(f"mkdir -p {mounted} && mount -t tmpfs ks-mounted {mounted}")
    try:
        shown = f"grep --quiet /var/lib/kinetoscope/libraries{mounted} /proc/mounts"
        assert eventually(lambda: host.run(shown).rc == 0, within=WITHIN_SECONDS)
        host.check_output(write)
    finally:
        host.check_output(f"umount {mounted}; rm {written}")
        # As soon as the view has let go of it, too.
        assert eventually(lambda: host.run(f"rmdir {mounted}").rc == 0, within=WITHIN_SECONDS)


def test_nginx_holds_no_key_by_path_after_a_start_and_after_a_reload(host: Host) -> None:
    for command in ("reload", "restart", "reload"):
        host.check_output("systemctl %s nginx", command)
        pid = host.check_output("systemctl show --property MainPID --value nginx")
        found = host.run(
            f"grep --recursive --files-with-matches --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr"
            f" 'PRIVATE KEY' /proc/{pid}/root/etc /proc/{pid}/root/run /proc/{pid}/root/srv"
        ).stdout
        assert found == "", command
        assert host.run("ls -A /proc/%s/root/run/nginx-keys", pid).stdout == "", command


def test_nginx_writes_its_logs_and_can_not_read_them(host: Host) -> None:
    for name in ("access", "account", "error"):
        log = f"/var/log/nginx/{name}.log"
        assert host.check_output("stat --format %%a:%%U:%%G %s", log) == "240:www-data:adm"
        assert host.run("setpriv --reuid=www-data --regid=www-data --init-groups cat %s", log).rc != 0


@contextlib.contextmanager
def _second_root(host: Host, how: str) -> Iterator[None]:
    """The box has a second library root that is dead: `gone` (ENOTCONN) or `hangs`."""
    if host.run("test -e /root/ks-fuse || mknod /root/ks-fuse c 10 229; dd if=/root/ks-fuse count=0").rc != 0:
        pytest.skip("this kernel has no FUSE, of which the dead root is made")
    folder = "/run/systemd/system/kinetoscope-libraries.service.d"
    command = host.check_output("sed -n 's/^ExecStart=//p' /etc/systemd/system/kinetoscope-libraries.service")
    dead = f"python3 -c {shlex.quote(DEAD_MOUNT)} {SECOND_ROOT}"
    if how == "hangs":
        dead = f"systemd-run --quiet --collect --unit ks-hangs {dead} hangs"
    try:
        host.check_output(f"mkdir -p {folder}")
        host.check_output(
            f"printf '[Service]\\nExecStart=\\nExecStart=%s\\n' '{command} {SECOND_ROOT}' >{folder}/ks.conf"
        )
        host.check_output(dead)
        assert eventually(lambda: SECOND_ROOT in host.check_output("cat /proc/mounts"), within=5)
        host.check_output("systemctl daemon-reload && systemctl restart kinetoscope-libraries")
        yield
    finally:
        host.run(f"systemctl stop ks-hangs; umount --lazy {SECOND_ROOT}; rmdir {SECOND_ROOT}")
        host.run(f"rm -rf {folder} /root/ks-fuse; systemctl daemon-reload; systemctl restart kinetoscope-libraries")


@pytest.mark.disruptive
@pytest.mark.parametrize("how", ["gone", "hangs"])
def test_a_dead_root_keeps_neither_nginx_nor_a_scan_from_the_others(
    bob: Viewer, host: Host, mp4: dict[str, Any], how: str
) -> None:
    began = host.check_output("date +%s")
    with _second_root(host, how):
        host.check_output("systemctl restart nginx")
        assert eventually(lambda: _first_byte(bob, mp4) == 206, within=WITHIN_SECONDS)
        host.check_output("systemctl start kinetoscope-indexer")
        said = host.check_output("journalctl --unit=kinetoscope-libraries --since=@%s --output=cat --no-pager", began)
        assert f"{SECOND_ROOT} is not served" in said


@pytest.mark.disruptive
def test_a_root_that_comes_back_is_served_without_a_restart(bob: Viewer, host: Host, mp4: dict[str, Any]) -> None:
    """The library itself is covered by a file system without its server, as when it dies under the box."""
    library = _link(host, mp4).removesuffix(f"/{mp4['filename']}")
    command = host.check_output("sed -n 's/^ExecStart=//p' /etc/systemd/system/kinetoscope-libraries.service")
    (root,) = {word for word in command.split() if f"{library}/".startswith(f"{word}/")}
    if host.run("test -e /root/ks-fuse || mknod /root/ks-fuse c 10 229; dd if=/root/ks-fuse count=0").rc != 0:
        pytest.skip("this kernel has no FUSE, of which the dead root is made")
    before = host.check_output("systemctl show --property InvocationID --value nginx")
    host.check_output(f"python3 -c {shlex.quote(DEAD_MOUNT)} {shlex.quote(root)}")
    try:
        assert eventually(lambda: _first_byte(bob, mp4) == 404, within=WITHIN_SECONDS)
    finally:
        host.run("umount --lazy %s; rm -f /root/ks-fuse", root)
    assert eventually(lambda: _first_byte(bob, mp4) == 206, within=WITHIN_SECONDS)
    assert host.check_output("systemctl show --property InvocationID --value nginx") == before


@pytest.mark.disruptive
def test_many_files_that_are_gone_hide_nothing_until_somebody_says_that_it_is_right(
    host: Host, access: Access, bob: Viewer
) -> None:
    def listed() -> set[str]:
        return {video["id"] for video in bob.videos()}

    root, before = shlex.quote(access.library_path), listed()
    host.check_output(f"cd {root} && mkdir .ks-aside && mv -t .ks-aside -- *")
    try:
        held = host.run("kinetoscope scan --wait")
        assert held.rc == 1
        assert "kinetoscope scan --accept-removals" in held.stderr
        assert listed() == before
        host.check_output("kinetoscope scan --accept-removals")
        assert listed() < before
    finally:
        host.check_output(f"cd {root} && mv -t . -- .ks-aside/* && rmdir .ks-aside")
    host.check_output("kinetoscope scan --wait")
    assert listed() == before
