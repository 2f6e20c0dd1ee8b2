"""The pictures that come from one run over a film's key frames: the sheets of its storyboard, and thumbnails.

Key frames alone take little of a decode (measured: 1.5 s of computing against 51 s for five minutes at 1080p with one
every four seconds). The last key frame before a tile's end is its picture. `fps` fills gaps by repeating, from the very
start, and `tpad` goes on after the last picture, so every tile has one however late the picture begins, whatever its
time stamps do, and however much longer the sound is. `trim` bounds the number.
"""

from pathlib import Path
from typing import Any

import ffmpeg

from media.asking import input_options
from media.faults import Fault
from media.making import THREADS, Making, compiled
from media.sandbox import VIDEO
from media.shown import scaled, within
from media.storyboard import Layout
from media.tones import to_sdr

_PASSED_AS_THEY_COME = {"f": "image2", "vcodec": "mjpeg", "fps_mode": "passthrough"}


def make_stills(making: Making, layout: Layout) -> list[Path] | Fault:
    """Sheets and thumbnails of the film in its folder, in this order, or why there are none."""
    tries = [(True, making.subject.is_hdr), (True, False), (False, False)]
    fault = None
    # Tones can't be mapped where the file does not tell its colours; some streams have no frame marked as a key.
    for keys_only, tones in dict.fromkeys(tries):
        fault = making.run(
            _command(making, layout, keys_only=keys_only, tones=tones), file_bytes=making.settings.sheet_bytes
        )
        sheets = [making.folder / name for name in layout.sheets]
        if fault is None and all(sheet.exists() for sheet in sheets):
            return [*sheets, *_different(making.folder)]
        if fault is not None and Fault.is_passing(fault.sentence):
            break
    return fault or Fault("the film gives no picture.")


def _command(making: Making, layout: Layout, *, keys_only: bool, tones: bool) -> list[str]:
    settings = making.settings
    # One graph for the whole film: a picture that changes its size on the way is scaled as it comes.
    before: dict[str, Any] = input_options(making.container) | {"threads": THREADS, "reinit_filter": 0}
    if keys_only:
        before["skip_frame"] = "nokey"
    frames = ffmpeg.input(f"file:{VIDEO}", **before)[making.subject.stream]
    frames = (
        frames.filter("fps", fps=f"1/{layout.interval}", start_time=0, round="down", eof_action="pass")
        .filter("tpad", stop_mode="clone", stop=layout.tiles)
        .filter("trim", end_frame=layout.tiles)
        .filter_multi_output("split", 3)
    )
    small = _finished(scaled(frames[0], (layout.width, layout.height)), tones)
    chosen = "+".join(f"eq(n,{number})" for number in _spread(layout.tiles, settings.thumbnails))
    width, height = within(making.subject, settings.thumbnail_width) or (settings.thumbnail_width, -2)
    large = _finished(scaled(frames[1].filter("select", chosen), (width, height)), tones)
    sheets = small.filter("tile", f"{layout.columns}x{layout.rows}")
    quality = {"q:v": settings.poster_quality}
    outputs = (
        ffmpeg.output(sheets, "storyboard-%d.jpg", vframes=len(layout.sheets), **_PASSED_AS_THEY_COME, **quality),
        ffmpeg.output(large, "thumb-%02d.jpg", vframes=settings.thumbnails, **_PASSED_AS_THEY_COME, **quality),
        # A sheet takes a hundred tiles: what tells of progress is each.
        ffmpeg.output(frames[2], "pipe:", f="null", fps_mode="passthrough"),
    )
    return compiled(ffmpeg.merge_outputs(*outputs))


def _finished(frames: Any, tones: bool) -> Any:
    return (to_sdr(frames) if tones else frames).filter("format", "yuvj420p")


def _spread(tiles: int, number: int) -> list[int]:
    """So many of the tiles, each from the middle of its share of the film; fewer where there are fewer."""
    return sorted({int((part + 0.5) * tiles / number) for part in range(number)})


def _different(folder: Path) -> list[Path]:
    """The thumbnails, without those that show the same key frame again, numbered anew."""
    seen: dict[bytes, Path] = {}
    for made in sorted(folder.glob("thumb-*.jpg")):
        seen.setdefault(made.read_bytes(), made)
    return [made.rename(folder / f"thumb-{number + 1:02}.jpg") for number, made in enumerate(seen.values())]
