"""Renditions that somebody wants of a title: made by workers, beside those that its root's policy has them make."""

from collections.abc import Collection
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection

from authsvc.library.titles import MANIFESTS
from catalog import jobs
from catalog.contract.words import PROFILES, JobUrgency, Profile

# Of these no title has anything that every browser plays (media/ladder.py): they are made beside what does.
_BESIDE: Final = tuple(profile for profile in PROFILES if profile.endswith("-av1") or profile in ("1440p", "2160p"))
_IS_KEPT: LiteralString = "SELECT FROM published_files WHERE video_id = %s AND name = ANY(%s)"

# One that failed is not begun by every viewer anew: an admin can have it tried again.
_MAY_BE_WANTED: LiteralString = """
SELECT FROM videos v
 WHERE v.id = %s AND v.renditions <> 'none'
   AND NOT EXISTS (SELECT FROM jobs WHERE video_id = v.id AND kind = 'rendition' AND state IN ('failed', 'cancelled'))
"""
# By its own policy, with nothing that leads to renditions yet, or for a ladder with a single picture that has no lowest
# rung beside it: a copied one, or one that was named.
_IS_DUE: LiteralString = """
SELECT FROM videos v
 WHERE v.id = %s AND v.status = 'ready' AND (v.renditions = 'ladder' OR v.renditions = 'as_needed' AND NOT direct_play)
   AND (NOT EXISTS (SELECT FROM published_files WHERE video_id = v.id AND name = ANY(%s))
        OR v.renditions = 'ladder'
           AND NOT EXISTS (SELECT FROM published_files WHERE video_id = v.id AND name LIKE 'v360-%%.mp4'))
"""


def order(
    connection: Connection[Any],
    video: UUID,
    *,
    by: UUID | None,
    profiles: Collection[Profile] = (),
    hls: bool = True,
    dash: bool = True,
    may_copy: bool = False,
    urgency: JobUrgency = "wanted",
) -> UUID:
    """The id of the job that makes them: all profiles that fit, if none is named. With `may_copy` and without profiles
    the policy of the title decides, by which its picture may be copied instead. An equal one is not begun twice.

    They replace what there is. What only newer devices play, named alone, joins it.
    """
    named: dict[str, Any] = {"profiles": [one for one in PROFILES if one in profiles]}
    if profiles and set(profiles).issubset(_BESIDE) and _is_kept(connection, video):
        return jobs.enqueue(connection, "extra", video_id=video, parameters=named, requested_by=by, urgency=urgency)
    wish = named if profiles else {} if may_copy else {"copy": False}
    wish |= {name: False for name, wanted in (("hls", hls), ("dash", dash)) if not wanted}
    return jobs.enqueue(connection, "rendition", video_id=video, parameters=wish, requested_by=by, urgency=urgency)


def _is_kept(connection: Connection[Any], video: UUID) -> bool:
    return connection.execute(_IS_KEPT, (video, list(MANIFESTS))).fetchone() is not None


def follow(connection: Connection[Any], video: UUID, *, by: UUID) -> None:
    """Have made what the title's own policy, just chosen, wants and what is not there."""
    if connection.execute(_IS_DUE, (video, list(MANIFESTS))).fetchone() is not None:
        order(connection, video, by=by, may_copy=True)


def want(connection: Connection[Any], video: UUID, *, by: UUID) -> None:
    """Somebody plays a title that has none and needs one: it comes before those that nobody waits for."""
    if connection.execute(_MAY_BE_WANTED, (video,)).fetchone() is not None:
        order(connection, video, by=by, may_copy=True)
