"""The JSON interface. DESIGN section 10 fixes its names."""

from apiflask import APIFlask

from authsvc import logs, problems
from authsvc.api import health
from authsvc.api.services import Services, install
from authsvc.settings import ApiSettings


def create_app(settings: ApiSettings) -> APIFlask:
    """The application: logs, configuration, services, error shape, guard, views; in that order."""
    logs.configure()
    app = APIFlask(
        __name__,
        title="Kinetoscope",
        version=health.release(),
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # Flask takes None for "no static files"
    )
    app.config.update(MAX_CONTENT_LENGTH=settings.body_bytes, OPENAPI_VERSION="3.1.0")
    services = Services.made_from(settings)
    install(app, services)
    app.extensions["kinetoscope.close"] = services.database.close
    problems.register(app)
    app.register_blueprint(health.bp)
    return app
