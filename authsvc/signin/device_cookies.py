"""Known devices: what an account has signed in from before is told from strangers who guess its password.

After a sign-in the device keeps a signed token that names the account (by the digest that the throttle counts under)
and the device, and proves nothing else: it is no way in. An attempt that brings it counts for that device alone, so
nobody can lock an owner out of their own devices (the idea is OWASP's "Device cookies").
"""

import re
import secrets

from authsvc.sessions.tokens import InvalidToken, Issuer, Verifier
from authsvc.signin.throttle import account_digest

TYPE = "kd+jwt"
_DEVICE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def issue(issuer: Issuer, username: str, life_seconds: int, device_id: str | None = None) -> str:
    """A token for a device that has just signed in as `username`; `device_id` when it was known already."""
    return issuer.sign(TYPE, life_seconds, sub=account_digest(username), jti=device_id or secrets.token_urlsafe(16))


def recognise(verifier: Verifier, username: str, token: str | None) -> str | None:
    """The id of the device, if the token is one of this account; None for a stranger."""
    if not token:
        return None
    try:
        claims = verifier.claims(token, TYPE, ["iss", "aud", "sub", "jti", "iat", "exp"])
    except InvalidToken:
        return None
    device_id: str = claims["jti"]
    if not _DEVICE.fullmatch(device_id):
        return None
    return device_id if secrets.compare_digest(claims["sub"], account_digest(username)) else None
