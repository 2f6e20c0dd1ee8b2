"""Uploads as the interface has them: who may, how much, which parts, and what is left of one that was not to be."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import uploads as shared
from catalog.uploads import MIB
from testbed.servers.nginx_server import UPLOAD_KEYS
from testbed.services.viewer import Viewer
from testbed.services.world import World

SIZE = 40 * MIB


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The uploads folder, and beside it a root of the library that may be written."""
    for name in ("uploads/parts", "uploads/incoming", "films/.uploads", "other/.uploads"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "uploads"


@pytest.fixture(autouse=True)
def settings(world: World, folder: Path) -> dict[str, Any]:
    known = {
        "uploads_dir": folder,
        "upload_places": (str(folder.parent / "films"), str(folder.parent / "other")),
        "upload_keys": {"current": "u1", "keys": UPLOAD_KEYS},
        "upload_spare_bytes": 0,
    }
    world.with_settings(**known)
    return known


def begun(viewer: Viewer, **more: Any) -> dict[str, Any]:
    answer = viewer.call("POST", "/uploads", {"name": "Metropolis (1927).mkv", "size_bytes": SIZE, **more})
    assert answer.status_code == 201, answer.get_data()
    found: dict[str, Any] = answer.get_json()
    return found


def arrive(folder: Path, upload: dict[str, Any], *numbers: int) -> None:
    """As Nginx leaves them; holes cost nothing."""
    cut = shared.Cut(upload["size_bytes"], upload["part_size_bytes"])
    for number in numbers:
        with shared.part(folder, upload["id"], number).open("wb") as file:
            file.truncate(cut.length(number))


def queued(world: World) -> list[str]:
    rows = world.owner.execute("SELECT parameters ->> 'step' FROM jobs WHERE state = 'queued' ORDER BY created_at")
    return [step for (step,) in rows]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_an_upload_goes_from_its_begin_to_a_job(world: World, alice: Viewer, folder: Path) -> None:
    upload = begun(alice)
    assert (upload["state"], upload["parts"], upload["part_size_bytes"]) == ("open", 3, 16 * MIB)
    assert upload["place"] == {"root": str(folder.parent / "films"), "folder": ""}
    answer = alice.call("POST", f"/uploads/{upload['id']}/parts", {"numbers": [3, 1]})
    links = answer.get_json()["items"]
    assert [(one["number"], one["offset"], one["length"]) for one in links] == [
        (3, 32 * MIB, 8 * MIB),
        (1, 0, 16 * MIB),
    ]
    assert all(one["href"].split("/")[4:8] == [alice.user.id.hex, upload["id"], str(one["number"]), str(one["length"])]
               for one in links)  # fmt: skip
    arrive(folder, upload, 3)
    assert alice.call("GET", f"/uploads/{upload['id']}").get_json()["arrived"] == [3]
    missing = alice.call("POST", f"/uploads/{upload['id']}/complete")
    assert (*code(missing), missing.get_json()["missing"]) == (409, "parts_missing", [1, 2])
    assert queued(world) == []
    arrive(folder, upload, 1)
    # What can be appended is appended as soon as somebody asks for more links.
    alice.call("POST", f"/uploads/{upload['id']}/parts", {"numbers": [2]})
    assert queued(world) == ["append"]
    arrive(folder, upload, 2)
    for _ in range(2):
        completed = alice.call("POST", f"/uploads/{upload['id']}/complete")
        assert (completed.status_code, completed.get_json()["state"]) == (202, "checking")
    assert queued(world) == ["append", "finish"]
    assert code(alice.call("POST", f"/uploads/{upload['id']}/parts", {"numbers": [1]})) == (409, "upload_over")


def test_a_part_that_has_not_all_its_bytes_is_not_here(alice: Viewer, folder: Path) -> None:
    upload = begun(alice)
    shared.part(folder, upload["id"], 1).write_bytes(b"half")
    assert alice.call("GET", f"/uploads/{upload['id']}").get_json()["arrived"] == []


def test_an_upload_is_its_owners_on_every_device_and_nobody_elses(alice: Viewer, bob: Viewer) -> None:
    upload = begun(alice)
    path = f"/uploads/{upload['id']}"
    assert [one["id"] for one in alice.other_device().call("GET", "/uploads").get_json()["items"]] == [upload["id"]]
    assert bob.call("GET", "/uploads").get_json()["items"] == []
    for method, at, body in (
        ("GET", path, None),
        ("PATCH", path, {"title": "Mine"}),
        ("POST", f"{path}/parts", {"numbers": [1]}),
        ("POST", f"{path}/complete", None),
        ("DELETE", path, None),
    ):
        assert bob.call(method, at, body).status_code == 404, (method, at)
    assert alice.call("GET", path).status_code == 200


def test_title_viewers_folder_and_digest_are_chosen_while_it_runs(alice: Viewer) -> None:
    upload = begun(alice, title="Sunrise", visibility="public", place={"folder": "Silent/1927"}, sha256="ab" * 32)
    assert (upload["sha256"], upload["place"]["folder"]) == ("ab" * 32, "Silent/1927")
    assert upload["renditions"] is None
    for policy in ("ladder", None, "none"):
        answer = alice.call("PATCH", f"/uploads/{upload['id']}", {"renditions": policy})
        assert answer.get_json()["renditions"] == policy
    changed = alice.call("PATCH", f"/uploads/{upload['id']}", {"title": "Sunrise: A Song", "visibility": "named"})
    assert [changed.get_json()[name] for name in ("title", "visibility")] == ["Sunrise: A Song", "named"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_bytes": 0}, {"size_bytes": -1}, {"name": ""}, {"name": "a\nb"}, {"sha256": "AB" * 32}, {"sha256": "ab"},
        {"visibility": "secret"}, {"renditions": "always"},
        {"place": {"root": "/etc"}}, {"place": {"folder": ".."}}, {"place": {"folder": "/x"}},
        {"place": {"folder": "a/../b"}}, {"place": {"folder": ".hidden"}}, {"place": {"folder": "a//b"}},
        {"place": {"folder": "a\x00b"}}, {"place": {"folder": "é" * 150}}, {"title": " "}, {"owner": "bob"},
    ],
)  # fmt: skip
def test_what_is_no_upload_is_refused_and_leaves_no_row(world: World, alice: Viewer, wrong: dict[str, Any]) -> None:
    assert alice.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": SIZE, **wrong}).status_code == 422
    assert world.owner.execute("SELECT count(*) FROM uploads").fetchone() == (0,)


@pytest.mark.parametrize("numbers", [[], [0], [4], [-1], ["1"], list(range(1, 18))])
def test_links_are_made_for_parts_that_there_are(alice: Viewer, numbers: list[Any]) -> None:
    upload = begun(alice)
    assert alice.call("POST", f"/uploads/{upload['id']}/parts", {"numbers": numbers}).status_code == 422


def test_guests_and_roles_without_permission_upload_nothing(world: World) -> None:
    world.with_settings(upload_roles=("admin",))
    carol, admin = Viewer(world, "carol"), Viewer(world, "root", role="admin")
    assert code(carol.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1})) == (403, "forbidden")
    assert carol.call("GET", "/uploads").get_json()["places"] == []
    assert admin.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1}).status_code == 201
    guest = Viewer(world, "guest-1", role="guest")
    assert guest.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1}).status_code == 403


def test_a_house_without_a_writable_root_takes_nothing(world: World, alice: Viewer) -> None:
    world.with_settings(upload_places=())
    assert code(alice.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1})) == (403, "forbidden")


def test_quotas_hold_for_one_user_and_for_everybody(world: World, alice: Viewer, bob: Viewer) -> None:
    world.with_settings(
        upload_user_bytes=2 * SIZE, upload_box_bytes=3 * SIZE, upload_largest_bytes=2 * SIZE, uploads_per_user=3
    )
    body = {"name": "a.mkv", "size_bytes": SIZE}
    assert code(alice.call("POST", "/uploads", body | {"size_bytes": 2 * SIZE + 1})) == (413, "too_large")
    first = begun(alice)
    begun(alice)
    assert code(alice.call("POST", "/uploads", body)) == (409, "upload_quota")
    begun(bob)
    assert code(bob.call("POST", "/uploads", body)) == (409, "upload_quota")
    # What is cancelled is free again; what became a title counts for as long as that is there.
    assert alice.call("DELETE", f"/uploads/{first['id']}").status_code == 204
    done, video = begun(alice), world.video()
    world.owner.execute("UPDATE uploads SET state = 'done', video_id = %s WHERE id = %s", (video, done["id"]))
    assert code(alice.call("POST", "/uploads", body)) == (409, "upload_quota")
    world.owner.execute("DELETE FROM videos WHERE id = %s", (video,))
    begun(alice)


def test_one_has_so_many_uploads_under_way(world: World, alice: Viewer, bob: Viewer) -> None:
    world.with_settings(uploads_per_user=2)
    for _ in range(2):
        begun(alice)
    assert code(alice.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1})) == (409, "uploads")
    begun(bob)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """The uploads folder and the root on a file system of 200 MiB."""
    disk = folder.parent / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", disk], check=False)
    if mounted.returncode:
        pytest.skip("needs to mount a file system")
    try:
        for name in ("uploads/parts", "films/.uploads"):
            (disk / name).mkdir(parents=True)
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_refuses_before_the_first_byte(world: World, alice: Viewer, small_disk: Path) -> None:
    world.with_settings(uploads_dir=small_disk / "uploads", upload_places=(str(small_disk / "films"),))
    body = {"name": "a.mkv", "size_bytes": 100 * MIB}
    upload = begun(alice, size_bytes=100 * MIB)
    # Room is reserved for the first, of which not a byte has come.
    assert code(alice.call("POST", "/uploads", body)) == (507, "no_space")
    assert world.owner.execute("SELECT count(*) FROM uploads").fetchone() == (1,)
    # What is there is not expected any more.
    world.owner.execute("UPDATE uploads SET appended = 6")
    assert alice.call("POST", "/uploads", body | {"size_bytes": 120 * MIB}).status_code == 201
    alice.call("DELETE", f"/uploads/{upload['id']}")


def test_a_disk_that_is_away_is_told_and_begins_nothing(world: World, alice: Viewer, folder: Path) -> None:
    world.with_settings(uploads_dir=folder / "away")
    assert code(alice.call("POST", "/uploads", {"name": "a.mkv", "size_bytes": 1})) == (503, "busy")
    assert world.owner.execute("SELECT count(*) FROM uploads").fetchone() == (0,)


def test_a_cancelled_upload_is_gone_and_its_parts_are_to_be_removed(world: World, alice: Viewer) -> None:
    upload = begun(alice)
    assert alice.call("DELETE", f"/uploads/{upload['id']}").status_code == 204
    assert alice.call("DELETE", f"/uploads/{upload['id']}").status_code == 404
    assert queued(world) == ["remove"]


def test_one_that_is_over_for_long_is_not_there_and_one_in_use_stays(world: World, alice: Viewer) -> None:
    old, used = begun(alice), begun(alice)
    world.owner.execute("UPDATE uploads SET expires_at = now() + interval '1 second'")
    assert alice.call("POST", f"/uploads/{used['id']}/parts", {"numbers": [1]}).status_code == 200
    time.sleep(1.1)
    assert [one["id"] for one in alice.call("GET", "/uploads").get_json()["items"]] == [used["id"]]
    assert alice.call("GET", f"/uploads/{old['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("SELECT", (204, None)),
        ("UPDATE uploads SET appended = 1", (403, "here")),
        ("UPDATE uploads SET state = 'checking'", (403, "closed")),
        ("UPDATE uploads SET state = 'done'", (403, "closed")),
        ("UPDATE uploads SET state = 'refused', reason = 'No video.'", (403, "closed")),
        ("UPDATE uploads SET expires_at = now()", (403, "closed")),
        ("UPDATE users SET is_active = false", (403, "closed")),
        ("DELETE FROM uploads", (403, "closed")),
    ],
)
def test_the_door_asks_whether_the_part_may_come_now(
    world: World, alice: Viewer, change: str, verdict: tuple[int, str | None]
) -> None:
    upload = begun(alice)
    world.owner.execute(change)
    headers = {"X-Upload-Id": upload["id"], "X-User-Id": alice.user.id.hex, "X-Part": "1", "X-Request-Id": "r" * 32}
    answer = world.authz_app.test_client().get("/upload", headers=headers)
    assert (answer.status_code, answer.headers.get("X-Deny")) == verdict
    assert answer.headers.get("X-Taken") == ("yes" if verdict[0] == 204 else None)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "wrong", [{"X-Upload-Id": "x"}, {"X-User-Id": ""}, {"X-Part": "0"}, {"X-Part": "1\t"}, {"X-Part": "1; DROP"}]
)
def test_a_question_that_nginx_does_not_ask_is_refused(world: World, alice: Viewer, wrong: dict[str, str]) -> None:
    upload = begun(alice)
    headers = {"X-Upload-Id": upload["id"], "X-User-Id": alice.user.id.hex, "X-Part": "1", "X-Request-Id": "r" * 32}
    answer = world.authz_app.test_client().get("/upload", headers=headers | wrong)
    assert (answer.status_code, answer.headers.get("X-Deny")) == (403, None)
    someone_else = world.authz_app.test_client().get("/upload", headers=headers | {"X-User-Id": "0" * 32})
    assert someone_else.headers["X-Deny"] == "closed"


def test_an_upload_whose_link_came_in_the_clear_is_cancelled(world: World, alice: Viewer) -> None:
    upload, other = begun(alice), begun(alice)
    href = alice.call("POST", f"/uploads/{upload['id']}/parts", {"numbers": [1]}).get_json()["items"][0]["href"]

    def disclose(target: str) -> None:
        assert world.client().post("/disclosed", headers={"X-Target": target}).status_code == 403

    disclose(href.replace(upload["id"], other["id"]))
    assert alice.call("GET", f"/uploads/{other['id']}").status_code == 200
    disclose(href)
    assert alice.call("GET", f"/uploads/{upload['id']}").status_code == 404
    assert queued(world) == ["remove"]
