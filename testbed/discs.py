"""Subtitles as discs have them: pictures. ffmpeg writes a DVD's and not a Blu-ray's (PGS), which are put together here
segment by segment, right or as wrong as a test wants them.
"""

import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

HERTZ: Final = 90_000
PALETTE, OBJECT, COMPOSITION, WINDOWS, END = 0x14, 0x15, 0x16, 0x17, 0x80
# What a set of segments begins with: of everything, or of what changes.
EPOCH, NORMAL = 0x80, 0
FULL_HD: Final = (1920, 1080)
# Y, Cr, Cb, alpha; as BT.709 has them, in limited range.
WHITE, YELLOW, GREEN = (235, 128, 128, 255), (219, 138, 16, 255), (173, 26, 42, 255)


class Box(NamedTuple):
    """A rectangle of one colour, shown from `start` to `end` (seconds)."""

    start: float
    end: float
    left: int
    top: int
    width: int
    height: int
    colour: tuple[int, int, int, int] = WHITE


def segment(seconds: float, kind: int, body: bytes) -> bytes:
    """With the head that it has in a `.sup` file."""
    return struct.pack(">2sIIBH", b"PG", round(seconds * HERTZ), 0, kind, len(body)) + body


def composition(
    seconds: float, places: Sequence[bytes], *, screen: tuple[int, int] = FULL_HD, state: int = EPOCH, palette: int = 0
) -> bytes:
    head = struct.pack(">HHBHBBBB", *screen, 0x10, 0, state, 0, palette, len(places))
    return segment(seconds, COMPOSITION, head + b"".join(places))


def place(number: int, left: int, top: int, crop: tuple[int, int, int, int] | None = None) -> bytes:
    """Of an object on the screen, or of the part (left, top, width, height) of it."""
    return struct.pack(">HBBHH", number, 0, 0x80 if crop else 0, left, top) + (
        struct.pack(">HHHH", *crop) if crop else b""
    )


def palette(seconds: float, colours: Iterable[tuple[int, int, int, int]], number: int = 0) -> bytes:
    """Colours of the places 1, 2 and so on."""
    entries = b"".join(bytes([at, *colour]) for at, colour in enumerate(colours, 1))
    return segment(seconds, PALETTE, bytes([number, 0]) + entries)


def drawing(
    seconds: float, number: int, width: int, height: int, coded: bytes, *, pieces: int = 1, claimed: int | None = None
) -> bytes:
    """An object in so many `pieces`."""
    head = (claimed or len(coded) + 4).to_bytes(3, "big") + struct.pack(">HH", width, height)
    step = max(1, -(-len(coded) // pieces))
    parts = [coded[at : at + step] for at in range(0, len(coded), step)] or [b""]
    return b"".join(
        segment(
            seconds,
            OBJECT,
            struct.pack(">HBB", number, 0, (0x80 if at == 0 else 0) | (0x40 if at == len(parts) - 1 else 0))
            + (head if at == 0 else b"")
            + part,
        )
        for at, part in enumerate(parts)
    )


def filled(width: int, height: int, colour: int = 1) -> bytes:
    """The runs of a rectangle of one colour."""
    line = bytes([0, 0xC0 | width >> 8, width & 0xFF, colour]) if width > 0x3F else bytes([0, 0x80 | width, colour])
    return (line + b"\0\0") * height


def cleared(seconds: float, screen: tuple[int, int] = FULL_HD) -> bytes:
    """Nothing is on the screen any more."""
    return composition(seconds, [], screen=screen, state=NORMAL) + segment(seconds, END, b"")


def sup(boxes: Iterable[Box], screen: tuple[int, int] = FULL_HD) -> bytes:
    """A file of these, one after the other."""
    written = bytearray()
    for box in boxes:
        window = struct.pack(">BBHHHH", 1, 0, box.left, box.top, box.width, box.height)
        written += composition(box.start, [place(0, box.left, box.top)], screen=screen)
        written += segment(box.start, WINDOWS, window) + palette(box.start, [box.colour])
        written += drawing(box.start, 0, box.width, box.height, filled(box.width, box.height))
        written += segment(box.start, END, b"") + cleared(box.end, screen)
    return bytes(written)


def spu(box: Box, fields: tuple[bytes, bytes] | None = None) -> bytes:
    """A packet of a DVD: the box in the second of its four colours, or other runs (of its two fields),
    and the orders to show and to end it."""
    upper, lower = fields or (b"\0\1" * ((box.height + 1) // 2), b"\0\1" * (box.height // 2))
    pictures = upper + lower
    orders = 4 + len(pictures)
    right, bottom = box.left + box.width - 1, box.top + box.height - 1
    area = (box.left << 36 | right << 24 | box.top << 12 | bottom).to_bytes(6, "big")
    # The colours of the palette by number, the last first; the first is seen through.
    said = b"\x03\x32\x10\x04\xff\xf0\x05" + area + b"\x06" + struct.pack(">HH", 4, 4 + len(upper))
    second = orders + 4 + 1 + len(said) + 1
    ticks = round((box.end - box.start) * HERTZ / 1024)
    control = struct.pack(">HH", 0, second) + b"\x01" + said + b"\xff" + struct.pack(">HH", ticks, second) + b"\x02\xff"
    return struct.pack(">HH", orders + len(control), orders) + pictures + control


def vobsub(boxes: Iterable[Box], folder: Path, colours: Sequence[str], size: tuple[int, int] = (720, 576)) -> Path:
    """The pair of files of a DVD's subtitles in `folder`, with these 16 colours (RRGGBB); the path of the `.idx`."""
    written, lines = bytearray(), [f"size: {size[0]}x{size[1]}", f"palette: {', '.join(colours)}", "id: de, index: 0"]
    for box in boxes:
        hours, rest = divmod(round(box.start * 1000), 3_600_000)
        at = f"{hours:02}:{rest // 60_000:02}:{rest // 1000 % 60:02}:{rest % 1000:03}"
        lines.append(f"timestamp: {at}, filepos: {len(written):09x}")
        time, body = round(box.start * HERTZ), b"\x20" + spu(box)
        stamp = bytes([
            0x21 | time >> 29 & 0xE, time >> 22 & 0xFF, time >> 14 & 0xFE | 1, time >> 7 & 0xFF, time << 1 & 0xFE | 1,
        ])  # fmt: skip
        written += b"\0\0\1\xba\x44\0\4\0\4\1\0\0\3\xf8"
        written += b"\0\0\1\xbd" + struct.pack(">H", 3 + len(stamp) + len(body)) + b"\x81\x80\x05" + stamp + body
    (folder / "disc.sub").write_bytes(written)
    index = folder / "disc.idx"
    index.write_text("# VobSub index file, v7 (do not modify this line!)\n" + "\n".join(lines) + "\n")
    return index


def film(path: Path, inputs: Sequence[tuple[Path, str, str]], *options: str, picture: str, codec: str) -> None:
    """A Matroska of this `picture` (of lavfi), with each subtitle file (path, encoder, language) as a track."""
    given, mapped = [], []
    for number, (file, encoder, language) in enumerate(inputs):
        given += ["-i", str(file)]
        mapped += [
            "-map",
            str(number + 1),
            f"-c:s:{number}",
            encoder,
            f"-metadata:s:s:{number}",
            f"language={language}",
        ]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture, *given, "-map", "0:v", *mapped,
         "-copyts", "-c:v", codec, *options, str(path)],
        check=True,
    )  # fmt: skip
