"""Open answers, as Nginx's answers log tells: whatever is late, lost, doubled or not written by Nginx."""

import os
from pathlib import Path

import pytest

from authsvc.ledger.answers_log import AnswersLog, Begun, Ended, parse
from authsvc.ledger.open_answers import OpenAnswers

FILM, OTHER = "a" * 32, "b" * 32
PEER = "192.0.2.7 40000"


def begun(
    number: int, playback: str = FILM, *, serial: int = 8, at: float = 0, peer: str = PEER, address: str = "192.0.2.7",
    kind: str = "media:source", method: str = "GET", http2: bool = False,
) -> bytes:  # fmt: skip
    protocol = "HTTP/2.0" if http2 else "HTTP/1.1"
    time = f"{1_795_709_989 + (at or number):.3f}"
    return f"+{number:032x} {time} {serial} {peer} {address} {playback} {method} {kind} {protocol}\n".encode()


def ended(number: int) -> bytes:
    return f"-{number:032x}\n".encode()


class Known:
    """Open answers with the log they are read from."""

    def __init__(self, folder: Path) -> None:
        self.path, self.state = folder / "answers.log", folder / "answers.json"
        self.path.touch()
        self.start()

    def start(self) -> None:
        self.answers = OpenAnswers(AnswersLog(self.path), self.state)

    def read(self, *lines: bytes) -> list[tuple[str, int, str]]:
        """Peer, number of the connection and number of the request of each open answer."""
        with self.path.open("ab") as file:
            file.write(b"".join(lines))
        self.answers.read()
        return [(each.peer, each.serial, request.lstrip("0")) for each in self.answers for request in sorted(each.open)]


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path)


def test_a_line_says_what_begins_and_what_is_over() -> None:
    assert parse(begun(1, address="2001:db8::7:1")[:-1]) == Begun(
        f"{1:032x}", 1_795_709_990.0, 8, PEER, "2001:db8::", FILM, takes_lease=True, http2=False
    )
    for kind, method, takes in (
        ("manifest", "GET", True), ("media:720", "GET", True), ("media:720", "HEAD", False),
        ("picture", "GET", False), ("", "GET", False),
    ):  # fmt: skip
        line = parse(begun(1, kind=kind, method=method)[:-1])
        assert isinstance(line, Begun)
        assert line.takes_lease is takes
    assert parse(ended(7)[:-1]) == Ended(f"{7:032x}")


@pytest.mark.parametrize(
    "line",
    [b"", b"+", b"-", b"\0" * 40, ended(1)[:-2], begun(1)[:-3], begun(1)[1:-1], begun(1)[:-1] + b" x", begun(1)],
)
def test_what_nginx_did_not_write_says_nothing(line: bytes) -> None:
    assert parse(line) is None


def test_what_begins_is_open_until_it_is_over(known: Known) -> None:
    assert known.read(begun(1, http2=True), begun(2, OTHER, http2=True)) == [(PEER, 8, "1"), (PEER, 8, "2")]
    assert known.read(ended(1)) == [(PEER, 8, "2")]
    assert known.read(ended(1), ended(9), ended(2)) == []


def test_half_a_line_waits_for_its_other_half(known: Known) -> None:
    line = begun(1)
    assert known.read(line[:50]) == []
    assert known.read(line[50:]) == [(PEER, 8, "1")]


def test_on_http1_a_beginning_ends_what_was_before_it_though_its_line_was_lost(known: Known) -> None:
    assert known.read(begun(1), begun(2)) == [(PEER, 8, "2")]
    assert known.read(ended(1)) == [(PEER, 8, "2")]


def test_of_two_connections_with_one_peer_the_later_is_there(known: Known) -> None:
    """Two workers write their buffers in any order."""
    assert known.read(begun(1, serial=8, at=5)) == [(PEER, 8, "1")]
    assert known.read(begun(2, serial=9, at=6)) == [(PEER, 9, "2")]
    assert known.read(begun(3, serial=8, at=5.5)) == [(PEER, 9, "2")]


def test_connections_that_are_gone_have_no_open_answers(known: Known) -> None:
    other = "192.0.2.7 40001"
    known.read(begun(1), begun(2, peer=other))
    known.answers.keep_only({other})
    assert known.read() == [(other, 8, "2")]
    assert known.answers.changed() == {FILM: 1}


def test_what_has_changed_is_told_once(known: Known) -> None:
    known.read(begun(1), begun(2, OTHER, peer="192.0.2.7 40001", kind="picture"))
    assert known.answers.changed() == {FILM: 1, OTHER: 0}
    assert known.answers.changed() == {}
    known.read(ended(1))
    assert known.answers.changed() == {FILM: 0}


def test_a_new_start_goes_on_where_the_last_one_wrote_down_what_was_open(known: Known) -> None:
    known.read(begun(1, http2=True), begun(2, OTHER, http2=True))
    known.answers.save()
    known.read(ended(1), begun(3, http2=True))
    known.start()
    assert known.read() == [(PEER, 8, "2"), (PEER, 8, "3")]


def test_what_is_written_down_is_given_back_and_never_read_again(known: Known) -> None:
    for number in range(1, 2001):
        known.read(begun(number), ended(number))
    known.read(begun(5000))
    known.answers.save()
    assert known.path.stat().st_blocks * 512 < 70_000
    assert known.path.stat().st_size > 300_000
    # With the state and without it: from the hole on.
    known.start()
    assert known.read() == [(PEER, 8, f"{5000:x}")]
    known.state.unlink()
    known.start()
    assert (PEER, 8, f"{5000:x}") in known.read()


def test_what_a_ledger_read_before_it_was_killed_is_given_back_by_the_next(known: Known) -> None:
    for start in range(5):
        known.start()
        for number in range(start * 200 + 1, start * 200 + 201):
            known.read(begun(number), ended(number))
        known.answers.save()
    assert known.path.stat().st_size > 150_000
    assert known.path.stat().st_blocks * 512 < 70_000


@pytest.mark.parametrize("state", ["", "{}", "[]", "null", '{"inode": 1, "position": 2, "carriers": [[1]]}'])
def test_a_state_that_is_none_costs_the_start_nothing(known: Known, state: str) -> None:
    known.state.write_text(state)
    known.start()
    assert known.read(begun(1)) == [(PEER, 8, "1")]


@pytest.mark.parametrize("change", ["another file", "emptied"])
def test_a_file_that_was_made_anew_is_read_from_its_start(known: Known, change: str) -> None:
    known.read(begun(1), begun(2))
    if change == "emptied":
        known.path.write_bytes(b"")
    else:
        known.path.rename(known.path.with_name("old"))
        known.path.touch()
    assert known.read(begun(3)) == [(PEER, 8, "3")]


def test_what_is_no_file_is_not_read(known: Known, tmp_path: Path) -> None:
    known.path.rename(tmp_path / "real")
    known.path.symlink_to(tmp_path / "real")
    known.answers.read()
    known.path.unlink()
    os.mkfifo(known.path)
    known.answers.read()
    assert list(known.answers) == []


def test_no_log_is_nothing_open(known: Known) -> None:
    known.path.unlink()
    known.answers.read()
    assert list(known.answers) == []
