"""The book in PostgreSQL: bytes by hour, user, title and playback, each line of the log exactly once.

The sums and the position up to which the log is in them change in one transaction; the position changes only from the
value it was read from. A kill at any moment, a second ledger, a lost answer of PostgreSQL: nothing is booked twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from authsvc.ledger.account_log import Chunk, FileKey


class PositionMoved(Exception):
    """Somebody else has booked this part of the log."""


def positions(connection: Connection[Any]) -> dict[FileKey, int]:
    rows = connection.execute("SELECT inode, head, position FROM log_positions").fetchall()
    return {FileKey(inode, bytes(head)): position for inode, head, position in rows}


def write(
    connection: Connection[Any],
    chunk: Chunk,
    sizes: Mapping[int, int],
    explained: Mapping[tuple[str, int], int] | None = None,
) -> None:
    """Book a chunk. Raises PositionMoved.

    `sizes`: what to book of an answer that is not its bytes, by index: what arrived of an aborted one, what is left of
    one that is booked in part. `explained`: bytes of what `unlogged` has rows of, by peer and number of the connection.
    """
    hours: defaultdict[tuple[datetime, UUID, UUID], list[int]] = defaultdict(lambda: [0, 0, 0])
    playbacks: defaultdict[UUID, list[int]] = defaultdict(lambda: [0, 0])
    for index, answer in enumerate(chunk.answers):
        kind = 0 if answer.completed else 1
        size = sizes.get(index, answer.bytes)
        sums = hours[answer.hour, answer.user_id, answer.video_id]
        sums[kind] += size
        sums[2] += 1
        if answer.playback_id is not None:
            playbacks[answer.playback_id][kind] += size
    with connection.transaction():
        moved = connection.execute(
            """
            INSERT INTO log_positions AS known (inode, head, position) VALUES (%(inode)s, %(head)s, %(end)s)
            ON CONFLICT (inode, head) DO UPDATE SET position = excluded.position, read_at = now()
             WHERE known.position = %(start)s
            """,
            {"inode": chunk.file.inode, "head": chunk.file.head, "start": chunk.start, "end": chunk.end},
        ).rowcount
        if not moved:
            raise PositionMoved
        with connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO traffic AS t (hour, user_id, video_id, bytes, estimated_bytes, requests)
                VALUES (%s, %s, %s, %s, %s, %s)
                ON CONFLICT (hour, user_id, video_id) DO UPDATE
                    SET bytes = t.bytes + excluded.bytes, requests = t.requests + excluded.requests,
                        estimated_bytes = t.estimated_bytes + excluded.estimated_bytes
                """,
                [(*key, *sums) for key, sums in sorted(hours.items())],
            )
            cursor.executemany(
                "UPDATE playbacks SET bytes = bytes + %s, estimated_bytes = estimated_bytes + %s,"
                " last_seen_at = greatest(last_seen_at, now()) WHERE id = %s",
                [(*sums, playback) for playback, sums in sorted(playbacks.items())],
            )
            cursor.executemany(
                "UPDATE unlogged SET settled = settled + %(bytes)s, booked = greatest(booked - %(bytes)s, 0)"
                " WHERE (address, port, serial) = (%(address)s, %(port)s, %(serial)s)",
                [
                    {"bytes": size, "address": peer.split(" ")[0], "port": int(peer.split(" ")[1]), "serial": serial}
                    for (peer, serial), size in sorted((explained or {}).items())
                ],
            )


def estimate(connection: Connection[Any], rows: Iterable[tuple[UUID, int, datetime]]) -> None:
    """Book what no line of the log tells: a playback, its bytes, and when."""
    connection.cursor().executemany(
        """
        WITH seen AS (
            UPDATE playbacks SET estimated_bytes = estimated_bytes + %(bytes)s WHERE id = %(playback)s
            RETURNING user_id, video_id)
        INSERT INTO traffic AS t (hour, user_id, video_id, estimated_bytes)
        SELECT date_trunc('hour', %(at)s::timestamptz, 'UTC'), user_id, video_id, %(bytes)s FROM seen
        ON CONFLICT (hour, user_id, video_id) DO UPDATE
            SET estimated_bytes = t.estimated_bytes + excluded.estimated_bytes
        """,
        [{"playback": playback, "bytes": size, "at": at} for playback, size, at in rows],
    )


def forget_files(connection: Connection[Any], present: list[FileKey]) -> None:
    """Drop positions of files that are gone since a day."""
    known = [key for key in positions(connection) if key not in set(present)]
    for key in known:
        connection.execute(
            "DELETE FROM log_positions WHERE inode = %s AND head = %s AND read_at < now() - interval '1 day'", key
        )
