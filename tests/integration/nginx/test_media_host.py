"""A name for media alone: the same port and certificate, HTTP/1.1, the signed door and nothing else."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from testbed.servers.nginx_server import MEDIA_NAME, NAME
from testbed.servers.postgres import PostgresServer
from testbed.services.devices import new_device_of
from testbed.stack import PASSWORD, Stack
from testbed.viewers.http1 import Answer, RawConnection

FIRST_BYTES = "Range: bytes=0-99"


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    with Stack.running(postgres, nginx_media_host=MEDIA_NAME, nginx_login_rate="1000r/s") as running:
        yield running


def _media(stack: Stack) -> RawConnection:
    return RawConnection(stack.nginx.https_port, stack.nginx.ca_file, server_name=MEDIA_NAME)


def _get(stack: Stack, target: str, *headers: str, method: str = "GET") -> Answer:
    with _media(stack) as connection:
        return connection.get(target, *headers, method=method)


@pytest.fixture
def link(stack: Stack) -> str:
    """The path of a granted source."""
    granted: str = stack.grant(stack.sign_in()["access_token"])["links"]["source"]
    assert granted.startswith(f"{stack.media_origin}/m/"), granted
    return granted.removeprefix(stack.media_origin)


def test_links_lead_to_the_media_host_which_sends_the_film(stack: Stack) -> None:
    links = stack.grant(stack.sign_in()["access_token"])["links"]
    assert {address.startswith(f"{stack.media_origin}/m/") for address in links.values() if address} == {True}
    path = links["source"].removeprefix(stack.media_origin)
    whole = _get(stack, path)
    assert (whole.status, whole.body == stack.film) == (200, True)
    assert _get(stack, links["poster"].removeprefix(stack.media_origin)).header("Content-Type") == "image/jpeg"


def test_an_entry_of_a_player_leads_there_too(stack: Stack) -> None:
    token = new_device_of(stack)
    with stack.connection() as connection:
        answer = connection.get(f"/play/{token}/{stack.video_id}")
    assert (answer.header("Location") or "").startswith(f"{stack.media_origin}/m/")


@pytest.mark.parametrize(
    "path",
    ["/", "/index.html", "/js/main.js", "/api/v1/videos", "/api/openapi.json", "/health", "/ready", "/status", "/m",
     "/M/", "/play/x", "//m/", "/_decide", "/_unreadable", "/404.html", "/m/../api/v1/videos", "/m/..%2fhealth", "/m/"],
)  # fmt: skip
def test_there_is_nothing_else(stack: Stack, path: str) -> None:
    bearer = f"Authorization: Bearer {stack.sign_in()['access_token']}"
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        answer = _get(stack, path, bearer, method=method)
        assert answer.status in {400, 404}, (method, answer)


def test_the_header_door_is_not_there_in_any_spelling(stack: Stack) -> None:
    bearer = f"Authorization: Bearer {stack.sign_in()['access_token']}"
    href = f"/stream/{stack.video_id}/source.mp4"
    for path in (href, f"/m/..{href}", f"/m/%2e%2e{href}", f"/{href}", f"https://{MEDIA_NAME}{href}", f"/./{href}"):
        answer = _get(stack, path, bearer, FIRST_BYTES)
        assert answer.status in {400, 404}, (path, answer.status)
        assert stack.film[:100] not in answer.body


def test_what_is_not_permitted_is_refused_here_as_there(stack: Stack, link: str) -> None:
    assert _get(stack, link.replace(stack.video_id, stack.other_video_id), FIRST_BYTES).status == 403
    assert _get(stack, link, method="DELETE").status == 405
    assert _get(stack, "/m/" + "x" * 5000).status == 400


def test_a_request_that_comes_over_http_2_is_sent_to_a_connection_of_its_own(stack: Stack, link: str) -> None:
    """As a browser that already has a connection to the public name: one certificate holds both names."""
    port = stack.nginx.https_port
    shown = subprocess.run(
        ["curl", "-s", "--http2", "--cacert", str(stack.nginx.ca_file), "-w", "\n%{http_version} %{http_code}",
         "-H", f"Host: {MEDIA_NAME}", f"https://{NAME}:{port}{link}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    body, _, said = shown.rpartition("\n")
    assert said == "2 421"
    assert json.loads(body)["code"] == "misdirected"


def test_pages_may_fetch_and_show_what_it_sends_without_credentials(stack: Stack, link: str) -> None:
    with stack.connection() as connection:
        csp = connection.get("/").header("Content-Security-Policy") or ""
    rules = dict(rule.strip().split(" ", 1) for rule in csp.split(";"))
    for rule in ("media-src", "connect-src", "img-src"):
        assert stack.media_origin in rules[rule].split(), rule
    for rule in ("script-src", "style-src", "font-src", "worker-src", "form-action"):
        assert rules[rule] == "'self'"
    asked = _get(stack, link, f"Origin: {stack.url}", "Access-Control-Request-Headers: range", method="OPTIONS")
    answer = _get(stack, link, f"Origin: {stack.url}", FIRST_BYTES)
    assert (asked.status, answer.status) == (204, 206)
    for one in (asked, answer):
        assert one.header("Access-Control-Allow-Origin") == stack.url
        assert one.header("Access-Control-Allow-Credentials") is None
    assert "Range" in (asked.header("Access-Control-Allow-Headers") or "")
    assert answer.header("Cross-Origin-Resource-Policy") == "cross-origin"
    stranger = _get(stack, link, "Origin: https://evil.example", FIRST_BYTES)
    assert stranger.header("Access-Control-Allow-Origin") is None


def test_a_page_of_ours_can_read_why_it_was_refused(stack: Stack, link: str) -> None:
    forged = link.replace(stack.video_id, stack.other_video_id)
    answer = _get(stack, forged, f"Origin: {stack.url}", FIRST_BYTES)
    assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (403, stack.url)


def test_no_cookie_is_for_the_media_host(stack: Stack) -> None:
    body = json.dumps({"username": stack.username, "password": PASSWORD, "cookies": True}).encode()
    head = [
        "POST /api/v1/auth/login HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}",
        "Content-Type: application/json", f"Origin: {stack.url}", "Sec-Fetch-Site: same-origin",
    ]  # fmt: skip
    with stack.connection() as connection:
        answer = connection.exchange("\r\n".join([*head, "", ""]).encode() + body, "POST")
    cookies = answer.headers["set-cookie"]
    assert len(cookies) >= 2
    # Without Domain a cookie goes to the host that set it and to no other (RFC 6265, 5.4).
    assert not [cookie for cookie in cookies if "domain=" in cookie.lower()]


def test_the_public_name_still_serves_what_it_did(stack: Stack, link: str) -> None:
    token = stack.sign_in()["access_token"]
    with stack.connection() as connection:
        assert connection.get("/").status == 200
        assert connection.get(link, FIRST_BYTES).status == 206
        href = f"/stream/{stack.video_id}/source.mp4"
        header = connection.get(href, f"Authorization: Bearer {token}", FIRST_BYTES)
    assert (header.status, header.header("Cross-Origin-Resource-Policy")) == (206, "same-origin")
