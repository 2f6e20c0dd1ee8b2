"""Nginx with the real services behind it: what a viewer, a stranger and an operator see."""

import json
import os
import re
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from testbed.stack import FILM_SECONDS, PASSWORD, Stack
from testbed.viewers.http1 import Answer

FIRST_BYTES = "Range: bytes=0-99"


def _get(stack: Stack, target: str, *headers: str, method: str = "GET") -> Answer:
    with stack.connection() as connection:
        return connection.get(target, *headers, method=method)


def test_from_sign_in_to_the_bytes_at_both_doors(stack: Stack) -> None:
    signed_in = stack.sign_in()
    bearer = f"Authorization: Bearer {signed_in['access_token']}"
    status, video = stack.call("GET", f"/api/v1/videos/{stack.video_id}", signed_in["access_token"])
    assert (status, video["duration_seconds"]) == (200, FILM_SECONDS)
    href = next(file["href"] for file in video["files"] if file["name"] == "source.mp4")
    assert _get(stack, href, bearer, FIRST_BYTES).body == stack.film[:100]
    assert _get(stack, video["poster_href"], bearer).status == 200
    grant = stack.grant(signed_in["access_token"])
    whole = _get(stack, grant["links"]["source"])
    assert (whole.status, whole.body == stack.film) == (200, True)
    assert _get(stack, grant["links"]["poster"]).header("Content-Type") == "image/jpeg"


def test_nobody_gets_a_byte_without_permission(stack: Stack) -> None:
    href = f"/stream/{stack.video_id}/source.mp4"
    for headers in ([], ["Authorization: Bearer x.y.z"], ["Cookie: __Host-ks=x"], ["Authorization: Basic YTpi"]):
        answer = _get(stack, href, FIRST_BYTES, *headers)
        assert answer.status == 401
        assert (answer.header("WWW-Authenticate") or "").startswith("Bearer")
        assert answer.header("Content-Type") == "application/problem+json"
    token = stack.sign_in()["access_token"]
    unknown = _get(stack, f"/stream/{'0' * 32}/source.mp4", FIRST_BYTES, f"Authorization: Bearer {token}")
    assert unknown.status == 404
    # A link of one's own, turned to another title.
    link = stack.grant(token)["links"]["source"]
    assert _get(stack, link.replace(stack.video_id, stack.other_video_id)).status == 403


def test_two_users_and_a_stranger_on_reused_connections_in_the_same_seconds(stack: Stack) -> None:
    tokens = {name: stack.sign_in(name)["access_token"] for name in ("alice", "bob")}
    href = f"/stream/{stack.video_id}/poster.jpg"
    asked: list[tuple[str, int]] = []

    def watch() -> None:
        with stack.connection() as connection:
            for _ in range(25):
                for who in ("alice", "", "bob", "forged"):
                    token = tokens.get(who, tokens["alice"][:-4] + "AAAA" if who else "")
                    headers = [f"Authorization: Bearer {token}"] if token else []
                    asked.append((who, connection.get(href, *headers, FIRST_BYTES).status))

    threads = [threading.Thread(target=watch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 200
    assert {status for who, status in asked if who in tokens} == {206}
    assert {status for who, status in asked if who not in tokens} == {401}


def test_logout_refuses_the_next_requests_within_two_seconds(stack: Stack) -> None:
    signed_in = stack.sign_in("bob")
    token = signed_in["access_token"]
    link = stack.grant(token)["links"]["source"]
    with stack.connection() as connection:
        header = (f"/stream/{stack.video_id}/source.mp4", f"Authorization: Bearer {token}", FIRST_BYTES)
        assert connection.get(*header).status == 206
        assert connection.get(link, FIRST_BYTES).status == 206
        assert stack.call("POST", "/api/v1/auth/logout", token, {})[0] == 204
        time.sleep(2)
        assert connection.get(*header).status == 401
        assert connection.get(link, FIRST_BYTES).status in {401, 410}


def test_an_ended_playback_is_gone_within_two_seconds(stack: Stack) -> None:
    token = stack.sign_in()["access_token"]
    grant = stack.grant(token)
    with stack.connection() as connection:
        assert connection.get(grant["links"]["source"], FIRST_BYTES).status == 206
        assert stack.call("DELETE", f"/api/v1/playbacks/{grant['playback_id']}", token)[0] == 204
        time.sleep(2)
        answer = connection.get(grant["links"]["source"], FIRST_BYTES)
        assert (answer.status, json.loads(answer.body)["code"]) == (410, "gone")


def test_a_stopped_authz_is_503_for_newcomers_and_lets_the_decided_go_on(stack: Stack) -> None:
    token = stack.sign_in()["access_token"]
    link = stack.grant(token)["links"]["source"]
    with stack.connection() as watching:
        assert watching.get(link, FIRST_BYTES).status == 206
        stack.stop("authz")
        try:
            time.sleep(2)
            assert watching.get(link, FIRST_BYTES).status == 206
            newcomer = _get(stack, link, FIRST_BYTES)
            assert newcomer.status == 503
            assert int(newcomer.header("Retry-After") or 0) > 0
        finally:
            stack.start("authz")
        assert _get(stack, link, FIRST_BYTES).status == 206


def test_a_hanging_authz_is_503_and_not_a_byte(stack: Stack) -> None:
    token = stack.sign_in()["access_token"]
    link = stack.grant(token)["links"]["source"]
    master = stack.process("authz")
    workers = [int(pid) for pid in _children(master.pid)]
    for pid in workers:
        _signal(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert _get(stack, link, FIRST_BYTES).status == 503
        assert time.monotonic() - started < 6
    finally:
        for pid in workers:
            _signal(pid, signal.SIGCONT)


def test_reloads_break_no_running_transfer(stack: Stack) -> None:
    """One answer of 64 MB, far more than the socket buffers hold, read slowly while Nginx is reloaded three times."""
    size = 64 << 20
    with (stack.nginx.titles / stack.video_id / "v720-00000000.mp4").open("wb") as file:
        file.truncate(size)
    link = stack.grant(stack.sign_in()["access_token"])["links"]["source"].replace("source.mp4", "v720-00000000.mp4")
    context = ssl.create_default_context(cafile=str(stack.nginx.ca_file))
    with (
        socket.create_connection(("127.0.0.1", stack.nginx.https_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
    ):
        stream.sendall(f"GET {link} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        first = stream.recv(65536)
        for _ in range(3):
            before = stack.nginx.workers()
            stack.nginx.reload()
            assert set(before) & set(stack.nginx.workers()), "an old worker still sends"
        received = len(first) - first.index(b"\r\n\r\n") - 4
        while more := stream.recv(1 << 20):
            received += len(more)
    assert received == size


def test_cookies_of_a_browser_open_the_header_door(stack: Stack) -> None:
    body = json.dumps({"username": "alice", "password": PASSWORD, "cookies": True}).encode()
    with stack.connection() as connection:
        answer = connection.exchange(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
            + f"Origin: {stack.url}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body,
            "POST",
        )
        assert answer.status == 200
        assert {json.loads(answer.body)[name] for name in ("access_token", "refresh_token")} == {None}
        cookies = dict(line.split(";")[0].split("=", 1) for line in answer.headers["set-cookie"])
        assert cookies.keys() == {"__Host-ks", "__Secure-kr", "__Host-kd"}
        access = f"Cookie: __Host-ks={cookies['__Host-ks']}"
        href = f"/stream/{stack.video_id}/poster.jpg"
        assert connection.get(href, access).status == 200
        assert connection.get(href).status == 401
        assert connection.get(href, "Cookie: __Host-other=x").status == 401


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_answer(stack: Stack, path: str) -> None:
    assert stack.call("GET", path)[0] == 200


def test_malformed_and_oversized_bodies_are_problems(stack: Stack) -> None:
    with stack.connection() as connection:
        for content, status in ((b"{", 400), (b'{"username": 1}', 422), (b"[" * 200_000, 413)):
            answer = connection.exchange(
                b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content,
                "POST",
            )
            assert answer.status == status
            assert answer.header("Content-Type") == "application/problem+json"
            connection.close()


def test_z_no_secret_is_in_any_log_of_all_this(stack: Stack) -> None:
    """Last: after sign-ins, links, refusals and outages, nothing that was a credential lies in a file."""
    signed_in = stack.sign_in()
    link = stack.grant(signed_in["access_token"])["links"]["source"]
    assert _get(stack, link, FIRST_BYTES, f"Referer: {stack.url}{link}").status == 206
    assert _get(stack, link + "/x").status == 404
    assert _get(stack, "/api/v1/videos?token=" + signed_in["access_token"]).status == 401
    (stack.nginx.titles / stack.other_video_id / "source.mp4").unlink()
    gone = stack.grant(signed_in["access_token"], stack.other_video_id)["links"]["source"]
    assert _get(stack, gone).status == 404
    stack.stop("authz")
    assert _get(stack, link).status == 503
    time.sleep(1.2)
    logs = {file.name: file.read_text(errors="replace") for file in stack.nginx.logs.iterdir()}
    assert "unexpected status" in logs["error.log"], "the errors themselves are logged"
    secrets = [PASSWORD, signed_in["access_token"].rsplit(".", 1)[1], signed_in["refresh_token"]]
    secrets += [link.split("/")[5], gone.split("/")[5]]
    for name, text in logs.items():
        for secret in secrets:
            assert secret not in text, f"{name} holds a secret"
        assert not re.search(r"/m/k1/\d{10}/[0-9a-f]{32}/[\w-]{22}/", text), name
    account = [json.loads(line) for line in logs["account.log"].splitlines()]
    assert account
    assert {line["door"] for line in account} == {"signed", "header"}
    assert all(re.fullmatch(r"[0-9a-f]{32}", line["user"]) and line["video"] for line in account)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _signal(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)
