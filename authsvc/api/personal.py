"""What is one's own: preferences, history, where to go on, and all one's data."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import personal as schemas
from authsvc.api.videos import shown
from authsvc.library import cursors, history
from authsvc.people import accounts, export
from authsvc.watching import preferences
from authsvc.watching.delivery import Preferences

bp = APIBlueprint("personal", __name__, url_prefix="/api/v1/users/me", tag="Users")


@bp.get("/preferences")
@bp.output(schemas.PreferencesOut)
@bp.doc(summary="Your preferences", responses=[401, 403, 503])
def show_preferences() -> dict[str, Any]:
    """Every playback is granted by them."""
    with here().database.connection() as connection:
        return _preferences(connection)


@bp.put("/preferences")
@conditional.compared
@bp.input(schemas.PreferencesIn, location="json", arg_name="body")
@bp.output(schemas.PreferencesOut)
@bp.doc(summary="Set your preferences", responses=[400, 401, 403, 422, 503])
def save_preferences(body: schemas.PreferencesIn) -> dict[str, Any]:
    """For playbacks from now on."""
    user_id, wanted = guard.identity().user_id, Preferences(**body.model_dump())
    with here().database.connection() as connection, connection.transaction():
        if conditional.asked():
            accounts.hold(connection, user_id)
            conditional.require_match(_preferences(connection))
        preferences.save(connection, user_id, wanted)
        return _preferences(connection)


@bp.get("/history")
@bp.input(schemas.HistoryIn, location="query", arg_name="wanted")
@bp.output(schemas.HistoryOut)
@bp.doc(summary="What you have watched", responses=[401, 403, 422, 503])
def show_history(wanted: schemas.HistoryIn) -> dict[str, Any]:
    """Latest first, each title once."""
    with here().database.connection() as connection:
        try:
            entries, next_cursor = history.page(connection, guard.identity(), limit=wanted.limit, cursor=wanted.cursor)
        except cursors.InvalidCursor as error:
            raise Problem(
                422,
                "Fields are missing, unknown or of the wrong kind.",
                errors={"cursor": ["is not a cursor of this list"]},
            ) from error
        return {"items": _entries(connection, entries), "next_cursor": next_cursor}


@bp.delete("/history")
@bp.doc(summary="Forget what you have watched", responses={204: "Forgotten", 401: "", 403: "", 503: ""})
def forget_history() -> tuple[str, int]:
    """All of it; titles begin at their start again."""
    with here().database.connection() as connection:
        history.forget(connection, guard.identity().user_id)
    return "", 204


@bp.delete("/history/<id:video_id>")
@bp.doc(summary="Forget one title", responses={204: "Forgotten", 401: "", 403: "", 404: "Not in your history", 503: ""})
def forget_title(video_id: str) -> tuple[str, int]:
    """It begins at its start again."""
    with here().database.connection() as connection:
        if not history.forget(connection, guard.identity().user_id, video_id):
            raise Problem(404, "This title is not in your history.")
    return "", 204


@bp.get("/continue")
@bp.input(schemas.ContinueIn, location="query", arg_name="wanted")
@bp.output(schemas.ContinueOut)
@bp.doc(summary="Continue watching", responses=[401, 403, 422, 503])
def continue_watching(wanted: schemas.ContinueIn) -> dict[str, Any]:
    """What you have begun and not watched to the end, latest first."""
    settings = here().settings
    with here().database.connection() as connection:
        entries = history.unfinished(
            connection,
            guard.identity(),
            limit=wanted.limit,
            head_seconds=settings.resume_head_seconds,
            tail_seconds=settings.resume_tail_seconds,
        )
        return {"items": _entries(connection, entries)}


@bp.get("/export")
@bp.doc(summary="All your data", responses={200: "Everything that is kept of you", 401: "", 403: "", 503: ""})
def export_all() -> tuple[dict[str, Any], int, dict[str, str]]:
    """As JSON. Secrets (passwords, tokens, keys of second factors) are not in it: nobody can read those."""
    with here().database.connection() as connection, connection.transaction():
        everything = export.of_user(connection, guard.identity().user_id)
    return everything, 200, {"Content-Disposition": 'attachment; filename="kinetoscope-export.json"'}


def _preferences(connection: Connection[Any]) -> dict[str, Any]:
    """One's own as they are shown, and the tag of that for the answer."""
    shown = asdict(preferences.of_user(connection, guard.identity().user_id))
    conditional.tagged(shown)
    return shown


def _entries(connection: Connection[Any], entries: list[history.Entry]) -> list[dict[str, Any]]:
    tail = here().settings.resume_tail_seconds
    videos = shown(connection, guard.identity(), [entry.title for entry in entries])
    return [
        {
            "video": video,
            "position_seconds": entry.position_seconds,
            "watched_at": entry.watched_at,
            "finished": entry.position_seconds >= (entry.title.duration_seconds or 0) - tail,
        }
        for entry, video in zip(entries, videos, strict=True)
    ]
