"""For admins: a title's texts, and whom it is for."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc import audit
from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import videos as video_schemas
from authsvc.api.schemas import viewers as schemas
from authsvc.api.videos import own, whole
from authsvc.audit import Event
from authsvc.library import renditions
from authsvc.sharing import editing, viewers
from authsvc.sharing.viewers import Lost, Named, UnknownViewers

bp = APIBlueprint("editing", __name__, url_prefix="/api/v1/videos", tag="Administration")

_NO_TITLE = "There is no such title."


@bp.patch("/<id:video_id>")
@conditional.compared
@bp.input(schemas.VideoChangesIn, location="json", arg_name="body")
@bp.output(video_schemas.VideoDetailsOut)
@bp.doc(summary="Edit a title", responses=[400, 401, 403, 404, 422, 503])
def edit(video_id: str, body: schemas.VideoChangesIn) -> dict[str, Any]:
    """Whoever may not see it any more loses it at once: it is 404 within 2 s, and playbacks of it end. What a new
    policy of renditions wants is made; what is there stays until then, and where that is a ladder no other is made.
    """
    identity, changes = guard.identity(), body.model_dump(exclude_unset=True)
    with here().database.connection() as connection:
        with connection.transaction():
            if conditional.asked():
                editing.hold(connection, video_id)
                conditional.require_match(own(connection, identity, video_id))
            lost = editing.edit(connection, video_id, changes) if changes else Lost()
            if lost is not None and body.renditions is not None:
                renditions.follow(connection, UUID(video_id), by=UUID(identity.user_id))
            if lost and "visibility" in changes:
                noted(connection, Event.TITLE_ACCESS_CHANGED, video=video_id, visibility=body.visibility)
        tell(lost)
        return whole(connection, identity, video_id)


@bp.get("/<id:video_id>/viewers")
@bp.output(schemas.ViewersOut)
@bp.doc(summary="Whom is a title for?", responses=[401, 403, 404, 503])
def list_viewers(video_id: str) -> dict[str, Any]:
    """The names count while the visibility is `named`."""
    with here().database.connection() as connection:
        return _viewers(connection, video_id)


@bp.put("/<id:video_id>/viewers")
@conditional.compared
@bp.input(schemas.ViewersIn, location="json", arg_name="body")
@bp.output(schemas.ViewersOut)
@bp.doc(summary="Name the viewers of a title", responses=[400, 401, 403, 404, 422, 503])
def name_viewers(video_id: str, body: schemas.ViewersIn) -> dict[str, Any]:
    """Does not change the visibility: the names count while that is `named`."""
    with here().database.connection() as connection:
        try:
            with connection.transaction():
                if conditional.asked():
                    editing.hold(connection, video_id)
                    conditional.require_match(_viewers(connection, video_id))
                lost = viewers.name(connection, video_id, body.users, body.groups)
                if lost:
                    noted(
                        connection, Event.TITLE_ACCESS_CHANGED, video=video_id, named=len(body.users) + len(body.groups)
                    )
            tell(lost)
        except UnknownViewers as error:
            raise unknown_viewers(error) from error
        return _viewers(connection, video_id)


def noted(connection: Connection[Any], event: Event, *, subject: str | None = None, **details: str | int) -> None:
    """Write down what this admin does, in the transaction that does it."""
    audit.record(
        connection,
        event,
        actor=UUID(guard.identity().user_id),
        subject=UUID(subject) if subject else None,
        client=guard.client_address(),
        **details,
    )


def tell(lost: Lost | None) -> None:
    """Have the doors know of a change at once. Raises Problem 404 when nothing was there to change."""
    if lost is None:
        raise Problem(404, _NO_TITLE)
    lost.tell(here().live, here().leases)


def unknown_viewers(error: UnknownViewers) -> Problem:
    """422 that names the ids."""
    wrong = {"users": error.users, "groups": error.groups}
    return Problem(
        422,
        "Some of these users or groups do not exist.",
        errors={name: [f"{unknown} is not there" for unknown in ids] for name, ids in wrong.items() if ids},
    )


def people(named: list[Named]) -> list[dict[str, str]]:
    """Users as the interface shows them."""
    return [{"id": one.id.hex, "username": one.name} for one in named]


def _viewers(connection: Connection[Any], video_id: str) -> dict[str, Any]:
    """Whom the title is for, and the tag of that for the answer."""
    of_video = viewers.of_video(connection, video_id)
    if of_video is None:
        raise Problem(404, _NO_TITLE)
    shown = {
        "visibility": of_video.visibility,
        "users": people(of_video.users),
        "groups": [{"id": group.id.hex, "name": group.name} for group in of_video.groups],
    }
    conditional.tagged(shown)
    return shown
