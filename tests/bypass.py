"""Requests that must not bring a guarded byte: a corpus made from one good link and one good path of the header door.

Each case is one well-framed request that differs from a good one in its path, its encoding, its method, its headers,
its host or its credentials, in HTTP/1.0, 1.1 and 2. What is asked of the answer is the same for all: not one byte of
the file, and no 5xx (tests/host/test_bypass.py, tests/integration/nginx/test_corpus.py).
"""

import base64
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from testbed.viewers.http1 import Answer, RawConnection
from testbed.viewers.http2 import Http2Connection

Version = Literal["1.0", "1.1", "2"]
VERSIONS: tuple[Version, ...] = ("1.0", "1.1", "2")
Header = tuple[bytes, bytes]
# What every case asks for: so many bytes of the end of the file.
TAIL = 200
WANTED: Header = (b"Range", b"bytes=-%d" % TAIL)
_HEX = "0123456789abcdef"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Good:
    """What leads to the bytes: both addresses of one file, and the token that opens the header door."""

    link: str
    path: str
    token: str
    host: str
    # A title that the link is not for.
    other_video: str


@dataclass(frozen=True)
class Case:
    """One request. In HTTP/2, `pairs` replaces the fields that would be made from the rest."""

    family: str
    target: bytes
    version: Version = "1.1"
    method: bytes = b"GET"
    host: bytes | None = b""
    headers: tuple[Header, ...] = (WANTED,)
    pairs: tuple[Header, ...] = ()

    def message(self) -> bytes:
        """The request in HTTP/1."""
        lines = [self.method + b" " + self.target + b" HTTP/" + self.version.encode()]
        lines += [b"Host: " + self.host] if self.host is not None else []
        lines += [name + b": " + value for name, value in self.headers]
        return b"\r\n".join([*lines, b"", b""])

    def ask(self, one: RawConnection, two: Http2Connection) -> Answer:
        """The server's answer, over one of two connections that stay open as far as the server lets them."""
        if self.version == "2":
            return two.ask(self.fields())
        return one.exchange(self.message(), self.method.decode("latin-1"))

    def fields(self) -> tuple[Header, ...]:
        """The request in HTTP/2 (RFC 9113, 8.3)."""
        if self.pairs:
            return self.pairs
        authority = () if self.host is None else ((b":authority", self.host),)
        rest = tuple((name.lower(), value) for name, value in self.headers)
        return ((b":method", self.method), (b":scheme", b"https"), *authority, (b":path", self.target), *rest)


def corpus(good: Good) -> list[Case]:
    """Every case, each once, always the same ones for the same `good`."""
    bearer: Header = (b"Authorization", b"Bearer " + good.token.encode())
    made = itertools.chain(
        (Case("path", path, headers=(WANTED, bearer)) for path in _paths(good)),
        _links(good),
        _credentials(good),
        (Case("range", good.path.encode(), headers=((b"Range", value),)) for value in _ranges()),
        (
            Case("method", target.encode(), method=method, headers=(WANTED, bearer))
            for method in _methods()
            for target in (good.link, good.path)
        ),
        (
            Case("host", target.encode(), host=host, headers=(WANTED, bearer))
            for host in _hosts(good)
            for target in (good.link, good.path)
        ),
    )
    cases: dict[Case, None] = {}
    for case in made:
        for version in VERSIONS:
            host = good.host.encode() if case.host == b"" else case.host
            # The Host may be left out in 1.0, where the request then is nobody's.
            cases[replace(case, version=version, host=None if host == b"-" else host)] = None
    for pairs in _pseudo_headers(good, bearer):
        cases[Case("fields", good.path.encode(), version="2", pairs=pairs)] = None
    return list(cases)


def upload_targets(link: str) -> Iterator[bytes]:
    """Addresses made from one good link of a part, to none of which a byte may be put."""
    chance = random.Random(13)
    _, u, *parts = link.split("/")
    for suffix in (
        "/", "//", "/.", "/..", "/x", ".", "..", "%00", "%0a", "%20", "%2f", ";x=1", "%3f", "?", "?x=1", "~", ".tmp",
        "/../" + parts[-1], "/%2e%2e/" + parts[-1], "\\", "%ff", "|", "'",
    ):  # fmt: skip
        yield (link + suffix).encode()
    for before in (
        "/", "//", "/.", "/..", "/x/..", "/%2e", "/%2f", "\\", "/api/..", "/js/..", "/m/..", "/u/..",
    ):  # fmt: skip
        yield (before + link).encode()
    for at in range(1, len(link)):
        yield f"{link[:at]}%{ord(link[at]):02x}{link[at + 1 :]}".encode()
    for place, old in enumerate(parts):
        values = {
            "",
            ".",
            "..",
            "0",
            "00",
            "-1",
            "+" + old,
            "0" + old,
            old + "0",
            old.upper(),
            old[:-1],
            "*",
        }
        alphabet = _BASE64 if place == len(parts) - 1 else _HEX if len(old) == 32 else "0123456789"
        for at in range(len(old)):
            values.add(old[:at] + chance.choice([sign for sign in alphabet if sign != old[at]]) + old[at + 1 :])
        values.add("../../../../etc/passwd")
        for value in sorted(values - {old}):
            yield "/".join(["", u, *parts[:place], value, *parts[place + 1 :]]).encode()
    # One part less, or in another order.
    for place in range(len(parts)):
        yield "/".join(["", u, *parts[:place], *parts[place + 1 :]]).encode()
        yield "/".join(["", u, *parts[place:], *parts[:place]]).encode() if place else b"/u"


def _paths(good: Good) -> Iterator[bytes]:
    """Other spellings of a good path, each of which some server once took for it."""
    for canonical in (good.link, good.path):
        prefix, video, file = canonical.rsplit("/", 2)
        first, rest = canonical.split("/", 2)[1:]
        for suffix in (
            "/", "//", "/.", "/..", "/x", ".", "..", "%00", "%00.jpg", "%0a", "%0d%0a", "%20", "%09", "%2f", "%5c",
            ";", ";x=1", "%3b", "%3f", "%23", "~", ".bak", ".part", ".tmp", "%2e", "%252e", "/../" + file,
            "/%2e%2e/" + file, "/.%2e/" + file, "\\", "%ff", "%c0%af", "%e3%80%82", "::$DATA", ",", "|", "'", '"',
        ):  # fmt: skip
            yield (canonical + suffix).encode()
        for before in (
            "/", "//", "/.", "/..", "/x/..", "/%2e", "/%2e%2e", "/;", "/%2f", "\\", "/api/..", "/api/%2e%2e", "/js/..",
            "/m/..", "/stream/..", "/_decide/..", "/index.html/..", "/%2e%2e%2f", "/..%2f", "/..;", "/.;",
        ):  # fmt: skip
            yield (before + canonical).encode()
        for path in (
            f"{prefix}//{video}/{file}", f"{prefix}/{video}//{file}", f"{prefix}/./{video}/{file}",
            f"{prefix}/{video}/./{file}", f"{prefix}/{video}/../{video}/{file}", f"{prefix}/x/../{video}/{file}",
            f"{prefix}/{good.other_video}/../{video}/{file}", f"{prefix}%2f{video}%2f{file}",
            f"{prefix}/{video}%2f{file}", f"{prefix}/{video}%252f{file}", f"{prefix}/{video}\\{file}",
            f"{prefix}/{video}%5c{file}", f"{prefix}/{video}/..%2f{video}/{file}",
            f"{prefix}/{video}/%2e%2e/{video}/{file}", f"{prefix}/{video}/..;/{video}/{file}",
            f"{prefix}/{video.upper()}/{file}", f"{prefix}/{video}/{file.upper()}", f"{prefix}/{video[:-1]}/{file}",
            f"{prefix}/{video}0/{file}", f"{prefix}/{video}/", f"{prefix}/{video}", f"{prefix}/{video}/.",
            f"{prefix}/../titles/{video}/{file}", f"{prefix}/%00/{video}/{file}",
            f"{prefix}/{video[:8]}-{video[8:12]}-{video[12:16]}-{video[16:20]}-{video[20:]}/{file}",
            f"/{first.upper()}/{rest}", f"/{first}%00/{rest}", f"/{first};a/{rest}",
            f"/%25{ord(first[0]):02x}{first[1:]}/{rest}", f"/{first}/{rest}".replace("/", "%2f"),
            f"/{first}/{rest}".replace("/", "//"), f"/{first}/{rest}".replace("/", "\\"),
        ):  # fmt: skip
            if path != canonical:
                yield path.encode()
        # Each character percent-encoded; and bytes that no path of ours has.
        for at in range(1, len(canonical)):
            yield f"{canonical[:at]}%{ord(canonical[at]):02x}{canonical[at + 1 :]}".encode()
        for at in range(0, len(canonical), 9):
            for byte in (b"\x80", b"\xff", b"%", b"%u0073", b"*"):
                yield canonical[:at].encode() + byte + canonical[at:].encode()
    video, file = good.path.rsplit("/", 2)[1:]
    for root in (
        "/titles", "/library", "", "/srv/titles", "/srv/kinetoscope/titles", "/media", "/m", "/files", "/static",
        "/_made_now", "/made-now", "/www", "/js/../titles", "/js/..%2f..%2ftitles", "/js/%2e%2e/%2e%2e/titles",
        "/api/v1/videos", "/_decide", "/js", "/css", "/u", "/uploads/parts", "/srv/kinetoscope/uploads/parts",
        "/_decide_upload",
    ):  # fmt: skip
        yield f"{root}/{video}/{file}".encode()
        yield f"{root}/{video}/now/{file}".encode()
    for path in (
        "/_decide", "/_being_made", "/_made_now", "/made-now", "/_unreadable", "/@denied", "/@unavailable", "/@waiting",
        "/404.html/", "/m/", "/stream/", "/stream", "/stream/now", f"/stream/{video}/now/",
        f"/stream/{video}/now/{file}",
    ):  # fmt: skip
        yield path.encode()


def _links(good: Good) -> Iterator[Case]:
    """Links that were not made here, or not for this."""
    chance = random.Random(11)
    _, m, kid, expires, playback, mac, video, file = good.link.split("/")

    def link(**part: str) -> Case:
        parts = {"kid": kid, "exp": expires, "playback": playback, "mac": mac, "video": video, "file": file} | part
        return Case("link", "/".join(["", m, *parts.values()]).encode())

    def other(text: str, at: int, alphabet: str) -> str:
        return text[:at] + chance.choice([letter for letter in alphabet if letter != text[at]]) + text[at + 1 :]

    for at in range(len(mac)):
        yield link(mac=other(mac, at, "AQgw" if at == 21 else _BASE64))
    for at in range(32):
        yield link(playback=other(playback, at, _HEX))
        yield link(video=other(video, at, _HEX))
    for at in range(10):
        yield link(exp=other(expires, at, "0123456789"))
    yield link(video=good.other_video)
    for name in ("", "0", "zz", "k0", "default", "hostname", "K1", "k1 ", "..", kid.upper() + "x", kid * 2):
        yield link(kid=name)
    for value in ("", "0", "9999999999", "-" + expires[1:], "+" + expires[1:], "0x" + expires[2:], expires + "0"):
        yield link(exp=value)
    for value in ("", "A", mac[:-1], mac + "A", mac + "=", mac + "==", mac.lower(), "A" * 22, "-" * 21 + "A"):
        yield link(mac=value)
    decoded = base64.urlsafe_b64decode(mac + "==")
    for last in _BASE64:
        if last != mac[-1] and base64.urlsafe_b64decode(mac[:-1] + last + "==") == decoded:
            yield link(mac=mac[:-1] + last)
    for value in ("source.mp4x", "Source.mp4", "source.MP4", ".", "..", "", "titles", "poster.jpg/..", "v1080.mp4"):
        if value != file:
            yield link(file=value)


def _credentials(good: Good) -> Iterator[Case]:
    """The header door without a credential that holds."""
    target, token = good.path.encode(), good.token
    head, claims, signature = token.split(".")

    def encoded(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    nothing = [encoded({"alg": "none", "typ": "at+jwt", "kid": "a1"}), encoded({"alg": "HS256", "typ": "at+jwt"})]
    twisted = [
        "", "x", "x.y.z", "..", f"{head}.{claims}", f"{head}.{claims}.", f".{claims}.{signature}",
        f"{head}..{signature}", f"{nothing[0]}.{claims}.", f"{nothing[0]}.{claims}.{signature}",
        f"{nothing[1]}.{claims}.{signature}", f"{head}.{encoded({'sub': 'admin'})}.{signature}", token[:-6] + "AAAAAA",
        token + "A", token + "=", token.swapcase(), token[::-1], token + "." + signature, "null", "undefined",
    ]  # fmt: skip
    for value in twisted:
        for name, form in (("Authorization", "Bearer {}"), ("Cookie", "__Host-ks={}")):
            yield Case("credential", target, headers=(WANTED, (name.encode(), form.format(value).encode())))
    for scheme in ("Basic", "Digest", "Token", "bearer:", "Bearer,", "Bearer  ", "Bearer\t", "JWT", "Negotiate"):
        yield Case("credential", target, headers=(WANTED, (b"Authorization", f"{scheme} {token}".encode())))
    for cookie in (
        f"ks={token}", f"__Host-ks-x={token}", f"__host-ks={token}", f"__Secure-ks={token}", f"__Secure-kr={token}",
        f"x__Host-ks={token}", f"__Host-ks={token}; __Host-ks={token}", f"__Host-ks={token}x", f"a=__Host-ks={token}",
        f"__Host-ks=\"{token}\"", f"__Host-ks={token},x", f"__Host={token}", f"__Host-ks; {token}",
    ):  # fmt: skip
        yield Case("credential", target, headers=(WANTED, (b"Cookie", cookie.encode())))
    for query in (f"?access_token={token}", f"?token={token}", f"?jwt={token}", "?admin=1", "?X-Door=signed", "?.mp4"):
        yield Case("credential", target + query.encode())
    video = good.path.split("/")[2]
    for name, value in (
        ("X-Door", "signed"), ("X-Kind", "picture"), ("X-Video-Id", video), ("X-Playback-Id", "0" * 32),
        ("X-Method", "HEAD"), ("X-User-Id", "admin"), ("X-User", "admin"), ("X-Forwarded-User", "admin"),
        ("X-Remote-User", "admin"), ("Remote-User", "admin"), ("X-Auth-Request-User", "admin"), ("X-Rate", "0"),
        ("X-Original-URI", "/"), ("X-Original-URL", good.path), ("X-Rewrite-URL", good.path),
        ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "authz"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Uri", "/"), ("X-Forwarded-Prefix", good.path), ("Forwarded", "for=127.0.0.1"),
        ("X-Accel-Redirect", good.path), ("X-Sendfile", good.path), ("X-Accel-Internal", "/_decide"),
        ("X-HTTP-Method-Override", "HEAD"), ("X-Method-Override", "HEAD"), ("X-HTTP-Method", "OPTIONS"),
        ("Upgrade", "h2c"), ("Upgrade", "websocket"), ("Connection", "close, Authorization"), ("Via", "1.1 authz"),
        ("Connection", "X-Door, X-Video-Id"), ("X-Conn", "1 127.0.0.1 1"), ("X-Request-Id", "mine"), ("Expect", "x"),
        ("If-None-Match", "*"), ("If-Match", "*"), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Origin", "https://" + good.host), ("Referer", "https://" + good.host + good.link), ("Accept", "video/mp4"),
        ("Sec-Fetch-Site", "same-origin"), ("Cache-Control", "only-if-cached"), ("Content-Length", "0"),
        ("Proxy-Authorization", f"Bearer {token}"), ("X-Authorization", f"Bearer {token}"), ("X-Api-Key", token),
        ("X_Authorization", f"Bearer {token}"), ("Authorization_", f"Bearer {token}"), ("Max-Forwards", "0"),
    ):  # fmt: skip
        forged = (name.encode(), value.encode())
        # Nothing a client may say of itself opens the door, nor makes a link good that is for another title.
        yield Case("header", target, headers=(WANTED, forged))
        yield Case("header", good.link.replace(video, good.other_video).encode(), headers=(WANTED, forged))


def _ranges() -> Iterator[bytes]:
    """However it is cut: without a credential there is nothing to cut from."""
    yield from (
        b"bytes=0-", b"bytes=0-0", b"bytes=-1", b"bytes=-0", b"bytes=0-18446744073709551615",
        b"bytes=9223372036854775807-", b"bytes=0-0,-200", b"bytes=-200,0-0", b"bytes=" + b"0-0," * 200 + b"0-0",
        b"bytes=a-b", b"bytes", b"bytes=", b"bytes=-", b"Bytes=0-", b"items=0-", b"bytes=0-\t",
        b"bytes=--1", b"bytes=1-0", b"none",
    )  # fmt: skip


def _methods() -> Iterator[bytes]:
    yield from (
        b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"PROPPATCH", b"MKCOL",
        b"COPY", b"MOVE", b"LOCK", b"UNLOCK", b"SEARCH", b"REPORT", b"PURGE", b"LINK", b"DEBUG", b"TRACK", b"QUERY",
        b"FOO", b"G", b"GETT", b"get", b"Get", b"gET", b"HEAD", b"head", b"GET\x00", b"G-E-T", b"PRI",
    )  # fmt: skip


def _hosts(good: Good) -> Iterator[bytes]:
    """`-` stands for no Host at all."""
    name = good.host.encode()
    yield from (
        b"-", b"evil.example", b"localhost.evil.example", name + b".evil.example", b"evil.example." + name,
        b"127.0.0.2", b"[::1]", b"authz", b"unix", b"_", b"*", b"x" + name, name + b"x", name + b"..",
        b"." + name, name + b"@evil", b"evil@" + name, name + b"/", name + b"/x", name + b"%00", name + b",evil",
        name + b" evil", b"evil " + name,
        name + b"\t", name + b"#", name + b"?x", b"a" * 300, b"\xff\xfe", b"http://" + name, b"169.254.169.254",
    )  # fmt: skip


def _pseudo_headers(good: Good, bearer: Header) -> Iterator[tuple[Header, ...]]:
    """What only HTTP/2 can say (RFC 9113, 8.3): doubled, misplaced, foreign and malformed fields."""
    path, host = (b":path", good.path.encode()), (b":authority", good.host.encode())
    method, scheme = (b":method", b"GET"), (b":scheme", b"https")
    index = (b":path", b"/")
    whole = (method, scheme, host, path)
    yield from (
        (method, scheme, host, index, path), (method, scheme, host, path, index), (method, scheme, host, path, path),
        (method, scheme, host), (scheme, host, path), (method, host, path), (method, scheme, path),
        (method, scheme, host, _RANGE_2, path), (*whole, (b":status", b"200")), (*whole, (b":protocol", b"websocket")),
        (*whole, (b":x-door", b"signed")), (*whole, (b"X-Door", b"signed")), (*whole, (b"host", b"evil.example")),
        (*whole, (b"connection", b"keep-alive")), (*whole, (b"transfer-encoding", b"chunked")),
        (*whole, (b"te", b"gzip")),
        (*whole, (b"", b"x")), (*whole, (b"x y", b"x")), (*whole, (b"x", b"a\r\nauthorization: " + bearer[1])),
        (*whole, (b"x", b"a\nb")), (*whole, (b"x", b"\x00")), (*whole, (b"authorization ", bearer[1])),
        (*whole, (b"Authorization", bearer[1])), (*whole, (b"cookie", b"__Host-ks=")),
        (*whole, (b"cookie", b"__Host-ks"), (b"cookie", b"=" + good.token.encode())),
        (method, (b":scheme", b"http"), host, path), (method, (b":scheme", b"file"), host, path),
        (method, (b":scheme", b""), host, path),
        (method, scheme, host, (b":path", b"")), (method, scheme, host, (b":path", b"*")),
        (method, scheme, host, (b":path", path[1][1:])),
        (method, scheme, host, (b":path", b"https://" + host[1] + path[1])),
        (method, scheme, host, (b":path", path[1] + b" HTTP/1.1\r\nHost: x")),
        (method, scheme, host, (b":path", path[1] + b"\x00")), (method, scheme, host, (b":path", b" " + path[1])),
        (method, scheme, (b":authority", host[1] + b"\x00"), path), ((b":method", b"GET /"), scheme, host, path),
        ((b":method", b"GET " + path[1] + b" HTTP/1.1\r\nx:"), scheme, host, index),
        ((b":method", b""), scheme, host, path),
    )  # fmt: skip


_RANGE_2: Header = (b"range", WANTED[1])
