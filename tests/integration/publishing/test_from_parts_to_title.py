"""Uploads through everything that a box has: Nginx, both services, a worker. What is sent is what plays; what is no
video, or was not to be, leaves nothing."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.uploads import MIB
from testbed.servers.postgres import PostgresServer
from testbed.services.library import made_by_ffmpeg
from testbed.stack import Stack
from testbed.uploading import Uploader
from testbed.waiting import eventually


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    with Stack.running(postgres) as running:
        running.start_worker()
        yield running


def film(number: int = 0, size: int = 0) -> bytes:
    """A video that browsers play; with a size, that large by what players skip."""
    clip = made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p", "-metadata", f"comment={number}")
    rest = size - len(clip)
    return clip + (rest.to_bytes(4, "big") + b"free" + os.urandom(rest - 8) if rest > 8 else b"")


def files(stack: Stack) -> list[Path]:
    """All that lies in the uploads folder, or grows."""
    places = (stack.nginx.uploads, stack.uploaded / ".uploads")
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def test_parts_out_of_order_and_side_by_side_become_a_title_that_plays(stack: Stack) -> None:
    content = film(1, 70 * MIB)
    bob = Uploader(stack, content)
    bob.begin(
        "Metropolis.1927.mp4", title="Metropolis", description="By Fritz Lang", place={"folder": "Silent/1927"},
        sha256=hashlib.sha256(content).hexdigest(), visibility="public",
    )  # fmt: skip
    assert bob.upload["parts"] == 5
    assert bob.send([5, 4, 3, 2]) == [201] * 4
    assert bob.state()["arrived"] == [2, 3, 4, 5]
    assert bob.send([1, 3]) == [201, 204]
    assert bob.complete() == 202
    done = bob.over()
    assert (done["state"], done["reason"]) == ("done", None), done
    landed = stack.uploaded / "Silent/1927/Metropolis.1927.mp4"
    assert landed.read_bytes() == content
    assert (landed.stat().st_mode & 0o777, landed.parent.stat().st_mode & 0o777) == (0o644, 0o755)
    assert eventually(lambda: files(stack) == []), files(stack)
    with psycopg.connect(stack.database.owner_url) as owner:
        steps = owner.execute(
            "SELECT parameters ->> 'step' FROM jobs WHERE kind = 'upload' AND parameters ->> 'upload' = %s",
            (bob.upload["id"],),
        ).fetchall()
    assert steps == [("finish",)], "the list of jobs is full of what is over"
    status, title = stack.call("GET", f"/api/v1/videos/{done['video_id']}", bob.token)
    assert (status, title["title"], title["description"], title["status"]) == (
        200, "Metropolis", "By Fritz Lang", "ready",
    )  # fmt: skip
    source = stack.grant(bob.token, done["video_id"])["links"]["source"]
    with stack.connection() as connection:
        assert connection.get(source, "Range: bytes=0-99").body == content[:100]


def test_its_own_policy_says_whether_renditions_are_made_of_it(stack: Stack) -> None:
    """Whatever its root's is, from the moment that it is a title; a scan changes nothing of that."""
    for number, (policy, urgencies) in enumerate({"ladder": ["upload"], "none": []}.items()):
        content = film(40 + number)
        bob = Uploader(stack, content)
        bob.begin(f"Policy {policy}.mp4", renditions=policy)
        bob.send([1])
        bob.complete()
        video = bob.over()["video_id"]
        with psycopg.connect(stack.database.owner_url) as owner:
            found = owner.execute(
                "SELECT renditions, renditions_chosen, ARRAY(SELECT urgency FROM jobs WHERE video_id = v.id"
                " AND kind = 'rendition') FROM videos v WHERE id = %s",
                (video,),
            ).fetchone()
        assert found == (policy, policy, urgencies)


def test_parts_are_appended_while_others_arrive(stack: Stack) -> None:
    content = film(2, 60 * MIB)
    bob = Uploader(stack, content)
    bob.begin("Appended.mp4")
    bob.send([1, 2])
    bob.links([3])
    growing = stack.uploaded / ".uploads" / bob.upload["id"]
    assert eventually(lambda: files(stack) == [growing] and growing.stat().st_size == 32 * MIB), files(stack)
    # The bytes are on the disk once. What is appended is not taken again, nor asked for.
    assert bob.send([1]) == [409]
    assert bob.state()["arrived"] == [1, 2]
    assert bob.send([3, 4]) == [201, 201]
    bob.complete()
    assert bob.over()["state"] == "done"


def test_two_workers_at_one_upload_do_each_part_once(stack: Stack) -> None:
    stack.start_worker("second")
    try:
        for number in range(3):
            content = film(20 + number, 100 * MIB)
            bob = Uploader(stack, content)
            bob.begin(f"Two {number}.mp4", sha256=hashlib.sha256(content).hexdigest())
            bob.send(range(1, bob.upload["parts"] + 1))
            # One appends what is there while the other finishes it.
            bob.links([1])
            bob.complete()
            assert bob.over(within=15)["state"] == "done"
            assert (stack.uploaded / f"Two {number}.mp4").read_bytes() == content
    finally:
        stack.stop("second")


def test_a_digest_that_is_told_later_is_compared_all_the_same(stack: Stack) -> None:
    content = film(30, 40 * MIB)
    bob = Uploader(stack, content)
    bob.begin("Later.mp4")
    bob.send([1])
    bob.links([2])
    assert eventually(lambda: bob.put(bob.links([1])[0]) == 409)
    bob.send([2, 3])
    bob.call("PATCH", f"/{bob.upload['id']}", {"sha256": hashlib.sha256(content).hexdigest()})
    bob.complete()
    assert bob.over()["state"] == "done"


def test_whoever_goes_on_elsewhere_sends_what_is_missing(stack: Stack) -> None:
    """A browser that was closed, a box that was started again: neither takes part in what is kept."""
    content = film(3, 40 * MIB)
    first = Uploader(stack, content)
    first.begin("Restarted.mp4", modified_at="2026-01-31T12:00:00Z")
    first.send([2])
    for service in ("worker", "api", "authz"):
        stack.stop(service)
    stack.nginx.stop()
    stack.start("authz")
    stack.start("api")
    stack.nginx.start()
    stack.start_worker()
    second = Uploader(stack, content)
    status, listed = second.call("GET")
    assert status == 200
    (found,) = [one for one in listed["items"] if one["name"] == "Restarted.mp4"]
    assert (found["modified_at"], found["size_bytes"]) == ("2026-01-31T12:00:00Z", len(content))
    second.upload = found
    missing = sorted(set(range(1, found["parts"] + 1)).difference(second.state()["arrived"]))
    assert missing == [1, 3]
    second.send(missing)
    second.complete()
    assert second.over()["state"] == "done"


def test_a_worker_that_is_killed_in_the_middle_is_followed_by_another(stack: Stack) -> None:
    content = film(4, 90 * MIB)
    bob = Uploader(stack, content)
    bob.begin("Killed.mp4", sha256=hashlib.sha256(content).hexdigest())
    bob.send(range(1, bob.upload["parts"] + 1))
    bob.complete()
    growing = stack.uploaded / ".uploads" / bob.upload["id"]
    eventually(growing.exists, every=0.001)
    stack.process("worker").kill()
    stack.stop("worker")
    assert bob.state()["state"] == "checking"
    stack.start_worker()
    assert bob.over()["state"] == "done"
    assert (stack.uploaded / "Killed.mp4").read_bytes() == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#!/bin/sh\nrm -rf /\n" * 100, "not an MP4"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "ffconcat"),
        (b"\0" * 100_000, "zeros"),
        (film(5)[: len(film(5)) * 2 // 3], "incomplete"),
        (film(5)[:2000] + os.urandom(20_000), ""),
        (made_by_ffmpeg("mkv")[:-4000], "incomplete"),
    ],
    ids=["a script", "a list of files", "zeros", "truncated MP4", "noise", "truncated MKV"],
)
def test_what_is_no_whole_video_is_refused_with_its_reason(stack: Stack, content: bytes, reason: str) -> None:
    bob = Uploader(stack, content)
    before = sorted(stack.uploaded.glob("*"))
    bob.begin("Not a film.mp4")
    bob.send([1])
    bob.complete()
    refused = bob.over()
    assert (refused["state"], refused["video_id"]) == ("refused", None), refused
    assert reason in refused["reason"]
    assert sorted(stack.uploaded.glob("*")) == before
    # It is kept for its owner to look at, until that is enough.
    assert [file.name for file in files(stack)] == [bob.upload["id"]]
    assert bob.call("DELETE", f"/{bob.upload['id']}")[0] == 204
    assert eventually(lambda: files(stack) == [])


def test_another_digest_than_was_told_is_refused(stack: Stack) -> None:
    content = film(6)
    bob = Uploader(stack, content)
    bob.begin(sha256="0" * 64)
    bob.send([1])
    bob.complete()
    assert "SHA-256" in bob.over()["reason"]
    bob.call("DELETE", f"/{bob.upload['id']}")


@pytest.mark.parametrize(
    ("name", "landed"),
    [
        ("Same.mp4", "Same.mp4"),
        ("Same.mp4", "Same (2).mp4"),
        ("../../../etc/cron.d/x.mp4", "_.._.._etc_cron.d_x.mp4"),
        (".profile", "profile.mp4"),
        ("Film.exe", "Film.mp4"),
        ("Ein \u00dcberfall.mkv", "Ein \u00dcberfall.mp4"),
        ("-rf *.mp4", "-rf *.mp4"),
        ("$(reboot).mp4", "$(reboot).mp4"),
        ("x" * 250 + ".mp4", "x" * 200 + ".mp4"),
    ],
)
def test_a_file_lands_under_a_name_of_its_own(stack: Stack, name: str, landed: str) -> None:
    bob = Uploader(stack, film(hash(name) % 1000 + 10))
    bob.begin(name)
    bob.send([1])
    bob.complete()
    assert bob.over()["state"] == "done"
    assert (stack.uploaded / landed).read_bytes() == bob.content


def test_a_cancelled_upload_leaves_nothing_and_takes_nothing(stack: Stack) -> None:
    bob = Uploader(stack, film(7, 40 * MIB))
    bob.begin("Cancelled.mp4")
    bob.send([1])
    link = bob.links([2])[0]
    assert bob.call("DELETE", f"/{bob.upload['id']}")[0] == 204
    assert bob.put(link) == 410
    assert eventually(lambda: files(stack) == []), files(stack)
    assert not (stack.uploaded / "Cancelled.mp4").exists()


def test_a_part_that_comes_too_late_is_removed(stack: Stack) -> None:
    """Let in before the upload was cancelled, whole after it."""
    late = stack.nginx.uploads / f"parts/{'a' * 32}.1"
    late.write_bytes(b"late")
    assert eventually(lambda: not late.exists(), within=20)


def test_what_nobody_completes_is_removed_when_its_time_is_over(postgres: PostgresServer) -> None:
    with Stack.running(postgres, settings={"upload_kept_seconds": 2}) as stack:
        bob = Uploader(stack, film(8, 20 * MIB))
        bob.begin("Forgotten.mp4")
        bob.send([1])
        assert files(stack)
        stack.start_worker()
        assert eventually(lambda: files(stack) == [], within=20), files(stack)
        assert bob.call("GET", f"/{bob.upload['id']}")[0] == 404


def in_library(stack: Stack, name: str) -> list[Path]:
    return [path for path in stack.uploaded.rglob(f"*{name}*") if ".uploads" not in path.parts]


def test_no_file_is_in_the_library_before_its_title(stack: Stack) -> None:
    """A scan would make it everybody's. The worker is killed while the title waits for its row; the owner cancels."""
    bob = Uploader(stack, film(51))
    bob.begin("Ghost.mp4", visibility="named")
    bob.send([1])
    with psycopg.connect(stack.database.owner_url) as owner:
        # What is made of the titles before would wait for the table, too, and this one behind it.
        open_ones = "SELECT FROM jobs WHERE state IN ('queued', 'running')"
        assert eventually(lambda: owner.execute(open_ones).fetchone() is None, within=60)
        owner.execute("LOCK TABLE videos IN SHARE ROW EXCLUSIVE MODE")
        bob.complete()
        # Nobody else is told what a role waits for.
        with psycopg.connect(stack.database.url_for("postgres"), autocommit=True) as other:
            waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO videos%'"
            assert eventually(lambda: other.execute(waits).fetchone() is not None)
        assert in_library(stack, "Ghost") == []
        stack.process("worker").kill()
        owner.rollback()
    assert bob.call("DELETE", f"/{bob.upload['id']}")[0] == 204
    stack.stop("worker")
    stack.start_worker()
    assert eventually(lambda: files(stack) == []), files(stack)
    assert in_library(stack, "Ghost") == []


def test_a_folder_that_is_a_file_is_refused_in_words(stack: Stack) -> None:
    first = Uploader(stack, film(52))
    first.begin("In the way.mp4")
    first.send([1])
    first.complete()
    assert first.over()["state"] == "done"
    second = Uploader(stack, film(53))
    second.begin("Film.mp4", place={"folder": "In the way.mp4"})
    second.send([1])
    second.complete()
    assert "Choose another folder" in second.over()["reason"]


def test_viewers_are_those_that_its_owner_chose(stack: Stack) -> None:
    bob = Uploader(stack, film(9))
    bob.begin("Mine.mp4", visibility="named", title="For me alone")
    bob.send([1])
    bob.complete()
    video = bob.over()["video_id"]
    assert stack.call("GET", f"/api/v1/videos/{video}", bob.token)[0] == 200
    carol = stack.call("POST", "/api/v1/auth/guest", body={})[1].get("access_token")
    assert stack.call("GET", f"/api/v1/videos/{video}", carol)[0] == 404
