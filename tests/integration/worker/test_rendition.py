"""A job that makes renditions, from the row to the published tree."""

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from media.packager import DASH, HLS
from media.renditions import Workshop
from testbed.services import making
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import Workers, work_off
from worker import withdrawn
from worker.reaper import Reaper
from worker.runner import connect
from worker.settings import WorkerSettings

FILM = "film.mkv"


def settings(library: Library, **options: Any) -> WorkerSettings:
    return making.settings(library, "rendition", **options)


def run(library: Library, **options: Any) -> None:
    """Do what is due, as a worker does."""
    work_off(settings(library, **options))


def wish(library: Library, **parameters: Any) -> UUID:
    return making.wish(library, library.row(FILM)["id"], "rendition", **parameters)


@pytest.fixture
def film(library: Library) -> Library:
    """A library of one title that no browser plays, of three rungs."""
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="1024x576"))
    library.scan()
    return library


def families(library: Library) -> list[str]:
    """What is published, without the generations."""
    return [name.partition("-")[0] for name in library.published(FILM) if name.endswith(".mp4")]


def stays(library: Library) -> set[str]:
    return {path.name for path in (library.titles / library.row(FILM)["id"].hex).iterdir()}


def test_all_rungs_are_published_with_both_manifests(film: Library, workers: Workers) -> None:
    job = wish(film)
    run(film)
    row = workers.row(job)
    assert (row["state"], row["reason"], row["progress"]) == ("done", None, 1)
    assert families(film) == ["a", "v360", "v480", "v720"]
    assert {HLS, DASH} <= set(film.published(FILM))
    assert not list(film.titles.glob(".job-*")), "scratch is left behind"


def test_only_what_is_asked_for_is_made(film: Library, workers: Workers) -> None:
    job = wish(film, profiles=["480p"], dash=False)
    run(film)
    assert workers.row(job)["state"] == "done"
    assert families(film) == ["a", "v480"]
    assert HLS in film.published(FILM)
    assert DASH not in film.published(FILM)


def test_a_profile_larger_than_the_picture_is_refused_with_the_reason(film: Library, workers: Workers) -> None:
    job = wish(film, profiles=["1080p"])
    run(film)
    row = workers.row(job)
    assert (row["state"], row["attempts"]) == ("failed", 1)
    assert "1024x576" in row["reason"]


def test_a_disk_that_would_be_too_full_is_spared(film: Library, workers: Workers) -> None:
    before = stays(film)
    job = wish(film)
    run(film, rendition_free_share=0.999)
    row = workers.row(job)
    assert (row["state"], row["attempts"]) == ("failed", 1)
    assert "too full" in row["reason"]
    assert stays(film) == before


def test_the_smallest_of_a_long_film_can_be_watched_before_the_others(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it is replaced by lets who watches it go on, for as long as a link is good."""
    seen: list[list[str]] = []
    encode = Workshop.encode

    def watched(*values: Any) -> Any:
        seen.append(film.published(FILM))
        return encode(*values)

    monkeypatch.setattr(Workshop, "encode", watched)
    job = wish(film)
    run(film, rendition_first_seconds=0.5)
    assert workers.row(job)["state"] == "done"
    assert len(seen) == 2
    early = {name for name in seen[1] if name.startswith(("v", "a-", "iframes"))}
    assert {name.partition("-")[0] for name in early} == {"v360", "a", "iframes"}
    assert {HLS, DASH} <= set(seen[1])
    assert families(film) == ["a", "v360", "v480", "v720"]
    assert early <= stays(film)
    assert not early & set(film.published(FILM))
    with connect(settings(film)) as database:
        withdrawn.sweep(database, film.titles, hours=9)
        assert early <= stays(film), "nobody was given the time to go on"
        Reaper(settings(film, withdrawn_hours=0), threading.Event()).look(database)
    assert not early & stays(film)
    assert families(film) == ["a", "v360", "v480", "v720"]


def test_a_failure_in_the_middle_leaves_nothing_and_the_next_attempt_makes_all(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stays(film)
    pack = Workshop.pack

    def broken(*_values: Any, **_options: Any) -> Any:
        raise OSError("the disk went away")

    job = wish(film)
    monkeypatch.setattr(Workshop, "pack", broken)
    run(film, job_attempts=2)
    assert workers.row(job)["state"] == "queued"
    assert stays(film) == before
    assert not list(film.titles.glob(".job-*"))
    monkeypatch.setattr(Workshop, "pack", pack)
    with psycopg.connect(film.database.owner_url) as owner:
        owner.execute("UPDATE jobs SET due_at = now()")
    run(film, job_attempts=2)
    assert workers.row(job)["state"] == "done"
    assert families(film) == ["a", "v360", "v480", "v720"]


def test_a_new_generation_replaces_the_old_one_whole(film: Library, workers: Workers, tmp_path: Path) -> None:
    run_of_all = wish(film)
    run(film)
    assert workers.row(run_of_all)["state"] == "done"
    old = {name for name in film.published(FILM) if name.startswith(("v", "a-", "iframes"))}
    # Killed after a rename, before the commit: no row tells of it.
    (film.titles / film.row(FILM)["id"].hex / "v480-0123abcd.mp4").write_bytes(b"stray")
    wish(film, profiles=["360p"])
    run(film)
    assert families(film) == ["a", "v360"]
    assert not old & set(film.published(FILM))
    with connect(settings(film)) as database:
        withdrawn.sweep(database, film.titles, hours=0)
    assert stays(film) == {*film.published(FILM)}, "a stray file is left behind"


def test_sound_that_cannot_be_decoded_is_told(library: Library, workers: Workers) -> None:
    content = made_by_ffmpeg("mkv", "-c:a", "ac3", seconds=1, size="320x180").replace(b"A_AC3", b"A_ABC")
    library.put(FILM, content)
    library.scan()
    job = wish(library)
    run(library)
    row = workers.row(job)
    assert row["state"] == "done"
    assert row["stage"] == "made without 1 audio track(s) that can't be decoded"
    assert families(library) == ["v360"]
