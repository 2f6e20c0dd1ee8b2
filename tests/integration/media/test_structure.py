"""How a file is built, as the indexer tells it: of clips that ffmpeg makes so."""

import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from media.iso_index import read_iso_index
from media.matroska_index import read_matroska_index
from media.report import Probed
from media.sandbox import Sandbox
from media.windows import peak_bitrate
from testbed.servers.postgres import Database
from testbed.services.library import facts_of, library_of

PICTURE = ("-f", "lavfi", "-t", "8", "-i", "testsrc2=size=128x72:rate=25")
SOUND = ("-f", "lavfi", "-t", "8", "-i", "sine=440:sample_rate=48000")
CLOSED = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p", "-g", "50")
OPEN = (*CLOSED, "-x264-params", "open-gop=1:keyint=50:min-keyint=50:scenecut=0")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-bf", "3", "-tag:v", "hvc1")
FIELDS = ("-flags", "+ilme+ildct")


def made(folder: Path, name: str, *options: str) -> Path:
    path = folder / name
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *options, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(2 << 30)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds with sound, a key frame each two seconds, its index at the end."""
    return made(tmp_path_factory.mktemp("film"), "film.mp4", *PICTURE, *SOUND, *CLOSED, "-c:a", "aac")


def found(sandbox: Sandbox, path: Path) -> Probed:
    return facts_of(sandbox, path.parent, path.read_bytes(), path.name)


def keyed(seconds: int) -> str:
    return f"log-level=none:keyint={25 * seconds}:min-keyint={25 * seconds}:scenecut=0"


CLIPS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "open.mp4": (OPEN, {"open_gop": True, "scan": "progressive", "bit_depth": 8, "edit_list": "none"}),
    "open.mkv": (OPEN, {"open_gop": True, "key_frame_seconds": 2.0, "moov_position": None, "edit_list": None}),
    "closed.mkv": (CLOSED, {"open_gop": False, "key_frame_seconds": 2.0}),
    "closed.avi": (CLOSED, {"open_gop": False, "key_frame_seconds": None, "peak_bitrate": None}),
    "hevc open.mp4": ((*HEVC, "-x265-params", keyed(2) + ":open-gop=1"), {"open_gop": True}),
    "hevc closed.mkv": (
        (*HEVC, "-pix_fmt", "yuv420p10le", "-x265-params", keyed(1) + ":open-gop=0"),
        {"open_gop": False, "bit_depth": 10, "key_frame_seconds": 1.0},
    ),
    "upper.mkv": (("-vf", "setfield=tff", *CLOSED, *FIELDS, "-x264-params", "tff=1"), {"scan": "tff"}),
    "lower.mp4": (("-vf", "setfield=bff", *CLOSED, *FIELDS, "-x264-params", "bff=1"), {"scan": "bff"}),
    "wide.mp4": (
        ("-vf", "setsar=16/15", *CLOSED, "-movflags", "+faststart"),
        {"pixel_width": 16, "pixel_height": 15, "moov_position": "front", "key_frame_seconds": 2.0},
    ),
    "ten.webm": (
        ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p10le", "-g", "75"),
        {"bit_depth": 10, "scan": "progressive", "open_gop": False, "key_frame_seconds": 3.0},
    ),
    "fragmented.mp4": (
        (*CLOSED, "-movflags", "+frag_keyframe+empty_moov"),
        {"moov_position": "front", "edit_list": "none", "key_frame_seconds": None, "peak_bitrate": None},
    ),
}


@pytest.mark.parametrize("name", CLIPS)
def test_how_a_file_is_built_is_told(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    options, expected = CLIPS[name]
    probed = found(sandbox, made(tmp_path, name, *PICTURE, *options))
    assert {key: getattr(probed, key) for key in expected} == expected


# How the film is written again, and what its edit list does then.
EDITS: dict[str, tuple[tuple[str, ...], str]] = {
    "as it is": (("-i", "FILM"), "none"),
    "cut at a key frame": (("-ss", "2", "-i", "FILM"), "none"),
    "cut between two": (("-ss", "3", "-i", "FILM"), "trims"),
    "sound later": (("-i", "FILM", "-itsoffset", "1", "-i", "FILM", "-map", "0:v", "-map", "1:a"), "delays"),
    "picture later": (("-i", "FILM", "-itsoffset", "1", "-i", "FILM", "-map", "1:v", "-map", "0:a"), "delays"),
}


@pytest.mark.parametrize("how", EDITS)
def test_what_an_edit_list_does_is_told(sandbox: Sandbox, film: Path, tmp_path: Path, how: str) -> None:
    options, expected = EDITS[how]
    inputs = [str(film) if option == "FILM" else option for option in options]
    assert found(sandbox, made(tmp_path, "cut.mp4", *inputs, "-c", "copy")).edit_list == expected


def test_an_edit_list_that_ends_before_the_film_trims(film: Path) -> None:
    content = bytearray(film.read_bytes())
    place = content.index(b"elst") + 12
    length = int.from_bytes(content[place : place + 4], "big")
    content[place : place + 4] = (length // 2).to_bytes(4, "big")
    film.with_name("shorter.mp4").write_bytes(content)
    with film.with_name("shorter.mp4").open("rb") as file:
        assert read_iso_index(file.fileno(), len(content), 0).edit_list == "trims"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_peak_is_where_the_picture_is_dense(sandbox: Sandbox, tmp_path: Path, suffix: str) -> None:
    noise = "color=gray:size=320x180:rate=25:duration=8,noise=alls=100:allf=t:enable='between(t,4,5.99)'"
    path = made(tmp_path, f"dense.{suffix}", "-f", "lavfi", "-i", noise, *CLOSED)
    listed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=size,flags", "-of", "csv=p=0", path],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    sizes = [int(line.split(",")[0]) for line in listed]
    densest = max(sum(sizes[at : at + 50]) for at in range(0, 200, 50)) * 8 / 2
    probed = found(sandbox, path)
    assert probed.peak_bitrate == pytest.approx(densest, rel=0.02)
    assert probed.bitrate
    assert probed.peak_bitrate > 3 * probed.bitrate


def test_a_peak_is_over_a_second_at_least() -> None:
    assert peak_bitrate([0, 0.5, 1.0, 1.5, 3.0], [100, 900, 1100, 0]) == 2000 * 8
    assert peak_bitrate([0, 0.5], [100]) is None
    assert peak_bitrate([], []) is None


def test_an_index_that_lies_is_read_without_harm(film: Path, tmp_path: Path) -> None:
    """Bytes of the indexes changed at random: something or nothing is told, and nothing is raised."""
    matroska = made(tmp_path, "film.mkv", "-i", str(film), "-c", "copy")
    changing = random.Random(7)
    for path, begin in ((film, film.read_bytes().index(b"moov")), (matroska, 0)):
        whole = path.read_bytes()
        for _ in range(400):
            content = bytearray(whole)
            for _ in range(changing.randint(1, 12)):
                place = changing.choice((begin, len(whole) - 500)) + changing.randrange(500)
                content[min(place, len(whole) - 1)] = changing.choice((0, 1, 0x7F, 0x80, 0xFF, changing.randrange(256)))
            descriptor = os.memfd_create("changed")
            try:
                os.write(descriptor, content)
                read_iso_index(descriptor, len(content), 0)
                read_matroska_index(descriptor, len(content), 0, 8.0)
            finally:
                os.close(descriptor)


def test_what_was_found_is_kept_and_an_older_row_is_looked_at_again(database: Database, film: Path) -> None:
    with library_of(database) as library:
        library.put("film.mp4", film.read_bytes())
        library.scan()
        row = library.row("film.mp4")
        told = ("scan", "open_gop", "edit_list", "key_frame_seconds", "moov_position", "bit_depth", "pixel_width")
        expected = ("progressive", False, "none", 2.0, "back", 8, 1)
        assert tuple(row[name] for name in told) == expected
        assert row["peak_bitrate"] >= row["bitrate"]
        library.query("UPDATE videos SET judgement = 2, scan = NULL, open_gop = NULL RETURNING 1")
        library.scan()
        again = library.row("film.mp4")
        assert (again["scan"], again["open_gop"], again["pictured_at"]) == ("progressive", False, row["pictured_at"])
        assert library.scan().unchanged == 1
