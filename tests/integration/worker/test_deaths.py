"""A worker may be killed, stopped or cut off at any moment. Another one does the work, once."""

import os
import signal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from testbed.processes import sandboxed
from testbed.services.library import Library, clip
from testbed.services.workers import Workers
from testbed.waiting import eventually


@pytest.fixture
def video(library: Library) -> UUID:
    library.put("film.mp4", clip())
    library.scan()
    found: UUID = library.row("film.mp4")["id"]
    return found


def tools_of(run: Path) -> list[int]:
    """Tools at work in the attempt's folder."""
    return [number for number, name in sandboxed(run).items() if name == "sleep"]


def scratch(library: Library) -> list[Path]:
    return list(library.titles.glob(".job-*"))


def begun(workers: Workers, library: Library, job: UUID) -> Path:
    """The folder of the running attempt, in which the tool is at work."""
    workers.awaited(job, "running")
    folder = library.titles / f".job-{workers.row(job)['run_id'].hex}"
    assert eventually(lambda: tools_of(folder), every=0.05), workers.logs()
    return folder


def test_a_killed_workers_job_is_done_by_another_and_nothing_is_left(
    workers: Workers, library: Library, video: UUID, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first = workers.start("first")
    job = workers.job("text", video_id=video, publish=["sub-en.vtt"], until=str(go), note="film")
    folder = begun(workers, library, job)
    workers.start("second")
    first.process.kill()
    assert eventually(lambda: workers.row(job)["attempts"] == 2, within=30), workers.logs()
    begun(workers, library, job)
    assert not tools_of(folder)
    go.touch()
    row = workers.awaited(job, "done")
    assert row["worker"] == "test/second"
    assert (library.titles / video.hex / "sub-en.vtt").read_text() == "2"
    assert eventually(lambda: not scratch(library)), scratch(library)


def test_who_comes_back_under_its_name_begins_at_once(workers: Workers, library: Library, tmp_path: Path) -> None:
    """systemd starts it a second later; nobody waits for the silence to be long enough."""
    go = tmp_path / "go"
    job = workers.job(until=str(go))
    begun_by = workers.start("only", silent_seconds=3600)
    begun(workers, library, job)
    begun_by.process.kill()
    begun_by.process.wait()
    workers.start("only", silent_seconds=3600)
    go.touch()
    assert workers.awaited(job, "done")["attempts"] == 2


def test_what_is_published_is_done_whatever_comes_then(workers: Workers, library: Library, video: UUID) -> None:
    """A worker that is killed between its publication and its next statement does not make another one do it again."""
    first = workers.start("first")
    job = workers.job("text", video_id=video, publish=["sub-en.vtt"], dies_then=True)
    first.process.wait(30)
    workers.start("second")
    workers.awaited(workers.job(note="next"), "done")
    row = workers.awaited(job, "done")
    assert (row["attempts"], row["worker"]) == (1, "test/first")
    assert (library.titles / video.hex / "sub-en.vtt").read_text() == "1"


def test_a_stopped_worker_that_wakes_changes_nothing(
    workers: Workers, library: Library, video: UUID, tmp_path: Path
) -> None:
    """Neither what the other attempt published, nor what people see of it."""
    go = tmp_path / "go"
    first = workers.start("first")
    job = workers.job("text", video_id=video, publish=["sub-en.vtt"], until=str(go), note="film")
    folder = begun(workers, library, job)
    os.kill(first.process.pid, signal.SIGSTOP)
    workers.start("second")
    assert eventually(lambda: workers.row(job)["attempts"] == 2, within=30), workers.logs()
    go.touch()
    done = workers.awaited(job, "done")
    os.kill(first.process.pid, signal.SIGCONT)
    assert eventually(lambda: "job_is_not_ours_any_more" in workers.log("first").read_text()), workers.logs()
    assert workers.row(job) == done
    assert (library.titles / video.hex / "sub-en.vtt").read_text() == "2"
    assert eventually(lambda: not tools_of(folder))


def test_what_is_cancelled_ends_with_its_tools(workers: Workers, library: Library, tmp_path: Path) -> None:
    workers.start("one")
    job = workers.job(until=str(tmp_path / "never"))
    folder = begun(workers, library, job)
    with psycopg.connect(workers.database.owner_url) as owner:
        owner.execute("UPDATE jobs SET state = 'cancelled', run_id = NULL, ended_at = now() WHERE id = %s", (job,))
    assert eventually(lambda: not tools_of(folder) and not scratch(library)), workers.logs()
    workers.awaited(workers.job(note="next"), "done")
    assert workers.row(job)["state"] == "cancelled"


def test_a_worker_that_is_told_to_stop_gives_its_job_back(workers: Workers, library: Library, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = workers.start("first")
    job = workers.job(until=str(go))
    folder = begun(workers, library, job)
    first.process.terminate()
    assert first.process.wait(20) == 0, workers.logs()
    row = workers.row(job)
    assert (row["state"], row["attempts"]) == ("queued", 0)
    assert not tools_of(folder)
    assert not scratch(library)
    go.touch()
    workers.start("second")
    assert workers.awaited(job, "done")["attempts"] == 1


def test_a_job_that_kills_its_workers_fails(workers: Workers) -> None:
    job = workers.job(dies=True, note="deadly")
    for name in ("one", "two", "three"):
        child = workers.start(name)
        child.process.wait(30)
    workers.start("four")
    row = workers.awaited(job, "failed")
    assert (row["attempts"], row["reason"]) == (3, "The worker died at it, 3 times by now.")
    assert workers.notes() == ["deadly"] * 3
    workers.awaited(workers.job(note="next"), "done")


def test_a_job_survives_postgresql(workers: Workers, library: Library, video: UUID, tmp_path: Path) -> None:
    """Its connections are cut in the middle of it: what it reports is lost, what it publishes is not."""
    go = tmp_path / "go"
    workers.start("one")
    job = workers.job("text", video_id=video, publish=["sub-en.vtt"], until=str(go))
    begun(workers, library, job)
    with psycopg.connect(workers.database.server.url("postgres", "postgres"), autocommit=True) as postgres:
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kinetoscope-worker'"
        )
    go.touch()
    workers.awaited(job, "done")
    assert (library.titles / video.hex / "sub-en.vtt").exists()


def test_a_tree_that_is_shut_for_a_moment_ends_no_worker(workers: Workers, library: Library) -> None:
    """As a disk that is full or away: the job is tried again."""
    titles = library.folder / "disk"
    titles.mkdir()
    child = workers.start("one", titles_dir=titles, job_attempts=1000)
    titles.rmdir()
    job = workers.job(note="shut")
    assert eventually(lambda: workers.row(job)["attempts"] >= 2, every=0.05), workers.logs()
    titles.mkdir()
    workers.awaited(job, "done")
    assert child.process.poll() is None
