"""Every way round the doors that we could think of, with a sentinel in the files: not one guarded byte, and no 5xx.

authz says yes to everything here: what is refused is refused by Nginx alone.
"""

import base64
import hashlib
import random
import socket
import ssl
import time
from urllib.parse import quote

import pytest

from testbed.edge import OTHER_PLAYBACK, OTHER_VIDEO, SENTINEL, VIDEO, Edge, good_targets, link, problem
from testbed.servers.nginx_server import PLAY_KEYS

HEADER = f"/stream/{VIDEO}/source.mp4"
SEGMENT = "n720-0a1b2c3d-00000.m4s"


def _twisted_paths() -> list[str]:
    """Other spellings of a good path, at both doors."""
    paths = []
    for good in good_targets():
        prefix, video, file = good.rsplit("/", 2)
        first, rest = good.split("/", 2)[1:]
        paths += [
            good + suffix
            for suffix in (
                "/", "//", "/.", "/..", "/x", ".", "..", "%00", "%00.jpg", "%0a", "%0d%0a", "%20", "%09", "%2f", "%5c",
                "?", "#", "#x", ";", ";x=1", "%3b", "%3f", "%23", "~", ".bak", ".part", ".tmp", "%2e", "%252e",
                "/../source.mp4", "/%2e%2e/source.mp4", "/.%2e/source.mp4", "\\", "%ff", "%c0%af",
            )
        ]  # fmt: skip
        paths += [before + good for before in ("/", "//", "/.", "/..", "/x/..", "/%2e", "/%2e%2e", "/;", "/%2f", "\\")]
        paths += [
            f"{prefix}//{video}/{file}", f"{prefix}/{video}//{file}", f"{prefix}/./{video}/{file}",
            f"{prefix}/{video}/./{file}", f"{prefix}/{video}/../{video}/{file}", f"{prefix}/x/../{video}/{file}",
            f"{prefix}/{OTHER_VIDEO}/../{video}/{file}", f"{prefix}%2f{video}%2f{file}", f"{prefix}/{video}%2f{file}",
            f"{prefix}/{video}%252f{file}", f"{prefix}/{video}\\{file}", f"{prefix}/{video}%5c{file}",
            f"{prefix}/{video}/..%2f{video}/{file}", f"{prefix}/{video}/%2e%2e/{video}/{file}",
            f"{prefix}/{video}/..;/{video}/{file}", f"{prefix}/{video.upper()}/{file}",
            f"{prefix}/{video}/{file.upper()}",
            f"{prefix}/{video[:-1]}/{file}", f"{prefix}/{video}0/{file}", f"{prefix}/{video}/", f"{prefix}/{video}",
            f"{prefix}/{video}/.", f"{prefix}/{video}/..", f"{prefix}/../titles/{video}/{file}",
            f"{prefix}/{video}/{file}/../../{OTHER_VIDEO}/{file}", f"{prefix}/%00/{video}/{file}",
            f"{prefix}/{video}\u200b/{file}", f"{prefix}/{quote(chr(0xFF10))}{video[1:]}/{file}",
            f"/{first.upper()}/{rest}", f"/{quote(first)}%00/{rest}", f"/{first}/{rest}".replace("/", "%2f"),
            f"/{first}/{rest}".replace("/", "//"), f"/{first};a/{rest}", f"/%25{ord(first[0]):02x}{first[1:]}/{rest}",
        ]  # fmt: skip
        # Each character of the path, percent-encoded.
        paths += [f"{good[:at]}%{ord(good[at]):02x}{good[at + 1 :]}" for at in range(1, len(good))]
        paths += [f"{good[:at]}%{ord(good[at]):02X}{good[at + 1 :]}" for at in range(1, len(good), 7)]
    paths += [
        f"/titles/{VIDEO}/source.mp4", f"/library/{VIDEO}-source.mp4", f"/{VIDEO}/source.mp4",
        f"/srv/titles/{VIDEO}/source.mp4",
        "/js/../titles/x", f"/js/..%2f..%2ftitles/{VIDEO}/source.mp4", f"/js/%2e%2e/%2e%2e/titles/{VIDEO}/source.mp4",
        f"/titles/{VIDEO}/now/{SEGMENT}", f"/{VIDEO}/now/{SEGMENT}", f"/stream/{VIDEO}/now/{SEGMENT}",
        "/_decide", "/_being_made", "/_made_now", "/made-now", "/_unreadable", "/@waiting",
        "/@denied", "/404.html/", "/conf/nginx.conf", "/../conf/nginx.conf",
        f"/api/../stream/{VIDEO}/source.mp4/", f"/api/..%2fstream/{VIDEO}/source.mp4", "/m", "/stream", "/m/",
        "/stream/",
    ]  # fmt: skip
    return paths


def test_only_the_canonical_path_leads_to_a_file(edge: Edge) -> None:
    paths = _twisted_paths()
    assert len(paths) > 700
    with edge.connection() as connection:
        for path in paths:
            answer = connection.get(path, "Authorization: Bearer good", "Range: bytes=0-99")
            assert SENTINEL not in answer.body, path
            # 200 is the API's own word on what is below /api/.
            assert answer.status in {400, 404} or (answer.status == 200 and path.startswith("/api/")), (path, answer)
    assert edge.authz.seen == edge.events.seen == [], "refused before anybody was asked"


@pytest.mark.parametrize("query", ["?x=1", "?file=../../x", "?a=%2f..%2f", "?/../"])
def test_a_query_changes_nothing(edge: Edge, query: str) -> None:
    for target in good_targets():
        assert edge.get(target + query, "Range: bytes=0-28").body == SENTINEL
        assert edge.authz.seen[-1].headers["x-video-id"] == VIDEO


# -- forged links --


def _statuses(edge: Edge, targets: list[str]) -> set[int]:
    with edge.connection() as connection:
        answers = [connection.get(target, "Range: bytes=0-99") for target in targets]
    assert not [answer for answer in answers if SENTINEL in answer.body and answer.status != 206]
    return {answer.status for answer in answers}


def test_an_unknown_kid_is_refused_even_with_a_mac_of_the_empty_secret(edge: Edge) -> None:
    forged = [link(kid=kid, secret="") for kid in ("k3", "zz", "0", "default", "hostname")]
    assert _statuses(edge, forged) <= {403, 404}
    with edge.connection() as connection:
        assert problem(connection.get(forged[0]))["code"] == "forbidden"
    assert edge.authz.seen == []


@pytest.mark.parametrize("name", ["source.mp4", SEGMENT])
def test_a_link_holds_for_its_title_playback_audience_kid_and_time_alone(edge: Edge, name: str) -> None:
    good = link(name)
    _, m, kid, expires, playback, mac, video, file = good.split("/")
    assert _statuses(edge, [good]) == {206}
    swapped = [
        f"/{m}/{kid}/{expires}/{playback}/{mac}/{OTHER_VIDEO}/{file}",
        f"/{m}/{kid}/{expires}/{OTHER_PLAYBACK}/{mac}/{video}/{file}",
        f"/{m}/{kid}/{int(expires) + 1}/{playback}/{mac}/{video}/{file}",
        f"/{m}/k2/{expires}/{playback}/{mac}/{video}/{file}",
        link(name, audience="upload"), link(name, audience="download"), link(name, audience=""),
        link(name, secret="guess"), link(name, secret=""), link(name, kid="k1", secret=PLAY_KEYS["k2"]),
    ]  # fmt: skip
    assert _statuses(edge, swapped) == {403}
    # Any file of the title, since the MAC covers the title.
    assert _statuses(edge, [f"/{m}/{kid}/{expires}/{playback}/{mac}/{video}/poster.jpg"]) == {206}


def test_an_expired_link_is_410(edge: Edge) -> None:
    with edge.connection() as connection:
        for name in ("source.mp4", SEGMENT):
            assert problem(connection.get(link(name, seconds=-1)))["code"] == "expired"
    assert edge.authz.seen == edge.events.seen == []


def test_the_second_key_is_good_too(edge: Edge) -> None:
    assert _statuses(edge, [link(kid="k2")]) == {206}


@pytest.mark.parametrize("name", ["source.mp4", SEGMENT])
def test_thousands_of_mutated_links_are_refused(edge: Edge, name: str) -> None:
    """Sent in bundles on one connection (pipelined): 4,000 single changes of a good link."""
    chance, good = random.Random(7), link(name)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    _, m, kid, expires, playback, mac, video, file = good.split("/")
    mutated: set[str] = set()
    while len(mutated) < 4000:
        other = list(mac)
        for at in chance.sample(range(22), chance.choice((1, 1, 2, 5))):
            other[at] = chance.choice(alphabet)
        mutated.add(f"/{m}/{kid}/{expires}/{playback}/{''.join(other)}/{video}/{file}")
    mutated |= {good.replace(mac, mac[:length]) for length in range(22)}
    mutated |= {good.replace(mac, mac + more) for more in ("A", "=", "==", "A" * 22)}
    # The same 16 bytes in another spelling: the last character carries 2 bits, so 16 of 64 decode alike.
    decoded = base64.urlsafe_b64decode(mac + "==")
    mutated |= {
        good.replace(mac, mac[:-1] + last)
        for last in alphabet
        if base64.urlsafe_b64decode(mac[:-1] + last + "==") == decoded
    }
    # The very MAC under another expiry, and MACs of other secrets.
    mutated |= {good.replace(expires, str(int(expires) + delta)) for delta in range(1, 200)}
    for guess in ("", "0", "secret", "k1", PLAY_KEYS["k2"]):
        digest = hashlib.md5(f"{expires}|play|{kid}|{playback}|{video}|{guess}".encode()).digest()  # noqa: S324
        mutated.add(good.replace(mac, base64.urlsafe_b64encode(digest).decode().rstrip("=")))
    mutated.discard(good)
    statuses = _pipelined(edge, sorted(mutated))
    assert len(statuses) == len(mutated)
    assert set(statuses) == {403, 404}
    assert edge.authz.seen == edge.events.seen == []


def _pipelined(edge: Edge, targets: list[str], bundle: int = 100) -> list[int]:
    """HEAD for each target, a bundle of requests at a time: no bodies, so the answers are heads one after the other."""
    context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
    statuses: list[int] = []
    with (
        socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
        stream.makefile("rb") as answers,
    ):
        for start in range(0, len(targets), bundle):
            part = targets[start : start + bundle]
            stream.sendall(b"".join(f"HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for target in part))
            for _ in part:
                statuses.append(int(answers.readline().split()[1]))
                while answers.readline() not in {b"\r\n", b""}:
                    pass
    return statuses


# -- requests that are not quite HTTP --


# A link holds the time, and the names of tests may not: two workers would not agree on them. So the test puts it in.
GOOD_LINK, LINK_WITHOUT_SLASH = b"{link}", b"{link without slash}"


def _heads() -> list[bytes]:
    good, host = GOOD_LINK, b"Host: localhost\r\n"
    return [
        b"GET " + good + b"\r\n",
        b"GET " + good + b" HTTP/0.9\r\n\r\n",
        b"GET " + good + b" HTTP/1.0\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\n\r\n",
        b"GET " + good + b" HTTP/2.0\r\n" + host + b"\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET https://evil.example" + good + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET  " + good + b"/x HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + good + b"\x00 HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + good + b"\t HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + good + b" x HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + LINK_WITHOUT_SLASH + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET * HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + b"/" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET " + good + b" HTTP/1.1\r\n" + host + b"X: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
        b"GET " + good + b" HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"G\x00ET " + good + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n",
    ]  # fmt: skip


@pytest.mark.parametrize("head", _heads(), ids=lambda head: repr(head[-60:]))
def test_malformed_requests_get_no_byte_and_no_5xx(edge: Edge, head: bytes) -> None:
    good = link().encode()
    head = head.replace(GOOD_LINK, good).replace(LINK_WITHOUT_SLASH, good[1:])
    context = ssl.create_default_context(cafile=str(edge.nginx.ca_file))
    with (
        socket.create_connection(("127.0.0.1", edge.nginx.https_port), timeout=2) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
    ):
        stream.sendall(head)
        stream.settimeout(0.3)
        answer = b""
        try:
            while more := stream.recv(65536):
                answer += more
        except (TimeoutError, ssl.SSLError, ConnectionError):
            pass
    assert SENTINEL not in answer
    assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.1 2"))


def test_http_1_0_is_served_and_decided(edge: Edge) -> None:
    with edge.connection() as connection:
        request = f"GET {link()} HTTP/1.0\r\nHost: localhost\r\nRange: bytes=0-28\r\n\r\n".encode()
        assert connection.exchange(request).body == SENTINEL
    assert len(edge.authz.seen) == 1


def test_a_smuggled_second_request_is_decided_on_its_own(edge: Edge) -> None:
    """A body of a GET is thrown away, not read as a request."""
    inner = f"GET {HEADER} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with edge.connection() as connection:
        outer = f"GET /js/main.js HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n{inner}"
        assert connection.exchange(outer.encode()).status == 200
        assert connection.get("/", "Range: bytes=0-0").status == 206
    time.sleep(0.05)
    assert edge.authz.seen == []
