"""How much a title is watched: plays of the last months, each worth half as much after a week.

Kept as a logarithm of a sum of powers that grow with the date of the play: ln(sum(2 ** (day / 7))). A play loses weight
because later ones weigh more, so the order of titles is right at every moment while only those that were played change.
A viewer counts once a day for a title, however often the player starts anew.
"""

from typing import Any, LiteralString

from psycopg import Connection

# One call in `seconds` gets a row, whatever the number of workers; the lock is held until the work is done.
_DUE: LiteralString = """
UPDATE popularity_computed SET at = now() WHERE at < now() - make_interval(secs => %s) RETURNING at
"""
# Days are counted from 2020; weights are relative to today, so that no power overflows.
_COMPUTE: LiteralString = """
WITH plays AS (
    SELECT DISTINCT video_id, user_id, started_at::date AS day FROM playbacks
     WHERE started_at > now() - interval '90 days'),
scores AS (
    SELECT video_id, ln(sum(power(2, (day - current_date) / 7.0)))
                     + (current_date - date '2020-01-01') / 7.0 * ln(2) AS score
      FROM plays GROUP BY video_id)
UPDATE videos v SET popularity = s.score FROM scores s
 WHERE v.id = s.video_id AND abs(v.popularity - s.score) > 1e-6
"""


def refresh(connection: Connection[Any], older_than_seconds: float) -> bool:
    """Bring it up to date if it is older than that; did this call do it?"""
    with connection.transaction():
        if connection.execute(_DUE, (older_than_seconds,)).fetchone() is None:
            return False
        connection.execute(_COMPUTE)
    return True
