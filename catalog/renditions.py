"""Kept renditions over all titles: what they take, which leave first, and how they leave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from catalog.locks import lock_video
from catalog.rows import only

# As in the partial index of the same condition. Subtitles stay: they are made apart, and are small.
_IS_KEPT: LiteralString = "name ~ '^(v[0-9]|a-|iframes-).*-[0-9a-f]{8}[.](mp4|m3u8)$'"

_SUM: LiteralString = f"""
SELECT coalesce(sum(size_bytes), 0)::bigint FROM published_files
 WHERE {_IS_KEPT} AND video_id IS DISTINCT FROM %s
"""

# A title that is watched, or may be with a link that is still good, is not among them; nor is one of which something is
# being made. First those whose file is gone; then what comes back by itself when it is played, which is the meaning of
# `as_needed`; of these first what browsers play without it. Then by the day it was used last or made, by how often.
_LEAVING: LiteralString = f"""
WITH kept AS MATERIALIZED (
    SELECT video_id, sum(size_bytes)::bigint AS bytes, max(published_at) AS made_at
      FROM published_files WHERE {_IS_KEPT} GROUP BY video_id)
SELECT v.id, v.title, kept.bytes, greatest(kept.made_at, played.at) AS used_at
  FROM kept JOIN videos v ON v.id = kept.video_id
 CROSS JOIN LATERAL (
       SELECT max(last_seen_at) AS at, count(*) AS times,
              coalesce(bool_or(ended_at IS NULL AND last_seen_at > now() - make_interval(secs => %(spared)s)), false)
                  AS is_on
         FROM playbacks WHERE video_id = v.id) AS played
 WHERE NOT played.is_on
   AND NOT EXISTS (SELECT FROM jobs WHERE video_id = v.id
                                      AND (kind IN ('rendition', 'instant') AND state IN ('queued', 'running')
                                           OR kind = 'extra' AND state = 'running'))
 ORDER BY v.removed_at IS NULL, coalesce(v.renditions, 'as_needed') <> 'as_needed', NOT v.direct_play,
          date_trunc('day', greatest(kept.made_at, played.at) AT TIME ZONE 'UTC'), played.times, used_at, v.id
 LIMIT %(most)s
"""

_WITHDRAW: LiteralString = "SELECT withdraw_renditions(%s)"
_BUDGET: LiteralString = "SELECT budget_bytes, spared_hours FROM rendition_budget"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A title whose renditions may leave; `used_at` is when they were played last, or made."""

    id: UUID
    title: str
    bytes: int
    used_at: datetime


def kept_bytes(connection: Connection[Any], *, but: UUID | None = None) -> int:
    """What the renditions of all titles `but` one take. What was withdrawn, and is still on the disk for a while, does
    not count.
    """
    found: int = only(connection.execute(_SUM, (but,)))[0]
    return found


def leaving(connection: Connection[Any], spared_hours: float, most: int | None = None) -> list[Leaving]:
    """Those that may leave, in the order in which they would: `most` of them, or all."""
    with connection.cursor(row_factory=class_row(Leaving)) as cursor:
        return cursor.execute(_LEAVING, {"spared": spared_hours * 3600, "most": most}).fetchall()


def withdraw(connection: Connection[Any], video: UUID) -> int:
    """Publish no rendition of the title any more; the bytes that they took. Who watches them goes on for now."""
    with connection.transaction():
        lock_video(connection, video)
        left: int = only(connection.execute(_WITHDRAW, (video,)))[0]
    return left


def budget(connection: Connection[Any]) -> tuple[int, float]:
    """As workers told last: bytes (0: there is none), and for how many hours what is watched is spared."""
    found: tuple[int, float] = only(connection.execute(_BUDGET))
    return found
