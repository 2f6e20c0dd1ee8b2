"""The indexer's SQL: each function is one statement or one transaction's worth of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, DataError, IntegrityError
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import TupleRow, args_row
from psycopg.types.json import Jsonb

from catalog.contract.forms import PUBLISHED
from catalog.contract.words import RenditionPolicy
from catalog.rows import only
from indexer.defaults import Rule
from indexer.names import shown_filename, title_from
from indexer.reconcile import Found, Known, Place
from media.probe import JUDGEMENT
from media.report import Probed
from media.shown import Subject

Database = Connection[TupleRow]

# PostgreSQL, or the way to it, doesn't take the values of one row: out of range, too long, of no encoding, against a
# constraint. Anything else that is wrong there concerns every row and ends the scan.
REFUSED = (DataError, IntegrityError, ProgramLimitExceeded, UnicodeError)

_KNOWN: LiteralString = """
SELECT encode(uuid_send(id), 'hex'), library_root, path, size_bytes, mtime_ns, fingerprint, status, status_reason,
       container, removed_at IS NOT NULL, judgement, sidecars, picture_digest, note_digest
  FROM videos
"""

# A title that nobody edited follows the file's name.
_PLACE: LiteralString = """
UPDATE videos
   SET library_root = %(root)s, path = %(path)s, size_bytes = %(size)s, mtime_ns = %(mtime_ns)s,
       filename = %(filename)s, title = CASE WHEN title = %(old_title)s THEN %(title)s ELSE title END,
       removed_at = NULL, changed_at = now(), pictured_at = CASE WHEN %(pictured)s THEN pictured_at END
 WHERE id = %(id)s
"""

_SAVE: LiteralString = """
INSERT INTO videos (id, library_root, path, fingerprint, size_bytes, mtime_ns, filename, title, status, status_reason,
                    visibility, container, duration_seconds, width, height, fps, bitrate, video_codec, audio_codec,
                    video_codec_string, audio_codec_string, hdr, rotation, chapters, container_tags, direct_play,
                    video_track, cover_track, bit_depth, pixel_width, pixel_height, scan, open_gop, edit_list,
                    key_frame_seconds, peak_bitrate, moov_position, judgement)
VALUES (%(id)s, %(root)s, %(path)s, %(fingerprint)s, %(size)s, %(mtime_ns)s, %(filename)s, %(title)s, %(status)s,
        %(reason)s, %(visibility)s, %(container)s, %(duration_seconds)s, %(width)s, %(height)s, %(fps)s, %(bitrate)s,
        %(video_codec)s, %(audio_codec)s, %(video_codec_string)s, %(audio_codec_string)s, %(hdr)s, %(rotation)s,
        %(chapters)s, %(tags)s, %(direct_play)s, %(video_track)s, %(cover_track)s, %(bit_depth)s, %(pixel_width)s,
        %(pixel_height)s, %(scan)s, %(open_gop)s, %(edit_list)s, %(key_frame_seconds)s, %(peak_bitrate)s,
        %(moov_position)s, %(judgement)s)
ON CONFLICT (id) DO UPDATE
   SET library_root = EXCLUDED.library_root, path = EXCLUDED.path, fingerprint = EXCLUDED.fingerprint,
       size_bytes = EXCLUDED.size_bytes, mtime_ns = EXCLUDED.mtime_ns, filename = EXCLUDED.filename,
       title = CASE WHEN videos.title = %(old_title)s THEN EXCLUDED.title ELSE videos.title END,
       status = EXCLUDED.status, status_reason = EXCLUDED.status_reason, container = EXCLUDED.container,
       duration_seconds = EXCLUDED.duration_seconds, width = EXCLUDED.width, height = EXCLUDED.height,
       fps = EXCLUDED.fps, bitrate = EXCLUDED.bitrate, video_codec = EXCLUDED.video_codec,
       audio_codec = EXCLUDED.audio_codec, video_codec_string = EXCLUDED.video_codec_string,
       audio_codec_string = EXCLUDED.audio_codec_string, hdr = EXCLUDED.hdr, rotation = EXCLUDED.rotation,
       chapters = EXCLUDED.chapters, container_tags = EXCLUDED.container_tags, direct_play = EXCLUDED.direct_play,
       video_track = EXCLUDED.video_track, cover_track = EXCLUDED.cover_track, bit_depth = EXCLUDED.bit_depth,
       pixel_width = EXCLUDED.pixel_width,
       pixel_height = EXCLUDED.pixel_height, scan = EXCLUDED.scan, open_gop = EXCLUDED.open_gop,
       edit_list = EXCLUDED.edit_list, key_frame_seconds = EXCLUDED.key_frame_seconds,
       peak_bitrate = EXCLUDED.peak_bitrate, moov_position = EXCLUDED.moov_position, judgement = EXCLUDED.judgement,
       pictured_at = CASE WHEN %(pictured)s THEN videos.pictured_at END, removed_at = NULL, changed_at = now(),
       renditions = CASE WHEN videos.fingerprint = EXCLUDED.fingerprint THEN videos.renditions END
"""

_WAIT: LiteralString = """
INSERT INTO videos (id, library_root, path, size_bytes, mtime_ns, filename, title, status, status_reason, visibility)
VALUES (%(id)s, %(root)s, %(path)s, %(size)s, %(mtime_ns)s, %(filename)s, %(title)s, 'waiting', %(reason)s,
        %(visibility)s)
ON CONFLICT (id) DO UPDATE
   SET size_bytes = EXCLUDED.size_bytes, mtime_ns = EXCLUDED.mtime_ns, status = EXCLUDED.status,
       status_reason = EXCLUDED.status_reason, removed_at = NULL, changed_at = now()
"""

_TRACK: LiteralString = """
INSERT INTO tracks (video_id, position, kind, codec, codec_string, profile, language, title, channels, sample_rate,
                    bitrate, is_default, is_forced)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (video_id, position) DO NOTHING
"""
_track_columns = attrgetter(
    *("position", "kind", "codec", "codec_string", "profile", "language", "title", "channels", "sample_rate"),
    *("bitrate", "is_default", "is_forced"),
)

_PUBLISH: LiteralString = """
INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, %s, %s, %s)
ON CONFLICT (video_id, name) DO UPDATE SET media_type = EXCLUDED.media_type, size_bytes = EXCLUDED.size_bytes
"""

_PICTURES_DUE: LiteralString = """
SELECT id, library_root, path, size_bytes, mtime_ns, fingerprint, duration_seconds, width, height, video_track,
       hdr IS NOT NULL, cover_track
  FROM videos
 WHERE status = 'ready' AND pictured_at IS NULL AND removed_at IS NULL AND library_root = ANY(%s)
 ORDER BY added_at, id
"""

# Ready titles whose root has another policy than when they were looked at last, or that were never looked at. What was
# chosen for a title alone comes before its root's.
_ADOPT: LiteralString = """
WITH adopted AS (
    UPDATE videos SET renditions = coalesce(renditions_chosen, %(policy)s), changed_at = now()
     WHERE id IN (SELECT id FROM videos
                   WHERE library_root = %(root)s AND renditions IS DISTINCT FROM coalesce(renditions_chosen, %(policy)s)
                     AND status = 'ready' AND removed_at IS NULL AND (%(video)s::uuid IS NULL OR id = %(video)s)
                   LIMIT %(most)s)
    RETURNING id, renditions = 'ladder' OR renditions = 'as_needed' AND NOT direct_play AS is_due,
              CASE WHEN renditions_chosen IS NULL THEN 'backlog' ELSE 'upload' END AS urgency)
SELECT count(*), count(CASE WHEN is_due AND NOT EXISTS (
                                SELECT FROM published_files WHERE video_id = id AND name = ANY(%(manifests)s))
                            THEN enqueue_job('rendition', id, '{}', NULL, urgency) END)
  FROM adopted
"""
# What leads to a title's renditions.
_MANIFESTS = [one.stem + "." + one.suffixes[0] for one in PUBLISHED if one.kind == "manifest" and not one.middle]
_ADOPTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PictureDue:
    """A ready title whose pictures have not been tried."""

    id: UUID
    root: str
    path: bytes
    size: int
    mtime_ns: int
    fingerprint: bytes
    duration_seconds: float
    width: int | None
    height: int | None
    video_track: int | None
    is_hdr: bool
    # The stream that is its cover.
    cover_track: int | None

    @property
    def subject(self) -> Subject:
        return Subject(self.duration_seconds, self.width, self.height, self.video_track, self.is_hdr)


def known_videos(database: Database) -> list[Known]:
    """Every row, hidden ones too; in binary format, which spares decoding paths and digests from hexadecimal."""
    with database.cursor(binary=True) as cursor:
        return [Known._make(row) for row in cursor.execute(_KNOWN).fetchall()]


def save_ready(
    database: Database,
    video: UUID,
    found: Found,
    fingerprint: bytes,
    probed: Probed,
    visibility: str,
    old_path: bytes,
    *,
    pictured: bool = False,
) -> None:
    """Write a probed video with its tracks. What a known one had is forgotten before.

    Its pictures become due unless it is `pictured`: then they stay as they are.
    """
    row = {name: getattr(probed, name) for name in _PROBED} | {
        "chapters": Jsonb(list(probed.chapters)),
        "tags": Jsonb(probed.tags),
        "status": "ready",
        "reason": probed.note,
        "pictured": pictured,
    }
    database.execute(_SAVE, _row(video, found, visibility, old_path) | {"fingerprint": fingerprint} | row)
    with database.cursor() as cursor:
        cursor.executemany(_TRACK, [(video, *_track_columns(track)) for track in probed.tracks])


def save_broken(
    database: Database,
    video: UUID,
    found: Found,
    fingerprint: bytes | None,
    reason: str,
    visibility: str,
    old_path: bytes,
) -> None:
    """Write a video that can't be watched, with nothing of what was known of earlier content."""
    nothing = dict.fromkeys(_PROBED) | {"rotation": 0, "direct_play": False}
    row = nothing | {"chapters": Jsonb([]), "tags": Jsonb({}), "status": "broken", "reason": reason, "pictured": False}
    database.execute(_SAVE, _row(video, found, visibility, old_path) | {"fingerprint": fingerprint} | row)
    forget_content(database, video)


def save_waiting(database: Database, video: UUID, found: Found, reason: str, visibility: str) -> None:
    """Write a video that is still being copied. What was known of earlier content stays until it is probed."""
    database.execute(_WAIT, _row(video, found, visibility, found.path) | {"reason": reason})


def save_place(database: Database, row: Known, found: Found, *, pictured: bool) -> None:
    """Write where a known video is now; it is visible again. Its pictures become due unless `pictured`."""
    database.execute(_PLACE, _row(row.id, found, "", row.path) | {"pictured": pictured})


def adopt_renditions(database: Database, root: str, policy: RenditionPolicy, video: UUID | None = None) -> None:
    """Let the root's policy be that of its titles (or of one), and enqueue what is to be made because of it."""
    values = {"root": root, "policy": policy, "video": video, "manifests": _MANIFESTS, "most": _ADOPTED_AT_ONCE}
    while only(database.execute(_ADOPT, values))[0] == _ADOPTED_AT_ONCE:
        pass


def choose_renditions(database: Database, video: UUID, policy: RenditionPolicy) -> None:
    """Let this be the title's policy, whatever its root's is."""
    database.execute("UPDATE videos SET renditions_chosen = %s WHERE id = %s", (policy, video))


def folder_rules(database: Database) -> dict[Place, Rule]:
    """The folders that have a default, by root and path below it."""
    statement: LiteralString = "SELECT library_root, folder, id, visibility FROM folder_rules"
    return {(root, folder): Rule(rule, visibility) for root, folder, rule, visibility in database.execute(statement)}


def name_viewers(database: Database, video: UUID, rule: UUID) -> None:
    """Name the users and groups of a folder's rule as the viewers of a new title."""
    database.execute(
        "INSERT INTO video_users SELECT %s, user_id FROM folder_rule_users WHERE rule_id = %s", (video, rule)
    )
    database.execute(
        "INSERT INTO video_groups SELECT %s, group_id FROM folder_rule_groups WHERE rule_id = %s", (video, rule)
    )


def publish(database: Database, video: UUID, name: str, media_type: str, size: int) -> None:
    database.execute(_PUBLISH, (video, name, media_type, size))


def unpublish(database: Database, video: UUID, pattern: str = "%") -> None:
    """Forget published files whose name is LIKE `pattern`."""
    statement: LiteralString = "DELETE FROM published_files WHERE video_id = %s AND name LIKE %s"
    database.execute(statement, (video, pattern))


def forget_tracks(database: Database, video: UUID) -> None:
    database.execute("DELETE FROM tracks WHERE video_id = %s", (video,))


def forget_content(database: Database, video: UUID) -> None:
    """Forget the tracks of what the title's file held before, and all that was published of it."""
    forget_tracks(database, video)
    unpublish(database, video)


def has_content(database: Database, video: UUID, fingerprint: bytes) -> bool:
    """Is what was made of the title made of this content?"""
    statement: LiteralString = "SELECT FROM videos WHERE id = %s AND status = 'ready' AND fingerprint = %s"
    return database.execute(statement, (video, fingerprint)).fetchone() is not None


def shows_the_same(database: Database, video: UUID, fingerprint: bytes, probed: Probed) -> bool:
    """Would pictures of the title be the same as before? A row that names no track was made of the first."""
    first = min(track.position for track in probed.tracks if track.kind == "video")
    statement: LiteralString = """
        SELECT FROM videos
         WHERE id = %s AND status = 'ready' AND fingerprint = %s AND (width, height) IS NOT DISTINCT FROM (%s, %s)
           AND coalesce(video_track, %s) = %s AND cover_track IS NOT DISTINCT FROM %s AND pictured_at IS NOT NULL"""
    size = (probed.width, probed.height)
    values = (video, fingerprint, *size, first, probed.video_track, probed.cover_track)
    return database.execute(statement, values).fetchone() is not None


def published_names(database: Database, video: UUID) -> list[str]:
    statement: LiteralString = "SELECT name FROM published_files WHERE video_id = %s"
    return [name for (name,) in database.execute(statement, (video,))]


def save_sidecars(database: Database, video: UUID, sidecars: bytes) -> None:
    """Note with which subtitle files beside it the title's text was asked for."""
    database.execute("UPDATE videos SET sidecars = %s WHERE id = %s", (sidecars, video))


def hide(database: Database, videos: list[UUID]) -> int:
    """Hide titles; those that are hidden already stay as they are."""
    statement: LiteralString = (
        "UPDATE videos SET removed_at = now(), changed_at = now() WHERE id = ANY(%s) AND removed_at IS NULL"
    )
    return database.execute(statement, (videos,)).rowcount if videos else 0


def hexes(database: Database, ids: Iterable[str]) -> set[str]:
    """Those of the ids (in hexadecimal) that are titles."""
    statement: LiteralString = "SELECT encode(uuid_send(id), 'hex') FROM videos WHERE id = ANY(%s::uuid[])"
    return {video for (video,) in database.execute(statement, (list(ids),))}


def older_than_scan(database: Database, scan: int, videos: list[UUID]) -> set[UUID]:
    """Those of the titles that were there when the scan began: others came to places that it had looked at before."""
    statement: LiteralString = """
        SELECT v.id FROM videos v, scans s WHERE s.id = %s AND v.id = ANY(%s) AND v.added_at < s.started_at"""
    return {video for (video,) in database.execute(statement, (scan, videos))}


def hidden_with_source(database: Database) -> list[tuple[UUID, str]]:
    """Hidden titles whose source is still published, with its name."""
    statement: LiteralString = """
        SELECT id, name FROM published_files JOIN videos ON id = video_id
         WHERE removed_at IS NOT NULL AND name LIKE 'source.%'"""
    return [(video, name) for video, name in database.execute(statement)]


def long_hidden(database: Database, days: float, roots: list[str]) -> list[UUID]:
    """Titles hidden for longer than `days`, except those below `roots` (which can't be reached)."""
    statement: LiteralString = """
        SELECT id FROM videos
         WHERE removed_at < now() - make_interval(secs => %s) AND library_root <> ALL(%s)"""
    return [video for (video,) in database.execute(statement, (days * 86_400, roots))]


def delete_hidden(database: Database, video: UUID) -> bool:
    """Delete a title with its history, unless it came back."""
    statement: LiteralString = "DELETE FROM videos WHERE id = %s AND removed_at IS NOT NULL"
    return database.execute(statement, (video,)).rowcount == 1


def pictures_due(database: Database, roots: list[str]) -> list[PictureDue]:
    with database.cursor(row_factory=args_row(PictureDue)) as cursor:
        return cursor.execute(_PICTURES_DUE, (roots,)).fetchall()


def mark_pictured(database: Database, due: PictureDue, of_pictures: bytes, remark: str | None) -> bool:
    """Note that the pictures of this content, and those beside it, were tried; False when the title has other content
    by now."""
    statement: LiteralString = """
        UPDATE videos SET pictured_at = now(), changed_at = now(), picture_digest = %s, picture_remark = %s
         WHERE id = %s AND fingerprint = %s AND status = 'ready' AND pictured_at IS NULL"""
    return database.execute(statement, (of_pictures, remark, due.id, due.fingerprint)).rowcount == 1


def count_by_status(database: Database) -> dict[str, int]:
    statement: LiteralString = "SELECT status, count(*) FROM videos WHERE removed_at IS NULL GROUP BY status"
    return dict(database.execute(statement).fetchall())


def start_scan(database: Database) -> int:
    row = database.execute("INSERT INTO scans DEFAULT VALUES RETURNING id").fetchone()
    return int(row[0]) if row else 0


def finish_scan(database: Database, scan: int, summary: dict[str, Any], keep_days: float) -> None:
    """Write the result, and forget scans older than `keep_days` (never this one)."""
    database.execute("UPDATE scans SET finished_at = now(), summary = %s WHERE id = %s", (Jsonb(summary), scan))
    database.execute(
        "DELETE FROM scans WHERE started_at < now() - make_interval(secs => %s) AND id <> %s",
        (keep_days * 86_400, scan),
    )


def last_devices(database: Database) -> dict[str, int]:
    """The device (st_dev) of each root at the last scan whose losses were believed."""
    statement: LiteralString = """
        SELECT summary -> 'devices' FROM scans WHERE finished_at IS NOT NULL AND summary ? 'devices'
         ORDER BY started_at DESC LIMIT 1"""
    row = database.execute(statement).fetchone()
    return dict(row[0]) if row else {}


_PROBED = (
    *("container", "duration_seconds", "width", "height", "fps", "bitrate", "video_codec", "audio_codec"),
    *("video_codec_string", "audio_codec_string", "hdr", "rotation", "direct_play", "video_track"),
    *("bit_depth", "pixel_width", "pixel_height", "scan", "open_gop", "edit_list", "key_frame_seconds"),
    *("peak_bitrate", "moov_position", "cover_track"),
)


def _row(video: UUID, found: Found, visibility: str, old_path: bytes) -> dict[str, Any]:
    return {
        "id": video,
        "root": found.root,
        "path": found.path,
        "size": found.size,
        "mtime_ns": found.mtime_ns,
        "filename": shown_filename(found.path),
        "title": title_from(found.path),
        "old_title": title_from(old_path),
        "visibility": visibility,
        "judgement": JUDGEMENT,
    }


def ids(rows: Iterable[Known]) -> list[UUID]:
    return [row.id for row in rows]
