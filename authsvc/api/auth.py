"""Sign in, stay signed in, sign out."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, after_this_request, request

from authsvc import accounts, audit, credentials, sessions
from authsvc import refresh as refresh_tokens
from authsvc.api import guard, proof
from authsvc.api.schemas import auth as schemas
from authsvc.api.services import here
from authsvc.audit import Event
from authsvc.problems import Problem, unauthorized
from authsvc.sessions import Ended, Started
from authsvc.user_agents import readable

bp = APIBlueprint("auth", __name__, url_prefix="/api/v1/auth", tag="Authentication")


@bp.post("/login")
@bp.input(schemas.LoginIn, location="json", arg_name="body")
@bp.output(schemas.SessionOut)
@bp.doc(summary="Sign in", responses=[400, 401, 415, 422, 429, 503])
def login(body: schemas.LoginIn) -> dict[str, Any]:
    """Answers tokens to programs. A browser (Sec-Fetch-Site), or who asks for it, gets cookies and no token."""
    services = here()
    by_cookie = body.cookies or "Sec-Fetch-Site" in request.headers
    if "Sec-Fetch-Site" in request.headers or "Origin" in request.headers:
        # Signing somebody in to another's account from another site is an attack too.
        guard.require_same_origin()
    client = guard.client_address()
    user = proof.by_password(body.username, body.password, body.device_token)
    try:
        with services.database.connection() as connection, connection.transaction():
            started = sessions.start(
                connection,
                user_id=user.id,
                kind="browser" if by_cookie else "program",
                device=body.device.strip() or readable(request.headers.get("User-Agent", "")),
                client=client,
                life_seconds=services.settings.session_seconds,
            )
            audit.record(connection, Event.LOGIN, actor=user.id, client=client)
    except sessions.SessionEnded as error:
        raise unauthorized(proof.WRONG) from error
    device_token = proof.remember_device(user, by_cookie=by_cookie, device_token=body.device_token)
    return _signed_in(started, user, by_cookie) | {"device_token": device_token}


@bp.post("/refresh")
@bp.input(schemas.RefreshIn, location="json", arg_name="body")
@bp.output(schemas.SessionOut)
@bp.doc(summary="Exchange the refresh token", responses=[400, 401, 403, 422, 503])
def refresh(body: schemas.RefreshIn) -> dict[str, Any]:
    """Each refresh token is good for one use. A second use ends the session: one of the two users has stolen it."""
    services = here()
    token, by_cookie = _refresh_token(body)
    if token is None:
        raise unauthorized("There is no refresh token.")
    with services.database.connection() as connection:
        try:
            started = refresh_tokens.rotate(connection, token)
        except refresh_tokens.RefreshReused as reuse:
            if reuse.ended:
                sessions.bury(services.live, services.settings, reuse.ended)
            _clear_cookies_afterwards(by_cookie)
            raise unauthorized(
                "The refresh token was used before; the session has ended.", code="refresh_reused"
            ) from reuse
        except refresh_tokens.RefreshInvalid as error:
            _clear_cookies_afterwards(by_cookie)
            raise unauthorized("The refresh token is not valid, or no longer.", code="refresh") from error
        user = accounts.by_id(connection, started.user_id.hex)
    if user is None:
        raise unauthorized("The user is gone.")
    return _signed_in(started, user, by_cookie or "Sec-Fetch-Site" in request.headers)


@bp.post("/logout")
@bp.input(schemas.RefreshIn, location="json", arg_name="body")
@bp.doc(summary="Sign out", responses={204: "The session has ended, with its playbacks", 401: "Not signed in"})
def logout(body: schemas.RefreshIn) -> tuple[str, int]:
    """By access token, or by refresh token when that has expired. Said twice, the second time is 401."""
    services = here()
    session_id, user_id, by_cookie = _leaving(body)
    if by_cookie:
        guard.require_same_origin()
    with services.database.connection() as connection:
        ended = sessions.end(connection, session_id, "logout")
    # The second call too: the first may have failed to reach Redis.
    if ended or user_id:
        sessions.bury(services.live, services.settings, ended or Ended(session_id, UUID(user_id), "logout"))
    _clear_cookies_afterwards(True)
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
            session_id = refresh_tokens.of_refresh_token(connection, refresh_token)
        if session_id is not None:
            return session_id, "", by_cookie
    raise problem


def _signed_in(started: Started, user: accounts.User, by_cookie: bool) -> dict[str, Any]:
    services = here()
    access_token = services.issuer.issue(user.id.hex, started.session_id.hex)
    answer: dict[str, Any] = {
        "expires_in": services.issuer.life_seconds,
        "session_id": started.session_id.hex,
        "user": {"id": user.id.hex, "username": user.username, "role": user.role},
    }
    if by_cookie:
        _set_cookies_afterwards(access_token, started)
        return answer
    tokens = {"access_token": access_token, "token_type": "Bearer", "refresh_token": started.refresh_token}
    return answer | tokens


def _set_cookies_afterwards(access_token: str, started: Started) -> None:
    left = max(int((started.expires_at - datetime.now(UTC)).total_seconds()), 0)
    life = min(here().issuer.life_seconds, left)

    @after_this_request
    def set_cookies(response: Response) -> Response:
        response.set_cookie(
            credentials.ACCESS_COOKIE, access_token, life, path="/", secure=True, httponly=True, samesite="Strict"
        )
        response.set_cookie(
            credentials.REFRESH_COOKIE,
            started.refresh_token,
            left,
            path=credentials.REFRESH_PATH,
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return response


def _clear_cookies_afterwards(by_cookie: bool) -> None:
    if not by_cookie or "HTTP_COOKIE" not in request.environ:
        return

    @after_this_request
    def clear_cookies(response: Response) -> Response:
        for name, path in (
            (credentials.ACCESS_COOKIE, "/"),
            (credentials.REFRESH_COOKIE, credentials.REFRESH_PATH),
        ):
            response.delete_cookie(name, path=path, secure=True, httponly=True, samesite="Strict")
        return response
