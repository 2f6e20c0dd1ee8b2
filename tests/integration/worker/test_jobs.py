"""What is enqueued is done once, in a fair order, within its limits."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from catalog import jobs, roles
from testbed.services.library import Library, clip
from testbed.services.workers import Workers


def user(workers: Workers, name: str) -> UUID:
    with psycopg.connect(workers.database.owner_url) as owner:
        row = owner.execute(
            "INSERT INTO users (username, username_key, password_hash, role) VALUES (%s, %s, 'x', 'user') RETURNING id",
            (name, name),
        ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def test_a_job_is_done_that_was_there_before_its_worker(workers: Workers) -> None:
    job = workers.job()
    workers.start("one")
    row = workers.awaited(job, "done")
    assert (row["progress"], row["attempts"], row["run_id"], row["reason"]) == (1, 1, None, None)


def test_a_waiting_worker_is_woken(workers: Workers) -> None:
    """By the commit, long before it would look by itself."""
    workers.start("one", reap_seconds=3600, look_seconds=3600)
    for number in range(3):
        job = workers.job(note=f"number {number}")
        workers.awaited(job, "done", within=4)


def test_what_is_rolled_back_is_never_done(workers: Workers) -> None:
    with psycopg.connect(workers.database.url_for(roles.INDEXER)) as connection:
        jobs.enqueue(connection, "pictures", parameters={"diary": str(workers.diary), "note": "rolled back"})
        connection.rollback()
    workers.start("one")
    workers.awaited(workers.job(note="committed"), "done")
    assert workers.notes() == ["committed"]


def test_equal_work_is_one_job_and_as_urgent_as_its_most_urgent_wish(workers: Workers) -> None:
    first = workers.job(note="same")
    assert workers.job(note="same", urgency="wanted") == first
    assert workers.job(note="same", urgency="upload") == first
    assert workers.job(note="other") != first
    assert workers.job("text", note="same") != first
    assert workers.row(first)["urgency"] == "wanted"


def test_what_somebody_waits_for_comes_first_and_nobody_waits_behind_a_hundred(workers: Workers) -> None:
    alice, bob = user(workers, "alice"), user(workers, "bob")
    for number in range(3):
        workers.job(note=f"scan {number}")
    for number in range(3):
        workers.job(requested_by=alice, urgency="upload", note=f"alice {number}")
    for number in range(2):
        workers.job(requested_by=bob, urgency="upload", note=f"bob {number}")
    last = workers.job(note="scan 3")
    workers.job(requested_by=bob, urgency="wanted", note="bob waits")
    workers.start("one")
    workers.awaited(last, "done")
    assert workers.notes() == [
        "bob waits",
        *("alice 0", "bob 0", "alice 1", "bob 1", "alice 2"),
        *("scan 0", "scan 1", "scan 2", "scan 3"),
    ]


def test_a_kind_has_a_limit_over_all_workers(workers: Workers, tmp_path: Path) -> None:
    go = tmp_path / "go"
    limits = {"rendition": 1}
    for name in ("one", "two", "three"):
        workers.start(name, job_limits=limits)
    encodes = [workers.job("rendition", until=str(go), note=f"encode {number}") for number in range(3)]
    other = workers.job("text", note="other")
    workers.awaited(other, "done")
    assert sorted(workers.row(job)["state"] for job in encodes) == ["queued", "queued", "running"]
    go.touch()
    for job in encodes:
        workers.awaited(job, "done")
    assert sorted(workers.notes()) == ["encode 0", "encode 1", "encode 2", "other"]


def test_a_failure_is_told_and_not_tried_again(workers: Workers) -> None:
    workers.start("one")
    row = workers.awaited(workers.job(fail="This is no video."), "failed")
    assert (row["reason"], row["attempts"]) == ("This is no video.", 1)
    assert row["ended_at"] is not None


def test_what_may_pass_is_tried_again_a_few_times(workers: Workers) -> None:
    workers.start("one")
    row = workers.awaited(workers.job(**{"raise": "the disk is full", "note": "again"}), "failed")
    assert (row["reason"], row["attempts"]) == ("Tried 3 times: the disk is full", 3)
    assert workers.notes() == ["again"] * 3


def test_a_job_publishes_for_the_title_that_it_began_with(workers: Workers, library: Library, tmp_path: Path) -> None:
    library.put("film.mp4", clip())
    library.scan()
    video = library.row("film.mp4")["id"]
    workers.start("one")
    workers.awaited(workers.job("text", video_id=video, publish=["sub-en.vtt"], note="first"), "done")
    assert library.published("film.mp4") == ["poster.jpg", "source.mp4", "sub-en.vtt"]
    go = tmp_path / "go"
    job = workers.job("text", video_id=video, publish=["sub-de.vtt"], until=str(go), note="changed")
    workers.awaited(job, "running")
    library.put("film.mp4", clip(1), age=100)
    library.scan()
    go.touch()
    workers.awaited(job, "done")
    # The attempt of the old content published nothing; the next one was of the new.
    assert (library.titles / video.hex / "sub-de.vtt").read_text() == "2"
    assert library.published("film.mp4") == ["poster.jpg", "source.mp4", "sub-de.vtt"]


def test_a_title_that_is_gone_takes_its_jobs_along(workers: Workers, library: Library, tmp_path: Path) -> None:
    library.put("film.mp4", clip())
    library.scan()
    video = library.row("film.mp4")["id"]
    workers.start("one")
    job = workers.job(video_id=video, until=str(tmp_path / "never"))
    workers.awaited(job, "running")
    with psycopg.connect(workers.database.owner_url) as owner:
        owner.execute("DELETE FROM videos WHERE id = %s", (video,))
    workers.awaited(workers.job(note="next"), "done")


@pytest.mark.parametrize("role", [roles.API, roles.INDEXER])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO jobs (kind) VALUES ('text')",
        "UPDATE jobs SET parameters = '{}'",
        "DELETE FROM jobs",
    ],
)
def test_who_creates_work_may_do_nothing_else_to_the_queue(workers: Workers, role: str, statement: str) -> None:
    with (
        psycopg.connect(workers.database.url_for(role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)  # type: ignore[arg-type]


def test_what_was_made_stays_when_the_file_is_only_looked_at_again(workers: Workers, library: Library) -> None:
    """After an upgrade every file is: nothing is made twice for that."""
    library.put("film.mp4", clip())
    library.scan()
    video = library.row("film.mp4")["id"]
    workers.start("one")
    workers.awaited(workers.job("text", video_id=video, publish=["sub-en.vtt"]), "done")
    with psycopg.connect(workers.database.owner_url) as owner:
        owner.execute("UPDATE videos SET judgement = 0")
    library.scan()
    assert library.published("film.mp4") == ["poster.jpg", "source.mp4", "sub-en.vtt"]
    library.put("film.mp4", b"no video at all", age=50)
    library.scan()
    assert library.published("film.mp4") == []
