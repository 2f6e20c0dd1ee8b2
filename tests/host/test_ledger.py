"""What is called streaming is what moves; what has ended is cut; what was sent is in the book, whoever is killed."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from testbed.viewers.box import Access, Viewer
from testbed.waiting import eventually

PROMISED_CUT_SECONDS = 10
PROMISED_TRUTH_SECONDS = 30


@pytest.fixture(scope="module")
def long_film(admin: Viewer) -> dict[str, Any]:
    """The largest title: it takes a slow client a minute."""
    return max((video for video in admin.videos() if video["status"] == "ready"), key=lambda video: video["size_bytes"])


@contextmanager
def watching(access: Access, link: str, size: int, *, version: str = "--http1.1") -> Iterator[subprocess.Popen[bytes]]:
    """A client that would take two minutes; killed in any case."""
    process = subprocess.Popen(
        ["curl", "--silent", version, "--cacert", access.ca_file, "--limit-rate", str(size // 120),
         "--output", "/dev/null", "--write-out", "%{size_download}", access.at(link)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _sql(shell: Any, statement: str) -> str:
    return str(shell("runuser -u postgres -- psql -d kinetoscope -qAt", statement)).strip()


def _stream(admin: Viewer, playback_id: str) -> dict[str, Any] | None:
    items = admin.get("/api/v1/admin/streams").json()["items"]
    return next((item for item in items if item["playback_id"] == playback_id), None)


def _is_carried(admin: Viewer, playback_id: str) -> Callable[[], Any]:
    return lambda: (found := _stream(admin, playback_id)) and found["connections"] == 1 and found["bytes"] > 0


def _port(shell: Any, playback_id: str) -> str:
    """Of the client, as the ledger has it."""
    known = json.loads(shell("cat /run/kinetoscope-ledger/answers.json"))["carriers"]
    return next(str(peer).split()[1] for peer, _, _, latest, *_ in known if latest == playback_id)


def _status(access: Access, link: str) -> str:
    asked = access.curl("--range", "0-9", "--output", "/dev/null", "--write-out", "%{http_code}", access.at(link))
    return asked.stdout.decode()


@pytest.mark.parametrize(
    ("cause", "version"),
    [
        ("admin stops it", "--http1.1"),
        ("admin stops it", "--http2"),
        ("logout", "--http1.1"),
        ("user disabled by SQL", "--http1.1"),
        ("role taken by SQL", "--http2"),
    ],
)
def test_a_running_transfer_is_cut_and_a_new_request_refused(
    access: Access, admin: Viewer, carol: Viewer, shell: Any, long_film: dict[str, Any], cause: str, version: str
) -> None:
    grant = carol.playback(long_film["id"])
    link = grant["links"]["source"]
    with watching(access, link, long_film["size_bytes"], version=version) as transfer:
        assert eventually(_is_carried(admin, grant["playback_id"]), within=15)
        port = _port(shell, grant["playback_id"])
        sockets = f"ss --no-header --tcp --numeric state established '( sport = :443 and dport = :{port} )'"
        assert shell(sockets).strip(), "no such socket on the box: proves nothing"
        began = time.monotonic()
        match cause:
            case "admin stops it":
                admin.call("DELETE", f"/api/v1/admin/streams/{grant['playback_id']}").raise_for_status()
            case "logout":
                carol.call("POST", "/api/v1/auth/logout", json={}).raise_for_status()
            case "user disabled by SQL":
                _sql(shell, f"UPDATE users SET is_active = false WHERE username = '{carol.username}'")
            case "role taken by SQL":
                _sql(shell, f"UPDATE users SET role = 'guest' WHERE username = '{carol.username}'")
        done = time.monotonic()
        refused = eventually(lambda: _status(access, link) in {"401", "404", "410"}, within=2, every=0.2)
        assert refused, f"still let in {time.monotonic() - done:.1f} s after the end"
        # On the box: what lies in the client's own receive buffer is the client's to read.
        left = PROMISED_CUT_SECONDS - (time.monotonic() - began)
        assert eventually(lambda: not shell(sockets).strip(), within=left), f"not cut after {PROMISED_CUT_SECONDS} s"
        assert transfer.poll() != 0, "the transfer was over before it could be cut: proves nothing"


@pytest.mark.disruptive
def test_a_client_that_was_killed_is_not_called_streaming_for_long(
    access: Access, admin: Viewer, carol: Viewer, shell: Any, long_film: dict[str, Any]
) -> None:
    """And neither does a kill of the ledger change what is called streaming."""
    grant = carol.playback(long_film["id"])
    playback_id = grant["playback_id"]
    with watching(access, grant["links"]["source"], long_film["size_bytes"]) as transfer:
        assert eventually(_is_carried(admin, playback_id), within=15)
        shell("systemctl kill --signal KILL kinetoscope-ledger")
        assert eventually(
            lambda: shell("systemctl is-active kinetoscope-ledger || true").strip() == "active", within=10
        )
        time.sleep(3)
        stream = _stream(admin, playback_id)
        assert stream is not None
        assert (stream["state"], stream["connections"]) == ("streaming", 1)
        assert transfer.poll() is None
        transfer.kill()
        killed = time.monotonic()
    state = eventually(
        lambda: (found := _stream(admin, playback_id)) and (found["state"], found["connections"]) == ("idle", 0),
        within=PROMISED_TRUTH_SECONDS,
    )
    assert state, (time.monotonic() - killed, _stream(admin, playback_id))
    carol.end(playback_id)


@pytest.mark.disruptive
def test_a_killed_ledger_and_a_rotation_lose_no_byte_of_the_book(
    access: Access, carol: Viewer, shell: Any, long_film: dict[str, Any]
) -> None:
    size, count = 65_536, 12
    url = access.at(carol.playback(long_film["id"])["links"]["source"])
    for number in range(count):
        got = access.curl("--range", f"0-{size - 1}", "--output", "/dev/null", "--write-out", "%{size_download}", url)
        assert int(got.stdout) == size
        if number in {3, 7}:
            shell("systemctl kill --signal KILL kinetoscope-ledger")
        if number == 5:
            # Twice in a day: yesterday's file may not be booked yet, and then the rotation waits.
            shell("logrotate --force /etc/logrotate.d/nginx || true")
    ask = (
        "SELECT sum(t.bytes), sum(t.estimated_bytes), sum(t.requests) FROM traffic t JOIN users u ON u.id = t.user_id"
        f" WHERE u.username = '{carol.username}'"
    )
    expected = f"{size * count}|0|{count}"
    assert eventually(lambda: _sql(shell, ask) == expected, within=15), _sql(shell, ask)


def test_the_log_is_not_rotated_while_the_ledger_has_not_booked_it(shell: Any) -> None:
    """Without the ledger's word logrotate leaves the file: a second rotation would compress what was not read."""
    check = "runuser -u kinetoscope-ledger -- /opt/kinetoscope/current/bin/python -m authsvc.ledger.rotation"
    assert shell(f"{check} /var/log/nginx/account.log && echo may").strip() == "may"
    shell("install -d -o www-data -g adm -m 0750 /var/log/nginx/test && echo '{}' > /var/log/nginx/test/account.log.1")
    try:
        assert shell(f"{check} /var/log/nginx/test/account.log 2>/dev/null || echo waits").strip() == "waits"
    finally:
        shell("rm -r /var/log/nginx/test")


def test_only_the_ledger_may_ask_for_a_cut(shell: Any) -> None:
    assert (
        shell("stat --format '%a %U %G' /run/kinetoscope/cutter.sock").strip()
        == "660 kinetoscope-cutter kinetoscope-ledger"
    )
    capabilities = shell(
        "systemctl show --property CapabilityBoundingSet --value kinetoscope-cutter kinetoscope-ledger"
    )
    assert capabilities.split() == ["cap_net_admin"]
