"""What a viewer notices when a part is restarted or gone: nothing, or a 503; never somebody else's bytes."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from testinfra.host import Host

from testbed.viewers.box import Access, Viewer, connection, problem
from testbed.waiting import eventually

# It restarts, stops and wipes what people use: `make smoke` leaves it out unless asked.
pytestmark = pytest.mark.disruptive


@contextmanager
def _slow_transfer(access: Access, link: str, seconds: int, size: int) -> Iterator[subprocess.Popen[bytes]]:
    """A client that takes about `seconds` for the file; ended in any case."""
    rate = max(size // seconds, 1024)
    process = subprocess.Popen(
        [
            "curl", "--silent", "--show-error", "--fail", "--http1.1", "--cacert", access.ca_file,
            "--limit-rate", str(rate), "--max-time", str(seconds * 6), "--output", "/dev/null",
            "--write-out", "%{size_download}", access.at(link),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _largest(viewer: Viewer) -> tuple[dict[str, Any], int]:
    video = max(
        (video for video in viewer.videos() if video["status"] == "ready"),
        key=lambda video: video["size_bytes"],
    )
    return video, next(entry["size_bytes"] for entry in video["files"] if entry["name"].startswith("source."))


def test_restarts_of_the_services_and_a_reload_of_nginx_break_no_transfer(
    access: Access, carol: Viewer, host: Host
) -> None:
    video, size = _largest(carol)
    grant = carol.playback(video["id"])
    try:
        with _slow_transfer(access, grant["links"]["source"], 24, size) as transfer:
            time.sleep(1)
            for command in (
                "systemctl restart kinetoscope-authz", "systemctl reload nginx", "systemctl restart kinetoscope-api",
                "systemctl reload nginx",
            ):  # fmt: skip
                assert host.run(command).rc == 0, command
            assert transfer.poll() is None, "the transfer was over before the restarts were: it proves nothing"
            output, errors = transfer.communicate(timeout=80)
        assert transfer.returncode == 0, errors
        assert int(output) == size
    finally:
        carol.end(grant["playback_id"])


def test_redis_takes_back_all_that_scripts_have_written(carol: Viewer, host: Host) -> None:
    """Scripts are transactions in its file; loading them must not meet an access rule."""
    grant = carol.playback(carol.videos()[0]["id"])
    carol.end(grant["playback_id"])
    host.check_output("systemctl restart redis-server@live")
    run = host.check_output("systemctl show --property InvocationID --value redis-server@live")
    journal = f"journalctl --no-pager _SYSTEMD_INVOCATION_ID={run}"
    assert eventually(lambda: "Ready to accept" in host.check_output(journal), within=10)
    said = host.check_output(journal)
    assert "loaded from append only file" in said
    assert "NOPERM" not in said, said[-500:]


def test_a_restart_of_the_api_loses_no_request(bob: Viewer, host: Host) -> None:
    seen: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        with connection(bob.access) as session:
            while not stop.is_set():
                seen.append(session.get(bob.access.url.rstrip("/") + "/health", timeout=20).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(2):
            host.run("systemctl restart kinetoscope-api")
    finally:
        stop.set()
        asking.join()
    assert len(seen) > 10
    assert set(seen) == {200}


def test_without_authz_newcomers_get_503_and_never_a_byte(
    access: Access, carol: Viewer, host: Host, mp4: dict[str, Any]
) -> None:
    grant = carol.playback(mp4["id"])
    watching, url = connection(access), access.at(grant["links"]["source"])
    assert watching.get(url, headers={"Range": "bytes=0-9"}, timeout=20).status_code == 206
    host.run("systemctl stop kinetoscope-authz.socket kinetoscope-authz.service")
    try:
        newcomer = requests.get(url, headers={"Range": "bytes=0-9"}, verify=access.ca_file, timeout=20)
        assert newcomer.status_code == 503
        assert int(newcomer.headers["Retry-After"]) > 0
        assert problem(newcomer)["code"]
        at_header_door = carol.get(f"/stream/{mp4['id']}/source.mp4", headers={"Connection": "close"})
        assert at_header_door.status_code == 503
        decided = watching.get(url, headers={"Range": "bytes=0-9"}, timeout=20)
        assert decided.status_code == 206, "a connection that was decided goes on for 30 seconds"
    finally:
        host.run("systemctl start kinetoscope-authz.socket")
        carol.end(grant["playback_id"])
    again = eventually(lambda: carol.get(f"/stream/{mp4['id']}/poster.jpg").status_code == 200, within=15)
    assert again


def test_without_postgres_the_api_says_503_and_recovers_by_itself(bob: Viewer, host: Host) -> None:
    host.run("systemctl stop postgresql@17-main")
    try:
        answer = bob.get("/api/v1/videos")
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        problem(answer)
        assert bob.get("/health").status_code == 200
        assert bob.get("/ready").status_code == 503
    finally:
        host.run("systemctl start postgresql@17-main")
    assert eventually(lambda: bob.get("/api/v1/videos").status_code == 200, within=20)


def test_redis_wiped_signs_nobody_out(bob: Viewer, host: Host, mp4: dict[str, Any]) -> None:
    host.run(
        "systemctl stop redis-server@live && rm -rf /var/lib/redis-live/* /var/lib/redis/live/*"
        " && systemctl start redis-server@live"
    )
    assert eventually(lambda: bob.get("/api/v1/users/me").status_code == 200, within=10)
    assert eventually(lambda: bob.get(f"/stream/{mp4['id']}/poster.jpg").status_code == 200, within=10)
