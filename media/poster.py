"""One picture of a video: from a tenth of its length, at a key frame, the most typical of a few that are not black.

Where all are black there (an opening, a fade), it is from further on; a film that is black everywhere has a black one.
"""

from typing import Any

import ffmpeg

from media.asking import input_options
from media.faults import Fault
from media.sandbox import VIDEO, Sandbox, complaint
from media.settings import MediaSettings
from media.shown import Subject, scaled, within
from media.sniff import Container
from media.tones import to_sdr

_AT_SHARE = 0.1
_FURTHER_ON = (0.3, 0.5, 0.8)
# A frame is black when so much of it (per cent) is darker than that (luma, of 255).
_BLACK_PER_CENT = 95
_DARK = 32
# Key frames are compared within this many seconds of video: bounds what is read of a large file.
_WINDOW_SECONDS = 8
_CANDIDATES = 4
_JPEG_MAGIC = b"\xff\xd8\xff"


def make_poster(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container, subject: Subject
) -> bytes | Fault:
    """A JPEG, or why there is none (which does not make the video broken). Raises `SandboxError`."""
    fault = Fault("No picture could be made.")
    for start, tones, black in _tries(subject):
        outcome = sandbox.run(
            _command(settings, container, subject, start, tones=tones, black=black),
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


def _tries(subject: Subject) -> list[tuple[float, bool, bool]]:
    """Where a picture is looked for (seconds), whether its tones are mapped, and whether it may be black.

    Tones can't be mapped when the file does not tell its colours; no frame is at a tenth when its index lies.
    """
    at, *further = (subject.duration_seconds * share for share in (_AT_SHARE, *_FURTHER_ON))
    tones = subject.is_hdr
    seen = [(at, tones, False), *((place, tones, False) for place in further)]
    unseen = [(at, tones, True), (at, False, True), (0.0, False, True)]
    return list(dict.fromkeys(seen + unseen))


def _command(
    settings: MediaSettings, container: Container, subject: Subject, start: float, *, tones: bool, black: bool
) -> list[str]:
    before: dict[str, Any] = input_options(container) | {"skip_frame": "nokey", "t": _WINDOW_SECONDS, "threads": 1}
    if start > 0:
        before |= {"ss": f"{start:.3f}", "noaccurate_seek": None}
    # Small first: everything after it costs a fraction.
    size = within(subject, settings.poster_width) or (f"min({settings.poster_width},iw)", -2)
    frames = scaled(ffmpeg.input(f"file:{VIDEO}", **before)[subject.stream], size)
    if tones:
        frames = to_sdr(frames)
    if not black:
        frames = frames.filter("blackframe", amount=0, threshold=_DARK).filter(
            "metadata", mode="select", key="lavfi.blackframe.pblack", value=_BLACK_PER_CENT, function="less"
        )
    frames = frames.filter("thumbnail", _CANDIDATES).filter("format", "yuvj420p")
    picture = ffmpeg.output(
        frames, "pipe:1", f="image2pipe", vcodec="mjpeg", vframes=1, **{"q:v": settings.poster_quality}
    )
    command: list[str] = picture.global_args("-nostdin", "-v", "error").compile()
    return command
