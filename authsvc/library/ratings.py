"""What people think of titles, from 1 to 5."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Rating:
    """A title's ratings: their average (two decimals; None without any), their number, and the asking user's own."""

    average: float | None = None
    count: int = 0
    mine: int | None = None


def of_videos(connection: Connection[Any], user_id: str, videos: Sequence[UUID]) -> dict[UUID, Rating]:
    """The ratings of those of these titles that have any."""
    rows = connection.execute(
        """
        SELECT video_id, round(avg(rating), 2)::float8, count(*), max(rating) FILTER (WHERE user_id = %s)
          FROM ratings WHERE video_id = ANY(%s) GROUP BY video_id
        """,
        (user_id, list(videos)),
    )
    return {video: Rating(*rest) for video, *rest in rows}


def rate(connection: Connection[Any], user_id: str, video_id: str, rating: int) -> None:
    """Set one's rating of a title that one may see (the caller has looked)."""
    connection.execute(
        "INSERT INTO ratings (video_id, user_id, rating) VALUES (%s, %s, %s)"
        " ON CONFLICT (video_id, user_id) DO UPDATE SET rating = excluded.rating, updated_at = now()",
        (video_id, user_id, rating),
    )


def withdraw(connection: Connection[Any], user_id: str, video_id: str) -> None:
    """Take one's rating back, if there is one."""
    connection.execute("DELETE FROM ratings WHERE video_id = %s AND user_id = %s", (video_id, user_id))
