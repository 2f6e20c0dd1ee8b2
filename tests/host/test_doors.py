"""Both doors, from outside: the right bytes to the right person, and not one byte to anybody else."""

import base64
import hashlib
import json
import subprocess
import time
from typing import Any

import pytest
import requests
from testinfra.host import Host

from testbed.viewers.box import Access, Viewer, connection, problem

MIB = 1 << 20


def _source(video: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in video["files"] if entry["name"].startswith("source."))


def _parts(link: str) -> list[str]:
    """Key, expiry, playback, MAC, video and file of a signed link."""
    return link.partition("/m/")[2].split("/")


def _with_parts(link: str, *parts: str) -> str:
    """The link to the same host with other parts."""
    return link.partition("/m/")[0] + "/m/" + "/".join(parts)


@pytest.fixture
def link(bob: Viewer, mp4: dict[str, Any]) -> Any:
    """A signed link of bob's to the MP4; its playback ends with the test."""
    grant = bob.playback(mp4["id"])
    yield grant["links"]["source"]
    bob.end(grant["playback_id"])


def test_the_header_door_answers_the_first_mebibyte(bob: Viewer, mp4: dict[str, Any], host: Host) -> None:
    source = _source(mp4)
    answer = bob.get(source["href"], headers={"Range": f"bytes=0-{MIB - 1}"})
    assert answer.status_code == 206
    length = min(MIB, source["size_bytes"])
    assert answer.headers["Content-Range"] == f"bytes 0-{length - 1}/{source['size_bytes']}"
    assert answer.headers["Content-Type"] == "video/mp4"
    on_disk = host.check_output(f"head -c {MIB} /srv/kinetoscope/titles/{mp4['id']}/{source['name']} | sha256sum")
    assert hashlib.sha256(answer.content).hexdigest() == on_disk.split()[0]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=-100", 206),
        ("bytes=100-", 206),
        ("bytes=0-0", 206),
        ("bytes=999999999999-", 416),
        (None, 200),
    ],
)
def test_both_doors_answer_ranges_alike(
    bob: Viewer, mp4: dict[str, Any], link: str, wanted: str | None, status: int
) -> None:
    headers = {"Range": wanted} if wanted else {}
    signed = requests.get(bob.access.at(link), headers=headers, verify=bob.access.ca_file, timeout=20)
    header = bob.get(_source(mp4)["href"], headers=headers)
    assert signed.status_code == header.status_code == status
    if status < 400:
        assert signed.content == header.content


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_a_signed_link_works_in_every_http_version(access: Access, link: str, version: str) -> None:
    done = access.curl(
        version,
        "--range",
        "0-99",
        "--write-out",
        "%{stderr}%{http_code} %{http_version}",
        access.at(link),
    )
    assert done.stderr.split()[0] == b"206", done.stderr
    assert len(done.stdout) == 100


def test_ffprobe_and_ffmpeg_play_the_signed_link(access: Access, mp4: dict[str, Any], link: str) -> None:
    url = access.at(link)
    trust = ["-tls_verify", "1", "-ca_file", access.ca_file]
    probed = subprocess.run(
        ["ffprobe", "-v", "error", *trust, "-show_entries", "format=duration", "-of", "json", url],
        capture_output=True, check=True,
    )  # fmt: skip
    assert float(json.loads(probed.stdout)["format"]["duration"]) == pytest.approx(mp4["duration_seconds"], abs=0.1)
    middle = str(mp4["duration_seconds"] / 2)
    subprocess.run(
        ["ffmpeg", "-v", "error", *trust, "-ss", middle, "-i", url, "-frames:v", "5", "-f", "null", "-"], check=True
    )


def test_without_credentials_the_header_door_is_401(
    anonymous: requests.Session, access: Access, mp4: dict[str, Any]
) -> None:
    for name in ("source.mp4", "poster.jpg"):
        answer = anonymous.get(f"{access.url.rstrip('/')}/stream/{mp4['id']}/{name}", timeout=20)
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers
        assert problem(answer)["code"]


def test_links_that_were_tampered_with_are_403_and_expired_ones_410(
    access: Access, anonymous: requests.Session, link: str, other: dict[str, Any]
) -> None:
    kid, exp, playback, mac, video, file = _parts(link)
    flipped = ("A" if mac[0] != "A" else "B") + mac[1:]

    def status(*parts: str) -> int:
        answer = anonymous.get(access.at(_with_parts(link, *parts)), timeout=20)
        problem(answer)
        return answer.status_code

    assert status(kid, exp, playback, flipped, video, file) == 403
    assert status(kid, exp, playback, mac, other["id"], file) == 403
    assert status(kid, exp, "0" * 32, mac, video, file) == 403
    assert status(kid, str(int(exp) + 1), playback, mac, video, file) == 403
    assert status("zz", exp, playback, mac, video, file) in {403, 404}
    assert status(kid, exp, playback, mac[:-2], video, file) in {403, 404}


def test_an_expired_link_is_410(access: Access, host: Host, anonymous: requests.Session, link: str) -> None:
    kid, _, playback, _, video, file = _parts(link)
    keys = json.loads(host.check_output("cat /etc/kinetoscope/secrets/play-keys.json"))["keys"]
    past = str(int(time.time()) - 5)
    digest = hashlib.md5(f"{past}|play|{kid}|{playback}|{video}|{keys[kid]}".encode()).digest()  # noqa: S324 (secure_link is MD5 by definition)
    mac = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    answer = anonymous.get(access.at(_with_parts(link, kid, past, playback, mac, video, file)), timeout=20)
    assert answer.status_code == 410
    assert problem(answer)["code"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize(
    "twist",
    [
        "/stream/{id}/../{id}/source.mp4", "/stream/{id}/%2e%2e/{id}/source.mp4", "/stream//{id}/source.mp4",
        "//stream/{id}/source.mp4", "/stream/{id}/source.mp4%00", "/stream/{id}%2fsource.mp4",
        "/stream/{id}/source.mp4/", "/stream/{id}/./source.mp4", "/%73tream/{id}/source.mp4",
        "/stream/{ID}/source.mp4", "/stream/{id}/source.mp4;x", "/stream/{id}/%73ource.mp4",
        "/STREAM/{id}/source.mp4", "/titles/{id}/source.mp4", "/srv/kinetoscope/titles/{id}/source.mp4",
        "/stream/{id}/", "/stream/{id}", "/stream/{id}/.tmp", "/stream/{id}/..%5csource.mp4",
        "/stream/{id}/source.mp4%0a", "/stream/{id}/..%2f{id}/source.mp4",
    ],
)  # fmt: skip
def test_only_the_canonical_path_exists(bob: Viewer, mp4: dict[str, Any], twist: str, version: str) -> None:
    """Signed in as somebody who may see the title: what is refused is the path itself."""
    path = twist.replace("{id}", mp4["id"]).replace("{ID}", mp4["id"].upper())
    config = f'header = "Authorization: Bearer {bob.token}"\n'
    done = subprocess.run(
        [
            "curl", "--config", "-", "--silent", "--path-as-is", version, "--cacert", bob.access.ca_file,
            "--max-time", "20", "--range", "0-1023", "--write-out", "%{stderr}%{http_code}",
            bob.access.at(path),
        ],
        input=config.encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert int(done.stderr or 0) in {400, 404, 405}, done.stderr
    assert b"ftyp" not in done.stdout


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "FOO"])
def test_other_methods_get_405(bob: Viewer, mp4: dict[str, Any], link: str, method: str) -> None:
    for path in (link, _source(mp4)["href"]):
        answer = bob.call(method, path)
        assert answer.status_code == 405
        assert b"ftyp" not in answer.content


def test_users_and_strangers_on_reused_connections_never_get_each_others_answer(
    admin: Viewer, bob: Viewer, access: Access, mp4: dict[str, Any]
) -> None:
    """In one second, on few connections: yes to those who may, no to those who may not, whatever was cached."""
    reused = connection(access)
    url = access.url.rstrip("/") + _source(mp4)["href"]
    answers = []
    for _ in range(15):
        for token in (admin.token, None, bob.token, "forged." + bob.token):
            headers = {"Range": "bytes=0-9", **({"Authorization": f"Bearer {token}"} if token else {})}
            answers.append(
                (token in {admin.token, bob.token}, reused.get(url, headers=headers, timeout=20).status_code)
            )
    assert {status for allowed, status in answers if allowed} == {206}
    assert {status for allowed, status in answers if not allowed} == {401}


def test_identity_headers_of_the_client_mean_nothing(
    anonymous: requests.Session, access: Access, mp4: dict[str, Any]
) -> None:
    forged = {
        "X-User-Id": "1", "X-Playback-Id": "0" * 32, "X-Door": "header", "X-Kind": "picture", "X-Video-Id": mp4["id"],
        "X-Real-IP": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Original-URI": "/health", "X-Accel-Redirect": "/",
    }  # fmt: skip
    answer = anonymous.get(access.url.rstrip("/") + _source(mp4)["href"], headers=forged, timeout=20)
    assert answer.status_code == 401


def test_a_fourth_stream_is_refused_with_the_running_ones(carol: Viewer, mp4: dict[str, Any]) -> None:
    grants = [carol.playback(mp4["id"]) for _ in range(3)]
    try:
        refused = carol.call("POST", f"/api/v1/videos/{mp4['id']}/playback", json={})
        assert refused.status_code == 429
        body = problem(refused)
        assert body["code"] == "streams"
        assert {entry["playback_id"] for entry in body["running"]} == {grant["playback_id"] for grant in grants}
        assert int(refused.headers["Retry-After"]) > 0
        poster = carol.get(mp4["poster_href"])
        assert poster.status_code == 200, "a poster is not a stream"
    finally:
        for grant in grants:
            carol.end(grant["playback_id"])


def test_an_ended_playback_is_410_within_two_seconds(carol: Viewer, mp4: dict[str, Any]) -> None:
    grant = carol.playback(mp4["id"])
    url = carol.access.at(grant["links"]["source"])
    session = connection(carol.access)
    assert session.get(url, headers={"Range": "bytes=0-9"}, timeout=20).status_code == 206
    carol.end(grant["playback_id"])
    time.sleep(2)
    answer = session.get(url, headers={"Range": "bytes=0-9"}, timeout=20)
    assert answer.status_code == 410
    assert problem(answer)["code"]
