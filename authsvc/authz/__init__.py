"""The decision endpoint: `GET /decide`, asked by Nginx for every request of media; and nothing else."""

from typing import Any

import structlog
from flask import Flask, Response, request

from authsvc import live, logs
from authsvc.authz import question
from authsvc.authz.answer import REFUSED, Answer
from authsvc.authz.decision import Gate
from authsvc.database import Database
from authsvc.settings import AuthzSettings
from authsvc.tokens import Verifier

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
    gate = Gate(
        settings,
        live.connect(
            settings.redis_live_url,
            timeout_seconds=settings.redis_timeout_seconds,
            username=settings.redis_username,
            password=settings.redis_live_password,
        ),
        database,
        Verifier(settings.access_jwt_public, remembered=settings.verified_tokens),
    )
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.extensions["kinetoscope.close"] = database.close

    @app.get("/decide")
    def decide() -> Response:
        try:
            return _response(gate.decide(question.read(request.environ)))
        except question.Unreadable:
            return _response(REFUSED)

    @app.get("/health")
    def health() -> Response:
        return Response('{"status": "ok"}\n', mimetype="application/json")

    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        """Whatever is not foreseen is a refusal: other paths and methods, and faults of ours, which are told."""
        if getattr(error, "code", None) is None:
            request_id = request.headers.get("X-Request-Id", "")[:64]
            logger.error("decision_failed", request_id=request_id, exc_info=error)
        return _response(REFUSED)

    return app


def _response(answer: Answer) -> Response:
    response = Response(status=answer.status)
    response.headers.clear()
    response.headers.extend(list[Any](answer.headers))
    return response
