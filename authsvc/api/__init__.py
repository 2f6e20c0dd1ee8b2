"""The JSON interface. DESIGN section 10 fixes its names."""

from typing import Any

from apiflask import APIFlask
from werkzeug.routing import BaseConverter

from authsvc import access, logs, problems
from authsvc.api import admin, auth, guard, health, playbacks, users, videos
from authsvc.api.requests import JSONRequest, StrictJSON
from authsvc.api.services import Services, install
from authsvc.settings import ApiSettings


class IdConverter(BaseConverter):
    """An id in a path: 32 lowercase hex digits; anything else is no path of ours."""

    regex = "[0-9a-f]{32}"


class Application(APIFlask):
    """APIFlask with this interface's requests and JSON."""

    request_class = JSONRequest
    json_provider_class = StrictJSON


def create_app(settings: ApiSettings) -> APIFlask:
    """The application: logs, configuration, services, error shape, guard, views; in that order."""
    logs.configure()
    app = Application(
        __name__,
        title="Kinetoscope",
        version=health.release(),
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # Flask takes None for "no static files"
    )
    app.config.update(MAX_CONTENT_LENGTH=settings.body_bytes, OPENAPI_VERSION="3.1.0")
    app.url_map.converters["id"] = IdConverter
    app.url_map.redirect_defaults = app.url_map.merge_slashes = False
    services = Services.made_from(settings)
    install(app, services)
    app.extensions["kinetoscope.close"] = services.database.close
    problems.register(app)
    guard.register(app)
    for module in (health, auth, users, videos, playbacks, admin):
        app.register_blueprint(module.bp)
    _describe_security(app)
    return app


def _describe_security(app: APIFlask) -> None:
    """Have the OpenAPI document say what the table in access.py says."""
    app.security_schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-ks"},
    }

    @app.spec_processor
    def add_security(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
        assert isinstance(spec, dict)  # noqa: S101  # text is for YAML alone
        for rule in app.url_map.iter_rules():
            who = access.WHO_MAY.get(rule.endpoint)
            path = spec["paths"].get(_openapi_path(rule.rule))
            if path is None or who is None or who is access.ANYONE:
                continue
            for method in (rule.methods or set()) & {"GET", "POST", "DELETE"}:
                if operation := path.get(method.lower()):
                    operation["security"] = [{"bearer": []}, {"cookie": []}]
                    operation["x-roles"] = sorted(who)
        return spec


def _openapi_path(rule: str) -> str:
    return "".join(
        "{" + part[1:-1].split(":")[-1] + "}/" if part.startswith("<") else part + "/" for part in rule.split("/")
    ).removesuffix("/")
