"""Which stretches of a title viewers wait for (catalog/migrations/versions/0015_instants.py)."""

from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

Database = Connection[Any]

_WANTED: LiteralString = """
SELECT segment FROM instant_wants
 WHERE video_id = %s AND asked_at > now() - make_interval(secs => %s) ORDER BY since, segment
"""
_IS_WATCHED: LiteralString = """
SELECT EXISTS (SELECT FROM instant_wants WHERE video_id = %s AND asked_at > now() - make_interval(secs => %s))
"""
_OTHERS: LiteralString = """
SELECT EXISTS (SELECT FROM jobs WHERE kind = 'instant' AND state = 'queued' AND urgency = 'wanted')
"""
_FORGET: LiteralString = "DELETE FROM instant_wants WHERE video_id = %s"


def listen(database: Database) -> None:
    """From now on `has_news` tells of new wants."""
    database.execute("LISTEN instant")


def has_news(database: Database, video: UUID) -> bool:
    """Has somebody asked for something since the last call? Waits for nobody."""
    told = [note.payload for note in database.notifies(timeout=0)]
    return str(video) in told


def await_news(database: Database, seconds: float) -> None:
    """Let this time pass, or less where somebody asks for something."""
    for _ in database.notifies(timeout=seconds, stop_after=1):
        pass


def wanted(database: Database, video: UUID, patience_seconds: float) -> list[int]:
    """The segments that somebody waits for, the longest wait first."""
    return [segment for (segment,) in database.execute(_WANTED, (video, patience_seconds))]


def others_come_first(database: Database, video: UUID, absence_seconds: float) -> bool:
    """Does nobody watch this title, while somebody waits for another one to be begun?"""
    (is_watched,) = database.execute(_IS_WATCHED, (video, absence_seconds)).fetchone() or (True,)
    if is_watched:
        return False
    (others,) = database.execute(_OTHERS).fetchone() or (False,)
    return bool(others)


def forget(database: Database, video: UUID) -> None:
    """All of it has been made."""
    database.execute(_FORGET, (video,))
