"""A short silent film of several scenes, to be shown where a pointer rests on a title.

Each scene is encoded by a run of its own, so that one decoder at a time takes memory, and a scene that can't be decoded
is left out; the scenes are then joined without encoding anything again.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import ffmpeg

from media.asking import input_options
from media.faults import Fault
from media.making import THREADS, Making, compiled
from media.sandbox import VIDEO
from media.shown import Subject, scaled, within
from media.tones import to_sdr

NAME = "preview.mp4"
_LIST = "scenes.txt"
# Every player shows this; the scenes have one time base, and begin with a key frame, so that they can be joined.
_CODEC: dict[str, Any] = {
    "vcodec": "libx264",
    "preset": "veryfast",
    "pix_fmt": "yuv420p",
    "profile:v": "high",
}
_TIME_SCALE = 12_800


def make_preview(making: Making) -> Path | Fault:
    """The preview in the folder of `making`, or why there is none."""
    settings = making.settings
    fault: Fault | None = None
    made: list[str] = []
    spread = scenes(making.subject, settings.preview_scenes, settings.preview_scene_seconds)
    for number, (start, seconds) in enumerate(spread):
        name = f"scene-{number + 1}.mp4"
        for tones in dict.fromkeys((making.subject.is_hdr, False)):
            command = _scene(making, name, start, seconds, tones=tones)
            fault = _further(making, number * seconds).run(command, file_bytes=settings.preview_bytes)
            if fault is None:
                break
        if fault is None and _has_pictures(making.folder / name):
            made.append(name)
        elif fault is not None and Fault.is_passing(fault.sentence):
            return fault
    if not made:
        return fault or Fault("no scene of the film gives a picture.")
    (making.folder / _LIST).write_text("".join(f"file '{name}'\n" for name in made), encoding="ascii")
    fault = _further(making, sum(seconds for _, seconds in spread)).run(
        _joined(), file_bytes=settings.preview_bytes, film=False
    )
    return fault or making.folder / NAME


def scenes(subject: Subject, number: int, seconds: float) -> list[tuple[float, float]]:
    """Start and length in seconds of each scene: spread evenly, or the whole film where it is no longer than they."""
    duration = subject.duration_seconds
    if duration <= number * seconds:
        return [(0.0, duration)]
    return [((part + 0.5) * duration / number - seconds / 2, seconds) for part in range(number)]


def _further(making: Making, done: float) -> Making:
    """The same, telling of what is made beyond `done` seconds."""
    return replace(making, tell=lambda seconds: making.tell(done + seconds))


def _scene(making: Making, name: str, start: float, seconds: float, *, tones: bool) -> list[str]:
    settings = making.settings
    before: dict[str, Any] = input_options(making.container) | {"threads": THREADS, "reinit_filter": 0}
    before |= {"ss": f"{start:.3f}", "t": f"{seconds:.3f}"}
    width = settings.preview_width
    size = within(making.subject, width, width) or (width, width * 9 // 16 // 2 * 2)
    frames = ffmpeg.input(f"file:{VIDEO}", **before)[making.subject.stream]
    frames = scaled(frames.filter("fps", settings.preview_fps).filter("setpts", "PTS-STARTPTS"), size)
    frames = (to_sdr(frames) if tones else frames).filter("format", "yuv420p")
    return compiled(
        ffmpeg.output(frames, name, crf=settings.preview_quality, video_track_timescale=_TIME_SCALE, **_CODEC)
    )


def _has_pictures(scene: Path) -> bool:
    """A scene beyond the last picture, where only the sound goes on, is a file without any samples."""
    return scene.exists() and b"avcC" in scene.read_bytes()


def _joined() -> list[str]:
    """Without sound and with its index first. The list names files of our own alone."""
    scenes = ffmpeg.input(_LIST, f="concat", safe=1, protocol_whitelist="file", format_whitelist="concat,mov")
    return compiled(ffmpeg.output(scenes, NAME, c="copy", movflags="+faststart", map_metadata=-1))
