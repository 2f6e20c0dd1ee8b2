"""For admins: accounts."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from apiflask import APIBlueprint

from authsvc.api import proof
from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem, explained
from authsvc.api.protocol.services import here
from authsvc.api.registration import checked_names, invalid
from authsvc.api.schemas import accounts as schemas
from authsvc.people import accounts, names, page_links, password_resets, registration
from authsvc.people.accounts import Actor, User

bp = APIBlueprint("people", __name__, url_prefix="/api/v1/admin/users", tag="Administration")

_UNKNOWN: Final = "There is no such user."
_MEANINGS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    accounts.UserUnknown: lambda _: Problem(404, _UNKNOWN),
    accounts.LastAdmin: lambda _: Problem(
        409, "This is the last admin who can sign in. Make another one first.", code="last_admin"
    ),
    accounts.NameTaken: lambda taken: Problem(
        409, f"{str(taken).capitalize()}.", code="taken", errors={taken.kind: [str(taken)]}
    ),
    names.InvalidName: lambda wrong: invalid("email", str(wrong)),
}


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
    with explained(_MEANINGS), services.database.connection() as connection, connection.transaction():
        user = registration.create(
            connection,
            username=body.username,
            email=body.email,
            password_hash=password_hash,
            role=body.role,
            actor=actor,
        )
        reset = None if body.password else _issue(connection, user.id, actor)
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
    with explained(_MEANINGS), services.database.connection() as connection, connection.transaction():
        if conditional.asked():
            conditional.require_match(_account(accounts.hold(connection, user_id)))
        user, ended = accounts.change(connection, user_id, actor=acting(), **wanted)
    accounts.enforce(services.live, services.settings, user.id, ended)
    return _tagged(user)


@bp.delete("/<id:user_id>")
@bp.doc(
    summary="Delete a user",
    responses={204: "No row tells of the person any more", 401: "", 403: "", 404: "", 409: "The last admin", 503: ""},
)
def delete_user(user_id: str) -> tuple[str, int]:
    """With sessions, history, ratings and playlists. The audit trail keeps a random id that leads to nobody."""
    services = here()
    with explained(_MEANINGS), services.database.connection() as connection:
        ended = accounts.delete(connection, user_id, actor=acting())
    accounts.enforce(services.live, services.settings, UUID(user_id), ended)
    return "", 204


@bp.post("/<id:user_id>/reset")
@bp.output(schemas.ResetOut, status_code=201)
@bp.doc(summary="Let a user choose a new password", responses=[401, 403, 404, 503])
def reset_password(user_id: str) -> dict[str, Any]:
    """Hand the token to the user. The old password works until the new one is chosen; a token from before is void."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return _issue(connection, UUID(user_id), acting())


def acting() -> Actor:
    """Who asks, for the audit trail."""
    return Actor(UUID(guard.identity().user_id), guard.client_address())


def _issue(connection: Any, user_id: UUID, actor: Actor) -> dict[str, Any]:
    settings = here().settings
    token, expires_at = password_resets.issue(
        connection, user_id, life_seconds=settings.password_reset_seconds, actor=actor
    )
    return {"token": token, "link": page_links.of_reset(settings, token), "expires_at": expires_at}


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
