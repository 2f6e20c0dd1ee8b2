"""For admins: groups of users, and folders whose new titles are for some of them."""

from collections.abc import Callable
from typing import Any, Final

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.editing import noted, people, tell, unknown_viewers
from authsvc.api.protocol import conditional, idempotency
from authsvc.api.protocol.problems import Problem, explained
from authsvc.api.protocol.services import here
from authsvc.api.schemas import viewers as schemas
from authsvc.audit import Event
from authsvc.sharing import folders, groups
from authsvc.sharing.viewers import Lost, UnknownViewers

bp = APIBlueprint("groups", __name__, url_prefix="/api/v1/admin", tag="Administration")

_MEANINGS: Final = {
    groups.GroupUnknown: lambda _: Problem(404, "There is no such group."),
    groups.UserUnknown: lambda _: Problem(404, "There is no such user."),
    groups.GroupNameTaken: lambda _: Problem(409, "Another group has this name.", code="taken"),
}


@bp.get("/groups")
@bp.output(schemas.GroupsOut)
@bp.doc(summary="Groups of users", responses=[401, 403, 503])
def list_groups() -> dict[str, Any]:
    """All of them, with the number of members."""
    with here().database.connection() as connection:
        found = groups.everyone(connection)
    return {"items": [{"id": group.id.hex, "name": group.name, "members": group.members} for group in found]}


@bp.post("/groups")
@idempotency.repeatable
@bp.input(schemas.GroupIn, location="json", arg_name="body")
@bp.output(schemas.GroupOut, status_code=201)
@bp.doc(summary="Make a group", responses=[400, 401, 403, 409, 422, 503])
def create_group(body: schemas.GroupIn) -> dict[str, str]:
    """Without members at first."""
    with explained(_MEANINGS), here().database.connection() as connection, connection.transaction():
        group = groups.create(connection, body.name)
        noted(connection, Event.GROUP_CHANGED, group=group.id.hex, change="created")
    return {"id": group.id.hex, "name": group.name}


@bp.get("/groups/<id:group_id>")
@bp.output(schemas.GroupDetailsOut)
@bp.doc(summary="One group", responses=[401, 403, 404, 503])
def one_group(group_id: str) -> dict[str, Any]:
    """With its members."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return _group(connection, group_id)


@bp.patch("/groups/<id:group_id>")
@conditional.compared
@bp.input(schemas.GroupIn, location="json", arg_name="body")
@bp.output(schemas.GroupOut)
@bp.doc(summary="Rename a group", responses=[400, 401, 403, 404, 409, 422, 503])
def rename_group(group_id: str, body: schemas.GroupIn) -> dict[str, Any]:
    """Members and titles stay."""
    with explained(_MEANINGS), here().database.connection() as connection, connection.transaction():
        if conditional.asked():
            groups.hold(connection, group_id)
            conditional.require_match(_group(connection, group_id))
        groups.rename(connection, group_id, body.name)
        noted(connection, Event.GROUP_CHANGED, group=group_id, change="renamed")
        return _group(connection, group_id)


@bp.delete("/groups/<id:group_id>")
@bp.doc(summary="Delete a group", responses={204: "It is gone", 401: "", 403: "", 404: "No such group", 503: ""})
def delete_group(group_id: str) -> tuple[str, int]:
    """Its members lose what they saw by it alone."""
    return _changed(group_id, "deleted", lambda connection: groups.delete(connection, group_id))


@bp.put("/groups/<id:group_id>/members/<id:user_id>")
@bp.doc(summary="Add a member", responses={204: "Is a member", 401: "", 403: "", 404: "No such group or user", 503: ""})
def add_member(group_id: str, user_id: str) -> tuple[str, int]:
    """May be repeated."""
    return _changed(group_id, "added", lambda connection: groups.add(connection, group_id, user_id), user_id=user_id)


@bp.delete("/groups/<id:group_id>/members/<id:user_id>")
@bp.doc(summary="Remove a member", responses={204: "Is no member", 401: "", 403: "", 404: "No such group", 503: ""})
def remove_member(group_id: str, user_id: str) -> tuple[str, int]:
    """May be repeated. Playbacks of what the user does not see any more end."""
    return _changed(
        group_id, "removed", lambda connection: groups.remove(connection, group_id, user_id), user_id=user_id
    )


@bp.get("/folders")
@bp.output(schemas.FoldersOut)
@bp.doc(summary="Folders with a default", responses=[401, 403, 503])
def list_folders() -> dict[str, Any]:
    """Whom the titles are for that the indexer finds there from now on. The longest folder that holds a file wins."""
    with here().database.connection() as connection:
        return {"items": [_folder(rule) for rule in folders.everyone(connection)]}


@bp.post("/folders")
@idempotency.repeatable
@bp.input(schemas.FolderIn, location="json", arg_name="body")
@bp.output(schemas.FolderOut, status_code=201)
@bp.doc(summary="Give a folder a default", responses=[400, 401, 403, 409, 422, 503])
def create_folder(body: schemas.FolderIn) -> dict[str, Any]:
    """Titles that are there already keep what they have."""
    try:
        with here().database.connection() as connection, connection.transaction():
            rule = folders.create(
                connection,
                root=body.root,
                folder=body.folder,
                visibility=body.visibility,
                users=set(body.users),
                groups=set(body.groups),
                roots=here().settings.library_roots,
            )
            noted(connection, Event.FOLDER_CHANGED, folder=rule.id.hex, visibility=body.visibility)
    except folders.InvalidFolder as error:
        name = "root" if str(error).startswith("root") else "folder"
        raise Problem(422, f"{error}.", errors={name: [str(error)]}) from error
    except folders.FolderTaken as error:
        raise Problem(409, "This folder has a default. Delete that first.", code="taken") from error
    except UnknownViewers as error:
        raise unknown_viewers(error) from error
    return _folder(rule)


@bp.delete("/folders/<id:rule_id>")
@bp.doc(summary="Take a folder's default away", responses={204: "It is gone", 401: "", 403: "", 404: "", 503: ""})
def delete_folder(rule_id: str) -> tuple[str, int]:
    """Titles that got it keep what they have."""
    with here().database.connection() as connection, connection.transaction():
        if not folders.delete(connection, rule_id):
            raise Problem(404, "There is no such default of a folder.")
        noted(connection, Event.FOLDER_CHANGED, folder=rule_id, visibility="none")
    return "", 204


def _group(connection: Connection[Any], group_id: str) -> dict[str, Any]:
    """A group as it is shown, and the tag of that for the answer."""
    name = groups.name_of(connection, group_id)
    shown = {"id": group_id, "name": name, "members": people(groups.members(connection, group_id))}
    conditional.tagged(shown)
    return shown


def _folder(rule: folders.Rule) -> dict[str, Any]:
    return {
        "id": rule.id.hex,
        "root": rule.root,
        "folder": rule.folder,
        "visibility": rule.visibility,
        "users": [user.hex for user in rule.users],
        "groups": [group.hex for group in rule.groups],
    }


def _changed(
    group_id: str, change: str, act: Callable[[Connection[Any]], Lost], *, user_id: str | None = None
) -> tuple[str, int]:
    """Change who is in a group, write it down, and have the doors know who lost what by it."""
    with explained(_MEANINGS), here().database.connection() as connection:
        with connection.transaction():
            lost = act(connection)
            noted(connection, Event.GROUP_CHANGED, subject=user_id, group=group_id, change=change)
        tell(lost)
    return "", 204
