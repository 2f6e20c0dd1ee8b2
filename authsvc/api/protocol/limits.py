"""Quotas of the interface: every answer says how much is left, and a call too many is 429 with Retry-After.

The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "general";q=3000;w=60` is the quota
and its window in seconds, `RateLimit: "general";r=2999;t=1` what is left and the seconds until it is whole again.
"""

from typing import Final

from flask import Flask, Response, g, request

from authsvc.api.protocol import costs, guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.quotas import WINDOW_SECONDS, CallClass, Quota
from authsvc.api.protocol.services import here

# Probes of the box itself must not run out.
_PREFIXES: Final = ("/api/", "/play/")
_BY_TOPIC: Final = {
    "auth": CallClass.LOGIN,
    "password": CallClass.LOGIN,
    "registration": CallClass.LOGIN,
    "second_step": CallClass.LOGIN,
    "grants": CallClass.STREAMING,
    "playbacks": CallClass.STREAMING,
    "players": CallClass.STREAMING,
}
# Beyond those topics: what hashes a password, for that is what signing in runs out of, and where codes are guessed.
_LOGIN: Final = frozenset(
    {"factors.prove", "factors.confirm_totp", "users.change_me", "users.delete_me", "people.create_user"}
)
# Nothing can be guessed there: 256 random bits, who is signed in already, or what everybody is told.
_NOT_LOGIN: Final = frozenset({"auth.refresh", "auth.logout", "auth.ways"})


def register(app: Flask) -> None:
    """Count the calls of the application; after the guard, which knows who asks."""
    app.before_request(_take)
    app.after_request(_tell)


def is_counted(path: str) -> bool:
    """Is a call of this address counted? What players ask for has no session yet, and counts for its address."""
    return path.startswith(_PREFIXES)


def class_of(endpoint: str | None) -> CallClass:
    """The class of an endpoint's calls: by its name, else by its topic."""
    if endpoint is None or endpoint in _NOT_LOGIN:
        return CallClass.GENERAL
    if endpoint in _LOGIN:
        return CallClass.LOGIN
    return _BY_TOPIC.get(endpoint.partition(".")[0], CallClass.GENERAL)


def _take() -> None:
    if is_counted(request.path):
        cost = costs.of(request.endpoint, request.args)
        g.quota = here().quotas.take(class_of(request.endpoint), guard.caller(), cost)
        if g.quota is not None and g.quota.left < 0:
            raise _too_many(g.quota)


def _tell(response: Response) -> Response:
    if not is_counted(request.path):
        return response
    if "quota" not in g:
        # The guard refused before we counted: guessing tokens is not free either.
        try:
            _take()
        except Problem as problem:
            response = problem.response()
    quota: Quota | None = g.quota
    if quota is not None:
        left = max(quota.left, 0)
        response.headers["RateLimit-Policy"] = f'"{quota.call_class}";q={quota.calls};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"{quota.call_class}";r={left};t={quota.seconds}'
    return response


def _too_many(quota: Quota) -> Problem:
    wait = max(quota.seconds, 1)
    return Problem(
        429,
        f"That is more than {quota.calls} calls a minute, of which some count more than once. Wait {wait} s.",
        code="rate_limited",
        headers={"Retry-After": str(wait)},
    )
