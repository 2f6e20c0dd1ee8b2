"""Titles as viewers see them: lists, search, one title. What a role may not see is not there."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from authsvc.library import cursors
from authsvc.library import search as searching
from authsvc.library.search import Filters
from authsvc.library.visibility import SEEN_BY_ALL, VISIBLE
from authsvc.sessions.sessions import Identity
from catalog.contract.forms import PUBLISHED
from catalog.contract.words import TEXT_SUBTITLES, DynamicRange, EditList, Scan
from catalog.copying import Built

_COLUMNS: LiteralString = """
    v.id, v.title, v.description, v.tags, v.filename, v.container, v.duration_seconds, v.width, v.height, v.fps,
    v.bitrate, v.video_codec, v.audio_codec, v.video_codec_string, v.audio_codec_string, v.size_bytes, v.status,
    v.status_reason, v.added_at, v.direct_play, v.visibility, v.year, v.popularity, v.changed_at, v.title_folded,
    v.renditions, v.original_title, v.show_title, v.season, v.episode, v.people, v.hdr, v.rotation, v.pixel_width,
    v.pixel_height, v.scan, v.open_gop, v.edit_list, v.key_frame_seconds, v.peak_bitrate
"""
# What leads to a title's renditions.
MANIFESTS = frozenset(
    one.stem + "." + one.suffixes[0] for one in PUBLISHED if one.kind == "manifest" and not one.middle
)
_ORDERS: dict[cursors.Sort, LiteralString] = {
    "added": "v.added_at DESC, v.id DESC",
    # Numbers by their value (the migration that makes the collation says more).
    "title": "v.title_folded COLLATE natural_order, v.id",
    # Titles whose duration is not known yet come last.
    "duration": "coalesce(v.duration_seconds, 'Infinity'), v.id",
    "popular": "v.popularity DESC, v.id DESC",
}
_AFTER: dict[cursors.Sort, LiteralString] = {
    "added": "(v.added_at, v.id) < (%(key)s::timestamptz, %(id)s::uuid)",
    "title": "(v.title_folded COLLATE natural_order, v.id) > (%(key)s, %(id)s::uuid)",
    "duration": (
        "(coalesce(v.duration_seconds, 'Infinity'), v.id) > (coalesce(%(key)s::float8, 'Infinity'), %(id)s::uuid)"
    ),
    "popular": "(v.popularity, v.id) < (%(key)s::float8, %(id)s::uuid)",
}
# PostgreSQL can't guess how many titles a search matches, and takes 2 s where 2 ms would do (100,000 titles, measured).
# So a search is tried in three ways, each bounded before the last:
# 1. A single word among the next titles of the list's order: a common one fills its page from the first 1000 (1 to
#    3 ms). When they gave a third of it, from the first 3000. Two words rarely stand in one title, nor does a phrase.
# 2. What the search's index finds, sorted, if that is fewer than _MANY (5 ms at most).
# 3. Of more, the next page is soon found in the order of the list.
_PEEKS: tuple[int, int] = (1000, 3000)
_MANY: int = 2000
_FILTER_WHAT_IS_SORTED: LiteralString = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off"


@dataclass(frozen=True, slots=True)
class File:
    """A name that players may ask for."""

    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list for other players says of a title."""

    id: UUID
    title: str
    duration_seconds: float | None
    title_folded: str


@dataclass(slots=True)
class Title:
    """A video with its files."""

    id: UUID
    title: str
    description: str
    tags: list[str]
    filename: str
    container: str | None
    duration_seconds: float | None
    width: int | None
    height: int | None
    fps: float | None
    bitrate: int | None
    video_codec: str | None
    audio_codec: str | None
    video_codec_string: str | None
    audio_codec_string: str | None
    size_bytes: int
    status: str
    status_reason: str | None
    added_at: datetime
    direct_play: bool
    visibility: str
    year: int | None
    popularity: float
    changed_at: datetime
    title_folded: str
    # The policy that counts, its own or its root's; None: the indexer did not look yet.
    renditions: str | None
    original_title: str | None
    show_title: str | None
    season: int | None
    episode: int | None
    people: list[str]
    hdr: DynamicRange | None
    rotation: int | None
    pixel_width: int | None
    pixel_height: int | None
    scan: Scan | None
    open_gop: bool | None
    edit_list: EditList | None
    key_frame_seconds: float | None
    peak_bitrate: int | None
    files: list[File] = field(default_factory=list)

    @property
    def built(self) -> Built:
        """What decides whether its picture may be copied."""
        return Built(**{one.name: getattr(self, one.name) for one in fields(Built)})

    @property
    def made_now(self) -> bool:
        """Whether it can be watched while it is made, since nothing of the kind is kept."""
        kept = any(file.name in MANIFESTS for file in self.files)
        return self.status == "ready" and self.renditions != "none" and not kept

    def key(self, sort: cursors.Sort) -> cursors.Key:
        """What the list is sorted by."""
        if sort == "added":
            return self.added_at.isoformat()
        if sort == "popular":
            return self.popularity
        return self.title_folded if sort == "title" else self.duration_seconds


def page(
    connection: Connection[Any],
    identity: Identity,
    *,
    sort: cursors.Sort,
    limit: int,
    query: str | None = None,
    filters: Filters = Filters(),  # noqa: B008  # frozen
    cursor: str | None = None,
) -> tuple[list[Title], str | None]:
    """One page of titles and the cursor of the next, None at the end. Raises InvalidCursor, also for a cursor of a list
    with another order, search or filter."""
    narrowed, values = searching.filtered(filters)
    values |= who(identity) | {"limit": limit + 1}
    conditions: list[LiteralString] = [VISIBLE, *narrowed]
    search = searching.matching(connection, query) if query else None
    way: searching.Way = _way_of(cursor, sort, filters, query) if cursor and query else "exact"
    after: LiteralString = "true"
    if cursor:
        values["key"], values["id"] = cursors.decode(cursor, sort, filters.scope(query, way))
        after = _AFTER[sort]
    if search is None:
        titles = _in_order(connection, sort, [after, *conditions], values)
    else:
        titles = _matching(connection, sort, after, conditions, values, search) if way == "exact" else []
        if not titles and not cursor:
            way = "near"
        if way == "near":
            near = searching.nearly(connection, search)
            titles = _matching(connection, sort, after, conditions, values, near) if near else []
    more = len(titles) > limit
    titles = titles[:limit]
    _add_files(connection, titles)
    scope = filters.scope(query, way)
    return titles, cursors.encode(sort, titles[-1].key(sort), titles[-1].id.hex, scope) if more else None


def _way_of(cursor: str, sort: cursors.Sort, filters: Filters, query: str) -> searching.Way:
    """How the first page of this list was found."""
    try:
        cursors.decode(cursor, sort, filters.scope(query, "exact"))
    except cursors.InvalidCursor:
        return "near"
    return "exact"


def _in_order(
    connection: Connection[Any],
    sort: cursors.Sort,
    conditions: list[LiteralString],
    values: dict[str, Any],
    source: LiteralString = "videos",
) -> list[Title]:
    """The first titles of `source` (rows of videos) that keep the conditions."""
    with connection.cursor(row_factory=class_row(Title)) as rows:
        return rows.execute(
            f"SELECT {_COLUMNS} FROM {source} v WHERE {' AND '.join(conditions)}"
            f" ORDER BY {_ORDERS[sort]} LIMIT %(limit)s",
            values,
        ).fetchall()


def _matching(
    connection: Connection[Any],
    sort: cursors.Sort,
    after: LiteralString,
    conditions: list[LiteralString],
    values: dict[str, Any],
    search: searching.Search,
) -> list[Title]:
    """The next titles that match a search, in the cheapest of its ways."""
    values = values | search.values
    conditions = [*conditions, search.condition]
    limit = values["limit"]
    for peek in _PEEKS if search.is_for_a_word else ():
        # Nothing but the place in the list inside: whatever else a title must keep could make this a long walk.
        next_ones: LiteralString = (
            f"(SELECT * FROM videos v WHERE v.removed_at IS NULL AND {after} ORDER BY {_ORDERS[sort]} LIMIT {peek})"
        )
        titles = _in_order(connection, sort, conditions, values, next_ones)
        if len(titles) == limit:
            return titles
        if len(titles) * _PEEKS[-1] < limit * _PEEKS[0]:
            break
    found = connection.execute(
        f"""
        WITH found AS MATERIALIZED (
            SELECT v.id, v.added_at, v.title_folded, v.duration_seconds, v.popularity FROM videos v
             WHERE {" AND ".join([after, *conditions])} LIMIT {_MANY})
        SELECT v.id, (SELECT count(*) FROM found) FROM found v ORDER BY {_ORDERS[sort]} LIMIT %(limit)s
        """,
        values,
    ).fetchall()
    if not found:
        return []
    if found[0][1] < _MANY:
        return _in_order(connection, sort, ["v.id = ANY(%(found)s)"], values | {"found": [row[0] for row in found]})
    with connection.transaction():
        connection.execute(_FILTER_WHAT_IS_SORTED)
        return _in_order(connection, sort, [after, *conditions], values)


def by_name(connection: Connection[Any], identity: Identity, filename: str, *, limit: int) -> list[Title]:
    """The titles whose file has this name, newest first."""
    with connection.cursor(row_factory=class_row(Title)) as rows:
        titles = rows.execute(
            f"SELECT {_COLUMNS} FROM videos v WHERE v.filename = %(name)s AND {VISIBLE}"
            f" ORDER BY {_ORDERS['added']} LIMIT %(limit)s",
            {"name": filename, "limit": limit} | who(identity),
        ).fetchall()
    _add_files(connection, titles)
    return titles


def seen(connection: Connection[Any], identity: Identity, videos: Sequence[UUID]) -> list[UUID]:
    """Those of these titles that one may see, in the given order."""
    rows = connection.execute(
        f"SELECT v.id FROM videos v WHERE v.id = ANY(%(ids)s) AND {VISIBLE}", {"ids": list(videos)} | who(identity)
    )
    known = {row[0] for row in rows}
    return [video for video in videos if video in known]


def stamp(connection: Connection[Any], identity: Identity, video_id: str) -> str | None:
    """When the title last changed, as text; None when it is not there for this user."""
    row = connection.execute(
        f"SELECT v.changed_at FROM videos v WHERE v.id = %(id)s AND {VISIBLE}", {"id": video_id} | who(identity)
    ).fetchone()
    return str(row[0].timestamp()) if row else None


def visible(connection: Connection[Any], identity: Identity, video_id: str) -> Title | None:
    """One title with its files."""
    with connection.cursor(row_factory=class_row(Title)) as rows:
        title = rows.execute(
            f"SELECT {_COLUMNS} FROM videos v WHERE v.id = %(id)s AND {VISIBLE}", {"id": video_id} | who(identity)
        ).fetchone()
    if title is not None:
        _add_files(connection, [title])
    return title


def several(connection: Connection[Any], identity: Identity, videos: Sequence[UUID]) -> dict[UUID, Title]:
    """Those of these titles that one may see, with their files."""
    with connection.cursor(row_factory=class_row(Title)) as rows:
        titles = rows.execute(
            f"SELECT {_COLUMNS} FROM videos v WHERE v.id = ANY(%(ids)s) AND {VISIBLE}",
            {"ids": list(videos)} | who(identity),
        ).fetchall()
    _add_files(connection, titles)
    return {title.id: title for title in titles}


def listed(connection: Connection[Any], identity: Identity, *, limit: int, after: Listed | None = None) -> list[Listed]:
    """Up to `limit` titles that can be played, by title, from behind `after` on."""
    conditions: list[LiteralString] = [VISIBLE, "v.status = 'ready'"]
    values: dict[str, Any] = who(identity) | {"limit": limit}
    if after:
        conditions.append(_AFTER["title"])
        values |= {"key": after.title_folded, "id": after.id}
    with connection.cursor(row_factory=class_row(Listed)) as rows:
        return rows.execute(
            "SELECT v.id, v.title, v.duration_seconds, v.title_folded FROM videos v"
            f" WHERE {' AND '.join(conditions)} ORDER BY {_ORDERS['title']} LIMIT %(limit)s",
            values,
        ).fetchall()


def details(connection: Connection[Any], video_id: str) -> dict[str, Any]:
    """What only the page of one title shows: hdr, rotation (degrees), chapters ({title, start_seconds, end_seconds}),
    container_tags, how the file is built, the policies of renditions, remarks on what lies beside the file, the tracks
    in the container's order, and the published subtitles in theirs.
    """
    with connection.cursor(row_factory=dict_row) as rows:
        shown = rows.execute(
            "SELECT hdr, rotation, chapters, container_tags, renditions, renditions_chosen, bit_depth, pixel_width,"
            " pixel_height, scan, open_gop, edit_list, key_frame_seconds, peak_bitrate, moov_position,"
            " array_remove(ARRAY[picture_remark, note_remark], NULL) AS remarks FROM videos WHERE id = %s",
            (video_id,),
        ).fetchone()
        tracks = rows.execute(
            "SELECT position, kind, codec, codec_string, profile, language, title, channels, sample_rate, bitrate,"
            " is_default, is_forced FROM tracks WHERE video_id = %s ORDER BY position",
            (video_id,),
        ).fetchall()
        subtitles = rows.execute(
            "SELECT name, language, title, is_default, is_forced, is_hearing_impaired FROM subtitles"
            " WHERE video_id = %s ORDER BY position",
            (video_id,),
        ).fetchall()
    for track in tracks:
        track["is_text"] = track["codec"] in TEXT_SUBTITLES if track["kind"] == "subtitle" else None
    return {**(shown or {}), "tracks": tracks, "subtitles": subtitles}


def counts(connection: Connection[Any], identity: Identity) -> dict[str, int]:
    """How many titles there are, by status.

    All are counted by an index alone, in whole groups: asking each of 100,000 whether the role sees it takes twice as
    long. Those that name this user are few.
    """
    return dict(
        connection.execute(
            f"""
            WITH every AS MATERIALIZED (
                SELECT v.status, v.visibility, count(*) AS number FROM videos v
                 WHERE v.removed_at IS NULL GROUP BY v.status, v.visibility)
            SELECT status, sum(number)::bigint FROM (
                SELECT status, number FROM every WHERE visibility = ANY(%(whole)s)
                 UNION ALL
                SELECT v.status, count(*) FROM videos v
                 WHERE v.id IN (SELECT video_id FROM named_viewers WHERE user_id = %(user)s)
                   AND v.visibility <> ALL(%(whole)s) AND {VISIBLE} GROUP BY v.status) counted
             GROUP BY status
            """,
            who(identity) | {"whole": list(SEEN_BY_ALL[identity.role])},
        ).fetchall()
    )


def who(identity: Identity) -> dict[str, Any]:
    """The parameters of VISIBLE."""
    return {"role": identity.role, "user": identity.user_id}


def _add_files(connection: Connection[Any], titles: list[Title]) -> None:
    by_id = {title.id: title for title in titles}
    for video_id, *rest in connection.execute(
        "SELECT video_id, name, media_type, size_bytes FROM published_files WHERE video_id = ANY(%s) ORDER BY name",
        (list(by_id),),
    ):
        by_id[video_id].files.append(File(*rest))
