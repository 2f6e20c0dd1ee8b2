"""Signing in with more than a password: the second step, and passkeys, which need no first."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc import audit
from authsvc.api import sign_in
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.schemas import auth as auth_schemas
from authsvc.api.schemas import factors as schemas
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.signin import challenges, passkeys, recovery_codes, second_factors, totp
from authsvc.signin.passkeys import Party
from authsvc.signin.throttle import Throttled

bp = APIBlueprint("second_step", __name__, url_prefix="/api/v1/auth", tag="Authentication")

_START_OVER = "This sign-in took too long or too many attempts. Start over with your password."
_WRONG = "That is not a good answer. A code serves once; wait for the next one."


def require(user: accounts.User) -> None:
    """The password was right: ask for the second factor of a user who has one. Raises Problem 401."""
    services = here()
    with services.database.connection() as connection:
        methods = second_factors.of_user(connection, user.id).methods
        if not methods:
            return
        challenge, nonce = challenges.issue(
            connection,
            "second_factor",
            user_id=user.id,
            client=guard.client_address(),
            life_seconds=services.settings.challenge_seconds,
        )
        more: dict[str, Any] = {"challenge": challenge, "methods": methods}
        if "passkey" in methods:
            # A box that has lost its name since: the other methods still serve.
            with suppress(passkeys.NoName):
                party = Party.of(services.settings.public_origins)
                more["options"] = passkeys.sign_in_options(connection, party, nonce, user.id)
    problem = unauthorized("Now your second factor.", code="second_factor")
    problem.more = more
    raise problem


@bp.post("/second-factor")
@bp.input(schemas.SecondFactorIn, location="json", arg_name="body")
@bp.output(auth_schemas.SessionOut)
@bp.doc(summary="Sign in: the second step", responses=[400, 401, 403, 409, 422, 429, 503])
def complete(body: schemas.SecondFactorIn) -> dict[str, Any]:
    """With the challenge that signing in by password has answered, and one of its methods."""
    services = here()
    by_cookie = sign_in.wants_cookies(body.cookies)
    with services.database.connection() as connection:
        challenge = challenges.attempt(
            connection, body.challenge, "second_factor", most=services.settings.challenge_attempts
        )
        if challenge is None or challenge.user_id is None:
            raise unauthorized(_START_OVER)
        user = accounts.by_id(connection, challenge.user_id.hex)
        if user is None or not user.is_active:
            raise unauthorized(_START_OVER)
        if not _shown(connection, user, challenge.nonce, body):
            audit.record(
                connection, Event.SECOND_FACTOR_FAILED, actor=None, subject=user.id, client=guard.client_address()
            )
            raise unauthorized(_WRONG, code="wrong_factor")
        if challenges.spend(connection, body.challenge, "second_factor") is None:
            raise unauthorized(_START_OVER)
    return sign_in.complete(user, body, by_cookie=by_cookie, second_factor=True)


@bp.post("/passkey/options")
@bp.output(schemas.CeremonyOut)
@bp.doc(summary="Sign in by passkey: the challenge", responses=[409, 429, 503])
def passkey_options() -> dict[str, Any]:
    """For navigator.credentials.get(). No name is asked for: the browser offers the passkeys that it has for us."""
    services = here()
    party = named_party()
    with services.database.connection() as connection:
        challenge, nonce = challenges.issue(
            connection,
            "passkey",
            user_id=None,
            client=guard.client_address(),
            life_seconds=services.settings.challenge_seconds,
        )
        return {"challenge": challenge, "options": passkeys.sign_in_options(connection, party, nonce)}


@bp.post("/passkey")
@bp.input(schemas.PasskeySignInIn, location="json", arg_name="body")
@bp.output(auth_schemas.SessionOut)
@bp.doc(summary="Sign in by passkey", responses=[400, 401, 403, 409, 422, 429, 503])
def by_passkey(body: schemas.PasskeySignInIn) -> dict[str, Any]:
    """A passkey that has verified its user is both factors at once."""
    services, party = here(), named_party()
    by_cookie = sign_in.wants_cookies(body.cookies)
    with services.database.connection() as connection:
        challenge = challenges.spend(connection, body.challenge, "passkey")
        if challenge is None:
            raise unauthorized(_START_OVER)
        try:
            user_id = passkeys.take(connection, party, challenge.nonce, body.passkey)
        except passkeys.Refused as refused:
            audit.record(connection, Event.SECOND_FACTOR_FAILED, actor=None, client=guard.client_address())
            raise unauthorized("This passkey is not known here.", code="wrong_factor") from refused
        user = accounts.by_id(connection, user_id.hex)
    if user is None or not user.is_active:
        raise unauthorized("This passkey is not known here.", code="wrong_factor")
    return sign_in.complete(user, body, by_cookie=by_cookie, second_factor=True)


def named_party() -> Party:
    """For whom passkeys are made here. Raises Problem 409."""
    try:
        return Party.of(here().settings.public_origins)
    except passkeys.NoName as error:
        raise Problem(
            409,
            "This box is reached by an IP address, and browsers make passkeys for names alone. Give it a name.",
            code="passkeys_need_a_name",
        ) from error


def good_code(connection: Connection[Any], user_id: UUID, code: str, *, confirming: bool = False) -> bool:
    """Is it the authenticator app's? Wrong ones are counted. Raises Problem 429 or 409."""
    services = here()
    if services.sealer is None:
        raise Problem(409, "This service has no key for authenticator apps.", code="no_factor_key")
    try:
        services.factor_throttle.take(user_id.hex)
    except Throttled as throttled:
        raise Problem(
            429,
            "Too many wrong codes. Try again later, or use a passkey or a recovery code.",
            headers={"Retry-After": str(max(round(throttled.retry_after_seconds), 1))},
        ) from throttled
    good = totp.take(connection, services.sealer, user_id, code, confirming=confirming)
    if good:
        services.factor_throttle.give_back(user_id.hex)
    return good


def good_recovery_code(connection: Connection[Any], user_id: UUID, code: str) -> bool:
    """Is it an unused one? Its use is written down."""
    with connection.transaction():
        good = recovery_codes.take(connection, user_id, code)
        if good:
            audit.record(connection, Event.RECOVERY_CODE_USED, actor=user_id, client=guard.client_address())
    return good


def _shown(connection: Connection[Any], user: accounts.User, nonce: bytes, body: schemas.SecondFactorIn) -> bool:
    given = [body.code, body.recovery_code, body.passkey]
    if sum(one is not None for one in given) != 1:
        raise Problem(
            422, "Send one of code, recovery_code and passkey.", errors={"code": ["exactly one of the three is needed"]}
        )
    if body.code is not None:
        return good_code(connection, user.id, body.code)
    if body.recovery_code is not None:
        return good_recovery_code(connection, user.id, body.recovery_code)
    try:
        passkeys.take(connection, named_party(), nonce, body.passkey or {}, user.id)
    except passkeys.Refused:
        return False
    return True
