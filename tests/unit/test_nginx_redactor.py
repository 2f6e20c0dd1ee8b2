"""What the redactor lets through to error.log, on lines as Nginx writes them."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.loading import module

SOURCE = Path(__file__).parents[2] / "nginx/redactor.py"
MAC = "qL3_x-T0bX9vY2mZ8wR4fA"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
VIDEO, PLAYBACK = "0123456789abcdef" * 2, "a1" * 16
LINK = f"/m/k1/1795219199/{PLAYBACK}/{MAC}/{VIDEO}/source.mp4"
HEAD = "<187>Nov 20 23:59:59 nginx: 2026/11/20 23:59:59 [error] 7#7: *42 "


@pytest.fixture(scope="module")
def redactor() -> ModuleType:
    return module("nginx/redactor.py")


def test_a_signed_link_keeps_all_but_its_expiry_and_mac(redactor: ModuleType) -> None:
    line = (
        f"{HEAD}auth request unexpected status: 502, client: 192.0.2.7, server: k, "
        f'request: "GET {LINK} HTTP/1.1", host: "k.example"'
    )
    assert redactor.redacted(line) == (
        "2026/11/20 23:59:59 [error] 7#7: *42 auth request unexpected status: 502, client: 192.0.2.7, server: k, "
        f'request: "GET /m/k1/../{PLAYBACK}/../{VIDEO}/source.mp4", host: "k.example"'
    )


DEVICE_TOKEN = "f3y_IHFo7fMUn9iWJ0uAlzTjTLXaxWq9ZVXM-xxMCY4"


@pytest.mark.parametrize("path", ["library.m3u", VIDEO, f"{VIDEO}.m3u", "x?y", ""])
def test_the_token_of_a_device_is_in_no_field(redactor: ModuleType, path: str) -> None:
    address = f"/play/{DEVICE_TOKEN}/{path}"
    line = (
        f"{HEAD}connect() to unix:/run/api.sock failed (2: No such file or directory) while connecting to upstream, "
        f'client: 192.0.2.7, server: k, request: "GET {address} HTTP/1.1", upstream: '
        f'"http://unix:/run/api.sock:{address}", host: "k", referrer: "https://k{address}"'
    )
    left = redactor.redacted(line)
    assert "f3y" not in left
    assert "while connecting to upstream" in left


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET {LINK}?again HTTP/1.1",
        f"GET {LINK}/x HTTP/1.1",
        f"GET /{LINK} HTTP/1.1",
        f"GET /m/k1/1795219199/{PLAYBACK}/%71L3_x-T0bX9vY2mZ8wR4fA/{VIDEO}/source.mp4 HTTP/1.1",
        f'GET /x", host: "{MAC} HTTP/1.1',
        f"GET /api/v1/videos?token={JWT} HTTP/1.1",
        f"GET /api/v1/{JWT} HTTP/1.1",
        f"get {LINK}",
        LINK,
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_no_form_of_a_request_line_leaves_the_mac(redactor: ModuleType, request_line: str, cut: bool) -> None:
    line = f'{HEAD}something failed, client: 192.0.2.7, server: k, request: "{request_line}'
    left = redactor.redacted(line if cut else line + '", host: "k.example"')
    for secret in (MAC, MAC[1:], *JWT.split(".")):
        assert secret not in left


def test_credentials_are_gone_wherever_they_stand(redactor: ModuleType) -> None:
    line = (
        f'{HEAD}upstream sent invalid header "set-cookie: __Host-ks={JWT}" while reading, client: ::1, server: k, '
        'request: "POST /api/v1/auth/login HTTP/2.0", '
        f'upstream: "http://unix:/run/kinetoscope/api.sock:/api/v1/x?t={MAC}", '
        f'host: "{MAC}", referrer: "https://k.example{LINK}"'
    )
    left = redactor.redacted(line)
    for secret in (MAC, *JWT.split(".")):
        assert secret not in left
    assert 'request: "POST /api/v1/auth/login"' in left
    assert "referrer" not in left


def test_what_helps_the_operator_stays(redactor: ModuleType) -> None:
    line = f'{HEAD}open() "/srv/kinetoscope/titles/{VIDEO}/source.mp4" failed (13: Permission denied), client: ::1'
    assert f'open() "/srv/kinetoscope/titles/{VIDEO}/source.mp4" failed (13: Permission denied)' in redactor.redacted(
        line
    )


@pytest.mark.parametrize(
    "said",
    [
        "\x01" * 2_000,
        "\n[alert] a line of the client's own\n" * 50,
        "\x7f\x1b[2J" * 400,
        "/a" * 900,
        "\\xff" * 500,
        "\u2028" * 600,
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        'failed, client: ::1, server: k, request: "GET /{} HTTP/1.1", host: "k"',
        'failed, client: ::1, server: k, request: "GET / HTTP/1.1", host: "{}"',
        'failed, client: ::1, server: k, request: "GET / HTTP/1.1", host: "k", referrer: "{}"',
        'open() "/srv/{}" failed, client: ::1',
    ],
)
def test_a_line_is_one_line_and_not_as_long_as_the_client_likes(redactor: ModuleType, form: str, said: str) -> None:
    left = redactor.redacted(HEAD + form.format(said))
    assert left.isprintable()
    assert len(left) <= 1_000
    assert len(left) < 300 or form.startswith("open")


def test_a_credential_is_gone_before_a_line_is_cut(redactor: ModuleType) -> None:
    for before in range(940, 1_000):
        assert MAC[:8] not in redactor.redacted(HEAD + "open() " + "/" * before + MAC)
        assert MAC[-8:] not in redactor.redacted(HEAD + "open() \x01" + MAC)


def test_the_process_writes_lines_and_follows_a_rotation(tmp_path: Path) -> None:
    path, log = tmp_path / "s", tmp_path / "error.log"
    process = subprocess.Popen([sys.executable, "-I", str(SOURCE), "--log", str(log), "--socket", str(path)])
    try:
        _wait(path.exists)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nginx:
            nginx.connect(str(path))
            nginx.send(f"{HEAD}first \xff {MAC}".encode("latin-1"))
            _wait(lambda: log.exists() and "first" in log.read_text())
            log.rename(tmp_path / "error.log.1")
            nginx.send(f"{HEAD}second".encode())
            _wait(lambda: log.exists() and "second" in log.read_text())
        assert MAC not in (tmp_path / "error.log.1").read_text()
        assert "first" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def _wait(ask: object) -> None:
    deadline = time.monotonic() + 5
    while not ask():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)
