"""Which container a file is, by its first bytes. The suffix does not decide: it may lie.

What is answered here is forced upon ffmpeg (`-f`, `-format_whitelist`), so a playlist or script under a video's
suffix is never interpreted. Signatures: ISO/IEC 14496-12 section 4.2 and 4.3 (boxes, brands), RFC 8794 section
11.2 (EBML header), Microsoft's "AVI RIFF File Reference".
"""

import os
from dataclasses import dataclass
from enum import Enum

from media.faults import Fault

HEAD_BYTES = 4096


class Family(Enum):
    """A demuxer of ffmpeg: the value is what `-f` and `-format_whitelist` take."""

    ISO = "mov"
    EBML = "matroska"
    RIFF = "avi"


@dataclass(frozen=True, slots=True)
class Container:
    """`name` is what people call it and the suffix it is published under."""

    name: str
    family: Family

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.name]


_MEDIA_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/x-m4v",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
}

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"})
_PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heif", b"mif1", b"msf1", b"crx "})
_M4V_BRANDS = frozenset({b"M4V ", b"M4VH", b"M4VP"})
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_EBML_DOCTYPE = b"\x42\x82"

# What else people meet under a video's suffix, as (offset, bytes, what it is).
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"ffconcat version", "a list of other files (ffconcat script)"),
    (0, b"#EXTM3U", "a playlist (HLS or M3U)"),
    (0, b"v=0", "a stream description (SDP)"),
    (0, b"<MPD", "a streaming manifest (DASH)"),
    (0, b"<?xml", "an XML document (a manifest or playlist)"),
    (0, b"<AssetMap", "an IMF package list"),
    (0, b"<CompositionPlaylist", "an IMF composition playlist"),
    (0, b"<!DOCTYPE html", "a web page: the download probably failed"),
    (0, b"<html", "a web page: the download probably failed"),
    (0, b"FLV\x01", "a Flash video (FLV)"),
    (0, b"OggS", "an Ogg file"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (WMV, ASF)"),
    (0, b"\x00\x00\x01\xba", "an MPEG programme stream (MPG, VOB)"),
    (0, b"\x00\x00\x01\xb3", "a bare MPEG video stream"),
    (0, b"\x06\x0e\x2b\x34", "an MXF file"),
    (0, b".RMF", "a RealMedia file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"ID3", "an MP3 file"),
    (0, b"fLaC", "a FLAC file"),
    (8, b"WAVE", "a WAV sound file"),
    (188, b"\x47", "an MPEG transport stream (TS)"),
)


def sniff(head: bytes, filename: bytes) -> Container | Fault:
    """The container whose first HEAD_BYTES are `head`, or why this is none that can be served.

    The name's suffix is asked only between `mp4` and `m4v`, which are the same format.
    """
    container = _iso(head, filename) or _ebml(head) or _riff(head)
    if container is not None:
        return container
    if not head.strip(b"\0"):
        return Fault("The file holds nothing but zeros: the download or copy did not finish. Get it again.")
    looks_like = _other(head)
    if looks_like is None:
        return Fault("This is not an MP4, MKV, AVI, MOV, WebM or M4V file, whatever its name says.")
    return Fault(f"This is {looks_like}, not an MP4, MKV, AVI, MOV, WebM or M4V file. Convert or replace it.")


def _iso(head: bytes, filename: bytes) -> Container | Fault | None:
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind not in _FIRST_BOXES or 1 < size < 8:
        return None
    if kind in (b"free", b"skip", b"wide", b"uuid") and head[size + 4 : size + 8] == b"ftyp":
        return _iso(head[size:], filename)
    if kind != b"ftyp":
        return Container("mov", Family.ISO)  # QuickTime of before 2001 has no ftyp
    brand = head[8:12]
    if brand in _PICTURE_BRANDS:
        return Fault("This is a picture (HEIF or AVIF), not a video.")
    if brand == b"qt  ":
        return Container("mov", Family.ISO)
    suffix = os.path.splitext(filename)[1].lower()
    is_m4v = suffix == b".m4v" or (suffix != b".mp4" and brand in _M4V_BRANDS)
    return Container("m4v" if is_m4v else "mp4", Family.ISO)


def _ebml(head: bytes) -> Container | Fault | None:
    if not head.startswith(_EBML_MAGIC):
        return None
    at = head.find(_EBML_DOCTYPE)
    length = head[at + 2] & 0x7F if 0 < at < len(head) - 2 else 0
    doctype = head[at + 3 : at + 3 + length].rstrip(b"\0")
    if doctype == b"webm":
        return Container("webm", Family.EBML)
    if doctype in (b"matroska", b""):  # RFC 8794 names no default; old muxers left it out
        return Container("mkv", Family.EBML)
    return Fault(f"This is an EBML file of the kind {doctype[:32].decode('ascii', 'replace')!r}, not a video.")


def _riff(head: bytes) -> Container | None:
    is_avi = head[:4] in (b"RIFF", b"ON2 ") and head[8:11] in (b"AVI", b"ON2")
    return Container("avi", Family.RIFF) if is_avi else None


def _other(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for offset, magic, what in _OTHERS:
        if head[offset:].startswith(magic) or (offset == 0 and text[: len(magic)].lower() == magic.lower()):
            return what if magic != b"\x47" or head[:1] == b"\x47" else None
    return None
