"""Proving to be somebody by password: counted, bounded, and the same for names that do not exist."""

from contextlib import suppress
from http import HTTPStatus
from uuid import UUID

from flask import Response, after_this_request, g, request

from authsvc import audit
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem, busy, unauthorized
from authsvc.api.protocol.services import here
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.sessions import credentials
from authsvc.signin import device_cookies, passwords
from authsvc.signin.password_rules import UnacceptablePassword
from authsvc.signin.throttle import Throttled, account_digest

WRONG = "Username or password is wrong."


def by_password(username: str, password: str, known_device_token: str | None = None) -> accounts.User:
    """The active user whose password this is; who fails is written down. Raises Problem 401, 429 or 503."""
    services, client = here(), guard.client_address()
    device_id = device_cookies.recognise(services.verifier, username, known_device_token or _cookie())
    try:
        services.login_throttle.take(username, client, device_id)
    except Throttled as throttled:
        if throttled.first:
            _record(Event.LOGIN_THROTTLED, username, client)
        raise Problem(
            429,
            "Too many failed attempts. Try again later, or from a device that you have signed in from before.",
            headers={"Retry-After": str(max(round(throttled.retry_after_seconds), 1))},
        ) from throttled
    with services.database.connection() as connection:
        found = accounts.credentials(connection, username)
    user, stored = found or (None, None)
    try:
        good = services.passwords.matches(
            password, stored, known=device_id is not None, caller=_whose_turn(username, device_id)
        )
        if user is None or stored is None or not good or not user.is_active:
            _record(Event.LOGIN_FAILED, username, client)
            raise unauthorized(WRONG)
    except passwords.HashingBusy as error:
        # Nothing was learnt of the password.
        services.login_throttle.give_back(username, client, device_id)
        raise busy("Too many people are signing in right now.") from error
    services.login_throttle.give_back(username, client, device_id)
    if passwords.is_outdated(stored):
        # Another time, if there is no place now.
        with suppress(passwords.HashingBusy), services.database.connection() as connection:
            accounts.rehash(connection, user.id, stored, services.passwords.hash(password, known=True))
    return user


def again(password: str) -> accounts.User:
    """Who is signed in, and knows the password too. Raises Problem 403, 429 or 503."""
    with here().database.connection() as connection:
        user = accounts.by_id(connection, guard.identity().user_id)
    if user is None:
        raise unauthorized("The user is gone.", sent=True)
    try:
        return by_password(user.username, password)
    except Problem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED:
            raise
        # Not 401: the session is good.
        raise Problem(403, "The current password is wrong.", code="wrong_password") from problem


def new_hash(password: str, *own: str | None, field: str = "password") -> str:
    """The hash of a password that somebody has chosen. Raises Problem 422, or 503 when too many are being made."""
    services = here()
    try:
        services.password_rules.check(password, *own)
        return services.passwords.hash(password, caller=guard.caller())
    except UnacceptablePassword as error:
        raise Problem(
            422, "This can't be a password here.", code="weak_password", errors={field: [str(error)]}
        ) from error
    except passwords.HashingBusy as error:
        raise busy("Too many people are signing in right now.") from error


def remember_device(user: accounts.User, *, by_cookie: bool, known_device_token: str | None = None) -> str | None:
    """Make this request's device a known one, by cookie or by the token that is answered. Call it once signed in."""
    services = here()
    life = services.settings.known_device_seconds
    before = device_cookies.recognise(services.verifier, user.username, known_device_token or _cookie())
    token = device_cookies.issue(services.issuer, user.username, life, before)
    if not by_cookie:
        return token

    @after_this_request
    def set_cookie(response: Response) -> Response:
        name = credentials.KNOWN_DEVICE_COOKIE
        response.set_cookie(name, token, life, path="/", secure=True, httponly=True, samesite="Strict")
        return response

    return None


def _cookie() -> str | None:
    try:
        return credentials.cookie(request.environ.get("HTTP_COOKIE", ""), credentials.KNOWN_DEVICE_COOKIE)
    except credentials.MalformedCredentials:
        return None


def _whose_turn(username: str, device_id: str | None) -> str:
    """The signed-in user; of who signs in the device, or account and address: nobody else can take an owner's turn."""
    caller = guard.caller()
    if "identity" in g:
        return caller
    return f"device:{device_id}" if device_id else f"{account_digest(username)}:{caller}"


def _record(event: Event, username: str, client: str | None) -> None:
    with here().database.connection() as connection:
        user = accounts.by_name(connection, username)
        subject: UUID | None = user.id if user else None
        audit.record(connection, event, actor=None, subject=subject, client=client)
