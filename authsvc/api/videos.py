"""The library: list, search, one title."""

from dataclasses import fields
from typing import Any, Final
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import videos as schemas
from authsvc.library import cursors, featured, jobs, popularity, ratings, titles
from authsvc.library.search import Filters
from authsvc.library.titles import Title
from authsvc.sessions.sessions import Identity
from catalog.text import is_clean

bp = APIBlueprint("videos", __name__, url_prefix="/api/v1/videos", tag="Videos")

_FILTERS: Final = {field.name for field in fields(Filters)}
_MOST_AMBIGUOUS: Final = 100
_FEATURED: Final = 20


@bp.get("")
@conditional.cached
@bp.input(schemas.VideosIn, location="query", arg_name="wanted")
@bp.output(schemas.VideosOut)
@bp.doc(summary="List and search", responses=[401, 422, 503])
def list_videos(wanted: schemas.VideosIn) -> dict[str, Any]:
    """Pages are stable while titles come and go: pass `next_cursor` as `cursor` with the same `sort` and `q`."""
    services = here()
    with services.database.connection() as connection:
        if wanted.sort == "popular":
            popularity.refresh(connection, services.settings.popular_cache_seconds)
        try:
            page, next_cursor = titles.page(
                connection,
                guard.identity(),
                sort=wanted.sort,
                limit=wanted.limit,
                query=wanted.q,
                filters=Filters(**wanted.model_dump(include=_FILTERS)),
                cursor=wanted.cursor,
            )
        except cursors.InvalidCursor as error:
            raise Problem(
                422,
                "Fields are missing, unknown or of the wrong kind.",
                errors={"cursor": ["is not a cursor of this list"]},
            ) from error
        return {"items": shown(connection, guard.identity(), page), "next_cursor": next_cursor}


@bp.get("/<id:video_id>")
@conditional.cached
@bp.output(schemas.VideoDetailsOut)
@bp.doc(summary="One title", responses=[401, 404, 503])
def info(video_id: str) -> dict[str, Any]:
    """What is known of a title. One that you may not see is not there."""
    services, identity = here(), guard.identity()
    with services.database.connection() as connection:
        stamp = titles.stamp(connection, identity, video_id)
        if stamp is None:
            found(None)

        cached = services.titles.get(f"ks:title:{video_id}:{stamp}", lambda: own(connection, identity, video_id))
        return _rated(connection, identity, video_id, cached)


@bp.get("/by-name/<filename>")
@conditional.cached
@bp.output(schemas.VideoOut)
@bp.doc(summary="A title by its file's name", responses=[401, 404, 409, 503])
def by_name(filename: str) -> dict[str, Any]:
    """409 with the list (`items`) when several files have that name."""
    if not is_clean(filename):
        found(None)
    with here().database.connection() as connection:
        named = titles.by_name(connection, guard.identity(), filename, limit=_MOST_AMBIGUOUS)
        videos = shown(connection, guard.identity(), named)
    if len(videos) > 1:
        items = [{"id": video["id"], "title": video["title"], "size_bytes": video["size_bytes"]} for video in videos]
        raise Problem(409, "Several titles have this file name. Ask for one by its id.", code="ambiguous", items=items)
    return videos[0] if videos else _video(found(None))


@bp.get("/featured")
@conditional.cached
@bp.output(schemas.FeaturedOut)
@bp.doc(summary="What is watched most, and what is new", responses=[401, 503])
def featured_titles() -> dict[str, Any]:
    """Of both what you may see, 20 at most."""
    services, identity = here(), guard.identity()
    guest = identity.role == "guest"
    with services.database.connection() as connection:
        popularity.refresh(connection, services.settings.popular_cache_seconds)
        key = f"ks:featured:{'public' if guest else 'all'}:{featured.stamp(connection)}"
        ids = services.featured.get(key, lambda: featured.candidates(connection, public_only=guest))
        chosen = {
            name: titles.seen(connection, identity, [UUID(one) for one in candidates])[:_FEATURED]
            for name, candidates in ids.items()
        }
        listed = titles.several(connection, identity, [video for videos in chosen.values() for video in videos])
        return {
            name: shown(connection, identity, [listed[video] for video in videos if video in listed])
            for name, videos in chosen.items()
        }


def own(connection: Connection[Any], identity: Identity, video_id: str) -> dict[str, Any]:
    """All that the page of a title shows but what people think of it, past the cache. Raises Problem 404."""
    title = found(titles.visible(connection, identity, video_id))
    page = _video(title) | titles.details(connection, video_id)
    for subtitle in page["subtitles"]:
        subtitle["href"] = _root(title) + subtitle["name"]
        subtitle["is_text"] = subtitle["name"].endswith(".vtt")
    page["storyboard_href"] = _href(title, "storyboard.vtt")
    return page


def whole(connection: Connection[Any], identity: Identity, video_id: str) -> dict[str, Any]:
    """All that the page of a title shows this user, and the tag of that for the answer. Raises Problem 404."""
    return _rated(connection, identity, video_id, own(connection, identity, video_id))


def found(title: Title | None) -> Title:
    """The title, or Problem 404: one that may not be seen is not there."""
    if title is None:
        raise Problem(404, "There is no such title.")
    return title


def shown(connection: Connection[Any], identity: Identity, several: list[Title]) -> list[dict[str, Any]]:
    """Titles as this user sees them: with their ratings."""
    of_videos = ratings.of_videos(connection, identity.user_id, [title.id for title in several])
    return [_video(title) | rated(of_videos.get(title.id, ratings.Rating())) for title in several]


def rated(rating: ratings.Rating) -> dict[str, Any]:
    """A title's ratings as the interface shows them."""
    return {"rating_average": rating.average, "rating_count": rating.count, "my_rating": rating.mine}


def _rated(connection: Connection[Any], identity: Identity, video_id: str, page: dict[str, Any]) -> dict[str, Any]:
    """The page with what people think of it and what is made of it, and its tag, in which that stands apart."""
    of_videos = ratings.of_videos(connection, identity.user_id, [UUID(video_id)])
    answer = page | rated(of_videos.get(UUID(video_id), ratings.Rating()))
    answer["making"] = [jobs.work(job) for job in jobs.making(connection, video_id)]
    conditional.tagged(page, answer)
    return answer


def _root(title: Title) -> str:
    return f"/stream/{title.id.hex}/"


def _href(title: Title, name: str) -> str | None:
    """Where one of the title's files is; None when it has none of that name."""
    return _root(title) + name if any(file.name == name for file in title.files) else None


def _video(title: Title) -> dict[str, Any]:
    files = [
        {"name": file.name, "href": _root(title) + file.name, "type": file.media_type, "size_bytes": file.size_bytes}
        for file in title.files
    ]
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
        "video_codec_string": title.video_codec_string,
        "audio_codec_string": title.audio_codec_string,
        "size_bytes": title.size_bytes,
        "visibility": title.visibility,
        "year": title.year,
        "original_title": title.original_title,
        "show": title.show_title,
        "season": title.season,
        "episode": title.episode,
        "people": title.people,
        "status": title.status,
        "status_reason": title.status_reason,
        "files": files,
        "poster_href": _href(title, "poster.jpg"),
        "added_at": title.added_at,
        "direct_play": title.direct_play,
        "made_now": here().settings.made_now and title.made_now,
    }
