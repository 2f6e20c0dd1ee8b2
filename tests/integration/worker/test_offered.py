"""The subtitles that manifests offer, whichever of the two was made last."""

import json
import re
import subprocess
from typing import Any

import psycopg
import pytest

from catalog import renditions, roles
from catalog.contract import forms
from media.packager import DASH, HLS
from testbed.services.library import Library, made_by_ffmpeg
from testbed.services.workers import work_off
from worker import withdrawn
from worker.settings import WorkerSettings

FILM = "Film.mkv"


def srt(text: str) -> bytes:
    return f"1\n00:00:00,200 --> 00:00:01,000\n{text}\n".encode()


def work(library: Library, kind: str) -> None:
    values: dict[str, Any] = {"database_url": library.database.url_for(roles.WORKER), "titles_dir": library.titles}
    work_off(WorkerSettings(job_kinds=(kind,), rendition_preset="veryfast", **values))


@pytest.fixture
def film(library: Library) -> Library:
    """A title that no browser plays, with two subtitles beside it."""
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", "-c:a", "ac3", seconds=1, size="320x180"))
    library.put("Film.en.srt", srt("Spoken"))
    library.put("Film.de.forced.srt", srt("Schild"))
    library.scan()
    return library


def read(library: Library, name: str) -> str:
    return (library.titles / library.row(FILM)["id"].hex / name).read_text()


def offered(library: Library) -> tuple[list[str], list[str]]:
    """The languages and uses that HLS and DASH offer; what they lead to is there."""
    master, manifest = read(library, HLS), read(library, DASH)
    names = set(library.published(FILM))
    of_hls = []
    for uri, language, forced in re.findall(r'TYPE=SUBTITLES,URI="([^"]+)".*LANGUAGE="(\w+)".*FORCED=(\w+)', master):
        assert uri in names
        assert re.findall(r"^[^#].*$", read(library, uri), re.MULTILINE) == [uri.replace(".m3u8", ".vtt")]
        assert uri.replace(".m3u8", ".vtt") in names
        of_hls.append(f"{language} {forced}")
    of_dash = []
    for one in re.findall(r'<AdaptationSet id="\d+" contentType="text".*?</AdaptationSet>', manifest, re.DOTALL):
        (name,) = re.findall("<BaseURL>(.*)</BaseURL>", one)
        assert name in names
        (language,) = re.findall(r'lang="(\w+)"', one)
        of_dash.append(f"{language} {'YES' if 'forced-subtitle' in one else 'NO'}")
    return of_hls, of_dash


BOTH = ["de YES", "en NO"]


@pytest.mark.parametrize("order", [("text", "rendition"), ("rendition", "text")])
def test_manifests_offer_what_is_published_whatever_comes_last(film: Library, order: tuple[str, str]) -> None:
    for kind in order:
        work(film, kind)
    assert offered(film) == (BOTH, BOTH)
    for name in film.published(FILM):
        assert re.fullmatch(forms.NAME, name), name
    sizes = dict(film.query("SELECT name, size_bytes FROM published_files"))
    home = film.titles / film.row(FILM)["id"].hex
    assert {name: (home / name).stat().st_size for name in (HLS, DASH)} == {one: sizes[one] for one in (HLS, DASH)}
    for manifest in (HLS, DASH):
        # What ffmpeg, and what mpv reads with it, can't show must not keep it from the film.
        command = ["ffmpeg", "-v", "error", "-i", str(home / manifest), "-map", "0:v:0", "-f", "null", "-progress", "-"]
        said = subprocess.run([*command, "-"], check=True, capture_output=True, text=True).stdout
        assert re.findall(r"^frame=(\d+)$", said, re.MULTILINE)[-1] == "25", manifest
    (packed,) = [name for name in film.published(FILM) if re.fullmatch("sub-en-[0-9a-f]{8}[.]mp4", name)]
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream=codec_tag_string", str(home / packed)],
        check=True, capture_output=True,
    )  # fmt: skip
    assert json.loads(probed.stdout)["streams"][0]["codec_tag_string"] == "wvtt"


def test_manifests_follow_when_subtitles_change(film: Library) -> None:
    work(film, "rendition")
    work(film, "text")
    before = set(film.published(FILM))
    film.delete("Film.de.forced.srt")
    film.put("Film.fr.srt", srt("Parlé"))
    film.scan()
    work(film, "text")
    assert offered(film) == (["en NO", "fr NO"],) * 2
    after = set(film.published(FILM))
    gone = sorted(re.sub("-[0-9a-f]{8}[.]", "-*.", name) for name in before - after)
    assert gone == ["sub-de-forced-*.mp4", "sub-de-forced.m3u8", "sub-de-forced.vtt", "sub-en-*.mp4"]
    there = {path.name for path in (film.titles / film.row(FILM)["id"].hex).iterdir()}
    kept = {name for name in before - after if name.endswith(".mp4")}
    assert kept <= there, "who watches by the manifest of before reads on"
    assert not {"sub-de-forced.m3u8", "sub-de-forced.vtt"} & there
    assert after >= {name for name in before if name.startswith(("v360", "a-"))}, "renditions are left alone"
    for name in ("Film.en.srt", "Film.fr.srt"):
        film.delete(name)
    film.scan()
    work(film, "text")
    assert offered(film) == ([], [])
    assert "SUBTITLES" not in read(film, HLS)


def test_what_is_said_behind_the_end_takes_no_room_in_an_index(library: Library) -> None:
    library.put(FILM, made_by_ffmpeg("mkv", "-c:v", "mpeg4", seconds=1, size="320x180", sound=False))
    late = b"2\n9999:59:58,000 --> 9999:59:59,000\nLate\n"
    library.put("Film.en.srt", srt("Spoken") + b"\n" + late)
    library.put("Film.fr.srt", late)
    library.scan()
    work(library, "text")
    home = library.titles / library.row(FILM)["id"].hex
    packed = [name for name in library.published(FILM) if name.startswith("sub-") and name.endswith(".mp4")]
    assert [name.split("-")[1] for name in packed] == ["en"]
    assert (home / packed[0]).stat().st_size < 2048
    assert "Late" in read(library, "sub-en.vtt")
    assert "Late" in read(library, "sub-fr.vtt")


def test_renditions_that_left_come_back_with_the_subtitles(film: Library) -> None:
    work(film, "text")
    work(film, "rendition")
    with psycopg.connect(film.database.url_for(roles.API)) as connection:
        renditions.withdraw(connection, film.row(FILM)["id"])
    assert not [name for name in film.published(FILM) if name.endswith((".m3u8", ".mpd"))]
    film.owner("UPDATE jobs SET state = 'queued', run_id = NULL WHERE kind = 'rendition'")
    work(film, "rendition")
    with psycopg.connect(film.database.url_for(roles.WORKER), autocommit=True) as connection:
        withdrawn.sweep(connection, film.titles, hours=0)
    assert offered(film) == (BOTH, BOTH)
    there = {path.name for path in (film.titles / film.row(FILM)["id"].hex).iterdir()}
    assert set(film.published(FILM)) <= there, "nothing that is of use again goes with what was withdrawn"


def test_without_hls_no_playlist_is_published(film: Library) -> None:
    work(film, "rendition")
    work(film, "text")
    film.owner("UPDATE jobs SET state = 'queued', run_id = NULL, parameters = '{\"hls\": false}'"
               " WHERE kind = 'rendition'")  # fmt: skip
    work(film, "rendition")
    assert not [name for name in film.published(FILM) if name.endswith(".m3u8")]
    assert 'contentType="text"' in read(film, DASH)
