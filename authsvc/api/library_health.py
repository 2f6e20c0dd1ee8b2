"""For admins: how well the files of the library stream, and what helps them."""

from typing import Any, Final
from uuid import UUID

from apiflask import APIBlueprint

from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem, explained
from authsvc.api.protocol.services import here
from authsvc.api.registration import invalid
from authsvc.api.schemas import library_health as schemas
from authsvc.library import checkup, cursors
from authsvc.library.checkup import Looked
from authsvc.library.health import MEANINGS, Limits
from authsvc.watching import places

bp = APIBlueprint("library_health", __name__, url_prefix="/api/v1/library/health", tag="Administration")


def _unfit(error: checkup.NotFound) -> Problem:
    return Problem(
        422,
        "Some of these titles are not there, or do not have the finding.",
        errors={"video_ids": [f"{video.hex} has no such finding" for video in error.videos]},
    )


_MEANINGS: Final = {
    checkup.NotFound: _unfit,
    cursors.InvalidCursor: lambda _: invalid("cursor", "is not a cursor of this list"),
}


@bp.get("")
@bp.input(schemas.HealthIn, location="query", arg_name="wanted")
@bp.output(schemas.HealthsOut)
@bp.doc(summary="Titles whose file streams badly", responses=[401, 403, 422, 503])
def list_titles(wanted: schemas.HealthIn) -> dict[str, Any]:
    """By title, with all that was found of each: where the file plays as it is, what makes it stream badly, and what
    helps. Titles of which nothing was found are left out.
    """
    with explained(_MEANINGS), here().database.connection() as connection:
        page, next_cursor = checkup.page(
            connection, _limits(), limit=wanted.limit, finding=wanted.finding, cursor=wanted.cursor
        )
    return {"items": [_shown(title) for title in page], "next_cursor": next_cursor}


@bp.get("/findings")
@bp.output(schemas.CountsOut)
@bp.doc(summary="How many files stream badly", responses=[401, 403, 503])
def list_findings() -> dict[str, Any]:
    """Each finding with what it means, what helps, and how many titles have it."""
    with here().database.connection() as connection:
        counted = checkup.counts(connection, _limits())
    return {
        "items": [
            {
                "finding": each.finding,
                "meaning": MEANINGS[each.finding],
                "remedy": each.remedy,
                "titles": each.titles,
                "under_way": each.under_way,
                "startable": each.startable,
            }
            for each in counted
        ]
    }


@bp.post("/remedies")
@idempotency.repeatable
@bp.input(schemas.RemediesIn, location="json", arg_name="body")
@bp.output(schemas.RemediesOut, status_code=202)
@bp.doc(summary="Begin what helps", responses=[400, 401, 403, 422, 503])
def start_remedies(body: schemas.RemediesIn) -> dict[str, Any]:
    """For the titles that are named, before others; or for the next of all that have the finding, behind what anybody
    waits for. What is under way is not begun again, nor what has versions already.
    """
    with explained(_MEANINGS), here().database.connection() as connection:
        started = checkup.start(
            connection,
            _limits(),
            body.finding,
            most=here().settings.health_remedies_at_once,
            videos=[UUID(one) for one in body.video_ids] if body.video_ids else None,
            by=UUID(guard.identity().user_id),
            client=guard.client_address(),
        )
    return {
        "finding": body.finding,
        "remedy": started.remedy,
        "started": started.started,
        "under_way": started.under_way,
        "left": started.left,
    }


def _limits() -> Limits:
    settings = here().settings
    return Limits(settings.health_key_frame_seconds, settings.health_peak_times)


def _shown(title: Looked) -> dict[str, Any]:
    return {
        "video": {"id": title.id.hex, "title": title.title},
        "filename": title.filename,
        "plays": [
            {"place": place, "plays": not obstacles, "obstacles": obstacles}
            for place, obstacles in places.of(title).items()
        ],
        "findings": [
            {"finding": each.finding, "sentence": each.sentence, "remedy": each.remedy} for each in title.findings
        ],
        "has_versions": title.facts.has_versions,
        "making": title.making,
        "is_due": title.is_due,
    }
