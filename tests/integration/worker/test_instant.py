"""A title that is made while it is watched: segments in the order in which they are wanted, one film in the end."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from catalog import roles
from media.packager import DASH, HLS
from testbed.services import making
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import Workers, work_off
from worker import withdrawn
from worker.runner import connect
from worker.settings import WorkerSettings

FILM = "film.mkv"
RATE = 24000 / 1001
SECONDS = 13
PICTURES = 313


def settings(library: Library, **options: Any) -> WorkerSettings:
    return making.settings(library, "instant", **options)


def want(library: Library, *segments: int) -> str:
    """As the service does that viewers wait at; how the job is then."""
    return making.want(library, library.row(FILM)["id"], *segments)


def job(library: Library) -> UUID:
    with psycopg.connect(library.database.owner_url) as owner:
        row = owner.execute("SELECT id FROM jobs WHERE kind = 'instant' ORDER BY created_at DESC LIMIT 1").fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


@pytest.fixture
def film(library: Library) -> Library:
    """A library of one title that no browser plays, of 7 segments, the last one short, with two sounds."""
    library.put(
        FILM,
        made_by_ffmpeg(
            "mkv", "-f", "lavfi", "-i", f"sine=frequency=880:duration={SECONDS}", "-map", "0", "-map", "1", "-map", "2",
            "-r", "24000/1001", "-c:v", "mpeg4", "-g", "60", "-c:a", "ac3", "-metadata:s:a:0", "language=eng",
            "-metadata:s:a:1", "language=fra", seconds=SECONDS,
        ),
    )  # fmt: skip
    library.scan()
    return library


def now(library: Library) -> Path:
    return library.titles / library.row(FILM)["id"].hex / "now"


def segments(library: Library, stem: str = "n360") -> list[Path]:
    """In the order of the film."""
    return sorted(now(library).glob(f"{stem}-*.m4s"))


def packets(path: Path, track: str) -> list[tuple[float, bool]]:
    """When each packet of a track is shown (seconds), and whether a decoder can begin there."""
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-select_streams", track, "-show_entries", "packet=pts_time,flags",
         str(path)],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert told.stderr == ""
    return [(float(one["pts_time"]), "K" in one["flags"]) for one in json.loads(told.stdout)["packets"]]


def decoded(path: Path, track: str) -> bytes:
    """Checksums of all frames, as they are after decoding."""
    told = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:{track}", "-f", "framemd5", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert told.stderr == b""
    return told.stdout


def likeness(made: Path, source: Path) -> list[float]:
    """How like the source's each picture is: the PSNR of its luma, in dB."""
    compare = "[1:v][0:v]scale2ref=flags=bicubic[source][made];[made][source]psnr=stats_file=-"
    told = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(made), "-i", str(source), "-lavfi", compare, "-f", "null", "-"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    return [float(found) for found in re.findall(r"psnr_y:([0-9.]+)", told.stdout)]


def loudness(path: Path) -> float:
    """LUFS of the first sound, by EBU R 128."""
    told = subprocess.run(
        ["ffmpeg", "-v", "info", "-i", str(path), "-map", "0:a:0", "-af", "ebur128", "-f", "null", "-"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    (found,) = re.findall(r"I: +(-?[0-9.]+) LUFS", told.stderr.rpartition("Summary:")[2])
    return float(found)


def spaced(times: list[float], length: float) -> bool:
    """Does each come exactly one `length` after the one before it?"""
    return all(abs(time - times[0] - number * length) < 0.001 for number, time in enumerate(times))


def test_all_is_made_and_kept(film: Library, workers: Workers) -> None:
    assert want(film, 0) == "queued"
    work_off(settings(film))
    row = workers.row(job(film))
    assert (row["state"], row["reason"], row["progress"]) == ("done", None, 1)
    assert [path.name[-9:] for path in segments(film)] == [f"{number:05}.m4s" for number in range(7)]
    published = film.published(FILM)
    assert {HLS, DASH} <= set(published)
    assert [name.partition("-")[0] for name in published if name.endswith(".mp4")] == ["a", "a", "v360"]
    assert want(film, 0) == "kept"
    for master in (now(film) / "now.m3u8", now(film).parent / HLS):
        pictures, sound = packets(master, "v:0"), packets(master, "a:1")
        assert len(pictures) == PICTURES
        assert pictures[0] == (0, True)
        assert spaced([time for time, _ in pictures], 1 / RATE)
        assert [number for number, (_, is_key) in enumerate(pictures) if is_key] == [0, 48, 96, 144, 192, 240, 288]
        assert abs(sound[0][0]) < 0.03
        assert spaced([time for time, _ in sound], 1024 / 48000)
        assert sound[-1][0] > SECONDS - 0.1
    # Nobody knows how loud a film is before all of it was heard.
    assert abs(loudness(now(film) / "now.m3u8") + 18) > 1.5, "proves nothing"
    assert loudness(now(film).parent / HLS) == pytest.approx(-18, abs=0.5)


def test_what_is_waited_for_comes_first_and_joins_the_rest_without_a_seam(film: Library, workers: Workers) -> None:
    """Begun at 4, then at 2: the same frames at the same times as in one go, as far as one encoder makes them equal."""
    want(film, 4)
    work_off(settings(film), until=lambda: len(segments(film)) > 0)
    first = [path.name[-9:] for path in segments(film)]
    assert first[0] == "00004.m4s"
    assert workers.row(job(film))["state"] == "queued"
    there = {path: path.stat().st_mtime_ns for path in segments(film)}
    want(film, 2)
    work_off(settings(film))
    assert workers.row(job(film))["state"] == "done"
    assert {path: path.stat().st_mtime_ns for path in there} == there, "made twice"
    pictures, sound = packets(now(film) / "now.m3u8", "v:0"), packets(now(film) / "now.m3u8", "a:0")
    assert len(pictures) == PICTURES
    assert spaced([time for time, _ in pictures], 1 / RATE)
    assert spaced([time for time, _ in sound], 1024 / 48000)
    assert len(decoded(now(film) / "now.m3u8", "v:0").splitlines()) > PICTURES
    alike = likeness(now(film) / "now.m3u8", film.root / FILM)
    assert len(alike) == PICTURES
    # Half a second on either side of where one run ends and another begins.
    at_seams = {number for seam in (2, 4) for number in range(seam * 48 - 12, seam * 48 + 12)}
    elsewhere = min(value for number, value in enumerate(alike) if number not in at_seams)
    assert min(alike[number] for number in at_seams) > elsewhere - 0.5


def test_what_is_made_of_another_content_goes_with_it(film: Library, workers: Workers) -> None:
    want(film, 0)
    work_off(settings(film))
    names = {path.name for path in now(film).iterdir()}
    film.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=3))
    film.scan()
    assert not now(film).exists()
    assert want(film, 0) == "queued"
    work_off(settings(film))
    assert workers.row(job(film))["state"] == "done"
    assert {path.name for path in now(film).iterdir()}.isdisjoint(names - {"now.m3u8"})
    assert len(segments(film)) == 2


def test_what_is_kept_replaces_what_was_made_and_that_is_removed_in_time(film: Library, workers: Workers) -> None:
    want(film, 0)
    work_off(settings(film))
    with connect(settings(film)) as database:
        withdrawn.sweep(database, film.titles, hours=1)
        assert now(film).exists(), "a viewer's grant leads there"
        withdrawn.sweep(database, film.titles, hours=0)
    assert not now(film).exists()
    assert HLS in film.published(FILM)


def test_renditions_that_were_made_meanwhile_are_left_alone(film: Library, workers: Workers) -> None:
    """The ladder has more than one picture: what one viewer waited for does not replace it."""
    want(film, 0)
    with psycopg.connect(film.database.owner_url) as owner:
        owner.execute(
            "INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, %s, 'text/plain', 1)",
            (film.row(FILM)["id"], HLS),
        )
    work_off(settings(film))
    assert workers.row(job(film))["state"] == "done"
    assert not now(film).exists()
    assert not list(now(film).parent.glob("v360*"))


def test_a_title_lets_another_one_be_begun_when_nobody_watches_it(film: Library, workers: Workers) -> None:
    film.put("other.mkv", made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=3))
    film.scan()
    want(film, 6)
    first = job(film)
    with psycopg.connect(film.database.url_for(roles.EVENTS), autocommit=True) as connection:
        connection.execute("SELECT want_instant(%s, 0, NULL)", (film.row("other.mkv")["id"],))
    work_off(settings(film, instant_absence_seconds=0.001, instant_patience_seconds=0.001))
    assert workers.row(first)["state"] == "done"
    with psycopg.connect(film.database.owner_url) as owner:
        order = owner.execute("SELECT video_id FROM jobs WHERE kind = 'instant' ORDER BY ended_at").fetchall()
    assert [video for (video,) in order] == [film.row("other.mkv")["id"], film.row(FILM)["id"]]


def test_a_file_whose_end_is_missing_is_as_long_as_it_says(film: Library, workers: Workers) -> None:
    """The playlist names all segments before any is made: the last picture and silence go on."""
    with psycopg.connect(film.database.owner_url) as owner:
        owner.execute("UPDATE videos SET duration_seconds = 18")
    want(film, 0)
    work_off(settings(film))
    row = workers.row(job(film))
    assert (row["state"], row["reason"]) == ("done", None)
    assert len(segments(film)) == 9
    assert len(packets(now(film) / "now.m3u8", "v:0")) == round(18 * RATE)


def test_a_title_with_a_policy_of_none_is_not_made(film: Library) -> None:
    with psycopg.connect(film.database.owner_url) as owner:
        owner.execute("UPDATE videos SET renditions = 'none'")
    assert want(film, 0) == "unknown"
