"""Who waits, and is told when: two questions that Nginx asks.

`GET /made-now`, for each file of a title that is made while somebody watches it and is not there yet: 200 with the
address at which Nginx sends the file, as soon as it is there. `GET /events`, for who listens to what changes: a stream
(docs/decisions/events.md). Or a problem, which Nginx passes on to the viewer.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, request

from authsvc.events import listening, question
from authsvc.events.listening import Listening
from authsvc.events.problem import Problem
from authsvc.events.settings import EventsSettings
from authsvc.events.waiting import Caller, CallerLeft, Waiting
from authsvc.stores.database import Database
from catalog import logs
from catalog.contract.codes import OF_STATUS, TYPE_PREFIX, phrase

# Where Nginx sends the file from (nginx/kinetoscope/doors.conf.j2).
SENT_FROM = "/_made_now"
MEDIA_TYPE = "application/problem+json"

logger = structlog.get_logger(__name__)


def create_app(settings: EventsSettings) -> Flask:
    """The application. Needs no PostgreSQL to start."""
    logs.configure()
    database = Database(
        settings.database_url,
        application_name="kinetoscope-events",
        connections=settings.database_connections,
        wait_seconds=settings.database_wait_seconds,
        statement_ms=settings.database_statement_ms,
    )
    waiting = Waiting(settings, database)
    listeners = Listening(settings)
    app = Flask(__name__, static_folder=None, template_folder=None)

    def close() -> None:
        listeners.close()
        database.close()

    app.extensions["kinetoscope.close"] = close

    @app.get("/health")
    def health() -> Response:
        return Response('{"status": "ok"}\n', mimetype="application/json")

    @app.get("/made-now")
    def made_now() -> Response:
        wanted = question.read(request.environ)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=wanted.request_id)
        waiting.until_there(wanted, Caller(request.environ.get("gunicorn.socket")))
        # Without a type: Nginx would give the file this one.
        return _response(200, {"X-Accel-Redirect": SENT_FROM})

    @app.get("/events")
    def events() -> Response:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=question.request_id(request.environ))
        hearer, after = listening.read(request.environ)
        text = listeners.open(hearer, after, request.environ.get("gunicorn.socket"))
        # That it is not to be stored, the interface has said.
        return Response(text, 200, {"Content-Type": "text/event-stream"})

    @app.errorhandler(Problem)
    def tell(problem: Problem) -> Response:
        return _told(problem)

    @app.errorhandler(CallerLeft)
    def say_nothing(_: CallerLeft) -> Response:
        return _response(204, {})

    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        """What is not foreseen: another path or method, a question that can't be read, and faults of ours."""
        if isinstance(error, question.Unreadable) or getattr(error, "code", None) is not None:
            return _told(Problem(404, "There is nothing at this address."))
        logger.error("request_failed", exc_info=error)
        return _told(Problem(500, "This is a fault of the service; it has been written down."))

    return app


def _told(problem: Problem) -> Response:
    code = problem.code or OF_STATUS[problem.status]
    body = {
        "type": TYPE_PREFIX + code,
        "title": phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "code": code,
        "request_id": request.headers.get("X-Request-Id", "")[: question.LONGEST_REQUEST_ID],
    }
    headers = {"Content-Type": MEDIA_TYPE}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return _response(problem.status, headers, json.dumps(body).encode())


def _response(status: int, headers: Mapping[str, str], body: bytes = b"") -> Response:
    """With these headers, and none that Flask adds but the length."""
    response = Response(body, status)
    response.headers.clear()
    response.headers.extend(dict[str, Any](headers))
    response.headers["Content-Length"] = str(len(body))
    return response
