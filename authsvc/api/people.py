"""For admins: accounts."""

import base64
import binascii
import secrets
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from authsvc import accounts, names, pages, registration, resets
from authsvc.accounts import Actor, User
from authsvc.api import conditional, guard, proof
from authsvc.api.registration import checked_names, invalid
from authsvc.api.schemas import accounts as schemas
from authsvc.api.services import here
from authsvc.problems import Problem

bp = APIBlueprint("people", __name__, url_prefix="/api/v1/admin/users", tag="Administration")

_UNKNOWN = "There is no such user."


@bp.get("")
@bp.input(schemas.AccountsIn, location="query", arg_name="wanted")
@bp.output(schemas.AccountsOut)
@bp.doc(summary="Users", responses=[401, 403, 422, 503])
def list_users(wanted: schemas.AccountsIn) -> dict[str, Any]:
    """By name."""
    with here().database.connection() as connection:
        users = accounts.page(
            connection,
            limit=wanted.limit + 1,
            after=None if wanted.cursor is None else _decoded(wanted.cursor),
            query=wanted.q,
            role=wanted.role,
            is_active=wanted.is_active,
        )
    more = len(users) > wanted.limit
    shown = users[: wanted.limit]
    return {"items": [_account(user) for user in shown], "next_cursor": _encoded(shown[-1].username) if more else None}


@bp.post("")
@bp.input(schemas.AccountIn, location="json", arg_name="body")
@bp.output(schemas.NewAccountOut, status_code=201)
@bp.doc(summary="Create a user", responses=[400, 401, 403, 409, 415, 422, 503])
def create_user(body: schemas.AccountIn) -> dict[str, Any]:
    """Better without a password: the user then chooses one, and nobody else ever knows it."""
    services, actor = here(), acting()
    checked_names(body.username, body.email)
    # Without a password: one that nobody has, of the same cost as everybody's.
    password = body.password or secrets.token_urlsafe(32)
    own = (body.username, body.email) if body.password else ()
    password_hash = proof.new_hash(password, *own)
    try:
        with services.database.connection() as connection, connection.transaction():
            user = registration.create(
                connection,
                username=body.username,
                email=body.email,
                password_hash=password_hash,
                role=body.role,
                actor=actor,
            )
            reset = None if body.password else _issue(connection, user.id, actor)
    except accounts.NameTaken as error:
        raise _taken(error) from error
    return _account(user) | {"reset": reset}


@bp.get("/<id:user_id>")
@bp.output(schemas.AccountOut)
@bp.doc(summary="One user", responses=[401, 403, 404, 503])
def one_user(user_id: str) -> dict[str, Any]:
    """The account; never a password, or what one is made of."""
    with here().database.connection() as connection:
        user = accounts.by_id(connection, user_id)
    if user is None:
        raise Problem(404, _UNKNOWN)
    return _tagged(user)


@bp.patch("/<id:user_id>")
@conditional.compared
@bp.input(schemas.AccountChangeIn, location="json", arg_name="body")
@bp.output(schemas.AccountOut)
@bp.doc(summary="Change a user", responses=[400, 401, 403, 404, 409, 415, 422, 503])
def change_user(user_id: str, body: schemas.AccountChangeIn) -> dict[str, Any]:
    """Disabling ends every session, playback and running transfer of the user. An admin always remains."""
    services = here()
    wanted = {name: getattr(body, name) for name in body.model_fields_set}
    try:
        with services.database.connection() as connection, connection.transaction():
            if conditional.asked():
                conditional.require_match(_account(accounts.hold(connection, user_id)))
            user, ended = accounts.change(connection, user_id, actor=acting(), **wanted)
    except accounts.UserUnknown as error:
        raise Problem(404, _UNKNOWN) from error
    except accounts.LastAdmin as error:
        raise _last_admin() from error
    except accounts.NameTaken as error:
        raise _taken(error) from error
    except names.InvalidName as error:
        raise invalid("email", str(error)) from error
    accounts.make_felt(services.live, services.settings, user.id, ended)
    return _tagged(user)


@bp.delete("/<id:user_id>")
@bp.doc(
    summary="Delete a user",
    responses={204: "No row tells of the person any more", 401: "", 403: "", 404: "", 409: "The last admin", 503: ""},
)
def delete_user(user_id: str) -> tuple[str, int]:
    """With sessions, history, ratings and playlists. The audit trail keeps a random id that leads to nobody."""
    services = here()
    try:
        with services.database.connection() as connection:
            ended = accounts.delete(connection, user_id, actor=acting())
    except accounts.UserUnknown as error:
        raise Problem(404, _UNKNOWN) from error
    except accounts.LastAdmin as error:
        raise _last_admin() from error
    accounts.make_felt(services.live, services.settings, UUID(user_id), ended)
    return "", 204


@bp.post("/<id:user_id>/reset")
@bp.output(schemas.ResetOut, status_code=201)
@bp.doc(summary="Let a user choose a new password", responses=[401, 403, 404, 503])
def reset_password(user_id: str) -> dict[str, Any]:
    """Hand the token to the user. The old password works until the new one is chosen; a token from before is void."""
    try:
        with here().database.connection() as connection:
            return _issue(connection, UUID(user_id), acting())
    except accounts.UserUnknown as error:
        raise Problem(404, _UNKNOWN) from error


def acting() -> Actor:
    """Who asks, for the audit trail."""
    return Actor(UUID(guard.identity().user_id), guard.client_address())


def _issue(connection: Any, user_id: UUID, actor: Actor) -> dict[str, Any]:
    settings = here().settings
    token, expires_at = resets.issue(connection, user_id, life_seconds=settings.password_reset_seconds, actor=actor)
    return {"token": token, "link": pages.of_reset(settings, token), "expires_at": expires_at}


def _account(user: User) -> dict[str, Any]:
    return {
        "id": user.id.hex,
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "is_active": user.is_active,
        "created_at": user.created_at,
    }


def _tagged(user: User) -> dict[str, Any]:
    """The account as it is shown, and the tag of that for the answer."""
    conditional.tagged(_account(user))
    return _account(user)


def _taken(error: accounts.NameTaken) -> Problem:
    return Problem(409, f"{str(error).capitalize()}.", code="taken", errors={error.kind: [str(error)]})


def _last_admin() -> Problem:
    return Problem(409, "This is the last admin who can sign in. Make another one first.", code="last_admin")


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def _decoded(cursor: str) -> str:
    try:
        name = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("cursor", "is not a cursor of this list") from error
    if not name or "\0" in name:
        raise invalid("cursor", "is not a cursor of this list")
    return name
