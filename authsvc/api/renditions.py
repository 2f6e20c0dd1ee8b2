"""For admins: have renditions of a title made, or removed."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from authsvc.api.editing import noted
from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import renditions as schemas
from authsvc.api.videos import found
from authsvc.audit import Event
from authsvc.library import jobs, renditions, titles
from catalog import jobs as queue
from catalog.renditions import withdraw

bp = APIBlueprint("renditions", __name__, url_prefix="/api/v1/videos", tag="Administration")


@bp.post("/<id:video_id>/transcode")
@idempotency.repeatable
@bp.input(schemas.TranscodeIn, location="json", arg_name="body")
@bp.output(schemas.TranscodeOut, status_code=202)
@bp.doc(
    summary="Make renditions of a title",
    responses={
        400: "Malformed JSON",
        401: "Not signed in",
        403: "Not an admin",
        404: "No such title",
        409: "The title can't be played (code: waiting or broken)",
        422: "Unknown profiles, or nothing that leads to them",
        503: "Try again in a moment",
    },
)
def transcode(video_id: str, body: schemas.TranscodeIn) -> dict[str, Any]:
    """They replace what there is, once they are made. Profiles larger than the title are left out: nothing is made
    larger. The same call while the job is open answers that job.
    """
    identity = guard.identity()
    by = UUID(identity.user_id)
    with here().database.connection() as connection, connection.transaction():
        title = found(titles.visible(connection, identity, video_id))
        if title.status != "ready":
            raise Problem(409, title.status_reason or "This title can't be played yet.", code=title.status)
        ordered = [
            renditions.order(connection, title.id, by=by, profiles=body.profiles or (), hls=body.hls, dash=body.dash)
        ]
        if body.thumbnails:
            ordered.append(queue.enqueue(connection, "pictures", video_id=title.id, requested_by=by, urgency="wanted"))
        return {"jobs": [jobs.whole(job) for job in jobs.several(connection, ordered)]}


@bp.delete("/<id:video_id>/renditions")
@bp.doc(
    summary="Remove the renditions of a title",
    responses={204: "It has none any more", 401: "", 403: "Not an admin", 404: "No such title", 503: ""},
)
def remove(video_id: str) -> tuple[str, int]:
    """Nobody begins with them any more; who watches them goes on, and their files go after some hours. A job that makes
    some goes on: cancel it before. They are made again when the title's policy and somebody who plays it want them.
    """
    with here().database.connection() as connection, connection.transaction():
        title = found(titles.visible(connection, guard.identity(), video_id))
        if removed := withdraw(connection, title.id):
            noted(connection, Event.RENDITIONS_REMOVED, video=title.id.hex, bytes=removed)
    return "", 204
