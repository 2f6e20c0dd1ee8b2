"""How well the files of the library stream: which have what, how many, and the start of what helps.

`authsvc.library.health` says what a finding is; the conditions here find the same rows, and a test compares both. What
helps is a job that is there anyway, or another look by the next scan; both are begun once, however often it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from authsvc import audit
from authsvc.audit import Event
from authsvc.library import cursors, renditions
from authsvc.library.health import REMEDIES, Facts, Finding, Limits, findings
from authsvc.library.titles import MANIFESTS
from catalog.contract.words import (
    HEALTH_FINDINGS,
    TEXT_SUBTITLES,
    CurableFinding,
    HealthFinding,
    HealthRemedy,
    JobUrgency,
)

_CURSOR: cursors.Other = "health"

# `v` is a row of the library with what its other tables say of it.
_LIBRARY: LiteralString = """
SELECT v.*,
       EXISTS (SELECT FROM tracks t WHERE t.video_id = v.id AND t.kind = 'subtitle') AS has_subtitles,
       EXISTS (SELECT FROM tracks t WHERE t.video_id = v.id AND t.kind = 'subtitle' AND t.codec = ANY(%(texts)s))
           AS has_text_tracks,
       EXISTS (SELECT FROM subtitles s WHERE s.video_id = v.id AND s.name LIKE '%%.vtt') AS has_text,
       EXISTS (SELECT FROM published_files p WHERE p.video_id = v.id AND p.name = ANY(%(manifests)s)) AS has_versions,
       (SELECT j.state FROM jobs j WHERE j.video_id = v.id AND j.kind = 'rendition'
         ORDER BY j.created_at DESC LIMIT 1) AS making
  FROM videos v WHERE v.removed_at IS NULL
"""
_COLUMNS: LiteralString = """
    v.id, v.title, v.filename, v.title_folded, v.height, v.video_codec_string, v.audio_codec_string, v.making,
    v.judgement = 0 AS is_due, v.status, v.status_reason, v.container, v.video_codec, v.audio_codec, v.bit_depth, v.hdr,
    v.direct_play, v.bitrate, v.peak_bitrate, v.key_frame_seconds, v.scan, v.open_gop, v.edit_list, v.moov_position,
    v.has_subtitles, v.has_text_tracks, v.has_text, v.has_versions
"""
_CONDITIONS: Final[dict[HealthFinding, LiteralString]] = {
    "broken": "v.status = 'broken'",
    "incomplete": "v.status = 'ready' AND v.status_reason <> ''",
    "not_everywhere": "v.status = 'ready' AND NOT v.direct_play",
    "interlaced": "v.status = 'ready' AND v.scan IN ('tff', 'bff')",
    "edit_list": "v.status = 'ready' AND v.edit_list = 'trims'",
    "sparse_key_frames": "v.status = 'ready' AND v.key_frame_seconds > %(seconds)s",
    "peaks": "v.status = 'ready' AND v.bitrate > 0 AND v.peak_bitrate > %(times)s::float8 * v.bitrate",
    "moov_at_end": "v.status = 'ready' AND v.moov_position = 'back'",
    "open_gop": "v.status = 'ready' AND v.open_gop",
    "no_text_subtitles": "v.status = 'ready' AND v.has_subtitles AND NOT v.has_text_tracks AND NOT v.has_text",
}
# Is what helps begun, and may a press on all of a finding begin it? What an admin or a root's owner does not want made,
# and what failed, is made when it is asked for by name.
_BEGUN: Final[dict[HealthRemedy, LiteralString]] = {
    "rescan": "v.judgement = 0",
    "transcode": "coalesce(v.making IN ('queued', 'running'), false)",
}
_STARTABLE: Final[dict[HealthRemedy, LiteralString]] = {
    "rescan": "v.judgement <> 0",
    "transcode": (
        "NOT v.has_versions AND v.renditions IS DISTINCT FROM 'none'"
        " AND (v.making IS NULL OR v.making NOT IN ('queued', 'running', 'failed', 'cancelled'))"
    ),
}
_LOOK_AGAIN: LiteralString = "UPDATE videos SET judgement = 0 WHERE id = ANY(%s) AND status = 'broken'"


class NotFound(Exception):
    """These ids name no title that has the finding."""

    def __init__(self, videos: Sequence[UUID]) -> None:
        super().__init__(", ".join(video.hex for video in videos))
        self.videos = videos


@dataclass(frozen=True, slots=True)
class Looked:
    """A title with what its file is like. `making` is the state of the last job for its versions; `is_due` says that
    the next scan looks at the file again."""

    id: UUID
    title: str
    filename: str
    title_folded: str
    height: int | None
    video_codec_string: str | None
    audio_codec_string: str | None
    making: str | None
    is_due: bool
    facts: Facts
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many titles have a finding, of how many of them what helps is under way, and how many one press takes up."""

    finding: HealthFinding
    remedy: HealthRemedy
    titles: int
    under_way: int
    startable: int


@dataclass(frozen=True, slots=True)
class Started:
    """What one press has begun, what was under way before, and what the next press takes up."""

    remedy: HealthRemedy
    started: int
    under_way: int
    left: int


def page(
    connection: Connection[Any],
    limits: Limits,
    *,
    limit: int,
    finding: HealthFinding | None = None,
    cursor: str | None = None,
) -> tuple[list[Looked], str | None]:
    """Titles that have the finding, or any, by title; and the cursor of the next page. Raises InvalidCursor."""
    condition = _CONDITIONS[finding] if finding else f"({') OR ('.join(_CONDITIONS.values())})"
    values, after = _values(limits) | {"limit": limit + 1}, "true"
    if cursor:
        values["key"], values["after"] = cursors.decode(cursor, _CURSOR, finding or "")
        after = "(v.title_folded COLLATE natural_order, v.id) > (%(key)s, %(after)s::uuid)"
    with connection.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"SELECT {_COLUMNS} FROM ({_LIBRARY}) v WHERE ({condition}) AND {after}"
            " ORDER BY v.title_folded COLLATE natural_order, v.id LIMIT %(limit)s",
            values,
        ).fetchall()
    shown, more = [_looked(row, limits) for row in found[:limit]], len(found) > limit
    return shown, cursors.encode(_CURSOR, shown[-1].title_folded, shown[-1].id.hex, finding or "") if more else None


def counts(connection: Connection[Any], limits: Limits) -> list[Counted]:
    """All findings, worst first, with how many titles have them."""
    columns: list[LiteralString] = [
        f"count(*) FILTER (WHERE {_CONDITIONS[name]} AND {more})"
        for name in HEALTH_FINDINGS
        for more in ("true", _BEGUN.get(REMEDIES[name], "false"), _STARTABLE.get(REMEDIES[name], "false"))
    ]
    row = connection.execute(f"SELECT {', '.join(columns)} FROM ({_LIBRARY}) v", _values(limits)).fetchone() or ()
    return [Counted(name, REMEDIES[name], *row[3 * at : 3 * at + 3]) for at, name in enumerate(HEALTH_FINDINGS)]


def start(
    connection: Connection[Any],
    limits: Limits,
    finding: CurableFinding,
    *,
    most: int,
    videos: Sequence[UUID] | None = None,
    by: UUID | None = None,
    client: str | None = None,
) -> Started:
    """Begin what helps these titles, or the next `most` that have the finding: the most watched first, behind what
    anybody waits for. Raises NotFound. What was begun is written into the trail.
    """
    with connection.transaction():
        chosen, under_way = _chosen(connection, limits, finding, most, videos)
        remedy = REMEDIES[finding]
        if remedy == "rescan":
            connection.execute(_LOOK_AGAIN, (chosen,))
        else:
            for video in chosen:
                urgency: JobUrgency = "backlog" if videos is None else "wanted"
                # What only lacks another container or sound keeps its picture.
                may_copy = finding == "not_everywhere"
                renditions.order(connection, video, by=by, may_copy=may_copy, urgency=urgency)
        if chosen:
            named = chosen[0].hex if len(chosen) == 1 else None
            audit.record(
                connection,
                Event.REMEDIES_STARTED,
                actor=by,
                client=client,
                finding=finding,
                remedy=remedy,
                titles=len(chosen),
                video=named,
            )
        left = 0
        if videos is None:
            left = next(each.startable for each in counts(connection, limits) if each.finding == finding)
    return Started(remedy, len(chosen), under_way, left)


def _chosen(
    connection: Connection[Any], limits: Limits, finding: CurableFinding, most: int, videos: Sequence[UUID] | None
) -> tuple[list[UUID], int]:
    """Whom to help, and how many of those that were named are being helped already."""
    remedy, values = REMEDIES[finding], _values(limits) | {"most": most}
    having: LiteralString = f"FROM ({_LIBRARY}) v WHERE {_CONDITIONS[finding]}"
    if videos is None:
        next_ones = connection.execute(
            f"SELECT v.id {having} AND {_STARTABLE[remedy]} ORDER BY v.popularity DESC, v.id LIMIT %(most)s", values
        )
        return [row[0] for row in next_ones], 0
    named = connection.execute(
        f"SELECT v.id, {_BEGUN[remedy]}, v.has_versions {having} AND v.id = ANY(%(named)s)",
        values | {"named": list(videos)},
    ).fetchall()
    known = {row[0]: row[1:] for row in named}
    if unknown := [video for video in videos if video not in known]:
        raise NotFound(unknown)
    under_way = {video for video, (is_begun, _) in known.items() if is_begun}
    done = {video for video, (_, has_versions) in known.items() if remedy == "transcode" and has_versions}
    return [video for video in dict.fromkeys(videos) if video not in under_way | done], len(under_way)


def _looked(row: dict[str, Any], limits: Limits) -> Looked:
    facts = Facts(**{field.name: row[field.name] for field in fields(Facts)})
    of_row = {field.name: row[field.name] for field in fields(Looked) if field.name not in ("facts", "findings")}
    return Looked(**of_row, facts=facts, findings=findings(facts, limits))


def _values(limits: Limits) -> dict[str, Any]:
    return {
        "texts": list(TEXT_SUBTITLES),
        "manifests": list(MANIFESTS),
        "seconds": limits.key_frame_seconds,
        "times": limits.peak_times,
    }
