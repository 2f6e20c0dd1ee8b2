"""The last step of every way to sign in: a session within the policy, and the answer with tokens or cookies."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from flask import Response, after_this_request, request

from authsvc import audit
from authsvc.api import devices, proof
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.protocol.user_agents import readable
from authsvc.api.schemas.auth import SignInIn
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.sessions import credentials, listing, refresh_tokens, sessions
from authsvc.sessions.sessions import Room, Started

# Televisions and guests are counted apart.
_COUNTED = ("browser", "program")


def wants_cookies(asked: bool) -> bool:
    """Is this answered with cookies? Who is asked by a browser never answers tokens. Raises Problem 403."""
    if "Sec-Fetch-Site" in request.headers or "Origin" in request.headers:
        # Signing somebody in to another's account from another site is an attack too.
        guard.require_same_origin()
    return asked or "Sec-Fetch-Site" in request.headers


def complete(user: accounts.User, body: SignInIn, *, by_cookie: bool, second_factor: bool = False) -> dict[str, Any]:
    """Open the session of a user who has shown everything that is needed. Raises Problem."""
    services, client = here(), guard.client_address()
    settings = services.settings
    refuse = settings.session_limit_policy == "refuse"
    with services.database.connection() as connection:
        try:
            with connection.transaction():
                started = sessions.start(
                    connection,
                    user_id=user.id,
                    kind="browser" if by_cookie else "program",
                    device=body.device.strip() or readable(request.headers.get("User-Agent", "")),
                    client=client,
                    life_seconds=settings.session_seconds,
                    room=Room(kinds=_COUNTED, most=settings.sessions_per_user, refuse=refuse),
                    replace=body.replace or _of_this_browser(),
                    second_factor=second_factor,
                )
                audit.record(
                    connection,
                    Event.LOGIN,
                    actor=user.id,
                    client=client,
                    session=started.session_id.hex,
                    second_factor=second_factor,
                )
                for session in started.left:
                    audit.record(
                        connection,
                        Event.SESSION_ENDED,
                        actor=user.id,
                        subject=user.id,
                        client=client,
                        session=session.session_id.hex,
                        reason=session.reason,
                    )
        except sessions.TooMany as error:
            raise Problem(
                409,
                "You are signed in on as many devices as you may. Sign in again and name one to end in `replace`.",
                code="sessions",
                sessions=devices.shown(listing.of_user(connection, user.id, kinds=_COUNTED)),
            ) from error
        except sessions.SessionEnded as error:
            # Disabled since the password was looked at.
            raise unauthorized(proof.WRONG) from error
    devices.leave_tombstones(started.left)
    token = proof.remember_device(user, by_cookie=by_cookie, known_device_token=body.known_device_token)
    return answer(started, user, by_cookie) | {"known_device_token": token}


def _of_this_browser() -> str | None:
    """The session that this browser has so far: signing in anew takes its place, and leaves no second one behind."""
    with suppress(credentials.MalformedCredentials):
        token = credentials.cookie(request.environ.get("HTTP_COOKIE", ""), credentials.REFRESH_COOKIE)
        if token:
            with here().database.connection() as connection:
                session_id = refresh_tokens.of_refresh_token(
                    connection, token, retry_seconds=here().settings.refresh_retry_seconds
                )
            return session_id.hex if session_id else None
    return None


def answer(started: Started, user: accounts.User, by_cookie: bool) -> dict[str, Any]:
    """What signing in and refreshing answer: tokens, or cookies and no token."""
    services = here()
    access_token = services.issuer.issue(user.id.hex, started.session_id.hex)
    answer: dict[str, Any] = {
        "expires_in": services.issuer.life_seconds,
        "session_id": started.session_id.hex,
        "user": {"id": user.id.hex, "username": user.username, "role": user.role},
    }
    if by_cookie:
        _remember_by_cookie(access_token, started)
        return answer
    tokens = {"access_token": access_token, "token_type": "Bearer", "refresh_token": started.refresh_token}
    return answer | tokens


def _remember_by_cookie(access_token: str, started: Started) -> None:
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


def clear_cookies_afterwards(by_cookie: bool) -> None:
    """Take the cookies back with this answer."""
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
