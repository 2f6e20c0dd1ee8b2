"""Oneself: who one is, what others read of one, and the end of the account."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api import proof
from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.registration import invalid
from authsvc.api.schemas import personal as schemas
from authsvc.people import accounts, names, profiles
from authsvc.people.accounts import Actor

bp = APIBlueprint("users", __name__, url_prefix="/api/v1/users", tag="Users")


@bp.get("/me")
@bp.output(schemas.ProfileOut)
@bp.doc(summary="Who am I?", responses=[401, 503])
def me() -> dict[str, Any]:
    """The signed-in user. A device does not learn the address."""
    with here().database.connection() as connection:
        return _profile(connection)


@bp.patch("/me")
@conditional.compared
@bp.input(schemas.ProfileIn, location="json", arg_name="body")
@bp.output(schemas.ProfileOut)
@bp.doc(summary="Change your profile", responses=[400, 401, 403, 409, 415, 422, 429, 503])
def change_me(body: schemas.ProfileIn) -> dict[str, Any]:
    """Null takes a field away. Another e-mail address wants your password: it may be used to get into the account."""
    identity = guard.identity()
    user_id = UUID(identity.user_id)
    changes = body.model_dump(exclude_unset=True)
    changes.pop("password", None)
    if "email" in changes:
        if body.password is None:
            raise invalid("password", "is needed to change the e-mail address")
        proof.again(body.password)
    try:
        with here().database.connection() as connection, connection.transaction():
            if conditional.asked():
                accounts.hold(connection, user_id)
                conditional.require_match(_profile(connection))
            if "email" in changes:
                actor = Actor(user_id, guard.client_address())
                accounts.change(connection, user_id, actor=actor, email=changes["email"])
            if "display_name" in changes:
                profiles.set_display_name(connection, user_id, changes["display_name"])
            return _profile(connection)
    except names.InvalidName as error:
        raise invalid("email", str(error)) from error
    except accounts.NameTaken as error:
        raise Problem(409, "This e-mail address is taken, or looks like one that is.", code="taken") from error
    except accounts.UserUnknown as error:
        raise unauthorized("The user is gone.", sent=True) from error


@bp.delete("/me")
@bp.input(schemas.FarewellIn, location="json", arg_name="body")
@bp.doc(
    summary="Delete your account",
    responses={204: "Nothing is left of you", 400: "", 401: "", 403: "", 409: "", 415: "", 422: "", 429: "", 503: ""},
)
def delete_me(body: schemas.FarewellIn) -> tuple[str, int]:
    """With sessions, history, ratings and playlists. The audit trail keeps a random id that leads to nobody."""
    services = here()
    user = proof.again(body.password)
    try:
        with services.database.connection() as connection:
            ended = accounts.delete(connection, user.id, actor=Actor(user.id, guard.client_address()))
    except accounts.LastAdmin as error:
        raise Problem(
            409, "You are the last admin who can sign in. Make another one first.", code="last_admin"
        ) from error
    except accounts.UserUnknown as error:
        raise unauthorized("The user is gone.", sent=True) from error
    accounts.enforce(services.live, services.settings, user.id, ended)
    return "", 204


def _profile(connection: Connection[Any]) -> dict[str, Any]:
    """Oneself as one is shown, and the tag of that for the answer."""
    identity = guard.identity()
    profile = profiles.of_user(connection, identity.user_id)
    if profile is None:
        raise unauthorized("The user is gone.", sent=True)
    shown = {
        "id": profile.id.hex,
        "username": profile.username,
        "role": profile.role,
        "display_name": profile.display_name,
        "email": None if identity.kind == "device" else profile.email,
    }
    conditional.tagged(shown)
    return shown
