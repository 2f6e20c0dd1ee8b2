"""What happens before every view: the request gets its id, and whoever asks is identified or turned away."""

import re
import secrets

import structlog
from flask import Flask, Response, g, request

from authsvc.api.protocol import access
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.sessions import credentials
from authsvc.sessions.addresses import neighbourhood
from authsvc.sessions.sessions import Identity, SessionEnded
from authsvc.sessions.tokens import Access, InvalidToken

_REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}", re.ASCII)
_READS = frozenset(["GET", "HEAD", "OPTIONS"])


def register(app: Flask) -> None:
    """Guard every request of the application."""
    app.before_request(_name_request)
    app.before_request(_check_media_type)
    app.before_request(_admit)
    app.after_request(_finish)


def identity() -> Identity:
    """Who asks, in a view that not anyone may call."""
    found: Identity = g.identity
    return found


def client_address() -> str | None:
    """The client's address as Nginx saw it; only Nginx can reach the socket."""
    address = request.headers.get("X-Real-IP", "")
    return address if neighbourhood(address) else None


def caller() -> str:
    """Whom a call counts for: the user; the address (IPv6: /64) of who is not signed in."""
    if found := g.get("identity"):
        return f"user:{found.user_id}"
    return f"address:{neighbourhood(client_address() or '') or 'unknown'}"


def access_token() -> tuple[Access, bool] | None:
    """The verified access token and whether it came as a cookie; None without one. Raises Problem 401."""
    try:
        found = credentials.access_token(request.headers.get("Authorization"), request.environ.get("HTTP_COOKIE"))
        return (here().verifier.verify(found[0]), found[1] == "cookie") if found else None
    except (credentials.MalformedCredentials, InvalidToken) as error:
        raise unauthorized("The access token is not valid, or no longer.", sent=True) from error


def require_same_origin() -> None:
    """Refuse a change of state that another site's page may have sent with our cookies.

    Sec-Fetch-Site is set by the browser and out of reach of page script (Fetch Metadata); where it is missing, the
    Origin has to be one of ours. Raises Problem 403.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        same = site == "same-origin"
    else:
        same = request.headers.get("Origin", "").lower() in here().settings.public_origins
    if not same:
        raise Problem(403, "With cookies, only this site's own pages may change anything.", code="cross_site")


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _check_media_type() -> None:
    has_body = bool(request.content_length) or "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    if request.endpoint is not None and has_body and not request.is_json:
        raise Problem(415, "Send a body as application/json.")


def _admit() -> None:
    endpoint = request.endpoint
    # No such path or method: Flask says so itself.
    if endpoint is None or access.WHO_MAY.get(endpoint) is access.ANYONE:
        return
    token = access_token()
    if token is None:
        raise unauthorized("Sign in first.")
    verified, by_cookie = token
    try:
        g.identity = here().directory.identify(verified)
        if access.for_admins_alone(endpoint) and g.identity.role == "admin":
            # Not by the word of Redis: who could write there would be an admin.
            g.identity = here().directory.confirmed(g.identity)
    except SessionEnded as error:
        raise unauthorized("This session is over.", code="session", sent=True) from error
    if by_cookie and request.method not in _READS:
        require_same_origin()
    if not access.may(g.identity.role, endpoint):
        if here().settings.second_factor_required_for_admins and access.may("admin", endpoint):
            raise Problem(
                403,
                "Administrators need a second factor here; with a password alone you are a user like any other.",
                code="second_factor_required",
            )
        raise Problem(403, "Your role may not do this.")
    if not access.may(g.identity.role, endpoint, g.identity.kind):
        raise Problem(403, "A device's token opens the library alone. Sign in with your password for this.")


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.status_code == 204:
        # Flask names a type also where there is nothing.
        response.headers.pop("Content-Type", None)
    return response
