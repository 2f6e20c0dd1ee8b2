"""What renditions may take: the least watched leave, and a job begins when there is room that no other counts on."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from catalog import jobs, renditions, roles
from catalog.contract.words import JobUrgency
from media.renditions import COPIES
from media.sandbox import Sandbox
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import Workers, work_off
from worker import attempts, budget
from worker.attempt import SCRATCH, Attempt, NoRoomYet
from worker.reaper import Reaper
from worker.runner import connect
from worker.settings import WorkerSettings

MIB = 1 << 20
FILM = "film.mkv"


@dataclass
class Shelf:
    """Titles with renditions of a size and an age, without the trouble of making them."""

    library: Library
    owner: psycopg.Connection[Any]

    def settings(self, **options: Any) -> WorkerSettings:
        values = {"database_url": self.library.database.url_for(roles.WORKER), "titles_dir": self.library.titles}
        return WorkerSettings(**({"job_kinds": ("rendition",), "rendition_preset": "veryfast"} | values | options))

    def title(self, name: str, *, mib: int = 10, days: float = 1, **columns: Any) -> UUID:
        """With renditions of `mib` that were made `days` ago; files are as large as names are."""
        row = {
            "id": uuid4(), "library_root": "/library", "path": name.encode(), "fingerprint": b"f", "size_bytes": 1,
            "mtime_ns": 1, "filename": name, "title": name, "status": "ready", "container": "mkv",
            "duration_seconds": 60.0, "renditions": "as_needed", **columns,
        }  # fmt: skip
        places = ", ".join(["%s"] * len(row))
        self.owner.execute(f"INSERT INTO videos ({', '.join(row)}) VALUES ({places})", list(row.values()))
        video: UUID = row["id"]
        home = self.library.titles / video.hex
        home.mkdir()
        sizes = {"source.mkv": 1, "v360-0123abcd.mp4": mib * MIB, "master.m3u8": 1, "manifest.mpd": 1, "poster.jpg": 1}
        for file, size in sizes.items():
            (home / file).write_text(file)
            self.owner.execute(
                "INSERT INTO published_files (video_id, name, media_type, size_bytes, published_at)"
                " VALUES (%s, %s, 'x', %s, now() - make_interval(secs => %s))",
                (video, file, size, days * 86_400),
            )
        return video

    def played(self, video: UUID, *, days: float = 0, times: int = 1, ended: bool = True) -> None:
        user, session = uuid4(), uuid4()
        self.owner.execute(
            "INSERT INTO users (id, username, username_key, password_hash, role) VALUES (%s, %s, %s, 'x', 'user')",
            (user, user.hex, user.hex),
        )
        self.owner.execute(
            "INSERT INTO sessions (id, user_id, kind, expires_at) VALUES (%s, %s, 'program', now() + interval '1 day')",
            (session, user),
        )
        for _ in range(times):
            self.owner.execute(
                "INSERT INTO playbacks (id, session_id, user_id, video_id, door, started_at, last_seen_at, ended_at,"
                " end_reason) SELECT %s, %s, %s, %s, 'signed', at, at, CASE WHEN %s THEN at END,"
                " CASE WHEN %s THEN 'ended' END FROM (SELECT now() - make_interval(secs => %s) AS at) AS moment",
                (uuid4(), session, user, video, ended, ended, days * 86_400),
            )

    def there(self) -> set[str]:
        """Titles with renditions."""
        names = self.owner.execute(
            "SELECT title FROM videos v WHERE EXISTS"
            " (SELECT FROM published_files WHERE video_id = v.id AND name LIKE 'v%%.mp4')"
        )
        return {name for (name,) in names}

    def keep(self, mib: float, **options: Any) -> set[str]:
        """The titles that have renditions when the budget is kept."""
        settings = self.settings(rendition_budget_bytes=int(mib * MIB), **options)
        with connect(settings) as database:
            budget.keep(database, settings)
        return self.there()

    def wish(self, video: UUID, urgency: JobUrgency = "wanted") -> UUID:
        with psycopg.connect(self.library.database.url_for(roles.API)) as connection:
            return jobs.enqueue(connection, "rendition", video_id=video, urgency=urgency)

    @contextmanager
    def begun(self, video: UUID, urgency: JobUrgency = "wanted", **options: Any) -> Iterator[Attempt]:
        """An attempt as a worker has it when it begins."""
        settings = self.settings(**options)
        self.wish(video, urgency)
        with connect(settings) as database:
            job = attempts.claim(database, "test/this", ["rendition"], {})
            assert job is not None
            folder = settings.titles_dir / f"{SCRATCH}{job.run_id.hex}"
            folder.mkdir()
            never = threading.Event()
            yield Attempt(job, settings, Sandbox.of_system(1 << 30), database, folder, never, never)


@pytest.fixture
def shelf(library: Library) -> Iterator[Shelf]:
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        yield Shelf(library, owner)


def test_the_least_watched_leave_until_the_budget_holds(shelf: Shelf) -> None:
    shelf.title("forgotten", days=90)
    shelf.played(shelf.title("watched last week", days=200), days=7)
    shelf.title("made yesterday", days=1)
    assert shelf.keep(30.1) == {"forgotten", "watched last week", "made yesterday"}
    assert shelf.keep(20.1) == {"watched last week", "made yesterday"}
    assert shelf.keep(15) == {"made yesterday"}
    assert shelf.keep(1) == set()


def test_of_one_day_those_that_were_played_less_leave_first(shelf: Shelf) -> None:
    shelf.played(shelf.title("often", days=9), days=3, times=3)
    shelf.played(shelf.title("once", days=9), days=3)
    assert shelf.keep(11) == {"often"}


def test_what_comes_back_by_itself_leaves_before_what_was_wanted_of_all(shelf: Shelf) -> None:
    """First what has no file any more, then what browsers play without it; a policy counts more than age."""
    shelf.title("ladder", days=300, renditions="ladder")
    shelf.title("never", days=300, renditions="none")
    shelf.title("needed", days=200)
    shelf.title("plays as it is", days=2, direct_play=True)
    shelf.played(shelf.title("gone", days=1), days=0)
    shelf.owner.execute("UPDATE videos SET removed_at = now() WHERE title = 'gone'")
    with connect(shelf.settings()) as database:
        order = [one.title for one in renditions.leaving(database, 9)]
    assert order[:3] == ["gone", "plays as it is", "needed"]
    assert set(order[3:]) == {"ladder", "never"}
    assert shelf.keep(21) == {"ladder", "never"}


def test_what_is_watched_stays_even_over_the_budget(shelf: Shelf) -> None:
    shelf.played(shelf.title("watched now", days=300), days=0.1, ended=False)
    shelf.played(shelf.title("left open long ago", days=300), days=2, ended=False)
    shelf.title("fresh", days=0)
    made = shelf.title("being made", days=300)
    shelf.wish(made)
    assert shelf.keep(1) == {"watched now", "being made"}
    assert shelf.keep(1, withdrawn_hours=1) == {"being made"}


@pytest.mark.parametrize("options", [{}, {"rendition_budget_share": 1}])
def test_nothing_leaves_without_a_budget_or_within_it(shelf: Shelf, options: dict[str, Any]) -> None:
    shelf.title("old", days=900)
    settings = shelf.settings(**options)
    with connect(settings) as database:
        Reaper(settings, threading.Event()).look(database)
    assert shelf.there() == {"old"}


def test_who_holds_a_link_goes_on_and_the_files_go_later(shelf: Shelf) -> None:
    """The manifests at once, so that nobody begins with what is about to go; the trail says what left, and why."""
    video = shelf.title("old", days=30)
    home = shelf.library.titles / video.hex
    settings = shelf.settings(rendition_budget_bytes=1, rendition_budget_seconds=3600)
    with connect(settings) as database:
        Reaper(settings, threading.Event()).look(database)
        assert names(home) == {"source.mkv", "poster.jpg", "v360-0123abcd.mp4"}
        Reaper(shelf.settings(withdrawn_hours=0), threading.Event()).look(database)
    assert names(home) == {"source.mkv", "poster.jpg"}
    events = shelf.owner.execute("SELECT event, actor, details FROM audit_events").fetchall()
    assert events == [
        ("renditions_left", None, {"video": video.hex, "bytes": 10 * MIB + 2, "budget_bytes": 1}),
    ]  # fmt: skip


def test_a_job_makes_others_leave_and_not_what_it_made(shelf: Shelf, workers: Workers) -> None:
    library = shelf.library
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="320x180"))
    library.scan()
    video = library.row(FILM)["id"]
    shelf.title("old", days=30, renditions="ladder")
    shelf.title("newer", days=1, mib=1)
    job = shelf.wish(video)
    work_off(shelf.settings(rendition_budget_bytes=3 * MIB))
    assert workers.row(job)["state"] == "done"
    assert shelf.there() == {"film"}, "two of as_needed and ladder had to leave, by their policies"
    # Another one comes back when it is played, under the names that lead to it.
    with connect(shelf.settings()) as database:
        renditions.withdraw(database, video)
        again = shelf.wish(video)
        work_off(shelf.settings())
        assert workers.row(again)["state"] == "done"
        Reaper(shelf.settings(), threading.Event()).look(database)
    assert {"master.m3u8", "manifest.mpd"} <= set(library.published(FILM))


def test_what_nobody_asked_for_is_not_made_at_the_cost_of_others(shelf: Shelf, workers: Workers) -> None:
    library = shelf.library
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="320x180"))
    library.scan()
    shelf.title("old", days=30)
    job = shelf.wish(library.row(FILM)["id"], "backlog")
    work_off(shelf.settings(rendition_budget_bytes=10 * MIB))
    row = workers.row(job)
    assert (row["state"], row["reason"]) == ("done", None)
    assert "the budget for renditions is used up" in row["stage"]
    assert shelf.there() == {"old"}


def test_two_that_begin_at_once_never_count_on_the_same_room(shelf: Shelf) -> None:
    """Of the budget, which has room for one of them."""
    options = {"rendition_budget_bytes": 15 * MIB}
    both = threading.Barrier(2)

    def reserve(attempt: Attempt) -> bool:
        both.wait()
        try:
            return budget.reserve(attempt, COPIES * 10 * MIB)
        except NoRoomYet:
            return False

    with (
        shelf.begun(shelf.title("one", mib=0), **options) as one,
        shelf.begun(shelf.title("two", mib=0), **options) as two,
        ThreadPoolExecutor(2) as pool,
    ):
        assert sorted(pool.map(reserve, [one, two])) == [False, True]
        winner, loser = sorted((one, two), key=lambda attempt: not _reserved(shelf, attempt))
        assert (_reserved(shelf, winner), _reserved(shelf, loser)) == (30 * MIB, 0)
        attempts.finish(winner.database, winner.job)
        assert budget.reserve(loser, COPIES * 10 * MIB)


def test_room_on_the_disk_is_reserved_less_what_is_written(shelf: Shelf) -> None:
    disk = os.statvfs(shelf.library.titles)
    # Most of what is free, twice, is more than there is; others use this disk, too.
    large = int(disk.f_bavail * disk.f_frsize * 0.6)
    options = {"rendition_free_share": 0}
    with (
        shelf.begun(shelf.title("one"), **options) as one,
        shelf.begun(shelf.title("two"), **options) as two,
    ):
        assert budget.reserve(one, large)
        with pytest.raises(NoRoomYet, match="Other jobs may take"):
            budget.reserve(two, large)
        # What somebody watches meanwhile is no exception: there is no room.
        with pytest.raises(NoRoomYet):
            budget.reserve(two, large, is_watched=True)
        assert budget.reserve(two, MIB)


def test_a_job_without_room_waits_and_begins_when_there_is_some(shelf: Shelf, workers: Workers) -> None:
    library = shelf.library
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="320x180"))
    library.scan()
    options = {"rendition_budget_bytes": 2 * MIB, "job_limits": {}, "room_pause_seconds": 1}
    with shelf.begun(shelf.title("other", mib=0), **options) as other:
        assert budget.reserve(other, COPIES * 2 * MIB)
        job = shelf.wish(library.row(FILM)["id"])
        settings = shelf.settings(**options)
        work_off(settings, until=lambda: workers.row(job)["reason"] is not None)
        row = workers.row(job)
        assert (row["state"], row["attempts"]) == ("queued", 0)
        assert "it begins when some of them may leave" in row["reason"]
        attempts.finish(other.database, other.job)
        shelf.owner.execute("UPDATE jobs SET due_at = now()")
        work_off(settings)
    row = workers.row(job)
    assert (row["state"], row["reason"], row["attempts"]) == ("done", None, 1)


def test_a_title_larger_than_the_budget_fails_with_the_reason(shelf: Shelf, workers: Workers) -> None:
    library = shelf.library
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="320x180"))
    library.scan()
    job = shelf.wish(library.row(FILM)["id"])
    work_off(shelf.settings(rendition_budget_bytes=1))
    row = workers.row(job)
    assert row["state"] == "failed"
    assert "raise the budget" in row["reason"]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _reserved(shelf: Shelf, attempt: Attempt) -> int:
    row = shelf.owner.execute("SELECT reserved_bytes FROM jobs WHERE id = %s", (attempt.job.id,)).fetchone()
    assert row is not None
    found: int = row[0]
    return found
