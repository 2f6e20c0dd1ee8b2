"""Ranges and conditions of both doors, by table, against RFC 9110; and the reason wherever Nginx differs from it.

In a request, S is the size of the file, TAG and DATE are its validators; numbers around S stand for themselves.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.edge import Edge, link
from testbed.viewers.http2 import Http2Connection

OTHER = "00112233445566778899aabbccddeeff"
# A file of each kind; sizes with odd ends, so that an off-by-one shows.
FILES = {
    "source.mp4": 300_007,
    "source.mkv": 70_001,
    "v720-0a1b2c3d.mp4": 131_073,
    "a-eng-0a1b2c3d.mp4": 10_007,
    "master.m3u8": 1_009,
    "poster.jpg": 20_011,
    "sub-eng.vtt": 5_003,
}
CONTENT = {name: random.Random(name).randbytes(size) for name, size in FILES.items()}

WHOLE = ("0", "S")
Part = tuple[str, str] | None
# What a 2xx brings: from the first byte to before the last. None: no byte of the file.

# Range, status, part. RFC 9110, section 14.
RANGES: list[tuple[str, int, Part]] = [
    ("bytes=0-0", 206, ("0", "1")), ("bytes=0-1", 206, ("0", "2")), ("bytes=100-199", 206, ("100", "200")),
    ("bytes=5-5", 206, ("5", "6")), ("bytes=0-", 206, WHOLE), ("bytes=1-", 206, ("1", "S")),
    ("bytes=0-{S-1}", 206, WHOLE), ("bytes={S-1}-", 206, ("S-1", "S")), ("bytes={S-1}-{S-1}", 206, ("S-1", "S")),
    ("bytes={S-2}-{S-1}", 206, ("S-2", "S")), ("bytes=-1", 206, ("S-1", "S")), ("bytes=-100", 206, ("S-100", "S")),
    ("bytes=-{S-1}", 206, ("1", "S")), ("bytes=-{S}", 206, WHOLE),
    # Beyond the end: up to the end (14.1.2).
    ("bytes=-{S+1}", 206, WHOLE), ("bytes=-{S*2}", 206, WHOLE), ("bytes=0-{S}", 206, WHOLE),
    ("bytes=0-{S*2}", 206, WHOLE), ("bytes={S-1}-{S+100}", 206, ("S-1", "S")),
    ("bytes=7-999999999999999", 206, ("7", "S")),
    # Leading zeros are digits like any other; the unit is case-insensitive (14.1).
    ("bytes=000-0009", 206, ("0", "10")), ("Bytes=0-1", 206, ("0", "2")), ("BYTES=0-1", 206, ("0", "2")),
    # Not satisfiable (15.5.17).
    ("bytes={S}-", 416, None), ("bytes={S}-{S+5}", 416, None), ("bytes={S+1}-", 416, None), ("bytes=-0", 416, None),
    ("bytes=99999999999999999-", 416, None), ("bytes={S}-,{S+1}-", 416, None),
    # Another unit, or none: ignored (14.2).
    ("items=0-1", 200, WHOLE), ("seconds=1-2", 200, WHOLE), ("none", 200, WHOLE), ("bytes", 200, WHOLE),
    ("bytes=", 200, WHOLE), ("bytes:0-1", 200, WHOLE), ("bytes =0-1", 200, WHOLE), ("0-1", 200, WHOLE),
    # Invalid: may be ignored or rejected (14.2); Nginx rejects.
    ("bytes=5-4", 416, None), ("bytes=a-b", 416, None), ("bytes=5", 416, None), ("bytes=--1", 416, None),
    ("bytes=-", 416, None), ("bytes=5-x", 416, None), ("bytes=x-5", 416, None), ("bytes=-x", 416, None),
    ("bytes=0x0-1", 416, None), ("bytes=1.0-2", 416, None), ("bytes=+0-1", 416, None), ("bytes=0-1-2", 416, None),
    ("bytes=0--1", 416, None), ("bytes=0-1;x", 416, None), ("bytes=0-1x", 416, None), ("bytes=0-1,a", 416, None),
    ("bytes=99999999999999999999-", 416, None), ("bytes=0-99999999999999999999", 416, None),
    ("bytes=-99999999999999999999", 416, None),
    # Empty members of a list count for nothing (5.6.1); Nginx takes them for invalid ranges.
    ("bytes=,0-1", 416, None), ("bytes=0-1,", 416, None),
    # White space that the grammar does not have; Nginx overlooks it.
    ("bytes= 5-9", 206, ("5", "10")), ("bytes=5 -9", 206, ("5", "10")), ("bytes=5- 9", 206, ("5", "10")),
    # More than one range: may be ignored (14.2). No player asks for it, and `max_ranges 1` saves the multipart answer.
    ("bytes=0-1,5-6", 200, WHOLE), ("bytes=0-0,-1", 200, WHOLE), ("bytes=0-9,5-14", 200, WHOLE),
    ("bytes=0-1, 5-6", 200, WHOLE), ("bytes=0-0,1-1,2-2,3-3", 200, WHOLE),
    ("bytes=" + "0-0," * 50 + "0-0", 200, WHOLE), ("bytes=0-,0-", 200, WHOLE),
    # Of which one is satisfiable: that one (14.2).
    ("bytes=0-1,{S}-", 206, ("0", "2")), ("bytes={S}-,0-1", 206, ("0", "2")),
]  # fmt: skip

# Header lines, status, part. RFC 9110, section 13.
CONDITIONS: list[tuple[str, int, Part]] = [
    ("If-None-Match: TAG", 304, None), ("If-None-Match: W/TAG", 304, None), ('If-None-Match: "a", TAG', 304, None),
    ("If-None-Match: *", 304, None), ('If-None-Match: "another"', 200, WHOLE),
    ("If-None-Match: TAG|Range: bytes=0-1", 304, None), ('If-None-Match: "a"|Range: bytes=0-1', 206, ("0", "2")),
    ("If-Match: TAG", 200, WHOLE), ("If-Match: *", 200, WHOLE), ('If-Match: "a", TAG', 200, WHOLE),
    ('If-Match: "another"', 412, None), ("If-Match: W/TAG", 412, None),
    ("If-Match: TAG|Range: bytes=0-1", 206, ("0", "2")),
    ('If-Match: "another"|Range: bytes=0-1', 412, None), ("If-Match: TAG|If-None-Match: TAG", 304, None),
    ('If-Match: "a"|If-None-Match: TAG', 412, None),
    ("If-Modified-Since: DATE", 304, None), ("If-Modified-Since: BEFORE", 200, WHOLE),
    ("If-Modified-Since: yesterday", 200, WHOLE), ("If-Modified-Since: DATE|Range: bytes=0-1", 304, None),
    ("If-Modified-Since: BEFORE|Range: bytes=0-1", 206, ("0", "2")),
    ('If-None-Match: "a"|If-Modified-Since: DATE', 200, WHOLE),
    ("If-None-Match: TAG|If-Modified-Since: DATE", 304, None),
    ("If-Unmodified-Since: DATE", 200, WHOLE), ("If-Unmodified-Since: AFTER", 200, WHOLE),
    ("If-Unmodified-Since: BEFORE", 412, None), ("If-Unmodified-Since: DATE|Range: bytes=0-1", 206, ("0", "2")),
    ("If-Range: TAG|Range: bytes=0-1", 206, ("0", "2")), ('If-Range: "another"|Range: bytes=0-1', 200, WHOLE),
    ("If-Range: DATE|Range: bytes=0-1", 206, ("0", "2")), ("If-Range: BEFORE|Range: bytes=0-1", 200, WHOLE),
    # The validator has to be the very one (13.1.5): a later date is not, nor is a weak tag.
    ("If-Range: AFTER|Range: bytes=0-1", 200, WHOLE), ("If-Range: W/TAG|Range: bytes=0-1", 200, WHOLE),
    ("If-Range: TAG", 200, WHOLE), ("If-Range: TAG|Range: bytes={S}-", 416, None),
    ('If-Range: "another"|Range: bytes={S}-', 200, WHOLE), ("If-Range: TAG|Range: bytes=0-1,3-4", 200, WHOLE),
    # Nginx differs. A date counts only when it is the file's (`if_modified_since exact`): a file that was put back from
    # a backup has an older date and other bytes. So a later one brings the file once more than needed.
    ("If-Modified-Since: AFTER", 200, WHOLE),
    # Both conditions have to agree, where the tag alone should decide: again once more than needed.
    ("If-None-Match: TAG|If-Modified-Since: BEFORE", 200, WHOLE),
    # Here too the date counts beside the tag, and one that can't be read is long ago: refused, never served wrongly.
    ("If-Match: TAG|If-Unmodified-Since: BEFORE", 412, None), ("If-Unmodified-Since: yesterday", 412, None),
]  # fmt: skip
CASES = [("", 200, WHOLE), *((f"Range: {wanted}", *rest) for wanted, *rest in RANGES), *CONDITIONS]


@dataclass(frozen=True)
class File:
    """A published file as its clients know it."""

    name: str
    tag: str
    modified: float

    @property
    def content(self) -> bytes:
        return CONTENT[self.name]

    def lines(self, case: str) -> list[str]:
        """The header lines of a case, with this file's numbers and validators."""
        size = len(self.content)
        text = re.sub(r"\{S([+*-]\d+)?\}", lambda found: str(_number(found[0][1:-1], size)), case)
        for word, seconds in (("DATE", 0), ("BEFORE", -60), ("AFTER", 60)):
            text = text.replace(word, formatdate(self.modified + seconds, usegmt=True))
        return [line for line in text.replace("TAG", self.tag).split("|") if line]


def _number(text: str, size: int) -> int:
    found = re.fullmatch(r"S?(?:([+*-]?)(\d+))?", text)
    assert found, text
    number = int(found[2] or 0)
    if not text.startswith("S"):
        return number
    return {"": size, "+": size + number, "-": size - number, "*": size * number}[found[1] or ""]


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with Edge.running() as edge:
        folder = edge.nginx.titles / OTHER
        folder.mkdir()
        for name, content in CONTENT.items():
            (folder / name).write_bytes(content)
        yield edge


def targets(name: str) -> tuple[str, str]:
    return link(name, video=OTHER), f"/stream/{OTHER}/{name}"


def known(edge: Edge, name: str) -> File:
    head = edge.get(targets(name)[1], method="HEAD")
    modified = head.header("Last-Modified")
    assert modified is not None
    return File(name, head.header("ETag") or "", parsedate_to_datetime(modified).timestamp())


def test_the_matrix_is_large_enough() -> None:
    assert len(CASES) == len({case[0] for case in CASES}) >= 100


def fields(target: str, lines: list[str]) -> list[tuple[bytes, bytes]]:
    """The request in HTTP/2."""
    rest = (line.partition(": ") for line in lines)
    return [
        (b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", target.encode()),
        *((name.lower().encode(), value.encode()) for name, _, value in rest),
    ]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_case_at_both_doors_in_both_versions(edge: Edge, name: str) -> None:
    file = known(edge, name)
    size = len(file.content)
    wrong: list[Any] = []
    with edge.connection() as one, Http2Connection(edge.nginx.https_port, edge.nginx.ca_file) as two:
        for target in targets(name):
            for case, status, part in CASES:
                lines = file.lines(case)
                first, end = (_number(edge_, size) for edge_ in part) if part else (0, 0)
                body = file.content[first:end]
                answer = one.get(target, *lines)
                content_range = {206: f"bytes {first}-{end - 1}/{size}", 416: f"bytes */{size}"}.get(status)
                if answer.status != status or (part and answer.body != body):
                    wrong.append(("1.1", target, lines, answer.status, len(answer.body)))
                elif answer.header("Content-Range") != content_range or (
                    part and answer.header("Content-Length") != str(end - first)
                ):
                    wrong.append(("1.1", target, lines, answer.headers))
                if status == 412:
                    # Nginx hangs up after a 412, though it says `keep-alive` (its static module then fails).
                    one.close()
                answer = two.ask(fields(target, lines))
                if answer.status != status or (part and answer.body != body):
                    wrong.append(("2", target, lines, answer.status, len(answer.body)))
    assert wrong == []


@pytest.mark.parametrize(
    ("case", "status", "length"),
    [
        ("", 200, "S"),
        # RFC 9110, 14.2 defines ranges for GET alone; Nginx answers a HEAD as it would the GET, which 9.3.2 asks for.
        ("Range: bytes=0-1", 206, "2"), ("Range: bytes=-5", 206, "5"), ("Range: bytes={S}-", 416, None),
        ("Range: bytes=0-1,4-5", 200, "S"), ("If-None-Match: TAG", 304, None), ('If-Match: "a"', 412, None),
        ('If-Range: "a"|Range: bytes=0-1', 200, "S"), ("If-Range: TAG|Range: bytes=0-1", 206, "2"),
    ],
)  # fmt: skip
def test_head_says_what_get_would_without_a_body(edge: Edge, case: str, status: int, length: str | None) -> None:
    for name in FILES:
        file = known(edge, name)
        for target in targets(name):
            answer = edge.get(target, *file.lines(case), method="HEAD")
            assert (answer.status, answer.body) == (status, b""), (name, case)
            if length is not None:
                assert answer.header("Content-Length") == str(_number(length, len(file.content)))


def test_errors_of_ranges_and_conditions_are_problems(edge: Edge) -> None:
    for target in targets("source.mp4"):
        for line, code in (
            ("Range: bytes=400000-", b"range_not_satisfiable"),
            ('If-Match: "a"', b"precondition_failed"),
        ):
            answer = edge.get(target, line)
            assert answer.header("Content-Type") == "application/problem+json"
            assert code in answer.body


def test_ten_thousand_random_ranges_bring_exactly_their_bytes(edge: Edge) -> None:
    chance = random.Random(20)
    names = list(FILES)
    doors = {name: targets(name) for name in names}
    with edge.connection() as connection:
        for number in range(10_000):
            name = names[number % len(names)]
            content = CONTENT[name]
            size = len(content)
            first = chance.randrange(size)
            # Most are short, as players' first ones are; some reach far.
            last = min(first + chance.choice((0, 1, 7, 300, 5_000, 40_000, size)), size - 1)
            kind = chance.randrange(3)
            if kind == 0:
                wanted, part = f"{first}-{last}", content[first : last + 1]
            elif kind == 1:
                first = max(first, size - 40_000)
                wanted, part = f"{first}-", content[first:]
            else:
                length = chance.randrange(1, 40_000)
                wanted, part = f"-{length}", content[-length:] if length < size else content
            answer = connection.get(doors[name][chance.randrange(2)], f"Range: bytes={wanted}")
            assert answer.status == 206, (name, wanted)
            assert answer.body == part, (name, wanted)


@settings(max_examples=150, deadline=None)
@given(wanted=st.from_regex(r"(bytes=)?[ ,0-9a-z=-]{0,24}", fullmatch=True))
def test_whatever_a_range_says_the_bytes_are_those_of_the_content_range(edge: Edge, wanted: str) -> None:
    content = CONTENT["poster.jpg"]
    answer = edge.get(targets("poster.jpg")[1], f"Range: {wanted}")
    assert answer.status in {200, 206, 416}
    if answer.status == 200:
        assert answer.body == content
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.header("Content-Range") or "")
        assert found
        assert answer.body == content[int(found[1]) : int(found[2]) + 1]
        assert int(found[3]) == len(content)
