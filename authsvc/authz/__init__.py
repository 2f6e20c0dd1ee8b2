"""The decision endpoint: `GET /decide`, asked by Nginx for every request of media, `GET /upload`, asked for every part
of an upload; and nothing else."""

import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response, request

from authsvc.authz import question, uploads
from authsvc.authz.answer import REFUSED, Answer
from authsvc.authz.decision import Gate
from authsvc.sessions.tokens import Verifier
from authsvc.settings import AuthzSettings
from authsvc.stores import live
from authsvc.stores.database import Database
from catalog import logs

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = structlog.get_logger(__name__)


def create_app(settings: AuthzSettings) -> Flask:
    """The application. Needs neither Redis nor PostgreSQL to start."""
    logs.configure()
    database = Database(
        settings.database_url,
        application_name="kinetoscope-authz",
        connections=1,
        wait_seconds=settings.database_wait_seconds,
        statement_ms=settings.database_statement_ms,
    )
    client = live.connect(
        settings.redis_live_url,
        timeout_seconds=settings.redis_timeout_seconds,
        username=settings.redis_username,
        password=settings.redis_live_password,
    )
    verifier = Verifier(settings.access_jwt_public)
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.extensions["kinetoscope.close"] = database.close
    gate = Gate(settings, live.Line(client), database, verifier)
    # Flask's own way to wrap an application in middleware; to mypy wsgi_app is a method.
    app.wsgi_app = Decisions(gate, app.wsgi_app)  # type: ignore[method-assign]  # how Flask wants middleware

    @app.get("/health")
    def health() -> Response:
        return Response('{"status": "ok"}\n', mimetype="application/json")

    @app.get("/upload")
    def take() -> Response:
        return _response(uploads.decide(database, request.environ))

    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        """Whatever is not foreseen is a refusal: other paths and methods, and faults of ours, which are told."""
        if getattr(error, "code", None) is None:
            _tell(error, request.environ)
        return _response(REFUSED)

    return app


def _response(answer: Answer) -> Response:
    """Its status and headers, and none that Flask adds."""
    response = Response(status=answer.status)
    response.headers.clear()
    response.headers.extend(list[Any](answer.headers))
    return response


class Undecided(BrokenPipeError):
    """A fault of ours: nobody decided, so nothing is answered.

    The server closes the connection without a word, as it does when the other side has gone. Nginx takes that for an
    outage: a newcomer gets 503, and who was decided a moment ago goes on for the time that the decision itself allowed.
    """


class Decisions:
    """`GET /decide` in front of Flask's own handling, as WSGI middleware; the rest is Flask's.

    A decision has no body, no route with parameters, no session and no hook, and what Flask prepares for those costs
    half as much again as the decision (docs/performance.md). Raises Undecided.
    """

    def __init__(self, gate: Gate, others: "WSGIApplication") -> None:
        self._gate, self._others = gate, others

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/decide" or environ.get("REQUEST_METHOD") != "GET":
            return self._others(environ, start_response)
        try:
            answer = self._gate.decide(question.read(environ))
        except question.Unreadable:
            answer = REFUSED
        except Exception as error:  # noqa: BLE001 (told, and raised as what the server acts on)
            _tell(error, environ)
            raise Undecided(errno.EPIPE, "nothing was decided") from None
        start_response(answer.status, list(answer.headers))
        return ()


def _tell(error: Exception, environ: "WSGIEnvironment") -> None:
    request_id = str(environ.get("HTTP_X_REQUEST_ID", ""))[:64]
    logger.error("decision_failed", request_id=request_id, exc_info=error)
