"""Uploads on a host: through its sandboxes into the library, and each unit writing what is its own and no more."""

from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

from testbed.services.library import made_by_ffmpeg
from testbed.viewers.box import Access, Viewer, connection
from testbed.waiting import eventually

UPLOADED = "/srv/kinetoscope/uploaded"
UPLOADS = "/srv/kinetoscope/uploads"


@pytest.fixture
def uploaded(bob: Viewer, access: Access, shell: Any) -> Iterator[dict[str, Any]]:
    """A small film that bob has uploaded; gone from the host afterwards."""
    if not bob.get("/api/v1/uploads").json()["places"]:
        pytest.skip("no root of this host's library takes uploads")
    content = made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p", seconds=4, size="320x180")
    place = {"folder": "Of a test"}
    upload = bob.post("/api/v1/uploads", name="Uploaded by a test.mp4", size_bytes=len(content), place=place).json()
    at = f"/api/v1/uploads/{upload['id']}"
    link = bob.post(f"{at}/parts", numbers=[1]).json()["items"][0]
    # Nobody is signed in on that connection: the link is its own permission.
    with connection(access) as http:
        assert http.put(access.at(link["href"]), data=content, timeout=30).status_code == 201
    assert bob.post(f"{at}/complete").status_code == 202
    try:
        assert eventually(lambda: bob.get(at).json()["state"] == "done", within=30), bob.get(at).json()
        yield bob.get(at).json()
    finally:
        shell(f"rm -rf '{UPLOADED}/Of a test' && kinetoscope scan --wait")


def test_what_is_uploaded_plays_and_gets_its_poster(bob: Viewer, uploaded: dict[str, Any], shell: Any) -> None:
    """The worker has made the title's folder; the indexer writes there, too."""
    title = f"/api/v1/videos/{uploaded['video_id']}"
    source = next(file for file in bob.get(title).json()["files"] if file["name"] == "source.mp4")
    # A box that is busy with something else may say 503 at first, and when to ask again.
    assert eventually(lambda: bob.get(source["href"], headers={"Range": "bytes=0-99"}).status_code == 206)
    shell("kinetoscope scan --wait")
    poster = bob.get(title).json()["poster_href"]
    assert poster
    assert bob.get(poster).headers["Content-Type"] == "image/jpeg"


def test_nothing_is_left_on_the_way(uploaded: dict[str, Any], host: Host) -> None:
    left = host.check_output(f"find {UPLOADS} {UPLOADED}/.uploads -type f")
    assert left == "", uploaded


@pytest.mark.parametrize(
    ("unit", "writable", "not_writable"),
    [
        ("nginx.service", [f"{UPLOADS}/parts"], [UPLOADED, "/srv/kinetoscope/library", "/srv/kinetoscope/titles"]),
        ("kinetoscope-api.service", [], [f"{UPLOADS}/parts", f"{UPLOADED}/.uploads"]),
        ("kinetoscope-worker@1.service", [f"{UPLOADS}/parts", UPLOADED], ["/srv/kinetoscope/library"]),
    ],
)
def test_a_unit_writes_what_is_its_own(host: Host, unit: str, writable: list[str], not_writable: list[str]) -> None:
    pid = host.check_output(f"systemctl show --property=MainPID --value {unit}")

    def may_write(folder: str) -> bool:
        return host.run(f"nsenter --target={pid} --mount --wd=/ test -w {folder}").rc == 0

    # As root, who may write wherever the file system is not mounted read-only, or not there.
    assert [folder for folder in writable if not may_write(folder)] == []
    assert [folder for folder in not_writable if may_write(folder)] == []
