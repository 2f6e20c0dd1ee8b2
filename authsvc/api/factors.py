"""One's own second factors: see, add and remove them. What changes them asks for a proof of just now."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from authsvc import audit
from authsvc.api import proof, second_step
from authsvc.api.protocol import guard, qr
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.schemas import factors as schemas
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.sessions import sessions
from authsvc.signin import challenges, passkeys, recovery_codes, second_factors, totp

bp = APIBlueprint("factors", __name__, url_prefix="/api/v1", tag="Second factor")

_NOT_GOOD = "That is not a good answer. A code serves once; wait for the next one."


@bp.get("/users/me/factors")
@bp.output(schemas.FactorsOut)
@bp.doc(summary="My second factors", responses=[401, 403, 503])
def list_factors() -> dict[str, Any]:
    """Secrets are not shown again."""
    with here().database.connection() as connection:
        return asdict(second_factors.of_user(connection, _me()))


@bp.post("/users/me/proof")
@bp.input(schemas.ProofIn, location="json", arg_name="body")
@bp.doc(
    summary="Prove who I am once more",
    responses={204: "Good for some minutes", 401: "", 403: "Wrong (code: wrong_factor)", 409: "", 422: "", 429: ""},
)
def prove(body: schemas.ProofIn) -> tuple[str, int]:
    """By the password, or by a factor. What changes who may sign in asks for it."""
    given = [body.password, body.code, body.recovery_code]
    if sum(one is not None for one in given) != 1:
        raise Problem(
            422, "Send one of password, code and recovery_code.", errors={"password": ["exactly one is needed"]}
        )
    if not _proves(body):
        # Not 401: the session is good.
        raise Problem(403, _NOT_GOOD, code="wrong_factor")
    with here().database.connection() as connection:
        second_factors.proved(connection, guard.identity().session_id)
    return "", 204


@bp.post("/users/me/factors/totp")
@bp.output(schemas.TotpOut, status_code=201)
@bp.doc(summary="Add an authenticator app", responses={401: "", 403: "Prove who you are first", 409: "", 503: ""})
def begin_totp() -> dict[str, Any]:
    """It counts once its first code is confirmed. Calling this again gives another secret."""
    _require_proof()
    sealer, user = here().sealer, _user()
    if sealer is None:
        raise Problem(409, "This service has no key for authenticator apps.", code="no_factor_key")
    with here().database.connection() as connection:
        try:
            secret = totp.begin(connection, sealer, user.id)
        except totp.AlreadyAdded as error:
            raise Problem(409, "You have an authenticator app. Remove it first.", code="factor_exists") from error
    uri = totp.uri(secret, user.username)
    return {"secret": secret, "uri": uri, "qr": qr.svg(uri)}


@bp.post("/users/me/factors/totp/confirm")
@bp.input(schemas.TotpIn, location="json", arg_name="body")
@bp.output(schemas.RecoveryCodesOut)
@bp.doc(
    summary="Confirm it by its first code", responses={403: "Wrong (code: wrong_factor)", 409: "", 422: "", 429: ""}
)
def confirm_totp(body: schemas.TotpIn) -> dict[str, Any]:
    """With the first factor come ten recovery codes: keep them where the phone is not."""
    _require_proof()
    with here().database.connection() as connection:
        with connection.transaction():
            good = second_step.good_code(connection, _me(), body.code, confirming=True)
            codes = second_factors.codes_for_the_first(connection, _me()) if good else []
            if good:
                second_factors.shown(connection, guard.identity().session_id)
                _write_down(connection, Event.SECOND_FACTOR_ADDED, kind="totp")
        if not good:
            raise Problem(403, _NOT_GOOD, code="wrong_factor")
    sessions.invalidate_user(here().live, _me())
    return {"recovery_codes": codes}


@bp.delete("/users/me/factors/totp")
@bp.doc(summary="Remove the authenticator app", responses={204: "", 401: "", 403: "", 404: "There is none", 503: ""})
def remove_totp() -> tuple[str, int]:
    """After the last factor the recovery codes go too."""
    _require_proof()
    with here().database.connection() as connection, connection.transaction():
        if not totp.remove(connection, _me()):
            raise Problem(404, "You have no authenticator app.")
        second_factors.removed(connection, _me())
        _write_down(connection, Event.SECOND_FACTOR_REMOVED, kind="totp")
    return "", 204


@bp.post("/users/me/factors/passkeys/options")
@bp.output(schemas.CeremonyOut)
@bp.doc(summary="Add a passkey: the challenge", responses={401: "", 403: "Prove who you are first", 409: "", 503: ""})
def begin_passkey() -> dict[str, Any]:
    """For navigator.credentials.create()."""
    party = second_step.named_party()
    _require_proof()
    user, services = _user(), here()
    with services.database.connection() as connection:
        challenge, nonce = challenges.issue(
            connection,
            "registration",
            user_id=user.id,
            client=guard.client_address(),
            life_seconds=services.settings.challenge_seconds,
        )
        return {"challenge": challenge, "options": passkeys.registration_options(connection, party, user, nonce)}


@bp.post("/users/me/factors/passkeys")
@bp.input(schemas.PasskeyIn, location="json", arg_name="body")
@bp.output(schemas.PasskeyAddedOut, status_code=201)
@bp.doc(summary="Add a passkey", responses={401: "", 403: "Not good (code: wrong_factor)", 409: "", 422: "", 503: ""})
def add_passkey(body: schemas.PasskeyIn) -> dict[str, Any]:
    """It signs in by itself from then on, or after the password."""
    party = second_step.named_party()
    _require_proof()
    with here().database.connection() as connection:
        challenge = challenges.spend(connection, body.challenge, "registration")
        if challenge is None or challenge.user_id != _me():
            raise Problem(403, "This took too long, or was used before. Start over.", code="wrong_factor")
        try:
            with connection.transaction():
                added = passkeys.register(connection, party, _me(), challenge.nonce, body.passkey, body.name)
                codes = second_factors.codes_for_the_first(connection, _me())
                second_factors.shown(connection, guard.identity().session_id)
                _write_down(connection, Event.SECOND_FACTOR_ADDED, kind="passkey")
        except passkeys.Refused as refused:
            raise Problem(403, "This passkey can't be added here.", code="wrong_factor") from refused
    sessions.invalidate_user(here().live, _me())
    return {"id": added, "recovery_codes": codes}


@bp.delete("/users/me/factors/passkeys/<id:passkey_id>")
@bp.doc(summary="Remove a passkey", responses={204: "", 401: "", 403: "", 404: "There is no such one", 503: ""})
def remove_passkey(passkey_id: str) -> tuple[str, int]:
    """After the last factor the recovery codes go too."""
    _require_proof()
    with here().database.connection() as connection, connection.transaction():
        if not passkeys.remove(connection, _me(), passkey_id):
            raise Problem(404, "You have no such passkey.")
        second_factors.removed(connection, _me())
        _write_down(connection, Event.SECOND_FACTOR_REMOVED, kind="passkey")
    return "", 204


@bp.post("/users/me/factors/recovery-codes")
@bp.output(schemas.RecoveryCodesOut, status_code=201)
@bp.doc(summary="Make new recovery codes", responses={401: "", 403: "Prove who you are first", 404: "", 503: ""})
def make_recovery_codes() -> dict[str, Any]:
    """The old ones are no good from then on."""
    _require_proof()
    with here().database.connection() as connection, connection.transaction():
        if not second_factors.of_user(connection, _me()).methods:
            raise Problem(404, "You have no second factor that they could stand in for.")
        codes = recovery_codes.make(connection, _me())
        _write_down(connection, Event.RECOVERY_CODES_MADE)
    return {"recovery_codes": codes}


@bp.delete("/admin/users/<id:user_id>/factors")
@bp.doc(summary="Remove somebody's second factors", responses={204: "", 401: "", 403: "", 404: "", 503: ""})
def remove_factors_of(user_id: str) -> tuple[str, int]:
    """For a user who has lost them all. Make sure that it is that user who asks."""
    _require_proof()
    with here().database.connection() as connection, connection.transaction():
        if accounts.by_id(connection, user_id) is None:
            raise Problem(404, "There is no such user.")
        if not second_factors.remove_all(connection, UUID(user_id)):
            raise Problem(404, "This user has no second factor.")
        _write_down(connection, Event.SECOND_FACTOR_REMOVED, subject=UUID(user_id), kind="all")
    return "", 204


def _proves(body: schemas.ProofIn) -> bool:
    user = _user()
    if body.password is not None:
        try:
            return proof.by_password(user.username, body.password).id == user.id
        except Problem as problem:
            if problem.status != HTTPStatus.UNAUTHORIZED:
                raise
            return False
    with here().database.connection() as connection:
        if body.code is not None:
            return second_step.good_code(connection, user.id, body.code)
        return second_step.good_recovery_code(connection, user.id, body.recovery_code or "")


def _me() -> UUID:
    return UUID(guard.identity().user_id)


def _user() -> accounts.User:
    with here().database.connection() as connection:
        user = accounts.by_id(connection, guard.identity().user_id)
    if user is None:
        raise unauthorized("The user is gone.", sent=True)
    return user


def _require_proof() -> None:
    services = here()
    with services.database.connection() as connection:
        lately = second_factors.is_proved(connection, guard.identity().session_id, services.settings.proof_seconds)
    if not lately:
        raise Problem(403, "Prove who you are once more: your password, or a factor.", code="proof")


def _write_down(connection: Any, event: Event, *, subject: UUID | None = None, **details: str) -> None:
    audit.record(connection, event, actor=_me(), subject=subject or _me(), client=guard.client_address(), **details)
