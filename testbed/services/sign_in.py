"""Signing in and what comes back, for the tests of accounts and of sessions."""

from typing import Any

from testbed.services.world import PASSWORD, World

LOGIN, REFRESH, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/users/me"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def login(world: World, username: str = "alice", headers: dict[str, str] | None = None, **body: Any) -> Any:
    return world.client().post(LOGIN, json={"username": username, "password": PASSWORD} | body, headers=headers or {})


def cookies_of(response: Any) -> dict[str, str]:
    """Set-Cookie by name: value and attributes as they were sent."""
    return dict(header.split("=", 1) for header in response.headers.getlist("Set-Cookie"))


def cookie_header(response: Any) -> dict[str, str]:
    pairs = [f"{name}={text.split(';')[0]}" for name, text in cookies_of(response).items()]
    return {"Cookie": "; ".join(pairs)}


def me(world: World, **headers: str) -> Any:
    return world.client().get(ME, headers=headers)
