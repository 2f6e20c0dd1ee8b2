"""One's rating of a title."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.protocol import guard
from authsvc.api.protocol.services import here
from authsvc.api.schemas import ratings as schemas
from authsvc.api.videos import found, rated
from authsvc.library import ratings, titles

bp = APIBlueprint("ratings", __name__, url_prefix="/api/v1/videos", tag="Videos")


@bp.put("/<id:video_id>/rating")
@bp.input(schemas.RatingIn, location="json", arg_name="body")
@bp.output(schemas.RatingOut)
@bp.doc(summary="Rate a title", responses=[400, 401, 403, 404, 422, 503])
def rate(video_id: str, body: schemas.RatingIn) -> dict[str, Any]:
    """From 1 to 5, in place of an earlier one of yours."""
    identity = guard.identity()
    with here().database.connection() as connection:
        found(titles.visible(connection, identity, video_id))
        ratings.rate(connection, identity.user_id, video_id, body.rating)
        return _rating(connection, video_id)


@bp.delete("/<id:video_id>/rating")
@bp.output(schemas.RatingOut)
@bp.doc(summary="Take your rating back", responses=[401, 403, 404, 503])
def withdraw(video_id: str) -> dict[str, Any]:
    """May be repeated."""
    identity = guard.identity()
    with here().database.connection() as connection:
        found(titles.visible(connection, identity, video_id))
        ratings.withdraw(connection, identity.user_id, video_id)
        return _rating(connection, video_id)


def _rating(connection: Connection[Any], video_id: str) -> dict[str, Any]:
    video = UUID(video_id)
    of_videos = ratings.of_videos(connection, guard.identity().user_id, [video])
    return rated(of_videos.get(video, ratings.Rating()))
