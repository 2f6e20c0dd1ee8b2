"""Playlists, private or public. Somebody else's private one is not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.protocol import conditional, guard, idempotency
from authsvc.api.protocol.problems import Problem, explained
from authsvc.api.protocol.services import here
from authsvc.api.registration import invalid
from authsvc.api.schemas import playlists as schemas
from authsvc.api.videos import found, shown
from authsvc.library import cursors, playlists, titles
from authsvc.library.playlists import Playlist

bp = APIBlueprint("playlists", __name__, url_prefix="/api/v1/playlists", tag="Playlists")

_PUBLIC_SHOWN = 100
_FIRST_ENTRIES: Final = schemas.EntriesIn()
_MEANINGS: Final = {
    playlists.PlaylistUnknown: lambda _: Problem(404, "There is no such playlist of yours."),
    playlists.ItemUnknown: lambda _: Problem(404, "There is no such entry in this playlist."),
    cursors.InvalidCursor: lambda _: invalid("cursor", "is not a cursor of this list"),
    playlists.Full: lambda _: Problem(409, "There are as many as there may be. Remove something first.", code="full"),
}


@bp.get("")
@bp.input(schemas.PlaylistsIn, location="query", arg_name="wanted")
@bp.output(schemas.PlaylistsOut)
@bp.doc(summary="Playlists", responses=[401, 403, 422, 503])
def list_playlists(wanted: schemas.PlaylistsIn) -> dict[str, Any]:
    """Yours, or the public ones that were changed last (100 at most)."""
    with here().database.connection() as connection:
        if wanted.whose == "mine":
            lists = playlists.of_user(connection, guard.identity())
        else:
            lists = playlists.public(connection, guard.identity(), limit=_PUBLIC_SHOWN)
    return {"items": [_summary(playlist) for playlist in lists]}


@bp.post("")
@idempotency.repeatable
@bp.input(schemas.PlaylistIn, location="json", arg_name="body")
@bp.output(schemas.PlaylistDetailsOut, status_code=201)
@bp.doc(summary="Make a playlist", responses=[400, 401, 403, 409, 422, 503])
def create_playlist(body: schemas.PlaylistIn) -> dict[str, Any]:
    """Empty, and private unless you say otherwise."""
    settings = here().settings
    with explained(_MEANINGS), here().database.connection() as connection:
        made = playlists.create(
            connection, guard.identity().user_id, **body.model_dump(), most=settings.playlists_per_user
        )
        return _shown(connection, made.hex)


@bp.get("/<id:playlist_id>")
@conditional.cached
@bp.input(schemas.EntriesIn, location="query", arg_name="wanted")
@bp.output(schemas.PlaylistDetailsOut)
@bp.doc(summary="One playlist", responses=[401, 403, 404, 422, 503])
def one_playlist(playlist_id: str, wanted: schemas.EntriesIn) -> dict[str, Any]:
    """With its titles, as far as you may see them: so many from its beginning, or from where `cursor` says."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return _shown(connection, playlist_id, wanted)


@bp.patch("/<id:playlist_id>")
@conditional.compared
@bp.input(schemas.PlaylistChangesIn, location="json", arg_name="body")
@bp.output(schemas.PlaylistDetailsOut)
@bp.doc(summary="Change a playlist", responses=[400, 401, 403, 404, 412, 422, 503])
def edit_playlist(playlist_id: str, body: schemas.PlaylistChangesIn) -> dict[str, Any]:
    """With If-Match only if it is still what you have read. Answers, like every change of a list, its first entries."""
    with _held(playlist_id) as connection:
        playlists.edit(connection, playlist_id, body.model_dump(exclude_unset=True))
        return _shown(connection, playlist_id)


@bp.delete("/<id:playlist_id>")
@conditional.compared
@bp.doc(summary="Delete a playlist", responses={204: "It is gone", 401: "", 403: "", 404: "", 412: "", 503: ""})
def delete_playlist(playlist_id: str) -> tuple[str, int]:
    """The titles stay."""
    with _held(playlist_id) as connection:
        playlists.delete(connection, playlist_id)
    return "", 204


@bp.post("/<id:playlist_id>/items")
@conditional.compared
@idempotency.repeatable
@bp.input(schemas.ItemIn, location="json", arg_name="body")
@bp.output(schemas.PlaylistDetailsOut, status_code=201)
@bp.doc(summary="Add a title", responses=[400, 401, 403, 404, 409, 412, 422, 503])
def add_item(playlist_id: str, body: schemas.ItemIn) -> dict[str, Any]:
    """At the end, or before the entry at `position`."""
    with _held(playlist_id) as connection:
        found(titles.visible(connection, guard.identity(), body.video_id))
        playlists.add(
            connection, playlist_id, body.video_id, position=body.position, most=here().settings.playlist_items
        )
        return _shown(connection, playlist_id)


@bp.patch("/<id:playlist_id>/items/<id:item_id>")
@conditional.compared
@bp.input(schemas.MoveIn, location="json", arg_name="body")
@bp.output(schemas.PlaylistDetailsOut)
@bp.doc(summary="Move an entry", responses=[400, 401, 403, 404, 412, 422, 503])
def move_item(playlist_id: str, item_id: str, body: schemas.MoveIn) -> dict[str, Any]:
    """The others keep their order."""
    with _held(playlist_id) as connection:
        playlists.move(connection, playlist_id, item_id, body.position)
        return _shown(connection, playlist_id)


@bp.delete("/<id:playlist_id>/items/<id:item_id>")
@conditional.compared
@bp.output(schemas.PlaylistDetailsOut)
@bp.doc(summary="Take an entry out", responses=[401, 403, 404, 412, 503])
def remove_item(playlist_id: str, item_id: str) -> dict[str, Any]:
    """The title stays in the library."""
    with _held(playlist_id) as connection:
        playlists.remove(connection, playlist_id, item_id)
        return _shown(connection, playlist_id)


def _summary(playlist: Playlist) -> dict[str, Any]:
    return {
        "id": playlist.id.hex,
        "name": playlist.name,
        "description": playlist.description,
        "is_public": playlist.is_public,
        "owner": {"id": playlist.user_id.hex, "username": playlist.username},
        "length": playlist.length,
        "created_at": playlist.created_at,
        "updated_at": playlist.updated_at,
    }


def _shown(connection: Connection[Any], playlist_id: str, wanted: schemas.EntriesIn = _FIRST_ENTRIES) -> dict[str, Any]:
    """A page of the list as it is shown, and the tag of that for the answer."""
    summary = _read(connection, playlist_id)
    answer = summary | _entries(connection, playlist_id, wanted)
    conditional.tagged(_own(connection, summary), answer)
    return answer


def _own(connection: Connection[Any], summary: dict[str, Any]) -> dict[str, Any]:
    """What a change of a list can change: which titles it has and in what order, not what each of them is."""
    return summary | {"order": playlists.order(connection, summary["id"])}


def _read(connection: Connection[Any], playlist_id: str) -> dict[str, Any]:
    return _summary(playlists.one(connection, guard.identity(), playlist_id))


def _entries(connection: Connection[Any], playlist_id: str, wanted: schemas.EntriesIn) -> dict[str, Any]:
    identity = guard.identity()
    items, next_cursor = playlists.items(connection, identity, playlist_id, limit=wanted.limit, cursor=wanted.cursor)
    videos = shown(connection, identity, [item.title for item in items])
    entries = [
        {"id": item.id.hex, "position": item.position, "video": video}
        for item, video in zip(items, videos, strict=True)
    ]
    return {"items": entries, "next_cursor": next_cursor}


@contextmanager
def _held(playlist_id: str) -> Iterator[Connection[Any]]:
    """One's own list, to be changed in this transaction; as the client has seen it, if it says so."""
    with explained(_MEANINGS), here().database.connection() as connection, connection.transaction():
        playlists.hold(connection, guard.identity().user_id, playlist_id)
        if conditional.asked():
            conditional.require_match(_own(connection, _read(connection, playlist_id)))
        yield connection
