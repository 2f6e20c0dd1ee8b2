"""Segments out of a file that grows: whole ones only, each with its place."""

import struct
from pathlib import Path

import pytest

from media.fragments import FragmentError, Fragments, stamped


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def fragment(number: int, time: int, samples: bytes = b"samples") -> bytes:
    header = box(b"mfhd", struct.pack(">II", 0, number))
    track = box(b"traf", box(b"tfhd", bytes(8)) + box(b"tfdt", struct.pack(">IQ", 1 << 24, time)))
    return box(b"moof", header + track) + box(b"mdat", samples)


INIT = box(b"ftyp", b"iso5") + box(b"moov", bytes(20))


def test_a_fragment_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "made.mp4"
    fragments = Fragments(path)
    assert list(fragments.new()) == []
    written = INIT + fragment(1, 0) + fragment(2, 48)
    found: list[bytes] = []
    with path.open("ab", buffering=0) as file:
        for byte in written:
            file.write(bytes([byte]))
            found += fragments.new()
    assert fragments.init == INIT
    assert found == [fragment(1, 0), fragment(2, 48)]


@pytest.mark.parametrize(
    "broken", [b"\0\0\0\0moof", b"\0\0\0\1mdat", b"\xff\xff\xff\xffmoof", box(b"moof") + box(b"free")]
)
def test_what_is_none_is_told(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "made.mp4"
    path.write_bytes(INIT + broken)
    with pytest.raises(FragmentError):
        list(Fragments(path).new())


def test_a_stamp_changes_number_and_time_alone() -> None:
    assert stamped(fragment(1, 0), 41, 1 << 40) == fragment(42, 1 << 40)


@pytest.mark.parametrize(
    "content", [box(b"moof") + box(b"mdat"), b"", fragment(1, 0).replace(b"\1\0\0\0", b"\0\0\0\0")]
)
def test_what_has_no_place_for_a_stamp_is_told(content: bytes) -> None:
    with pytest.raises(FragmentError):
        stamped(content, 1, 1)
