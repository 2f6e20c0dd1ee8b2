"""The JSON interface. Its names are a contract with programs: fields may join, none may change."""

from apiflask import APIFlask
from werkzeug.routing import BaseConverter

from authsvc.api import (
    accounts,
    admin,
    audit,
    auth,
    devices,
    editing,
    events,
    factors,
    grants,
    groups,
    health,
    invitations,
    jobs,
    leaked_credentials,
    library_health,
    m3u,
    password,
    personal,
    playbacks,
    playlists,
    profile,
    ratings,
    registration,
    renditions,
    second_step,
    uploads,
    videos,
)
from authsvc.api.protocol import conditional, guard, limits, openapi, problems
from authsvc.api.protocol.requests import JSONRequest, StrictJSON
from authsvc.api.protocol.services import Services, install
from authsvc.publishing.settings import UploadSettings
from authsvc.settings import ApiSettings
from catalog import logs
from catalog.contract import forms


class IdConverter(BaseConverter):
    """An id in a path: 32 lowercase hex digits; anything else is no path of ours."""

    regex = forms.ID


class TokenConverter(BaseConverter):
    """256 random bits in a path: 43 characters of base64url."""

    regex = "[A-Za-z0-9_-]{43}"


class Application(APIFlask):
    """APIFlask with this interface's requests and JSON."""

    request_class = JSONRequest
    json_provider_class = StrictJSON


def create_app(settings: ApiSettings, uploading: UploadSettings) -> APIFlask:
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
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["token"] = TokenConverter
    app.url_map.redirect_defaults = app.url_map.merge_slashes = False
    services = Services.made_from(settings, uploading)
    install(app, services)
    app.extensions["kinetoscope.close"] = services.database.close
    problems.register(app)
    guard.register(app)
    limits.register(app)
    conditional.register(app)
    for module in (
        health,
        auth,
        second_step,
        factors,
        devices,
        profile,
        videos,
        grants,
        playbacks,
        m3u,
        leaked_credentials,
        personal,
        playlists,
        ratings,
        editing,
        renditions,
        library_health,
        groups,
        admin,
        audit,
        registration,
        password,
        accounts,
        invitations,
        jobs,
        uploads,
        events,
    ):
        app.register_blueprint(module.bp)
    openapi.describe(app)
    return app
