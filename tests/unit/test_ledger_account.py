"""The account log: whole lines only, every file once, whatever rotation does with names and inodes."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from authsvc.ledger.account_log import AccountLog, Chunk, FileKey, Unreadable, parse

USER, VIDEO, PLAYBACK = "a" * 32, "b" * 32, "c" * 32


def line(size: int = 1000, **changes: Any) -> bytes:
    entry = {
        "time": 1795230631.25, "connection": 8, "client": "192.0.2.7", "port": 40000, "door": "signed",
        "playback": PLAYBACK, "user": USER, "video": VIDEO, "file": "source.mp4", "method": "GET", "status": 206,
        "bytes": size, "range": "", "seconds": 0.1, "completed": True, "request_id": os.urandom(8).hex(),
    }  # fmt: skip
    return json.dumps(entry | changes).encode() + b"\n"


class Book:
    """Reads as the ledger does: remembers each chunk's end."""

    def __init__(self, path: Path, chunk_bytes: int = 4096) -> None:
        self.log, self.positions = AccountLog(path, chunk_bytes), dict[FileKey, int]()

    def read(self) -> list[int]:
        sizes: list[int] = []
        for chunk in self.log.unread(self.positions):
            assert isinstance(chunk, Chunk)
            self.positions[chunk.file] = chunk.end
            sizes += [answer.bytes for answer in chunk.answers]
        return sizes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account.log"


def test_a_line_says_who_got_what(path: Path) -> None:
    answer = parse(line(7, completed=False))
    assert answer.hour.isoformat() == "2026-11-21T03:00:00+00:00"
    assert (answer.user_id, answer.video_id, answer.playback_id) == (UUID(USER), UUID(VIDEO), UUID(PLAYBACK))
    assert (answer.peer, answer.bytes, answer.completed) == ("192.0.2.7 40000", 7, False)
    assert parse(line(playback="")).playback_id is None


@pytest.mark.parametrize(
    "bad",
    [b"", b"{}", b"\0" * 50, b"null", b"[]", line()[:-20], line(user="x"), line(size=-1), line(time="now"),
     line(time=1e300), line(bytes=None)],
)  # fmt: skip
def test_what_nginx_did_not_write_is_no_answer(bad: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(bad)


def test_half_a_line_waits_for_its_other_half(path: Path) -> None:
    book, whole = Book(path), line(2)
    path.write_bytes(line(1) + whole[:30])
    assert book.read() == [1]
    assert book.read() == []
    with path.open("ab") as file:
        file.write(whole[30:])
    assert book.read() == [2]


def test_a_bad_line_costs_no_other(path: Path) -> None:
    path.write_bytes(line(1) + b"\0\0\0\n" + line(2))
    assert Book(path).read() == [1, 2]


def test_a_hole_without_lines_is_stepped_over(path: Path) -> None:
    path.write_bytes(line(1) + b"\0" * 9000 + b"\n" + line(2))
    assert Book(path).read() == [1, 2]


def test_a_log_longer_than_a_chunk_is_read_whole(path: Path) -> None:
    path.write_bytes(b"".join(line(size) for size in range(100)))
    assert Book(path, chunk_bytes=1000).read() == list(range(100))


def test_what_was_written_before_and_after_a_rotation_is_read_once(path: Path) -> None:
    book = Book(path)
    path.write_bytes(line(1))
    assert book.read() == [1]
    nginx = path.open("ab", buffering=0)
    nginx.write(line(2))
    path.rename(path.with_name("account.log.1"))
    # Nginx has not seen the signal yet, and the new file is there already.
    path.touch()
    nginx.write(line(3))
    assert book.read() == [2, 3]
    nginx.write(line(4))
    path.write_bytes(line(5))
    assert sorted(book.read()) == [4, 5]
    assert book.read() == []


def test_several_rotations_while_nobody_reads_lose_nothing(path: Path) -> None:
    book = Book(path)
    path.write_bytes(line(1))
    book.read()
    for day in (3, 2, 1):
        path.with_name(f"account.log.{day}").write_bytes(line(10 * day))
    path.with_name("account.log.4.gz").write_bytes(b"\x1f\x8b")
    path.with_name("account.log.backup").write_bytes(line(999))
    assert sorted(book.read()) == [10, 20, 30]


def test_a_new_file_with_the_inode_of_an_old_one_is_read_from_its_start(path: Path) -> None:
    book = Book(path)
    path.write_bytes(line(1) + line(2))
    assert book.read() == [1, 2]
    # In place: the same inode, other content, as a file system reuses the number of a deleted file.
    path.write_bytes(line(3) + line(4) + line(5))
    assert book.read() == [3, 4, 5]


def test_no_log_is_nothing_to_read(path: Path) -> None:
    assert Book(path).read() == []
