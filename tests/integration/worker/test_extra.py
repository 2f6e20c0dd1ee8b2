"""Renditions that only newer devices play: jobs of their own, which join what every browser plays."""

import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from catalog import renditions, roles
from catalog.contract.words import JobKind
from media.packager import DASH, HLS
from media.renditions import Workshop
from testbed.services import making
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import Workers, work_off
from worker import attempts, withdrawn
from worker.runner import connect
from worker.settings import WorkerSettings

FILM = "film.mkv"
SECONDS, RATE = 5, 2
OPTIONS = ["-r", str(RATE), "-c:v", "mpeg4", "-c:a", "ac3"]
# What ffprobe lists of a picture in either manifest: codec and lines, in the order of the manifest.
HASHED = ["-fps_mode", "passthrough", "-f", "framehash", "-"]
SHOWN = ["-select_streams", "v", "-show_entries", "stream=codec_name,height", "-of", "csv=p=0"]


def settings(library: Library, *kinds: JobKind, **options: Any) -> WorkerSettings:
    quickly = {"rendition_hevc_preset": "ultrafast", "rendition_av1_preset": 12}
    return making.settings(library, *kinds, **(quickly | options))


def run(library: Library, *kinds: JobKind, **options: Any) -> None:
    work_off(settings(library, *kinds, **options))


def wish(library: Library, kind: JobKind, **parameters: Any) -> UUID:
    return making.wish(library, library.row(FILM)["id"], kind, **parameters)


@pytest.fixture
def film(library: Library) -> Library:
    """A title of 1440 lines, of which nothing is to be made by itself."""
    library.put(FILM, made_by_ffmpeg("mkv", *OPTIONS, seconds=SECONDS, size="2560x1440"))
    library.scan()
    library.owner("DELETE FROM jobs")
    return library


def home(library: Library) -> Path:
    return library.titles / library.row(FILM)["id"].hex


def shown(library: Library, manifest: str) -> list[str]:
    command = ["ffprobe", "-v", "error", *SHOWN, home(library) / manifest]
    return sorted(set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))


def generated(library: Library) -> set[str]:
    return {name for name in library.published(FILM) if re.match(r"v[0-9]|a-|iframes-", name)}


def families(library: Library) -> list[str]:
    return [name.partition("-")[0] for name in library.published(FILM) if name.endswith(".mp4")]


def extras(library: Library) -> list[tuple[Any, ...]]:
    statement = "SELECT state, urgency, parameters FROM jobs WHERE kind = 'extra' ORDER BY parameters::text"
    return library.query(statement)


def test_they_are_made_by_jobs_of_their_own_and_join_what_is_published(film: Library, workers: Workers) -> None:
    job = wish(film, "rendition", profiles=["360p", "1440p", "1080p-av1"])
    run(film, "rendition")
    assert workers.row(job)["state"] == "done"
    assert families(film) == ["a", "v360"]
    assert extras(film) == [
        ("queued", "backlog", {"profiles": ["1080p-av1"]}),
        ("queued", "backlog", {"profiles": ["1440p"]}),
    ]
    first = generated(film)
    run(film, "extra")
    assert [state for state, _, _ in extras(film)] == ["done", "done"], film.query("SELECT reason FROM jobs")
    assert families(film) == ["a", "v1080", "v1440", "v360"]
    assert first <= generated(film), "what was there already has changed"
    for manifest in (HLS, DASH):
        assert shown(film, manifest) == ["av1,1080", "h264,360", "hevc,1440"]
    master = (home(film) / HLS).read_text()
    told = re.findall(r'^#EXT-X-STREAM-INF:.*CODECS="(\w{4})[^,"]*,mp4a[.]40[.]2".*AUDIO="sound"', master, re.MULTILINE)
    assert told[0] == "avc1", "what a player takes first is not what all decode"
    assert sorted(told) == ["av01", "avc1", "hvc1"]
    assert master.count("#EXT-X-I-FRAME-STREAM-INF") == 3
    ids = re.findall(r'<(?:AdaptationSet|Representation) id="(\d+)"', (home(film) / DASH).read_text())
    kinds = re.findall(r'<(AdaptationSet|Representation) id="\d+"', (home(film) / DASH).read_text())
    assert len(set(zip(kinds, ids, strict=True))) == len(ids)
    assert not list(film.titles.glob(".job-*"))


def test_whoever_can_decode_neither_finds_a_whole_film_in_each_set(film: Library, workers: Workers) -> None:
    """Every picture of the sets can be decoded, from each manifest, and is as long as the first one."""
    wish(film, "rendition", profiles=["360p", "1080p-av1"])
    run(film, "rendition", "extra")
    for manifest in (HLS, DASH):
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            home(film) / manifest,
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-f",
            "framehash",
            "-",
        ]
        decoded = subprocess.run(command, check=True, capture_output=True, text=True)
        frames = [line.split(",")[0] for line in decoded.stdout.splitlines() if not line.startswith("#")]
        assert decoded.stderr == ""
        first, second = (frames.count(stream) for stream in sorted(set(frames)))
        assert first == second >= SECONDS * RATE


def test_made_again_it_takes_its_own_place_alone(film: Library, workers: Workers) -> None:
    wish(film, "rendition", profiles=["360p", "1080p-av1"])
    run(film, "rendition", "extra")
    before = generated(film)
    wish(film, "extra", profiles=["1080p-av1"])
    run(film, "extra")
    after = generated(film)
    assert {name.partition("-")[0] for name in before - after} == {"v1080", "iframes"}
    assert families(film) == ["a", "v1080", "v360"]
    for manifest in (HLS, DASH):
        assert shown(film, manifest) == ["av1,1080", "h264,360"]
    with connect(settings(film)) as database:
        withdrawn.sweep(database, film.titles, hours=0)
    assert not (before - after) & {path.name for path in home(film).iterdir()}
    assert after <= {path.name for path in home(film).iterdir()}


def test_named_alone_they_are_made_beside_what_every_browser_plays(film: Library, workers: Workers) -> None:
    job = wish(film, "rendition", profiles=["1440p"])
    run(film, "rendition", rendition_lines=480)
    assert workers.row(job)["state"] == "done"
    assert families(film) == ["a", "v360", "v480"]
    assert extras(film) == [("queued", "backlog", {"profiles": ["1440p"]})]


@pytest.mark.parametrize(("av1", "sets"), [(False, [["1440p"]]), (True, [["1080p-av1", "1440p-av1"], ["1440p"]])])
def test_av1_is_made_by_itself_only_where_it_is_set(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch, av1: bool, sets: list[list[str]]
) -> None:
    wish(film, "rendition")
    run(film, "rendition", rendition_av1=av1)
    assert [parameters["profiles"] for _, _, parameters in extras(film)] == sets


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """Have something happen while an extra is encoded."""
    encode = Workshop.encode

    def encoded(*values: Any) -> Any:
        monkeypatch.setattr(Workshop, "encode", encode)
        fault = encode(*values)
        what()
        return fault

    monkeypatch.setattr(Workshop, "encode", encoded)


def test_cancelled_it_leaves_what_it_would_have_joined(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(film, "rendition", profiles=["360p", "1080p-av1"])
    run(film, "rendition")
    before = {path.name: path.read_bytes() for path in home(film).iterdir() if path.is_file()}
    cancel = "UPDATE jobs SET state = 'cancelled', run_id = NULL, ended_at = now() WHERE kind = 'extra'"
    meanwhile(monkeypatch, lambda: film.owner(cancel))
    run(film, "extra")
    assert [state for state, _, _ in extras(film)] == ["cancelled"]
    assert {path.name: path.read_bytes() for path in home(film).iterdir() if path.is_file()} == before


def test_what_has_left_meanwhile_is_joined_by_nothing(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(film, "rendition", profiles=["360p", "1080p-av1"])
    run(film, "rendition")

    def leave() -> None:
        with psycopg.connect(film.database.url_for(roles.WORKER)) as database:
            renditions.withdraw(database, film.row(FILM)["id"])

    meanwhile(monkeypatch, leave)
    run(film, "extra")
    assert [state for state, _, _ in extras(film)] == ["done"]
    assert generated(film) == set()
    assert not list(home(film).glob("v1080-*")), "files that nothing leads to"


def test_what_was_made_anew_meanwhile_is_joined(
    film: Library, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(film, "rendition", profiles=["360p", "1080p-av1"])
    run(film, "rendition")

    def anew() -> None:
        job = wish(film, "rendition", profiles=["480p"])
        work_off(settings(film, "rendition"), until=lambda: workers.row(job)["state"] == "done")

    meanwhile(monkeypatch, anew)
    run(film, "extra")
    assert families(film) == ["a", "v1080", "v480"]
    assert shown(film, HLS) == shown(film, DASH) == ["av1,1080", "h264,480"]


def test_it_is_begun_when_nothing_else_makes_titles_playable(film: Library, workers: Workers) -> None:
    """And after everything else that is due."""
    extra, pictures = wish(film, "extra", profiles=["1440p"]), wish(film, "pictures")
    film.owner("UPDATE jobs SET urgency = 'wanted' WHERE kind = 'extra'")
    first = wish(film, "rendition")
    with connect(settings(film)) as database:

        def claimed(limits: Any) -> Any:
            job = attempts.claim(database, "test/this", ["extra", "rendition", "pictures"], limits)
            return job and job.id

        assert claimed({"pictures": 1, "rendition": 1}) in (first, pictures)
        assert claimed({"pictures": 1, "rendition": 1}) in (first, pictures)
        assert claimed({}) is None, "it began beside a rendition"
        film.owner(f"UPDATE jobs SET state = 'done', run_id = NULL WHERE id = '{first}'")
        assert claimed({"extra": 1}) == extra
