"""Boxes of ISO files and elements of EBML, made and taken apart as far as a test of broken ones needs."""

import struct
from collections.abc import Iterator

# Ids of EBML and Matroska (RFC 8794, RFC 9559).
EBML, SEGMENT, INFO, TRACKS, TAGS = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1254C367
CHAPTERS, ATTACHMENTS, SEEK_HEAD, CUES, CLUSTER, VOID = 0x1043A770, 0x1941A469, 0x114D9B74, 0x1C53BB6B, 0x1F43B675, 0xEC


def box(kind: bytes, *contents: bytes) -> bytes:
    """An ISO box (ISO/IEC 14496-12, 4.2)."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each box that `content` holds, one after the other."""
    found, at = [], 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        found.append((kind, content[at + 8 : at + size]))
        at += max(size, 8)
    return found


def rebuilt(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Boxes as bytes again."""
    return b"".join(box(kind, content) for kind, content in parts)


def changed(content: bytes, new: bytes, *path: bytes) -> bytes:
    """`content` with `new` as the content of each box at a path of kinds."""
    if not path:
        return new
    first, *rest = path
    return rebuilt([(kind, changed(inner, new, *rest) if kind == first else inner) for kind, inner in boxes(content)])


def alias(path: str) -> bytes:
    """An entry of a data reference that leads to another file by its absolute path (QuickTime's alias record)."""
    name = path.rpartition("/")[2].encode()[:63]
    where = path.encode() + b"\0" * (len(path) % 2)
    levels = struct.pack(">HH", 1, 1)
    record = bytes(10) + b"\x01x" + bytes(26) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    record += levels + bytes(16) + struct.pack(">HH", 2, len(where)) + where + b"\xff\xff\0\0"
    return box(b"alis", bytes(4), record)


def element(name: int, *contents: bytes, length: bytes | None = None) -> bytes:
    """An EBML element; `length` says something else than what it holds."""
    content = b"".join(contents)
    width = (name.bit_length() + 7) // 8
    return name.to_bytes(width, "big") + (length or (len(content) | 1 << 56).to_bytes(8, "big")) + content


def elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Id and content of each element, as long as they say how long they are."""
    at = 0
    while at < len(content):
        width = 9 - content[at].bit_length()
        name = int.from_bytes(content[at : at + width], "big")
        at += width
        width = 9 - content[at].bit_length()
        length = int.from_bytes(content[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        yield name, content[at : at + length]
        at += length


def number(value: int) -> bytes:
    """An unsigned integer of EBML."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
