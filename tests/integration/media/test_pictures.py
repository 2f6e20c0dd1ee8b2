"""Pictures of films as they turn up in libraries. Real ffmpeg in its sandbox; the films are made by ffmpeg."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from media.faults import Fault
from media.making import Making
from media.preview import make_preview
from media.report import Probed
from media.sandbox import Sandbox
from media.settings import MediaSettings
from media.shown import Subject
from media.sniff import Container, sniff
from media.stills import make_stills
from media.storyboard import Layout
from testbed.clips import drawn
from testbed.services.library import facts_of, made_by_ffmpeg

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(2 << 30)


@contextmanager
def making(
    sandbox: Sandbox, folder: Path, content: bytes, name: str, subject: Subject | None = None, **settings: Any
) -> Iterator[Making]:
    """A film of this content, as a worker makes pictures of it."""
    folder.chmod(0o755)
    made = folder / "made"
    made.mkdir()
    told: list[float] = []
    container = sniff(content[:4096], name.encode())
    assert isinstance(container, Container)
    if subject is None:
        seen: Probed = facts_of(sandbox, folder, content, name)
        assert seen.duration_seconds
        subject = Subject(seen.duration_seconds, seen.width, seen.height, seen.video_track, seen.hdr is not None)
    (folder / name).write_bytes(content)
    descriptor = os.open(folder / name, os.O_RDONLY)
    try:
        yield Making(sandbox, MediaSettings(**settings), descriptor, container, subject, made, 60, 4 << 30, told.append)
    finally:
        os.close(descriptor)


def stills(making: Making) -> tuple[Layout, list[str]]:
    layout = Layout.of(making.settings, making.subject)
    made = make_stills(making, layout)
    assert not isinstance(made, Fault), made
    return layout, [path.name for path in made]


def shown(path: Path) -> dict[str, Any]:
    """What ffprobe says of the first picture or track of a file."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", path]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return report["streams"][0] | {"format": report["format"], "streams": len(report["streams"])}


def colour(path: Path, x: int, y: int) -> tuple[int, ...]:
    """Red, green and blue of one pixel."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", f"crop=2:2:{x}:{y},scale=1:1", "-frames:v", "1"]
    out = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    return tuple(out)


def tile_colour(folder: Path, layout: Layout, tile: int) -> tuple[int, ...]:
    """Of the middle of a tile, found as a player finds it: by the WebVTT."""
    cue = layout.vtt().split("\n\n")[1:][tile]
    found = re.search(r"(storyboard-\d+[.]jpg)#xywh=(\d+),(\d+),(\d+),(\d+)", cue)
    assert found
    x, y, width, height = map(int, found.groups()[1:])
    return colour(folder / found[1], x + width // 2 // 2 * 2, y + height // 2 // 2 * 2)


def test_tiles_and_thumbnails_of_an_ordinary_film(sandbox: Sandbox, tmp_path: Path) -> None:
    film = made_by_ffmpeg("mp4", *X264, "-g", "25", seconds=61, size="320x180")
    with making(sandbox, tmp_path, film, "film.mp4") as one:
        layout, names = stills(one)
        assert names == ["storyboard-1.jpg", *(f"thumb-{number:02}.jpg" for number in range(1, 9))]
        assert (layout.interval, layout.tiles, layout.columns, layout.rows) == (2, 31, 10, 4)
        sheet, thumb = shown(one.folder / "storyboard-1.jpg"), shown(one.folder / "thumb-01.jpg")
        assert (sheet["width"], sheet["height"]) == (10 * layout.width, 4 * layout.height) == (2400, 4 * 136)
        assert (thumb["width"], thumb["height"]) == (320, 180)


RED, GREEN, BLUE, NEARLY_WHITE = (254, 0, 0), (0, 128, 0), (0, 0, 254), (237, 237, 237)


def scenes(suffix: str, *options: str, seconds: float = 2, sound: float = 0, size: str = "320x180") -> bytes:
    """Red, green and blue for so many seconds each, a key frame a second; options stand before the output's name."""
    inputs: list[str] = []
    for name in ("red", "green", "blue"):
        inputs += ["-f", "lavfi", "-i", f"color={name}:size={size}:rate=25:duration={seconds}"]
    graph = "[0:v][1:v][2:v]concat=n=3[v]"
    maps = ["-map", "[v]"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=duration={sound}"]
        maps += ["-map", "3:a"]
    return drawn(suffix, *inputs, "-filter_complex", graph, *maps, *X264, "-g", "25", *options)


def piped(suffix: str, *command: str) -> bytes:
    """What a command writes into a file whose name it is given last."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, f"{folder}/out.{suffix}"], check=True)
        return Path(folder, f"out.{suffix}").read_bytes()


def late(film: bytes) -> bytes:
    """The same film with its picture 2 s later than its sound."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "film.mkv").write_bytes(film)
        inputs = ["-itsoffset", "2", "-i", f"{folder}/film.mkv", "-f", "lavfi", "-i", "sine=duration=8"]
        return piped("mkv", "ffmpeg", "-v", "error", *inputs, "-map", "0:v", "-map", "1:a", "-c:v", "copy")


def close(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(one, other, strict=True))


def test_where_sound_goes_on_the_last_key_frame_stays(sandbox: Sandbox, tmp_path: Path) -> None:
    with making(sandbox, tmp_path, scenes("mkv", sound=30.5), "film.mkv") as one:
        layout, _ = stills(one)
        assert layout.tiles == 16
        seen = [tile_colour(one.folder, layout, tile) for tile in (0, 1, 2, 15)]
        assert all(map(close, seen, (RED, GREEN, BLUE, BLUE))), seen
        preview = make_preview(one)
        assert not isinstance(preview, Fault), preview


def test_a_picture_that_begins_late_is_shown_from_the_start(sandbox: Sandbox, tmp_path: Path) -> None:
    with making(sandbox, tmp_path, late(scenes("mkv")), "film.mkv") as one:
        layout, _ = stills(one)
        seen = [tile_colour(one.folder, layout, tile) for tile in range(4)]
        assert all(map(close, seen, (RED, RED, GREEN, BLUE))), seen
        preview = make_preview(one)
        assert not isinstance(preview, Fault), preview
        assert float(shown(preview)["duration"]) == pytest.approx(6, abs=0.3)


def test_time_stamps_that_go_back_do_no_harm(sandbox: Sandbox, tmp_path: Path) -> None:
    film = bytearray(scenes("mkv", "-cluster_time_limit", "1000"))
    clusters = [found.end() for found in re.finditer(rb"\x1f\x43\xb6\x75.{1,8}?\xe7\x82(?=..)", film, re.DOTALL)]
    assert len(clusters) >= 4
    second, third = clusters[1], clusters[2]
    film[second : second + 2], film[third : third + 2] = film[third : third + 2], film[second : second + 2]
    with making(sandbox, tmp_path, bytes(film), "film.mkv") as one:
        layout, names = stills(one)
        assert "thumb-01.jpg" in names
        assert close(tile_colour(one.folder, layout, layout.tiles - 1), BLUE)


@pytest.mark.parametrize(
    ("options", "size", "tile"),
    [
        (("-aspect", "16:9"), "720x576", (240, 136)),
        (("-bsf:v", "h264_metadata=sample_aspect_ratio=3201/3200"), "320x240", (240, 180)),
        ((), "180x320", (134, 240)),
    ],
)
def test_tiles_have_the_shape_in_which_the_film_is_shown(
    sandbox: Sandbox, tmp_path: Path, options: tuple[str, ...], size: str, tile: tuple[int, int]
) -> None:
    with making(sandbox, tmp_path, scenes("mkv", *options, size=size), "film.mkv") as one:
        layout, _ = stills(one)
        assert (layout.width, layout.height) == tile
        sheet = shown(one.folder / "storyboard-1.jpg")
        assert (sheet["width"], sheet["height"]) == (3 * tile[0], tile[1])


def test_a_turned_film_is_upright(sandbox: Sandbox, tmp_path: Path) -> None:
    left_red = ["-f", "lavfi", "-i", "color=red:size=160x180:rate=25:duration=2"]
    right_blue = ["-f", "lavfi", "-i", "color=blue:size=160x180:rate=25:duration=2"]
    lying = piped("mp4", "ffmpeg", "-v", "error", *left_red, *right_blue, "-filter_complex", "hstack", *X264)
    (tmp_path / "lying.mp4").write_bytes(lying)
    turned = piped(
        "mp4", "ffmpeg", "-v", "error", "-i", f"{tmp_path}/lying.mp4", "-c", "copy", "-metadata:s:v", "rotate=270"
    )
    with making(sandbox, tmp_path, turned, "film.mp4") as one:
        layout, _ = stills(one)
        assert (layout.width, layout.height) == (134, 240)
        top, bottom = (colour(one.folder / "thumb-01.jpg", 90, y) for y in (20, 290))
        assert {close(top, RED) or close(top, BLUE), close(bottom, RED) or close(bottom, BLUE)} == {True}
        assert not close(top, bottom)
        preview = make_preview(one)
        assert not isinstance(preview, Fault), preview
        assert (shown(preview)["width"], shown(preview)["height"]) == (180, 320)


def test_white_stays_white_in_pictures_of_an_hdr_film(sandbox: Sandbox, tmp_path: Path) -> None:
    """White of 203 nits (ITU-R BT.2408), which is 573 of 1023 in PQ, is nearly a usual screen's, and without a tint."""
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    patch = "color=black:size=320x180:rate=25:duration=2,format=yuv420p10le,geq=lum=573:cb=512:cr=512"
    film = piped("mkv", "ffmpeg", "-v", "error", "-f", "lavfi", "-i", patch, *X264[:-1], "yuv420p10le", *tags)
    with making(sandbox, tmp_path, film, "film.mkv") as one:
        assert one.subject.is_hdr
        layout, _ = stills(one)
        assert close(tile_colour(one.folder, layout, 0), NEARLY_WHITE)
        preview = make_preview(one)
        assert not isinstance(preview, Fault), preview
        assert close(colour(preview, 100, 100), NEARLY_WHITE)


def test_a_picture_that_changes_its_size_on_the_way_keeps_its_tiles(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, colour_name, size in (("a", "red", "320x180"), ("b", "blue", "640x480")):
        source = ("-f", "lavfi", "-i", f"color={colour_name}:size={size}:rate=25:duration=4")
        part = piped("ts", "ffmpeg", "-v", "error", *source, *X264, "-g", "25")
        (tmp_path / f"{name}.ts").write_bytes(part)
    both = f"concat:{tmp_path}/a.ts|{tmp_path}/b.ts"
    film = piped("mkv", "ffmpeg", "-v", "error", "-i", both, "-c", "copy")
    with making(sandbox, tmp_path, film, "film.mkv") as one:
        layout, names = stills(one)
        assert layout.tiles == 4
        assert [name for name in names if name.startswith("storyboard")] == ["storyboard-1.jpg"]
        seen = [tile_colour(one.folder, layout, tile) for tile in (0, 3)]
        assert close(seen[0], RED), seen
        assert close(seen[1], BLUE), seen


def test_one_key_frame_makes_one_thumbnail(sandbox: Sandbox, tmp_path: Path) -> None:
    film = made_by_ffmpeg("mp4", *X264, "-g", "10000", "-sc_threshold", "0", seconds=10, size="320x180")
    with making(sandbox, tmp_path, film, "film.mp4") as one:
        layout, names = stills(one)
        assert (layout.tiles, names) == (5, ["storyboard-1.jpg", "thumb-01.jpg"])


def test_a_film_of_key_frames_only_and_one_in_another_container(sandbox: Sandbox, tmp_path: Path) -> None:
    for suffix, options in (("avi", ("-c:v", "mpeg4", "-g", "1")), ("webm", ("-g", "25"))):
        folder = tmp_path / suffix
        folder.mkdir()
        film = made_by_ffmpeg(suffix, *options, seconds=5, size="160x90")
        with making(sandbox, folder, film, f"film.{suffix}") as one:
            assert len(stills(one)[1]) >= 3
            assert not isinstance(make_preview(one), Fault)


def test_a_film_that_spans_several_sheets(sandbox: Sandbox, tmp_path: Path) -> None:
    film = made_by_ffmpeg("mp4", *X264, "-g", "25", seconds=230, size="64x36")
    with making(sandbox, tmp_path, film, "film.mp4", storyboard_shortest_seconds=1, storyboard_tile_pixels=64) as one:
        layout, names = stills(one)
        assert (layout.tiles, names[:4]) == (230, [*(f"storyboard-{sheet}.jpg" for sheet in (1, 2, 3)), "thumb-01.jpg"])
        for name in layout.sheets:
            assert (shown(one.folder / name)["width"], shown(one.folder / name)["height"]) == (640, 360)


def test_a_preview_shows_scenes_of_the_whole_film_and_begins_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    with making(sandbox, tmp_path, scenes("mp4", seconds=30, sound=90), "film.mp4") as one:
        preview = make_preview(one)
        assert not isinstance(preview, Fault), preview
        told = shown(preview)
        assert (told["codec_name"], told["pix_fmt"], told["streams"]) == ("h264", "yuv420p", 1)
        assert float(told["duration"]) == pytest.approx(30, abs=0.5)
        content = preview.read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")
        assert len(content) < 200_000
        subprocess.run(["ffmpeg", "-v", "error", "-i", preview, "-vf", "fps=1", tmp_path / "at-%02d.png"], check=True)
        seen = [colour(tmp_path / f"at-{second:02}.png", 50, 50) for second in (2, 16, 29)]
        assert all(map(close, seen, (RED, GREEN, BLUE))), seen


def test_what_gives_no_picture_says_why_and_leaves_no_file(sandbox: Sandbox, tmp_path: Path) -> None:
    film = made_by_ffmpeg("mp4", *X264, seconds=3)
    start = film.index(b"mdat") + 4
    empty = film[:start] + bytes(len(film) - start) if film.index(b"moov") < start else b""
    if not empty:
        moov = film.index(b"moov") - 4
        empty = film[:start] + bytes(moov - start) + film[moov:]
    with making(sandbox, tmp_path, empty, "film.mp4", Subject(3, 64, 36, 0, is_hdr=False)) as one:
        fault = make_stills(one, Layout.of(one.settings, one.subject))
        assert isinstance(fault, Fault)
        assert fault.sentence
        assert isinstance(make_preview(one), Fault)
