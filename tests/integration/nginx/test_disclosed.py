"""A credential that came on port 80: refused, and what it opens is ended; nothing else is."""

import http.client
import json
import socket
from typing import Any

import pytest

from testbed.services.devices import new_device_of
from testbed.stack import Stack


def in_the_clear(stack: Stack, target: str, method: str = "GET", **headers: str) -> Any:
    """The problem that port 80 answers, under the configured name or the one in `headers`."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.nginx.http_port, timeout=10)
    connection.request(method, target, headers={"Host": "localhost", **headers})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"], answer.headers["Set-Cookie"]) == (403, None, None)
    return json.loads(answer.read())


def is_signed_in(stack: Stack, token: str) -> bool:
    status, _ = stack.call("GET", "/api/v1/users/me", token)
    assert status in {200, 401}
    return bool(status == 200)


@pytest.mark.parametrize("host", ["an-old-name.example", "127.0.0.1", "localhost.evil", "[::1]"])
def test_another_name_hides_nothing(stack: Stack, host: str) -> None:
    """The line was readable whatever name was asked for: an old one, the bare address, a name of somebody else's."""
    signed_in, other, device = stack.sign_in(), stack.sign_in()["access_token"], new_device_of(stack)
    link, kept = stack.grant(other)["links"]["source"], stack.grant(other)["links"]["source"]
    bearer = f"Bearer {signed_in['access_token']}"
    assert in_the_clear(stack, "/api/v1/videos", Host=host, Authorization=bearer)["code"] == "disclosed"
    assert in_the_clear(stack, link, Host=host)["code"] == "disclosed"
    assert in_the_clear(stack, f"/play/{device}/library.m3u", Host=host)["code"] == "disclosed"
    assert (is_signed_in(stack, signed_in["access_token"]), is_signed_in(stack, other)) == (False, True)
    with stack.connection() as connection:
        assert connection.get(link, "Range: bytes=0-99").status == 410
        assert connection.get(kept, "Range: bytes=0-99").status == 206
        assert connection.get(f"/play/{device}/library.m3u").status == 410


def test_without_a_host_a_credential_is_ended_too(stack: Stack) -> None:
    """HTTP/1.0 needs none (RFC 9112, 3.2)."""
    token = stack.sign_in()["access_token"]
    with socket.create_connection(("127.0.0.1", stack.nginx.http_port), timeout=10) as raw:
        raw.sendall(f"GET /api/v1/videos HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        answer = raw.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert not is_signed_in(stack, token)


def test_over_tls_another_name_ends_nothing(stack: Stack) -> None:
    """Nobody could read it there."""
    token = stack.sign_in()["access_token"]
    link = stack.grant(token)["links"]["source"]
    with stack.connection() as connection:
        for target in ("/api/v1/videos", link):
            answer = connection.get(target, f"Authorization: Bearer {token}", host="an-old-name.example")
            assert answer.status == 421
        assert connection.get(link, "Range: bytes=0-99").status == 206
    assert is_signed_in(stack, token)


@pytest.mark.parametrize("how", ["header", "cookie", "header at the door"])
def test_a_token_in_the_clear_ends_its_session_and_no_other(stack: Stack, how: str) -> None:
    token, other = stack.sign_in()["access_token"], stack.sign_in()["access_token"]
    link = stack.grant(token)["links"]["source"]
    shown = {"Cookie": f"__Host-ks={token}"} if how == "cookie" else {"Authorization": f"Bearer {token}"}
    door = f"/stream/{stack.video_id}/source.mp4"
    problem = in_the_clear(stack, door if how.endswith("door") else "/api/v1/users/me", "GET", **shown)
    assert problem["code"] == "disclosed"
    assert token not in json.dumps(problem)
    assert (is_signed_in(stack, token), is_signed_in(stack, other)) == (False, True)
    with stack.connection() as connection:
        assert connection.get(link, "Range: bytes=0-99").status in {401, 410}


def test_a_refresh_token_in_the_clear_ends_its_session(stack: Stack) -> None:
    signed_in = stack.sign_in()
    assert in_the_clear(stack, "/api/v1/auth/refresh", "POST", Cookie=f"__Secure-kr={signed_in['refresh_token']}")
    assert not is_signed_in(stack, signed_in["access_token"])


def test_a_link_in_the_clear_ends_its_playback_alone(stack: Stack) -> None:
    token = stack.sign_in()["access_token"]
    link, other = (stack.grant(token)["links"]["source"] for _ in range(2))
    assert in_the_clear(stack, link)["code"] == "disclosed"
    with stack.connection() as connection:
        answer = connection.get(link, "Range: bytes=0-99")
        assert (answer.status, json.loads(answer.body)["code"]) == (410, "gone")
        assert connection.get(other, "Range: bytes=0-99").status == 206
    assert is_signed_in(stack, token)


def test_a_link_that_was_not_made_here_ends_nothing(stack: Stack) -> None:
    """Else whoever knows a playback's id could end it."""
    token = stack.sign_in()["access_token"]
    link = stack.grant(token)["links"]["source"]
    _, m, kid, expires, playback, mac, video, file = link.split("/")
    forged = [
        [m, kid, expires, playback, mac[:-2] + ("AA" if mac[-2:] != "AA" else "AQ"), video, file],
        [m, kid, str(int(expires) + 1), playback, mac, video, file],
        [m, "k9", expires, playback, mac, video, file],
        [m, kid, expires, playback, mac, stack.other_video_id, file],
    ]
    for parts in forged:
        for host in ("localhost", "an-old-name.example"):
            in_the_clear(stack, "/" + "/".join(parts), Host=host)
    with stack.connection() as connection:
        assert connection.get(link, "Range: bytes=0-99").status == 206


def test_a_device_address_in_the_clear_signs_the_device_out(stack: Stack) -> None:
    token = new_device_of(stack)
    with stack.connection() as connection:
        assert connection.get(f"/play/{token}/library.m3u").status == 200
        assert in_the_clear(stack, f"/play/{token}/library.m3u")["code"] == "disclosed"
        assert connection.get(f"/play/{token}/library.m3u").status == 410


def test_it_is_written_down_for_admins(stack: Stack) -> None:
    signed_in = stack.sign_in()
    in_the_clear(stack, "/api/v1/videos", Authorization=f"Bearer {signed_in['access_token']}")
    status, found = stack.call("GET", "/api/v1/admin/audit?event=credential_disclosed", stack.sign_in()["access_token"])
    assert status == 200
    entry = found["items"][0]
    assert (entry["subject"]["user"]["username"], entry["client"]) == (stack.username, "127.0.0.1")


def test_nobody_else_gets_there(stack: Stack) -> None:
    """The place is for Nginx alone: over TLS there is no such address."""
    token = stack.sign_in()["access_token"]
    with stack.connection() as connection:
        answer = connection.get("/disclosed", f"Authorization: Bearer {token}", method="POST")
        assert answer.status in {404, 405}
    assert is_signed_in(stack, token)


def test_refused_also_while_the_api_is_away(stack: Stack) -> None:
    token = stack.sign_in()["access_token"]
    stack.stop("api")
    try:
        assert in_the_clear(stack, "/api/v1/videos", Authorization=f"Bearer {token}")["code"] == "disclosed"
    finally:
        stack.start("api")
