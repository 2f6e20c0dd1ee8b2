"""Subtitles that are pictures, taken out of films that ffmpeg wrote, and drawn again by ffmpeg's own decoder."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from media import drawn
from media.asking import Asking, parsed
from media.child import Outcome
from media.drawn import Drawn
from media.faults import Fault
from media.making import Making
from media.sandbox import Sandbox
from media.settings import MediaSettings
from media.shown import Subject
from media.sniff import Container, sniff
from media.subtitle_tracks import picture_tracks, text_tracks
from media.subtitles import Subtitle, extract
from testbed import discs
from testbed.discs import GREEN, Box

SECONDS = 10
PICTURE = f"color=black:size=1920x1080:rate=5:duration={SECONDS}"
COLOURS = ["000000", "ffff00", "000000", "808080", *["123456"] * 12]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With subtitles of a Blu-ray, of a DVD, and as text."""
    folder = tmp_path_factory.mktemp("discs")
    blu_ray, text = folder / "a.sup", folder / "t.srt"
    blu_ray.write_bytes(discs.sup([Box(1, 3, 600, 900, 720, 90), Box(5, 7, 100, 100, 300, 200, GREEN)]))
    dvd = discs.vobsub([Box(2, 4, 180, 480, 360, 48)], folder, COLOURS)
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nText\n")
    tracks = [(blu_ray, "copy", "eng"), (text, "copy", "eng"), (dvd, "copy", "ger")]
    discs.film(folder / "film.mkv", tracks, "-preset", "ultrafast", picture=PICTURE, codec="libx264")
    return folder / "film.mkv"


@contextmanager
def opened(film: Path, folder: Path, **settings: Any) -> Iterator[Making]:
    folder.chmod(0o755)
    made = folder / "made"
    made.mkdir()
    container = sniff(film.read_bytes()[:4096], b"film.mkv")
    assert isinstance(container, Container)
    subject = Subject(SECONDS, 1920, 1080, 0, is_hdr=False)
    descriptor = os.open(film, os.O_RDONLY)
    sandbox = Sandbox.of_system(2 << 30)
    try:
        yield Making(sandbox, MediaSettings(**settings), descriptor, container, subject, made, 60, 4 << 30, print)
    finally:
        os.close(descriptor)


def taken_out(making: Making) -> tuple[list[Subtitle], list[Drawn], list[Fault]]:
    asked = Asking(making.sandbox, making.settings, making.descriptor, making.container).report(None)
    assert isinstance(asked, Outcome)
    report = parsed(asked) or {}
    pictures = picture_tracks(report, making.settings.picture_subtitle_tracks)
    texts = extract(making, text_tracks(report, 60), [], pictures)
    assert not isinstance(texts, Fault), texts
    return texts, *drawn.written(making, pictures)


def pixel(subtitles: Path, screen: tuple[int, int], at: float, place: tuple[int, int]) -> tuple[int, ...]:
    """What ffmpeg shows there: red, green, blue."""
    black = f"color=black:size={screen[0]}x{screen[1]}:rate=2:duration={SECONDS}"
    graph = f"[0:v][1:s]overlay,format=rgb24,crop=1:1:{place[0]}:{place[1]}"
    shown = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", black, "-i", str(subtitles), "-filter_complex", graph,
         "-copyts", "-ss", str(at), "-frames:v", "1", "-f", "rawvideo", "pipe:"],
        check=True, capture_output=True,
    )  # fmt: skip
    return tuple(shown.stdout)


def nearly(one: tuple[int, ...], other: tuple[int, int, int]) -> bool:
    return len(one) == 3 and all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


def test_pictures_of_blu_ray_and_dvd_are_taken_out_with_the_text_and_shown_where_and_when_they_were(
    film: Path, tmp_path: Path
) -> None:
    with opened(film, tmp_path) as making:
        texts, pictures, faults = taken_out(making)
        assert faults == []
        assert [cue.text for subtitle in texts for cue in subtitle.cues] == ["Text"]
        assert [one.described.language for one in pictures] == ["en", "de"]
        assert sorted(path.suffix for path in making.folder.iterdir()) == [".srt", ".sup", ".sup"]
    blu_ray, dvd = (one.path for one in pictures)
    full_hd, standard = (1920, 1080), (720, 576)
    assert nearly(pixel(blu_ray, full_hd, 2, (610, 910)), (255, 255, 255))
    assert nearly(pixel(blu_ray, full_hd, 2, (590, 910)), (0, 0, 0))
    assert nearly(pixel(blu_ray, full_hd, 4, (610, 910)), (0, 0, 0))
    assert nearly(pixel(blu_ray, full_hd, 6, (390, 290)), (0, 255, 0))
    assert nearly(pixel(dvd, standard, 3, (190, 490)), (255, 255, 0))
    assert nearly(pixel(dvd, standard, 4.5, (190, 490)), (0, 0, 0))


def test_one_that_is_too_large_is_named_and_the_others_stay(film: Path, tmp_path: Path) -> None:
    with opened(film, tmp_path, picture_subtitle_bytes=1100) as making:
        texts, pictures, faults = taken_out(making)
        assert len(texts) == 1
        assert [one.described.language for one in pictures] == ["de"]
        [fault] = faults
        assert fault.sentence == (
            "Limit reached: the subtitles of track 1 are pictures that take more than 1,100 bytes, or change more than"
            " 20,000 times."
        )
        assert len([*making.folder.glob("*.sup")]) == 1


def test_a_screen_of_a_hostile_film_shows_nothing(film: Path, tmp_path: Path) -> None:
    with opened(film, tmp_path, picture_subtitle_pixels=1 << 20) as making:
        _, pictures, faults = taken_out(making)
        assert faults == []
        assert [one.described.language for one in pictures] == ["de"]
