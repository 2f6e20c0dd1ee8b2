"""What gunicorn serves: `authsvc.wsgi:authz` and `authsvc.wsgi:api`.

Each is made when it is asked for (PEP 562), so that one process never loads the settings of the other and both
are made after the fork: a connection pool does not survive one.
"""

from flask import Flask


def create_authz() -> Flask:
    """The decision endpoint, configured from the environment."""
    from authsvc import authz as service
    from authsvc.settings import AuthzSettings

    return service.create_app(AuthzSettings.load())


def create_api() -> Flask:
    """The JSON interface, configured from the environment."""
    from authsvc import api as service
    from authsvc.settings import ApiSettings

    return service.create_app(ApiSettings.load())


def __getattr__(name: str) -> Flask:
    if name == "authz":
        return create_authz()
    if name == "api":
        return create_api()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
