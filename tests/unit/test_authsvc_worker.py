"""The short way of authz's worker: exactly the request that Nginx sends, and nothing else."""

import re

import pytest

from authsvc.authz.question import read
from authsvc.authz.worker import _NAMES, environment
from testbed.servers.nginx_server import TEMPLATES

HEADERS = {
    "X-Door": "signed",
    "X-Kind": "media:source",
    "X-Video-Id": "0123456789abcdef" * 2,
    "X-Playback-Id": "a1" * 16,
    "X-Method": "GET",
    "X-Real-IP": "192.0.2.7",
    "X-Conn": "12 192.0.2.7 40000",
    "X-Request-Id": "f" * 32,
    "Cookie": "a=b; __Host-ks=x.y.z",
    "Authorization": "Bearer x.y.z",
    "Host": "authz",
    "Connection": "close",
}
HEAD = (
    "GET /decide HTTP/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()) + "\r\n"
).encode()


def test_every_header_of_nginx_is_known_here() -> None:
    """One that is not would send every decision the long way."""
    doors = (TEMPLATES / "kinetoscope/doors.conf.j2").read_text()
    asked = doors.partition("location = /_decide")[2].partition("\n}")[0]
    sent = set(re.findall(r"proxy_set_header (\S+) (?!\"\";)", asked)) | {"Connection"}
    assert sent == _NAMES.keys()


def test_what_nginx_sends_becomes_the_question() -> None:
    environ = environment(HEAD)
    assert environ is not None
    for name, value in HEADERS.items():
        assert environ["HTTP_" + name.upper().replace("-", "_")] == value
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("GET", "/decide")
    assert read(environ).playback_id == "a1" * 16
    assert environment(HEAD.replace(b"a=b", b"a=\xe9\xff\t")) is not None, "whatever a client may put into a cookie"


@pytest.mark.parametrize(
    "head",
    [
        b"", HEAD[:-1], HEAD[:-2], HEAD + b"x", HEAD + HEAD, b"\r\n" + HEAD,
        HEAD.replace(b"GET ", b"HEAD "), HEAD.replace(b"GET ", b"get "), HEAD.replace(b"/decide", b"/decide?x"),
        HEAD.replace(b"/decide", b"/decide/"), HEAD.replace(b"/decide", b"//decide"), HEAD.replace(b"/1.0", b"/1.1"),
        HEAD.replace(b"X-Door: signed", b"X-Door: signed\r\nX-Door: header"),
        HEAD.replace(b"X-Door: signed", b"X-Door: signed\r\nX_Door: header"),
        HEAD.replace(b"X-Door: signed", b"X-Door: signed\r\nX-User-Id: 1"),
        HEAD.replace(b"X-Door: signed", b"x-door: signed"), HEAD.replace(b"X-Door: signed", b"X-Door : signed"),
        HEAD.replace(b"X-Door: signed", b"X-Door:signed"), HEAD.replace(b"X-Door: signed", b"X-Door: "),
        HEAD.replace(b"X-Door: signed", b"X-Door"), HEAD.replace(b"X-Door: signed", b" X-Door: signed"),
        HEAD.replace(b"a=b", b"a=b\nX-Method: HEAD"), HEAD.replace(b"a=b", b"a=b\rX-Method: HEAD"),
        HEAD.replace(b"a=b", b"a=\x00"), HEAD.replace(b"a=b", b"a=\x7f"),
        HEAD.replace(b"X-Door: signed", b"Content-Length: 4\r\nX-Door: signed"),
        HEAD.replace(b"X-Door: signed", b"Transfer-Encoding: chunked\r\nX-Door: signed"),
    ],
)  # fmt: skip
def test_what_differs_in_anything_is_left_to_gunicorn(head: bytes) -> None:
    assert environment(head) is None
