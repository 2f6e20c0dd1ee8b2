"""Conditional requests (RFC 9110, section 13): a read that has not changed is 304, a change of what has is 412.

Every JSON answer to a read carries a strong ETag: the digest of its bytes (Nginx never recodes them), or of the state
that the view named. So a tag can't miss a change that the reader would see.

    @bp.get("/<id:playlist_id>")
    @conditional.cached                             # a private cache may keep it, and asks each time
    @bp.output(...)
    def one(playlist_id):
        found = playlists.one(connection, ...)
        conditional.tagged(found)                 # only where an update compares; else the bytes serve
        return found

    @bp.patch("/<id:playlist_id>")
    @conditional.compared                         # so that the OpenAPI document says it
    def change(playlist_id, body):
        with connection.transaction():
            if conditional.asked():
                playlists.hold(connection, ...)   # the row, until the end of the transaction
                conditional.require_match(playlists.one(connection, ...))  # 412 when the client has not seen this
            ...
            conditional.tagged(changed)           # the tag that the next change compares with

If-Match is the client's choice: without it the last writer wins, which is what a person who moves one slider wants.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from flask import Flask, Response, g, request
from werkzeug.http import parse_etags

from authsvc.api.protocol.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")

_READS: Final = frozenset(["GET", "HEAD"])
# Kept by the browser for this person alone, and asked for again each time; the tag makes that cheap.
KEPT: Final = "private, no-cache"
_PART: Final = "."
_MARK: Final = "compares"
_NOT_IN_A_304: Final = ("Content-Type", "Content-Length")


def register(app: Flask) -> None:
    """Tag the answers to reads, and answer 304 to who has them already."""
    app.after_request(_compare)


def cached(view: Callable[P, T]) -> Callable[P, T]:
    """Let a private cache keep the view's answers: for the library, never for accounts (those stay no-store)."""

    @functools.wraps(view)
    def keeping(*args: P.args, **kwargs: P.kwargs) -> T:
        g.cache_control = KEPT
        return view(*args, **kwargs)

    return keeping


def compared(view: Callable[P, T]) -> Callable[P, T]:
    """Mark a view that calls require_match(), so that the OpenAPI document has If-Match and 412."""
    view.__dict__[_MARK] = True
    return view


def compares(view: Callable[..., Any]) -> bool:
    """Is the view marked so?"""
    return _MARK in view.__dict__


def tagged(own: Any, answer: Any = None) -> None:
    """Make the answer's ETag from `own`: whatever JSON can write, and all that the reader sees.

    When the reader sees more than a change of this can change (other people's ratings), `answer` is all of it. The tag
    then has two parts: a cache compares both, require_match() the first.
    """
    g.etag = tag_of(own) if answer is None else f"{tag_of(own)}{_PART}{tag_of(answer)}"


def asked() -> bool:
    """Does the client say what it has seen? Only then does the row have to be held and read before the change."""
    return "If-Match" in request.headers


def require_match(own: Any) -> None:
    """Compare If-Match with the tag of what is there now; call it in the transaction that holds the row's lock.

    Only the first part of a tag counts here: whoever read a title before somebody else rated it has seen all that an
    edit changes (docs/decisions/interface-contract.md).

    Raises Problem 412 when the client has seen something else; nothing when it did not ask.
    """
    if not asked():
        return
    sent = parse_etags(request.headers["If-Match"])
    # Strong comparison: a weak tag never matches, and `*` matches whatever is there.
    if not sent.star_tag and tag_of(own) not in {tag.partition(_PART)[0] for tag in sent.as_set()}:
        raise _precondition_failed()


def tag_of(state: Any) -> str:
    """The opaque part of a strong entity tag."""
    return _digest(json.dumps(state, sort_keys=True, default=str, separators=(",", ":")).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _precondition_failed() -> Problem:
    return Problem(412, "It has changed since you read it. Read it again, and send the change with its new ETag.")


def _compare(response: Response) -> Response:
    tag = g.get("etag")
    if response.status_code not in {200, 201}:
        return response
    if tag is None and not (request.method in _READS and response.is_json and not response.is_streamed):
        return response
    tag = tag or _digest(response.get_data())
    response.set_etag(tag)
    if request.method not in _READS:
        return response
    if control := g.get("cache_control"):
        response.headers["Cache-Control"] = control
        response.vary.update(["Authorization", "Cookie"])
    if "If-Match" in request.headers and not parse_etags(request.headers["If-Match"]).contains(tag):
        return _precondition_failed().response()
    if "If-None-Match" in request.headers and parse_etags(request.headers["If-None-Match"]).contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        for name in _NOT_IN_A_304:
            response.headers.pop(name, None)
    return response
