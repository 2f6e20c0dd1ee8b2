"""Becoming a user, and choosing a password with a token from an admin."""

from typing import Any

from apiflask import APIBlueprint

from authsvc.api import proof
from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import accounts as schemas
from authsvc.people import accounts, invitations, names, password_resets, registration

bp = APIBlueprint("registration", __name__, url_prefix="/api/v1/auth", tag="Authentication")


@bp.post("/register")
@idempotency.repeatable
@bp.input(schemas.RegisterIn, location="json", arg_name="body")
@bp.output(schemas.RegisteredOut, status_code=201)
@bp.doc(summary="Register", responses=[400, 403, 409, 415, 422, 429, 503])
def register(body: schemas.RegisterIn) -> dict[str, Any]:
    """Open to all, by invitation only, or closed, as it is configured. Sign in afterwards."""
    services = here()
    try:
        with services.database.connection() as connection:
            registration.admit(connection, services.settings.registration, body.invitation)
        checked_names(body.username, body.email)
        password_hash = proof.new_hash(body.password, body.username, body.email)
        with services.database.connection() as connection:
            user = registration.register(
                connection,
                invitation=body.invitation,
                username=body.username,
                email=body.email,
                password_hash=password_hash,
                client=guard.client_address(),
            )
    except registration.RegistrationClosed as error:
        raise Problem(403, "Nobody may register here. Ask an admin for an account.", code="registration") from error
    except invitations.InvitationInvalid as error:
        raise Problem(
            403, "This needs an invitation that is still good. Ask an admin for one.", code="invitation"
        ) from error
    except accounts.NameTaken as error:
        # Which of the two is not said: an address is nobody's business.
        raise Problem(
            409, "This username or e-mail address is taken, or looks like one that is.", code="taken"
        ) from error
    return {"id": user.id.hex, "username": user.username, "email": user.email, "role": user.role}


@bp.post("/reset")
@bp.input(schemas.ResetIn, location="json", arg_name="body")
@bp.doc(
    summary="Choose a new password",
    responses={204: "It is changed, and every session has ended", 400: "", 410: "", 415: "", 422: "", 429: "", 503: ""},
)
def reset(body: schemas.ResetIn) -> tuple[str, int]:
    """With a token that an admin has given; it is good once and not for long."""
    services = here()
    try:
        with services.database.connection() as connection:
            user = password_resets.holder(connection, body.token)
        password_hash = proof.new_hash(body.password, user.username, user.email)
        with services.database.connection() as connection:
            user_id, ended = password_resets.use(connection, body.token, password_hash, client=guard.client_address())
    except password_resets.ResetInvalid as error:
        raise Problem(
            410, "This token was used, or its time is over. Ask an admin for another.", code="reset"
        ) from error
    accounts.enforce(services.live, services.settings, user_id, ended)
    return "", 204


def checked_names(username: str, email: str | None) -> None:
    """Raises Problem 422 for names that can't be."""
    for field, value, check in (
        ("username", username, names.checked_username),
        ("email", email, names.checked_email),
    ):
        try:
            if value is not None:
                check(value)
        except names.InvalidName as error:
            raise invalid(field, str(error)) from error


def invalid(field: str, complaint: str) -> Problem:
    """422 for one field."""
    return Problem(422, "Fields are missing, unknown or of the wrong kind.", errors={field: [complaint]})
