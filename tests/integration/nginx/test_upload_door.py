"""The door that takes parts of uploads, in front of a scripted authz: what gets in, and what leaves no byte behind."""

import base64
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.edge import Edge, link, problem
from testbed.servers.nginx_server import PLAY_KEYS, UPLOAD_KEYS
from testbed.servers.scripted import Says
from testbed.upload_links import OTHER_UPLOAD, UPLOAD, USER, upload_link
from testbed.viewers.http1 import Answer
from testbed.viewers.http2 import Http2Connection
from testbed.waiting import eventually
from tests.bypass import upload_targets

BODY = b"0123456789"
TAKEN = Says(204, {"X-Taken": "yes"})


@pytest.fixture(autouse=True)
def _taking(edge: Edge) -> None:
    edge.says(TAKEN)
    for file in written(edge):
        file.unlink()


def written(edge: Edge) -> list[Path]:
    """All files of the uploads folder."""
    return sorted(path for path in edge.nginx.uploads.rglob("*") if path.is_file())


def put(edge: Edge, target: str, body: bytes = BODY, *headers: str, method: str = "PUT") -> Answer:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    with edge.connection() as connection:
        return connection.exchange("\r\n".join([*lines, "", ""]).encode() + body, method)


def test_a_part_lies_whole_under_its_name_and_for_its_group_alone(edge: Edge) -> None:
    answer = put(edge, upload_link(3))
    assert (answer.status, answer.body) == (201, b"")
    (file,) = written(edge)
    assert file == edge.nginx.uploads / f"parts/{UPLOAD}.3"
    assert file.read_bytes() == BODY
    assert file.stat().st_mode & 0o777 == 0o640
    (asked,) = edge.authz.seen
    assert (asked.method, asked.target, asked.body) == ("GET", "/upload", b"")
    assert [asked.headers[name] for name in ("x-upload-id", "x-user-id", "x-part")] == [UPLOAD, USER, "3"]


def test_a_part_has_up_to_64_mib_and_not_a_byte_more(edge: Edge) -> None:
    most = 64 << 20
    assert put(edge, upload_link(1, most), bytes(most)).status == 201
    assert written(edge)[0].stat().st_size == most
    with edge.connection() as connection:
        head = f"PUT {upload_link(2, most + 1)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {most + 1}\r\n\r\n"
        assert connection.exchange(head.encode(), "PUT").status == 413


def test_a_part_that_is_sent_again_takes_the_place_of_the_first(edge: Edge) -> None:
    target = upload_link(1)
    assert put(edge, target).status == 201
    assert put(edge, target, b"abcdefghij").status == 204
    assert [file.read_bytes() for file in written(edge)] == [b"abcdefghij"]


def test_a_part_comes_over_http_2(edge: Edge) -> None:
    with Http2Connection(edge.nginx.https_port, edge.nginx.ca_file) as two:
        fields = [(b":method", b"PUT"), (b":scheme", b"https"), (b":authority", b"localhost")]
        # Without a word about its length, and with another one.
        for said in ([], [(b"content-length", b"11")]):
            answer = two.ask((*fields, (b":path", upload_link(1).encode()), *said))
            assert answer.status in {400, 411}, said
    assert written(edge) == []


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (lambda: upload_link(secret="x" * 43), 403),
        (lambda: upload_link(kid="zz"), 403),
        (lambda: upload_link(kid="k1", secret=PLAY_KEYS["k1"]), 403),
        (lambda: upload_link(seconds=-1), 410),
        (lambda: upload_link().replace("/1/10/", "/2/10/"), 403),
        (lambda: upload_link().replace("/1/10/", "/1/11/"), 403),
        (lambda: upload_link().replace(UPLOAD, OTHER_UPLOAD), 403),
        (lambda: upload_link().replace(USER, OTHER_UPLOAD), 403),
        (lambda: upload_link().replace("/1/10/", "/01/10/"), 404),
        (lambda: upload_link().replace("/1/10/", "/0/10/"), 404),
        (lambda: upload_link().replace("/1/10/", "/1/010/"), 404),
        (lambda: upload_link().replace("/1/10/", "/100000/10/"), 404),
        (lambda: upload_link().replace("/1/10/", "/-1/10/"), 404),
        (lambda: upload_link() + "?x=1", 404),
        (lambda: upload_link() + "/", 404),
        (lambda: upload_link() + "/../../x", 404),
        (lambda: upload_link() + "%2f", 404),
        (lambda: upload_link() + ".mp4", 404),
        (lambda: upload_link().replace("/u/", "//u/"), 405),
        (lambda: upload_link().replace("/u/", "/./u/"), 404),
        (lambda: upload_link().replace("/u/", "/%75/"), 404),
        (lambda: upload_link().replace("/1/10/", "/1%2f10/"), 404),
        (lambda: upload_link().replace(UPLOAD, "../../../../etc/cron.d"), 405),
        (lambda: upload_link().replace(UPLOAD, UPLOAD.upper()), 404),
        (lambda: "/u/", 404),
        (lambda: "/u/parts", 404),
    ],
)
def test_a_link_that_was_not_made_for_this_leaves_nothing(edge: Edge, made: Callable[[], str], status: int) -> None:
    answer = put(edge, made())
    assert answer.status == status, answer
    problem(answer)
    assert (written(edge), edge.authz.seen) == ([], [])


def test_no_address_of_the_corpus_takes_a_byte(edge: Edge) -> None:
    good, wrong, tried = upload_link(12, 10), [], 0
    with edge.connection() as connection:
        for target in upload_targets(good):
            request = b"PUT " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n" + BODY
            answer = connection.exchange(request, "PUT")
            tried += 1
            if written(edge) or answer.status >= 500 or 200 <= answer.status < 300:
                wrong.append((target, answer.status))
    assert (wrong, edge.authz.seen) == ([], [])
    assert tried > 300
    assert put(edge, good).status == 201, "what they are twisted from is good"


def test_every_other_ending_of_the_mac_that_decodes_alike_is_refused(edge: Edge) -> None:
    good = upload_link()
    mac = good.rsplit("/", 1)[1]
    decoded = base64.urlsafe_b64decode(mac + "==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    alike = [last for last in alphabet if base64.urlsafe_b64decode(mac[:-1] + last + "==") == decoded]
    assert len(alike) == 16
    for last in alike:
        assert put(edge, good[:-1] + last).status == (404 if last != mac[-1] else 201)


def test_links_to_watch_by_take_nothing_and_links_that_take_show_nothing(edge: Edge) -> None:
    assert put(edge, link()).status == 405
    # Their secrets and audiences differ: the same text, signed for the other one, is no link here.
    assert put(edge, upload_link(secret=PLAY_KEYS["k1"])).status == 403
    assert edge.get(link(secret=UPLOAD_KEYS["u1"])).status == 403
    assert written(edge) == []


@pytest.mark.parametrize(
    "method",
    [
        "GET",
        "HEAD",
        "POST",
        "DELETE",
        "PATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "PROPFIND",
        "PROPPATCH",
        "LOCK",
        "UNLOCK",
        "put",
    ],
)
def test_what_was_put_can_be_neither_read_nor_moved_nor_removed(edge: Edge, method: str) -> None:
    target = upload_link()
    assert put(edge, target).status == 201
    destination = f"Destination: {edge.nginx.url}{upload_link(2)}"
    answer = put(edge, target, b"", destination, "Overwrite: T", method=method)
    assert answer.status in {400, 405}, answer
    assert BODY not in answer.body
    assert [file.name for file in written(edge)] == [f"{UPLOAD}.1"]
    assert written(edge)[0].read_bytes() == BODY


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["Content-Length: 9"], BODY[:9], 400),
        (["Content-Length: 11"], BODY + b"x", 400),
        (["Content-Length: 0"], b"", 400),
        (["Content-Length: 0010"], BODY, 400),
        (["Content-Length: 99999999999"], b"", 413),
        (["Transfer-Encoding: chunked"], b"a\r\n0123456789\r\n0\r\n\r\n", 411),
        (["Content-Length: 10", "Transfer-Encoding: chunked"], b"a\r\n0123456789\r\n0\r\n\r\n", 400),
        (["Content-Length: 10", "Content-Range: bytes 0-9/20"], BODY, 400),
        (["Content-Length: 10", "Content-Length: 10"], BODY, 400),
    ],
)
def test_a_body_that_is_not_exactly_the_part_is_refused(
    edge: Edge, headers: list[str], body: bytes, status: int
) -> None:
    answer = put(edge, upload_link(), body, *headers)
    assert answer.status == status, answer
    assert answer.header("Content-Type") == "application/problem+json"
    assert written(edge) == []


def test_a_part_whose_sender_hangs_up_leaves_nothing(edge: Edge) -> None:
    with edge.connection() as connection:
        connection.send(f"PUT {upload_link()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n01234".encode())
        assert eventually(lambda: edge.authz.seen)
    assert eventually(lambda: written(edge) == [])


@pytest.mark.parametrize(
    ("says", "status", "code"),
    [
        (Says(403, {"X-Deny": "closed"}), 410, "upload_closed"),
        (Says(403, {"X-Deny": "here"}), 409, "part_here"),
        (Says(403, {"X-Deny": "busy", "X-Retry-After": "7"}), 503, "busy"),
        (Says(403), 403, "forbidden"),
        (Says(401), 401, None),
        (Says(500), 503, "busy"),
        # Let in is who is told so in the words of the contract.
        (Says(204), 503, "busy"),
        (Says(200, {"X-Taken": "yes"}), 503, "busy"),
        (Says(204, {"X-Taken": "no"}), 503, "busy"),
    ],
)
def test_what_authz_does_not_allow_is_not_written(edge: Edge, says: Says, status: int, code: str | None) -> None:
    edge.says(says)
    answer = put(edge, upload_link())
    assert answer.status == status, answer
    if code:
        assert problem(answer)["code"] == code
    assert written(edge) == []


def test_no_answer_of_authz_is_used_twice(edge: Edge) -> None:
    target = upload_link()
    with edge.connection() as connection:
        request = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n".encode() + BODY
        assert connection.exchange(request, "PUT").status == 201
        edge.says(Says(403, {"X-Deny": "closed"}))
        assert connection.exchange(request, "PUT").status == 410


def test_a_user_sends_so_many_parts_at_once_and_no_more(edge: Edge) -> None:
    gate = threading.Event()
    edge.says(Says(204, {"X-Taken": "yes"}, after=gate))
    most = edge.nginx.variables["nginx_upload_connections"]
    answers: list[int] = []

    def send(part: int) -> None:
        answers.append(put(edge, upload_link(part)).status)

    threads = [threading.Thread(target=send, args=(part,)) for part in range(1, most + 1)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: len(edge.authz.seen) == most)
    # One more of the same user is told so; somebody else's is not counted with them.
    refused = put(edge, upload_link(most + 1))
    assert problem(refused)["code"] == "rate_limited"
    other = threading.Thread(target=lambda: answers.append(put(edge, upload_link(1, user="f6" * 16)).status))
    other.start()
    assert eventually(lambda: len(edge.authz.seen) == most + 1)
    gate.set()
    for thread in [*threads, other]:
        thread.join()
    assert set(answers) <= {201, 204}, answers


def test_a_page_of_ours_may_ask_and_no_log_has_the_mac(edge: Edge) -> None:
    target = upload_link()
    answer = put(edge, target)
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert put(edge, target.replace("/1/10/", "/2/10/")).status == 403
    assert put(edge, target, BODY + b"x").status == 400
    (edge.nginx.uploads / "parts").chmod(0o755)
    mac = target.rsplit("/", 1)[1]
    assert eventually(lambda: len([line for line in edge.log("access") if line["place"] == "upload"]) >= 3)
    for log in edge.nginx.logs.iterdir():
        assert mac not in log.read_text(errors="replace"), log.name


def test_in_the_clear_a_link_is_refused_and_told_to_the_interface(edge: Edge) -> None:
    target = upload_link()
    with socket.create_connection(("127.0.0.1", edge.nginx.http_port), timeout=10) as plain:
        plain.sendall(f"PUT {target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n".encode() + BODY)
        assert b" 403 " in plain.recv(4096).partition(b"\r\n")[0]
    assert [asked.headers.get("x-target") for asked in edge.api.seen] == [target]
    assert written(edge) == []
