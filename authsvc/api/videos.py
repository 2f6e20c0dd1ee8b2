"""The library: list, search, one title."""

from typing import Any

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc import cursors, library, ratings
from authsvc.api import conditional, guard
from authsvc.api.schemas import videos as schemas
from authsvc.api.services import here
from authsvc.library import Title
from authsvc.problems import Problem
from authsvc.sessions import Identity

bp = APIBlueprint("videos", __name__, url_prefix="/api/v1/videos", tag="Videos")


@bp.get("")
@conditional.kept
@bp.input(schemas.VideosIn, location="query", arg_name="wanted")
@bp.output(schemas.VideosOut)
@bp.doc(summary="List and search", responses=[401, 422, 503])
def list_videos(wanted: schemas.VideosIn) -> dict[str, Any]:
    """Pages are stable while titles come and go: pass `next_cursor` as `cursor` with the same `sort` and `q`."""
    with here().database.connection() as connection:
        try:
            titles, next_cursor = library.page(
                connection,
                guard.identity(),
                sort=wanted.sort,
                limit=wanted.limit,
                query=wanted.q,
                cursor=wanted.cursor,
            )
        except cursors.InvalidCursor as error:
            raise Problem(
                422, "Fields are missing or of the wrong kind.", errors={"cursor": ["is not a cursor of this list"]}
            ) from error
        return {"items": shown(connection, guard.identity(), titles), "next_cursor": next_cursor}


@bp.get("/<id:video_id>")
@conditional.kept
@bp.output(schemas.VideoDetailsOut)
@bp.doc(summary="One title", responses=[401, 404, 503])
def info(video_id: str) -> dict[str, Any]:
    """What is known of a title. One that you may not see is not there."""
    with here().database.connection() as connection:
        title = found(library.visible(connection, guard.identity(), video_id))
        return shown(connection, guard.identity(), [title])[0] | library.details(connection, video_id)


def found(title: Title | None) -> Title:
    """The title, or Problem 404: one that may not be seen is not there."""
    if title is None:
        raise Problem(404, "There is no such title.")
    return title


def shown(connection: Connection[Any], identity: Identity, titles: list[Title]) -> list[dict[str, Any]]:
    """Titles as this user sees them: with their ratings."""
    of_videos = ratings.of_videos(connection, identity.user_id, [title.id for title in titles])
    return [_video(title) | rated(of_videos.get(title.id, ratings.Rating())) for title in titles]


def rated(rating: ratings.Rating) -> dict[str, Any]:
    """A title's ratings as the interface shows them."""
    return {"rating_average": rating.average, "rating_count": rating.count, "my_rating": rating.mine}


def _video(title: Title) -> dict[str, Any]:
    root = f"/stream/{title.id.hex}/"
    files = [
        {"name": file.name, "href": root + file.name, "type": file.media_type, "size_bytes": file.size_bytes}
        for file in title.files
    ]
    has_poster = any(file.name == "poster.jpg" for file in title.files)
    return {
        "id": title.id.hex,
        "title": title.title,
        "description": title.description,
        "tags": title.tags,
        "filename": title.filename,
        "container": title.container,
        "duration_seconds": title.duration_seconds,
        "width": title.width,
        "height": title.height,
        "fps": title.fps,
        "bitrate": title.bitrate,
        "video_codec": title.video_codec,
        "audio_codec": title.audio_codec,
        "size_bytes": title.size_bytes,
        "visibility": title.visibility,
        "year": title.year,
        "status": title.status,
        "status_reason": title.status_reason,
        "files": files,
        "poster_href": root + "poster.jpg" if has_poster else None,
        "added_at": title.added_at,
        "direct_play": title.direct_play,
    }
