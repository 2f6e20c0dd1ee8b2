"""A poster made of a picture: one that lies beside the film, or the cover that the film holds.

Its kind is told by its first bytes and forced upon ffmpeg; its size is read before anything is decoded. The poster is
made anew: upright, in square pixels, and without anything else that was in the picture.
"""

import os
import struct
from typing import Any, Final

import ffmpeg

from media.asking import input_options
from media.faults import Fault
from media.sandbox import VIDEO, Sandbox, complaint
from media.settings import MediaSettings
from media.shown import is_cover
from media.sniff import Container

JPEG_MAGIC: Final = b"\xff\xd8\xff"
# Demuxers of ffmpeg.
_JPEG, _PNG, _WEBP = "jpeg_pipe", "png_pipe", "webp_pipe"
_MOST_SEGMENTS: Final = 1000
# Start of frame, but for 0xC4, 0xC8 and 0xCC, which are something else (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def from_picture(sandbox: Sandbox, settings: MediaSettings, descriptor: int) -> bytes | Fault:
    """A JPEG made of the open picture; or why not, as the end of a sentence that begins with the picture's name.

    Raises `SandboxError`, and `OSError` when the disk does.
    """
    kind = _kind(os.pread(descriptor, 16, 0))
    if kind is None:
        return Fault("is no JPEG, PNG or WebP picture, whatever its name says")
    size = {_JPEG: _jpeg_size, _PNG: _png_size, _WEBP: _webp_size}[kind](descriptor)
    if size is None:
        return Fault("is damaged: its size can't be read")
    width, height = size
    if width * height > settings.cover_pixels:
        return Fault(f"has more pixels than it may ({width:,} by {height:,}; at most {settings.cover_pixels:,} in all)")
    if not is_cover(width, height):
        return Fault(f"has not the size and shape of a poster ({width} by {height} pixels)")
    options = {"f": kind, "format_whitelist": kind, "protocol_whitelist": "file"}
    return _made(sandbox, settings, descriptor, options, "v:0")


def from_track(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container, track: int
) -> bytes | Fault:
    """The same of the cover that is the film's stream `track`."""
    return _made(sandbox, settings, descriptor, input_options(container), str(track))


def _made(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, options: dict[str, Any], stream: str
) -> bytes | Fault:
    source = ffmpeg.input(f"file:{VIDEO}", **options, threads=1, max_pixels=settings.cover_pixels)
    # Upright by what the picture says of itself; smaller, never larger.
    frames = source[stream].filter("scale", f"max(2,trunc(min({settings.poster_width},iw)/2)*2)", -2)
    frames = frames.filter("setsar", 1).filter("format", "yuvj420p")
    picture = ffmpeg.output(
        frames, "pipe:1", f="image2pipe", vcodec="mjpeg", vframes=1, map_metadata=-1, **{"q:v": settings.poster_quality}
    )
    outcome = sandbox.run(
        picture.global_args("-nostdin", "-v", "error").compile(),
        descriptor,
        seconds=settings.poster_timeout_seconds,
        output_bytes=settings.poster_output_bytes,
    )
    if isinstance(outcome, Fault):
        return Fault("takes more time or room to decode than a picture may")
    if outcome.status == 0 and outcome.output.startswith(JPEG_MAGIC):
        return outcome.output
    return Fault(f"can't be decoded: {complaint(outcome)}")


def _kind(head: bytes) -> str | None:
    if head.startswith(JPEG_MAGIC):
        return _JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    return _WEBP if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _png_size(descriptor: int) -> tuple[int, int] | None:
    """Of its first chunk (PNG 1.2, section 11.2.2)."""
    head = os.pread(descriptor, 24, 0)
    if head[12:16] != b"IHDR" or len(head) < 24:
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _jpeg_size(descriptor: int) -> tuple[int, int] | None:
    """Of its first frame; what is before it (Exif, colour profiles, thumbnails) is passed by unread."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        head = os.pread(descriptor, 9, at)
        if len(head) < 9 or head[0] != 0xFF:
            return None
        if head[1] == 0xFF:  # filling
            at += 1
        elif head[1] in _FRAMES:
            height, width = struct.unpack_from(">HH", head, 5)
            return (width, height) if width and height else None
        else:
            at += 2 + int(struct.unpack_from(">H", head, 2)[0])
    return None


def _webp_size(descriptor: int) -> tuple[int, int] | None:
    """Of its canvas, or of its only frame (RFC 9649, sections 2.5 to 2.7)."""
    head = os.pread(descriptor, 30, 0)
    if len(head) < 30:
        return None
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
