"""Sign in, stay signed in, sign out."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import request

from authsvc import audit
from authsvc.api import proof, second_step, sign_in
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.protocol.user_agents import readable
from authsvc.api.schemas import auth as schemas
from authsvc.audit import Event
from authsvc.people import accounts, guests
from authsvc.sessions import credentials, expiry, refresh_tokens, sessions
from authsvc.sessions.sessions import Ended
from authsvc.signin import passkeys
from authsvc.stores.live import LiveUnavailable

bp = APIBlueprint("auth", __name__, url_prefix="/api/v1/auth", tag="Authentication")


@bp.get("/ways")
@bp.output(schemas.WaysOut)
@bp.doc(summary="The ways in", responses=[503])
def ways() -> dict[str, Any]:
    """What a page may offer to somebody who is not signed in; trying it would tell the same."""
    settings = here().settings
    try:
        name: str | None = passkeys.Party.of(settings.public_origins).name
    except passkeys.NoName:
        name = None
    return {
        "guests": settings.guests,
        "registration": settings.registration,
        "password_shortest": settings.password_shortest,
        "passkeys_at": name,
    }


@bp.post("/login")
@bp.input(schemas.LoginIn, location="json", arg_name="body")
@bp.output(schemas.SessionOut)
@bp.doc(summary="Sign in", responses=[401, 403, 409, 429])
def login(body: schemas.LoginIn) -> dict[str, Any]:
    """One may be signed in in a few places at once (3 by default): one more ends the oldest session with what plays in
    it, or is 409 `sessions` where the operator wants that.

    Answers tokens to programs. A browser (Sec-Fetch-Site), or who asks for it, gets cookies and no token.
    """
    by_cookie = sign_in.wants_cookies(body.cookies)
    user = proof.by_password(body.username, body.password, body.known_device_token)
    second_step.require(user)
    return sign_in.complete(user, body, by_cookie=by_cookie)


@bp.post("/guest")
@bp.input(schemas.GuestIn, location="json", arg_name="body")
@bp.output(schemas.SessionOut)
@bp.doc(
    summary="Look around as a guest",
    responses={403: "Not here (code: guests)", 422: "", 429: "Too many guests (code: guests_full)", 503: ""},
)
def guest(body: schemas.GuestIn) -> dict[str, Any]:
    """A session for what is public, without an account. It ends like any other, and nothing of it is kept."""
    services = here()
    settings, by_cookie = services.settings, sign_in.wants_cookies(body.cookies)
    if not settings.guests:
        raise Problem(403, "There are no guests here. Sign in.", code="guests")
    device = body.device.strip() or readable(request.headers.get("User-Agent", ""))
    try:
        with services.database.connection() as connection:
            started, user = guests.admit(
                connection,
                device=device,
                client=guard.client_address(),
                life_seconds=settings.guest_session_seconds,
                idle_seconds=settings.session_idle_seconds,
                most=settings.guests_per_box,
                most_of_address=settings.guests_per_address,
            )
    except guests.GuestsFull as full:
        raise Problem(
            429,
            "There are as many guests as may be. Try again later, or sign in.",
            code="guests_full",
            headers={"Retry-After": "60"},
        ) from full
    return sign_in.answer(started, user, by_cookie)


@bp.post("/refresh")
@bp.input(schemas.RefreshIn, location="json", arg_name="body")
@bp.output(schemas.SessionOut)
@bp.doc(summary="Exchange the refresh token", responses=[400, 401, 403, 422, 503])
def refresh(body: schemas.RefreshIn) -> dict[str, Any]:
    """Each refresh token is good for one use. An answer that got lost is given again for a minute, to the same token;
    any other second use ends the session: one of the two users has stolen it."""
    services = here()
    token, by_cookie = _refresh_token(body)
    if token is None:
        raise unauthorized("There is no refresh token.")
    retry_seconds, client = services.settings.refresh_retry_seconds, guard.client_address()
    with services.database.connection() as connection:
        session_id = refresh_tokens.of_refresh_token(connection, token, retry_seconds=retry_seconds)
        if session_id is not None:
            # Watching is use, and PostgreSQL may not know of it yet.
            with suppress(LiveUnavailable):
                expiry.persist(connection, services.live, [session_id])
        try:
            started = refresh_tokens.rotate(
                connection,
                token,
                idle_seconds=services.settings.session_idle_seconds,
                retry_seconds=retry_seconds,
            )
        except refresh_tokens.RefreshReused as reuse:
            if reuse.ended:
                audit.record(
                    connection,
                    Event.REFRESH_REUSED,
                    actor=None,
                    subject=reuse.ended.user_id,
                    client=client,
                    session=reuse.ended.session_id.hex,
                )
                sessions.leave_tombstone(services.live, services.settings, reuse.ended)
            sign_in.clear_cookies_afterwards(by_cookie)
            raise unauthorized(
                "The refresh token was used before; the session has ended.", code="refresh_reused"
            ) from reuse
        except refresh_tokens.RefreshInvalid as error:
            sign_in.clear_cookies_afterwards(by_cookie)
            raise unauthorized("The refresh token is not valid, or no longer.", code="refresh") from error
        user = accounts.by_id(connection, started.user_id.hex)
    if user is None:
        raise unauthorized("The user is gone.")
    return sign_in.answer(started, user, by_cookie or "Sec-Fetch-Site" in request.headers)


@bp.post("/logout")
@bp.input(schemas.RefreshIn, location="json", arg_name="body")
@bp.doc(summary="Sign out", responses={204: "The session has ended, with its playbacks", 401: "Not signed in", 403: ""})
def logout(body: schemas.RefreshIn) -> tuple[str, int]:
    """By access token, or by refresh token when that has expired. Said twice, the second time is 401."""
    services = here()
    session_id, user_id, by_cookie = _leaving(body)
    if by_cookie:
        guard.require_same_origin()
    with services.database.connection() as connection, connection.transaction():
        ended = sessions.end(connection, session_id, "logout")
        if ended:
            client = guard.client_address()
            audit.record(connection, Event.LOGOUT, actor=ended.user_id, client=client, session=session_id.hex)
    # The second call too: the first may have failed to reach Redis.
    if ended or user_id:
        sessions.leave_tombstone(services.live, services.settings, ended or Ended(session_id, UUID(user_id), "logout"))
    sign_in.clear_cookies_afterwards(True)
    if ended is None:
        raise unauthorized("This session is over.", code="session", sent=True)
    return "", 204


def _refresh_token(body: schemas.RefreshIn) -> tuple[str | None, bool]:
    """The refresh token and whether it is a cookie; that one only from our own pages. Raises Problem."""
    if body.refresh_token is not None:
        return body.refresh_token, False
    try:
        token = credentials.cookie(request.environ.get("HTTP_COOKIE", ""), credentials.REFRESH_COOKIE)
    except credentials.MalformedCredentials as error:
        raise unauthorized("There is more than one refresh cookie.", sent=True) from error
    if token is not None:
        guard.require_same_origin()
    return token, token is not None


def _leaving(body: schemas.RefreshIn) -> tuple[UUID, str, bool]:
    """Session and user (if known) that sign out, and whether a cookie said so. Raises Problem."""
    problem = unauthorized("Not signed in.")
    try:
        token = guard.access_token()
        if token is not None:
            return UUID(token[0].session_id), token[0].user_id, token[1]
    except Problem as expired:
        problem = expired
    refresh_token, by_cookie = _refresh_token(body)
    if refresh_token:
        with here().database.connection() as connection:
            session_id = refresh_tokens.of_refresh_token(
                connection, refresh_token, retry_seconds=here().settings.refresh_retry_seconds
            )
        if session_id is not None:
            return session_id, "", by_cookie
    raise problem
