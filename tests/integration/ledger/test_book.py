"""The book: each line once, whatever is killed or repeated."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from authsvc.ledger import book, rotation
from authsvc.ledger.account_log import AccountLog, Answer, Chunk, FileKey
from catalog import roles
from testbed.services.world import World
from tests.unit.test_ledger_account import line

FILE = FileKey(77, b"h" * 32)
HOUR = datetime(2026, 3, 1, 10, tzinfo=UTC)
USER, VIDEO = uuid.UUID(int=1), uuid.UUID(int=2)


def answer(size: int, *, completed: bool = True, playback: uuid.UUID | None = None) -> Answer:
    return Answer(HOUR, USER, VIDEO, playback, "192.0.2.7 40000", 8, size, completed)


def sums(world: World) -> list[tuple[int, int, int]]:
    return world.owner.execute("SELECT bytes, estimated_bytes, requests FROM traffic").fetchall()


@pytest.fixture
def ledger(world: World) -> psycopg.Connection:
    world.owner.execute("TRUNCATE traffic, log_positions")
    return psycopg.connect(world.database.url_for(roles.LEDGER), autocommit=True)


def test_sums_grow_and_estimates_are_kept_apart(world: World, ledger: psycopg.Connection) -> None:
    alice = world.user("alice")
    session, _ = world.session(alice)
    playback = uuid.uuid4()
    world.owner.execute(
        "INSERT INTO playbacks (id, session_id, user_id, video_id, door) VALUES (%s, %s, %s, %s, 'signed')",
        (playback, session, alice.id, world.video()),
    )
    some = [answer(10, playback=playback), answer(900, completed=False, playback=playback), answer(5)]
    book.write(ledger, Chunk(FILE, 0, 100, some), {1: 200})
    book.write(ledger, Chunk(FILE, 100, 150, [answer(1, playback=playback)]), {})
    assert sums(world) == [(16, 200, 4)]
    found = world.owner.execute("SELECT bytes, estimated_bytes FROM playbacks WHERE id = %s", (playback,)).fetchone()
    assert found == (11, 200)
    daily = world.owner.execute("SELECT day::text, bytes, estimated_bytes FROM traffic_daily").fetchall()
    assert daily == [("2026-03-01", 16, 200)]
    assert book.positions(ledger) == {FILE: 150}


def test_what_is_booked_already_is_not_booked_again(world: World, ledger: psycopg.Connection) -> None:
    """By a second ledger, or after an answer of PostgreSQL that was lost."""
    chunk = Chunk(FILE, 0, 100, [answer(10)])
    book.write(ledger, chunk, {})
    for again in (chunk, Chunk(FILE, 0, 150, [answer(10), answer(10)]), Chunk(FILE, 50, 100, [answer(10)])):
        with pytest.raises(book.PositionMoved):
            book.write(ledger, again, {})
    assert sums(world) == [(10, 0, 1)]


def test_a_failure_half_way_books_nothing(world: World, ledger: psycopg.Connection) -> None:
    too_much = [answer(10), answer(2**63 - 1), answer(2**63 - 1)]
    with pytest.raises(psycopg.errors.DataError):
        book.write(ledger, Chunk(FILE, 0, 100, too_much), {})
    assert sums(world) == []
    assert book.positions(ledger) == {}


def test_lines_of_users_and_titles_that_are_gone_are_booked(world: World, ledger: psycopg.Connection) -> None:
    book.write(ledger, Chunk(FILE, 0, 100, [answer(10, playback=uuid.uuid4())]), {})
    assert sums(world) == [(10, 0, 1)]


def test_the_log_is_not_rotated_before_yesterday_is_booked(
    world: World, ledger: psycopg.Connection, tmp_path: Path
) -> None:
    path, url = tmp_path / "account.log", world.database.url_for(roles.LEDGER)
    path.write_bytes(line(1))
    assert rotation.unbooked(path, url) == [], "today's may be anywhere"
    path.rename(tmp_path / "account.log.1")
    path.write_bytes(line(2))
    assert rotation.unbooked(path, url) == [str(tmp_path / "account.log.1")]
    positions: dict[FileKey, int] = {}
    for chunk in AccountLog(path, 4096).unread(positions):
        book.write(ledger, chunk, {})
        positions[chunk.file] = chunk.end
    assert rotation.unbooked(path, url) == []


def test_without_the_book_the_log_is_not_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETOSCOPE_DATABASE_URL", f"host={tmp_path} dbname=none")
    assert rotation.main([str(tmp_path / "account.log")]) == 1
    assert rotation.main([]) == 2


def test_the_ledger_may_do_no_more_than_its_task(ledger: psycopg.Connection) -> None:
    for statement in (
        "SELECT password_hash FROM users",
        "UPDATE sessions SET user_id = gen_random_uuid()",
        "DELETE FROM playbacks",
        "UPDATE playbacks SET user_id = gen_random_uuid()",
        "INSERT INTO revocations (kind) VALUES ('user')",
        "SELECT * FROM refresh_tokens",
        "CREATE TABLE mine ()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ledger.execute(statement)
