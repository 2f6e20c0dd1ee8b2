"""What gunicorn serves: `authsvc.serving.wsgi:authz`, `:api` and `:events`.

Each is made when it is asked for (PEP 562), so that one process never loads the settings of another and all
are made after the fork: a connection pool does not survive one.
"""

from typing import Any

from flask import Flask


def create_authz() -> Flask:
    """The decision endpoint, configured from the environment."""
    from authsvc import authz as service
    from authsvc.settings import AuthzSettings

    return service.create_app(AuthzSettings.load())


def create_api() -> Flask:
    """The JSON interface, configured from the environment."""
    from authsvc import api as service
    from authsvc.publishing.settings import UploadSettings
    from authsvc.settings import ApiSettings

    return service.create_app(ApiSettings.load(), UploadSettings.load())


def create_events() -> Flask:
    """The service that waits for what is made now, configured from the environment."""
    from authsvc import events as service
    from authsvc.events.settings import EventsSettings

    return service.create_app(EventsSettings.load())


def worker_exit(_server: Any, worker: Any) -> None:
    """Close what the worker's application holds; gunicorn calls it when a worker ends.

    Python 3.13 ends the pool's threads while it finalizes, and the pool's own clean-up then waits for them for
    ever: each restart took the whole graceful time-out (seen on the box).
    """
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions["kinetoscope.close"]()


def __getattr__(name: str) -> Flask:
    if name == "authz":
        return create_authz()
    if name == "api":
        return create_api()
    if name == "events":
        return create_events()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
