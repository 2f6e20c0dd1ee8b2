"""The shape of every error: RFC 9457 problem details with a stable `code` and the request's id.

{type, title, status, detail, code, request_id}; some codes bring more (`errors` by field, `running` playbacks).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g
from werkzeug.exceptions import HTTPException

from authsvc.stores.database import DatabaseUnavailable
from authsvc.stores.live import LiveUnavailable
from catalog.contract.codes import OF_STATUS, TYPE_PREFIX, phrase

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

logger = structlog.get_logger(__name__)

_DETAILS = {
    400: "The request can't be read.",
    404: "There is nothing here, or nothing that you may see.",
    405: "This address does not know that method.",
    413: "The body is larger than any call needs.",
    415: "Send a body as application/json.",
    500: "This is a fault of the service; it has been written down.",
}

# Where pydantic's own words are about Python.
_PLAIN = {"Extra inputs are not permitted": "is not a field of this call"}
# Before what a rule of ours says (pydantic).
_OURS: Final = "Value error, "


class Problem(Exception):
    """Raise it anywhere in a view: the answer is the problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.code = code or OF_STATUS.get(status, "malformed" if status < 500 else "internal")
        self.headers = dict(headers or {})
        self.more = more

    def response(self) -> Response:
        body = {
            "type": TYPE_PREFIX + self.code,
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": g.get("request_id", ""),
            **self.more,
        }
        return Response(json.dumps(body), self.status, self.headers, content_type=MEDIA_TYPE)


def unauthorized(detail: str, *, code: str = "credentials", sent: bool = False) -> Problem:
    """401; `sent` when there were credentials, which are no good (RFC 6750, section 3)."""
    challenge = 'Bearer error="invalid_token"' if sent else "Bearer"
    return Problem(401, detail, code=code, headers={"WWW-Authenticate": challenge})


def busy(detail: str) -> Problem:
    """503: something that the call needs is away or full."""
    return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


@contextmanager
def explained(meanings: Mapping[type[Exception], Callable[[Any], Problem]]) -> Iterator[None]:
    """Have the domain's exceptions leave as problems: of each type, what one of it means to the client."""
    try:
        yield
    except tuple(meanings) as error:
        meaning = next(meant for kind, meant in meanings.items() if isinstance(error, kind))
        raise meaning(error) from error


def register(app: APIFlask) -> None:
    """Have every error of the application leave in this shape."""

    @app.error_processor
    def from_apiflask(error: HTTPError) -> Response:
        """Validation: the fields and what is wrong with each; never the value that came."""
        if error.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            fields = {
                name: [_PLAIN.get(message, message.removeprefix(_OURS)) for message in messages]
                for place in dict(error.detail).values()
                for name, messages in dict(place).items()
            }
            return Problem(422, "Fields are missing, unknown or of the wrong kind.", errors=fields).response()
        return Problem(error.status_code, error.message or phrase(error.status_code)).response()

    @app.errorhandler(Problem)
    def from_problem(problem: Problem) -> Response:
        return problem.response()

    @app.errorhandler(HTTPException)
    def from_werkzeug(error: HTTPException) -> Response:
        status = error.code or 500
        if status < HTTPStatus.BAD_REQUEST:
            return Response(status=status, headers=error.get_headers())
        headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
        return Problem(status, _DETAILS.get(status, phrase(status)), headers=headers).response()

    @app.errorhandler(DatabaseUnavailable)
    @app.errorhandler(LiveUnavailable)
    def from_outage(error: Exception) -> Response:
        logger.warning("dependency_unavailable", dependency=type(error).__name__, reason=str(error))
        return busy("Something that this needs does not answer. Try again in a moment.").response()

    @app.errorhandler(Exception)
    def from_fault(error: Exception) -> Response:
        logger.error("request_failed", exc_info=error)
        return Problem(500, _DETAILS[500]).response()
