"""Around the doors: the way to the API, the web client, port 80, the headers of every answer, the logs, gixy."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.edge import VIDEO, Edge, link, problem
from testbed.servers.scripted import Says, refuses

LOW_LIMITS = {"nginx_api_rate": "1000r/s", "nginx_api_burst": 1000, "nginx_login_rate": "1r/m", "nginx_login_burst": 3}
ALWAYS = {
    "strict-transport-security": r"max-age=(?:0|\d{8})",
    "content-security-policy": r"default-src 'none'; script-src 'self'; (?!.*unsafe).*frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-request-id": "[0-9a-f]{32}",
    "server": "nginx",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Edge]:
    with Edge.running(**LOW_LIMITS) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    return running.again()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/", "/js/main.js", "/nowhere", "/api/v1/videos", "/api/v1/nowhere", f"/stream/{VIDEO}/source.mp4", "/m/x",
     f"/stream/{VIDEO}/poster.jpg", "/health", "/%00", "//", f"/stream/{VIDEO}/source.mp4?x#"],
)  # fmt: skip
def test_every_answer_has_each_security_header_once(edge: Edge, path: str, method: str) -> None:
    chatty = {"Strict-Transport-Security": "max-age=1", "Content-Security-Policy": "default-src *", "X-Request-Id": "x"}
    edge.api.answer = lambda _: Says(200, {**chatty, "Server": "gunicorn/1", "Referrer-Policy": "origin"}, b"{}")
    answer = edge.get(path, "Range: bytes=99999999-", method=method)
    for name, form in ALWAYS.items():
        assert re.fullmatch(form, answer.header(name) or ""), (name, answer)


def test_the_api_sees_a_list_of_headers_and_no_identity_of_the_clients(edge: Edge) -> None:
    forged = [
        "X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: evil", "X-Forwarded-Proto: http",
        "X-Forwarded-User: root", "X-User-Id: 1", "X-Remote-User: root", "Forwarded: for=x", "X-Request-Id: mine",
        "X_Real_IP: x", "Connection: X-Real-IP, close", "Proxy: http://evil", "X-HTTP-Method-Override: DELETE",
        "Authorization: Bearer t", "Cookie: a=1", "Accept: application/json", "Origin: https://o", "User-Agent: ua",
        "Sec-Fetch-Site: same-origin", "If-None-Match: \"e\"", "Content-Type: application/json", "Content-Length: 2",
    ]  # fmt: skip
    with edge.connection() as connection:
        head = "\r\n".join(["POST /api/v1/videos?q=a%20b HTTP/1.1", "Host: localhost", *forged, "", "{}"])
        assert connection.exchange(head.encode(), "POST").status == 200
    asked = edge.api.seen[0]
    assert (asked.method, asked.target, asked.body) == ("POST", "/api/v1/videos?q=a%20b", b"{}")
    assert re.fullmatch("[0-9a-f]{32}", asked.headers.pop("x-request-id"))
    authority = f"localhost:{edge.nginx.https_port}"
    assert asked.headers == {
        "host": authority, "x-forwarded-host": authority, "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1",
        "x-real-ip": "127.0.0.1", "connection": "close", "authorization": "Bearer t", "cookie": "a=1",
        "accept": "application/json", "origin": "https://o", "user-agent": "ua", "sec-fetch-site": "same-origin",
        "if-none-match": '"e"', "content-type": "application/json", "content-length": "2",
    }  # fmt: skip


def test_the_api_can_not_send_a_request_to_a_file(edge: Edge) -> None:
    edge.api.answer = lambda _: Says(200, {"X-Accel-Redirect": "/index.html"}, b"of the API")
    answer = edge.get("/api/v1/videos")
    assert answer.body == b"of the API"
    assert answer.header("X-Accel-Redirect") is None


def test_what_the_api_says_of_caching_retrying_and_methods_stands_alone(edge: Edge) -> None:
    said = {"Cache-Control": "no-store", "Retry-After": "30", "Allow": "GET", "WWW-Authenticate": "Bearer"}
    for status in (200, 401, 404, 405, 429, 503):
        edge.api.answer = lambda _, status=status: Says(status, said, b"{}")  # type: ignore[misc]
        answer = edge.get("/api/v1/videos")
        assert answer.status == status
        assert {name: answer.header(name) for name in said} == said


def test_a_body_too_large_and_a_missing_api_are_problems(edge: Edge) -> None:
    with edge.connection() as connection:
        request = f"POST /api/v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**7}\r\n\r\n".encode()
        assert problem(connection.exchange(request, "POST"))["code"] == "too_large"
    assert edge.api.seen == []
    edge.api.path.rename(edge.api.path.with_suffix(".away"))
    try:
        answer = edge.get("/api/v1/videos")
    finally:
        edge.api.path.with_suffix(".away").rename(edge.api.path)
    assert problem(answer)["status"] == 503
    assert int(answer.header("Retry-After") or 0) > 0


def test_guessing_passwords_is_slowed_down_and_nothing_else_is(edge: Edge) -> None:
    statuses = [edge.get("/api/v1/auth/login", "Content-Length: 0", method="POST") for _ in range(8)]
    assert [answer.status for answer in statuses] == [200] * 4 + [429] * 4
    assert problem(statuses[-1])["code"] == "rate_limited"
    assert int(statuses[-1].header("Retry-After") or 0) > 0
    assert edge.get("/api/v1/videos").status == 200
    with edge.connection() as connection:
        target = link()
        assert {connection.get(target, "Range: bytes=0-0").status for _ in range(500)} == {206}, "seeking has no limit"


# -- the client --


def test_the_client_is_served_with_validators(edge: Edge) -> None:
    page = edge.get("/")
    assert (page.status, page.header("Content-Type")) == (200, "text/html; charset=utf-8")
    script = edge.get("/js/main.js")
    assert script.header("Content-Type") == "text/javascript; charset=utf-8"
    assert script.header("Cache-Control") == "no-cache"
    assert edge.get("/js/main.js", f"If-None-Match: {script.header('ETag')}").status == 304
    packed = edge.get("/js/main.js", "Accept-Encoding: gzip")
    assert packed.header("Content-Encoding") == "gzip"


@pytest.mark.parametrize("path", ["/nowhere", "/js", "/js/", "/.git/config", "/js/main.js/", "/index.html/"])
def test_what_is_not_there_is_a_404_page_without_listing_or_redirect(edge: Edge, path: str) -> None:
    answer = edge.get(path)
    assert answer.status == 404
    assert b"<title>nothing</title>" in answer.body
    assert answer.header("Location") is None


# -- names and ports --


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil", "", "[::1]", "localhost@evil"])
def test_an_unknown_host_is_421_and_told_nothing(edge: Edge, host: str) -> None:
    for path in ("/", link(), "/api/v1/videos"):
        answer = edge.get(path, host=host or " ")
        assert answer.status in {400, 421}
        problem(answer)
        assert b"sentinel" not in answer.body
    assert (edge.authz.seen, edge.api.seen) == ([], [])


def _clear(edge: Edge, path: str, host: str = "localhost", method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", edge.nginx.http_port, timeout=5)
    connection.request(method, path, headers={"Host": host})
    return connection.getresponse()


def test_port_80_sends_pages_on_to_the_configured_name(edge: Edge) -> None:
    for path in ("/", "/js/main.js?x=1"):
        answer = _clear(edge, path)
        assert (answer.status, answer.headers["Location"]) == (301, f"{edge.nginx.url}{path}")
        assert answer.headers["Strict-Transport-Security"] is None
    assert _clear(edge, "/", method="POST").status == 405
    stranger = _clear(edge, "/", host="evil.example")
    assert (stranger.status, stranger.headers["Location"]) == (421, None)


@pytest.mark.parametrize(
    "path", ["/api/v1/videos", "/api", f"/stream/{VIDEO}/source.mp4", "/m/k1/x", "/health", "/ready"]
)
@pytest.mark.parametrize("host", ["localhost", "an-old-name.example"])
def test_port_80_refuses_what_carries_credentials(edge: Edge, path: str, host: str) -> None:
    answer = _clear(edge, path, host)
    assert answer.status == 403
    assert answer.headers["Location"] is None
    assert json.loads(answer.read())["code"] == ("disclosed" if path.startswith("/m/") else "forbidden")


def test_plain_http_on_the_tls_port_is_a_400_problem(edge: Edge) -> None:
    with socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert plain.recv(65536).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("version", "spoken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_2_and_1_3_are_spoken_alone(edge: Edge, version: ssl.TLSVersion, spoken: bool) -> None:
    context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=5) as plain:
        try:
            context.wrap_socket(plain, server_hostname="localhost").close()
        except (ssl.SSLError, ConnectionError):
            assert not spoken
        else:
            assert spoken


# -- logs --


def test_a_link_is_in_no_log_when_its_file_is_missing_or_it_is_refused(edge: Edge) -> None:
    """Nginx writes the request line of each of these into its error log; the redactor keeps it out of the file."""
    secrets = []

    def fetch(target: str, *headers: str) -> int:
        secrets.append(target.split("/")[5])
        return edge.get(
            target, *headers, f"Referer: https://localhost{target}", "Cookie: __Host-ks=the-cookies-secret-value"
        ).status

    (edge.nginx.titles / VIDEO / "thumb-77.jpg").symlink_to(edge.nginx.folder / "nowhere")
    assert fetch(link("thumb-77.jpg")) == 404
    edge.says(Says(500))
    assert fetch(link()) == 503
    edge.says(Says(raw=b""))
    assert fetch(link()) == 503
    edge.says(refuses("gone"))
    assert fetch(link()) == 410
    for twisted in ("/x", "?again", "%20", "/../../" + "x" * 300):
        assert fetch(link() + twisted) in {404, 410}
    assert edge.get("/nowhere/" + link()).status == 404
    assert edge.get("/api/" + link()).status == 200
    time.sleep(1.2)
    errors = (edge.nginx.logs / "error.log").read_text()
    assert "unexpected status" in errors
    assert f"/m/k1/../{'a1' * 16}/../{VIDEO}/source.mp4" in errors, "what helps the operator is there"
    for file in edge.nginx.logs.iterdir():
        text = file.read_text(errors="replace")
        for secret in [*secrets, "the-cookies-secret-value"]:
            assert secret not in text, file.name


def test_the_logs_say_what_happened(edge: Edge) -> None:
    edge.api.answer = lambda asked: Says(200, {}, asked.target.encode())
    answer = edge.get(link(), "Range: bytes=10-19")
    edge.get(link("poster.jpg"), method="HEAD")
    edge.get("/api/v1/videos/" + VIDEO + "/playback?x=secret", 'User-Agent: a "quoted" agent')
    time.sleep(1.2)
    book = [line for line in edge.log("account") if line["request_id"] == answer.header("X-Request-Id")]
    assert len(book) == 1
    line = book[0]
    assert line.pop("seconds") >= 0
    assert (line.pop("connection") > 0, line.pop("port") > 0, line.pop("time") > 1.7e9) == (True, True, True)
    assert line == {
        "client": "127.0.0.1", "door": "signed", "playback": "9" * 32, "user": "u-1", "video": VIDEO,
        "file": "source.mp4", "method": "GET", "status": 206, "bytes": 10, "range": "bytes 10-19/3000029",
        "completed": True, "request_id": answer.header("X-Request-Id"),
    }  # fmt: skip
    call = next(line for line in edge.log("access") if line["place"] == "api" and line["agent"] == 'a "quoted" agent')
    assert call["path"] == f"/api/v1/videos/{VIDEO}/playback"


def test_who_was_not_let_in_is_not_in_the_book(edge: Edge) -> None:
    before = len(edge.log("account"))
    edge.says(refuses("streams"))
    edge.get(link())
    assert len(edge.log("account")) == before


def test_the_redactor_gone_costs_lines_and_no_request(edge: Edge) -> None:
    redactor = edge.nginx.folder / "run/redactor.sock"
    redactor.rename(redactor.with_suffix(".away"))
    try:
        edge.says(Says(500))
        assert {edge.get(link()).status for _ in range(20)} == {503}
    finally:
        redactor.with_suffix(".away").rename(redactor)
    edge.again()
    assert edge.get(link(), "Range: bytes=0-0").status == 206
    assert not re.search(r"/m/k1/\d{10}/", (edge.nginx.logs / "nginx.log").read_text())


def test_gixy_finds_nothing(edge: Edge) -> None:
    gixy = Path(sys.executable).with_name("gixy")
    done = subprocess.run(
        [gixy, str(edge.nginx.folder / "conf/nginx.conf")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "No issues found" in done.stdout) == (0, True), done.stdout
