"""One picture of a video: from a tenth of its length, at a key frame, the most typical of a few."""

from dataclasses import dataclass
from typing import Any

import ffmpeg

from media.asking import input_options
from media.faults import Fault
from media.sandbox import VIDEO, Sandbox, complaint
from media.settings import MediaSettings
from media.sniff import Container

_AT_SHARE = 0.1
# Key frames are compared within this many seconds of video: bounds what is read of a large file.
_WINDOW_SECONDS = 8
_CANDIDATES = 4
# The lowest height of a picture in pixels: a codec needs two.
_LOWEST = 2
_JPEG_MAGIC = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the video: see `Probed`. A `track` of None means the first that is no cover."""

    duration_seconds: float
    width: int | None
    height: int | None
    track: int | None
    is_hdr: bool


def make_poster(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container, subject: Subject
) -> bytes | Fault:
    """A JPEG, or why there is none (which does not make the video broken). Raises `SandboxError`."""
    fault = Fault("No picture could be made.")
    at = subject.duration_seconds * _AT_SHARE
    # Tones can't be mapped when the file does not tell its colours; no frame is at a tenth when its index lies.
    for start, tones in ((at, True), (at, False), (0.0, False)) if subject.is_hdr else ((at, False), (0.0, False)):
        outcome = sandbox.run(
            _command(settings, container, subject, start, tones),
            descriptor,
            seconds=settings.poster_timeout_seconds,
            output_bytes=settings.poster_output_bytes,
        )
        if isinstance(outcome, Fault):
            return outcome
        if outcome.status == 0 and outcome.output.startswith(_JPEG_MAGIC):
            return outcome.output
        fault = Fault(f"No picture could be made: {complaint(outcome)}.")
    return fault


def _size(subject: Subject, widest: int) -> tuple[int | str, int]:
    """Width and height in even pixels, in the proportions in which the video is shown. ffmpeg has turned it before."""
    if subject.width is None or subject.height is None:
        return f"min({widest},iw)", -2
    width = min(widest, subject.width)
    height = subject.height * width / subject.width
    return max(_LOWEST, width // 2 * 2), max(_LOWEST, round(height / 2) * 2)


def _command(settings: MediaSettings, container: Container, subject: Subject, start: float, tones: bool) -> list[str]:
    before: dict[str, Any] = input_options(container) | {"skip_frame": "nokey", "t": _WINDOW_SECONDS, "threads": 1}
    if start > 0:
        before |= {"ss": f"{start:.3f}", "noaccurate_seek": None}
    track = "V:0" if subject.track is None else str(subject.track)
    frames = ffmpeg.input(f"file:{VIDEO}", **before)[track]
    # Small first: everything after it costs a fraction.
    frames = frames.filter("scale", *_size(subject, settings.poster_width)).filter("setsar", 1)
    if tones:
        frames = (
            frames.filter("zscale", t="linear", npl=100)
            .filter("format", "gbrpf32le")
            .filter("zscale", p="bt709")
            .filter("tonemap", "hable", desat=0)
            .filter("zscale", t="bt709", m="bt709", r="tv")
        )
    frames = frames.filter("thumbnail", _CANDIDATES).filter("format", "yuvj420p")
    picture = ffmpeg.output(
        frames, "pipe:1", f="image2pipe", vcodec="mjpeg", vframes=1, **{"q:v": settings.poster_quality}
    )
    command: list[str] = picture.global_args("-nostdin", "-v", "error").compile()
    return command
