"""The header Idempotency-Key, for calls that make something: a client that heard nothing may send the call again.

    @bp.post("/playlists")
    @idempotency.repeatable          # outermost, right below the route: it keeps the answer as it is sent
    @bp.input(...)

Only an answer that changed something is kept: after an error the same key runs again. Not for calls that answer with
credentials (login, refresh): a kept token would be one more place to steal it from.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, ParamSpec

from flask import Response, g, make_response, request

from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.repeats import Answer, Attempt, KeyReused, KeyRunning
from authsvc.api.protocol.services import here
from authsvc.sessions.addresses import neighbourhood

P = ParamSpec("P")

HEADER = "Idempotency-Key"
_MARK = "is_repeatable"
# A string of RFC 9651 (8.4 of the draft asks for one); bare, as most programs send it, is understood too. At least
# 16 characters, so that nobody's key is somebody else's by chance.
_KEY = re.compile(r'"([0-9A-Za-z._:-]{16,128})"|([0-9A-Za-z._:-]{16,128})', re.ASCII)
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")
_RETRY_SECONDS = 1


def repeatable(view: Callable[P, Any]) -> Callable[P, Response]:
    """Give a repeat of the call the answer of the first. Raises Problem 400, 409 and 422 about the key."""

    @functools.wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> Response:
        if not request.headers.get(HEADER):
            return make_response(view(*args, **kwargs))
        repeats, found = here().repeats, _begun()
        if isinstance(found, Answer):
            return Response(found.body, found.status, {**found.headers, "Idempotency-Replayed": "true"})
        stored = None
        try:
            response = make_response(view(*args, **kwargs))
            if response.status_code < 400:
                headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                stored = Answer(response.status_code, headers, response.get_data(as_text=True))
        finally:
            repeats.finish(found, stored)
        return response

    once.__dict__[_MARK] = True
    return once


def is_repeatable(view: Callable[..., Any]) -> bool:
    """Does the view read the header? The OpenAPI document says so."""
    return _MARK in view.__dict__


def _begun() -> Attempt | Answer:
    key = _KEY.fullmatch(request.headers[HEADER])
    if key is None:
        raise Problem(
            400,
            "Idempotency-Key is 16 to 128 letters, digits or ._:- of your choice, such as a UUID.",
            code="idempotency_key",
        )
    try:
        return here().repeats.begin(
            _caller(),
            f"{request.method} {request.path}",
            key[1] or key[2],
            request.get_data(cache=True),
            room=_room(),
        )
    except KeyRunning as error:
        raise Problem(
            409,
            "The first call with this Idempotency-Key is still running.",
            code="repeat_running",
            headers={"Retry-After": str(_RETRY_SECONDS)},
        ) from error
    except KeyReused as error:
        raise Problem(
            422, "This Idempotency-Key was used for another request. Make a new one.", code="key_reused"
        ) from error


def _caller() -> str:
    """The session, or the address of who is not signed in; nobody gets the answer of another."""
    if identity := g.get("identity"):
        return f"session:{identity.session_id}"
    return guard.caller()


def _room() -> str:
    """Whose bytes an answer takes: the user's, since sessions are made at will; of a guest the address's."""
    address = neighbourhood(guard.client_address() or "") or "unknown"
    guest = "identity" in g and guard.identity().role == "guest"
    return f"address:{address}" if guest else guard.caller()
