"""Codes of an authenticator app (TOTP, RFC 6238): six digits, 30 seconds, one step of drift either way.

The secret has to be there in clear to check a code, so the database holds it encrypted with a key that it does not
have: a stolen dump gives nobody a second factor.
"""

import base64
import binascii
import hmac
import os
import re
import time
from typing import Any
from uuid import UUID

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from pydantic import SecretStr

PERIOD_SECONDS = 30
_DRIFT_STEPS = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_clock = time.time
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


class AlreadyAdded(Exception):
    """The user has an authenticator app."""


class Unreadable(Exception):
    """The stored secret was encrypted with another key."""


class Sealer:
    """Encrypts secrets for one user each (AES-256-GCM): a row copied to another user's is of no use."""

    def __init__(self, key: SecretStr) -> None:
        try:
            raw = base64.urlsafe_b64decode(key.get_secret_value() + "=")
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != _KEY_BYTES:
            raise ValueError("second_factor_key is not 32 bytes in base64url")
        self._cipher = AESGCM(raw)

    def seal(self, secret: bytes, user_id: UUID) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, user_id.bytes)

    def open(self, sealed: bytes, user_id: UUID) -> bytes:
        """Raises Unreadable."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], user_id.bytes)
        except InvalidTag as error:
            raise Unreadable from error


def begin(connection: Connection[Any], sealer: Sealer, user_id: UUID) -> str:
    """A new secret in base32, which counts once a first code has confirmed it. Raises AlreadyAdded."""
    secret = pyotp.random_base32()
    added = connection.execute(
        """
        INSERT INTO totp_secrets (user_id, secret) VALUES (%s, %s)
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = now(), last_step = 0
            WHERE totp_secrets.confirmed_at IS NULL
        """,
        (user_id, sealer.seal(secret.encode(), user_id)),
    ).rowcount
    if not added:
        raise AlreadyAdded
    return secret


def uri(secret: str, username: str) -> str:
    """In the form that apps read, by a link or from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="Kinetoscope")


def take(connection: Connection[Any], sealer: Sealer, user_id: UUID, code: str, *, confirming: bool = False) -> bool:
    """Is this the code of now? Then neither it nor an older one is ever taken again. Raises Unreadable.

    `confirming` is for the first code of a new secret.
    """
    row = connection.execute(
        "SELECT secret, last_step FROM totp_secrets WHERE user_id = %s AND (confirmed_at IS NULL) = %s",
        (user_id, confirming),
    ).fetchone()
    if row is None or not _CODE.fullmatch(code):
        return False
    step = _step_of(sealer.open(bytes(row[0]), user_id).decode(), code, after=row[1])
    if step is None:
        return False
    # Of two racing calls with one code exactly one finds it unused.
    return bool(
        connection.execute(
            """
            UPDATE totp_secrets SET last_step = %(step)s, confirmed_at = coalesce(confirmed_at, now())
             WHERE user_id = %(user)s AND last_step < %(step)s AND secret = %(secret)s
            """,
            {"step": step, "user": user_id, "secret": row[0]},
        ).rowcount
    )


def remove(connection: Connection[Any], user_id: UUID) -> bool:
    """False when there was none."""
    return bool(connection.execute("DELETE FROM totp_secrets WHERE user_id = %s", (user_id,)).rowcount)


def _step_of(secret: str, code: str, *, after: int) -> int | None:
    now = int(_clock()) // PERIOD_SECONDS
    app = pyotp.TOTP(secret)
    # All steps are computed, whichever fits.
    fits = [
        step
        for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1)
        if hmac.compare_digest(app.generate_otp(step), code) and step > after
    ]
    return fits[0] if fits else None
