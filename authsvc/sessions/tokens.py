"""Access tokens (JWT, RFC 7519 and 9068), and opaque ones: those that refresh a session or name a device.

An access token names a user and a session and nothing else that could go out of date: what the user may do is asked
of the session each time. It is signed with Ed25519, so that who verifies can't issue.
"""

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import SecretStr

from catalog.contract import forms

ISSUER = "kinetoscope"
AUDIENCE = "kinetoscope"
TYPE = "at+jwt"
ALGORITHM = "EdDSA"
# A token of ours has about 400 characters.
LONGEST = 1024
# A clock that is set back makes good tokens come from the future: those of this long ahead hold. RFC 7519, 4.1.6 asks
# for nothing here; PyJWT would refuse them all, and with them everybody who has just signed in.
_AHEAD_SECONDS = 600
# Good tokens that each worker remembers, about 1 KiB each.
REMEMBERED = 4096
_REQUIRED = ["iss", "aud", "sub", "sid", "iat", "exp"]
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ID = re.compile(forms.ID, re.ASCII)
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a verified access token names, and until when (Unix time)."""

    user_id: str
    session_id: str
    expires_at: float


class InvalidToken(Exception):
    """The access token is not one of ours, or its time is over."""


class Issuer:
    """Signs access tokens."""

    def __init__(self, private_pem: SecretStr, kid: str, life_seconds: int) -> None:
        key = load_pem_private_key(private_pem.get_secret_value().encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("access_jwt_private is not an Ed25519 key")
        self._key, self._kid, self.life_seconds = key, kid, life_seconds

    def issue(self, user_id: str, session_id: str) -> str:
        return self.sign(TYPE, self.life_seconds, sub=user_id, sid=session_id)

    def sign(self, kind: str, life_seconds: int, **claims: str) -> str:
        """A token of a kind (`typ`) that no other kind can be taken for."""
        now = int(time.time())
        about = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + life_seconds}
        return jwt.encode(about | claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": kind})


class Verifier:
    """Verifies access tokens and remembers at most `remembered` of those that were good.

    Only the signature's verdict is remembered, under the token's SHA-256 and until the token expires; whether the
    session is alive is asked each time. Threads may share it.
    """

    def __init__(self, public_pems: Mapping[str, str], *, remembered: int = REMEMBERED) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        for kid, pem in public_pems.items():
            key = load_pem_public_key(pem.encode())
            if not isinstance(key, Ed25519PublicKey):
                raise TypeError(f"access_jwt_public: {kid} is not an Ed25519 key")
            self._keys[kid] = key
        self._remembered = remembered
        self._good: dict[bytes, Access] = {}
        self._turn = threading.Lock()

    def verify(self, token: str) -> Access:
        """Whom `token` names. Raises InvalidToken."""
        if len(token) > LONGEST or not _COMPACT.fullmatch(token):
            raise InvalidToken
        digest = hashlib.sha256(token.encode("ascii")).digest()
        known = self._good.get(digest)
        if known is not None:
            if known.expires_at <= time.time():
                with self._turn:
                    self._good.pop(digest, None)
                raise InvalidToken
            return known
        access = self._check(token)
        with self._turn:
            while len(self._good) >= self._remembered:
                del self._good[next(iter(self._good))]
            self._good[digest] = access
        return access

    def claims(self, token: str, kind: str, required: list[str]) -> dict[str, Any]:
        """What a token of this kind says; it has at least the `required` claims. Raises InvalidToken."""
        if len(token) > LONGEST or not _COMPACT.fullmatch(token):
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None or header.get("typ") != kind:
                raise InvalidToken
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": required, "verify_iat": False},
            )
            if int(claims["iat"]) > time.time() + _AHEAD_SECONDS:
                raise InvalidToken
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise InvalidToken from error
        return claims

    def _check(self, token: str) -> Access:
        claims = self.claims(token, TYPE, _REQUIRED)
        user_id, session_id, expires_at = claims["sub"], claims["sid"], claims["exp"]
        if not (isinstance(session_id, str) and _ID.fullmatch(user_id) and _ID.fullmatch(session_id)):
            raise InvalidToken
        return Access(user_id, session_id, float(expires_at))


def new_opaque_token() -> str:
    """256 random bits, 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def opaque_digest(token: str) -> bytes | None:
    """What the database keeps of an opaque token, its SHA-256; None when the text can't be one."""
    return hashlib.sha256(token.encode("ascii")).digest() if _OPAQUE.fullmatch(token) else None
