"""Credentials as they arrive in headers: cookies (RFC 6265) and Bearer tokens (RFC 6750)."""

from typing import Literal

ACCESS_COOKIE = "__Host-ks"
REFRESH_COOKIE = "__Secure-kr"
KNOWN_DEVICE_COOKIE = "__Host-kd"
REFRESH_PATH = "/api/v1/auth"


class MalformedCredentials(Exception):
    """A credential is there and can't be read in exactly one way."""


def cookie(header: str, name: str) -> str | None:
    """The value of the one cookie of that name; None when there is none.

    Read from the header itself: frameworks keep the first or the last of two equal names, and somebody who can plant a
    second one (cookie tossing) must not choose which. Raises MalformedCredentials when the name is there twice.
    """
    found: str | None = None
    for pair in header.split(";"):
        key, separator, value = pair.strip(" \t").partition("=")
        if key.strip(" \t") == name:
            if found is not None or not separator:
                raise MalformedCredentials
            found = value.strip(" \t")
    return found


def bearer(header: str) -> str:
    """The token of an Authorization header. Raises MalformedCredentials for anything but `Bearer TOKEN`."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token:
        raise MalformedCredentials
    return token


def access_token(authorization: str | None, cookies: str | None) -> tuple[str, Literal["bearer", "cookie"]] | None:
    """The access token of a request and the way it came. A Bearer token is deliberate and hides any cookie."""
    if authorization is not None:
        return bearer(authorization), "bearer"
    if cookies is not None and (value := cookie(cookies, ACCESS_COOKIE)):
        return value, "cookie"
    return None
