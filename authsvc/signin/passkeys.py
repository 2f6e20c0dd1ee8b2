"""Passkeys (WebAuthn level 3): discoverable credentials that verify their user, so one is both factors at once.

The ceremonies are checked by py_webauthn. No attestation is asked for: which maker's authenticator somebody uses is
nobody's business here.
"""

import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from authsvc.people.accounts import User

_TRANSPORTS = frozenset(["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"])
# What a hostile answer makes the parser raise, besides its own exceptions.
_UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


class Refused(Exception):
    """The authenticator's answer is not what was asked for."""


class NoName(Exception):
    """The service is reached by an address, and browsers make passkeys for names alone (WebAuthn, 5.1.3: RP ID)."""


@dataclass(frozen=True, slots=True)
class Party:
    """For whom passkeys are made: a name, and the origins of its pages."""

    name: str
    origins: tuple[str, ...]

    @classmethod
    def of(cls, origins: Sequence[str]) -> "Party":
        """By the first origin that has a name. Raises NoName."""
        for origin in origins:
            host = urlsplit(origin).hostname
            if host and not _is_address(host):
                return cls(host, tuple(one for one in origins if urlsplit(one).hostname == host))
        raise NoName


@dataclass(frozen=True, slots=True)
class Passkey:
    """One of a user's, as the list shows it. `id` is the digest of the credential's own, which has no fixed length."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def registration_options(connection: Connection[Any], party: Party, user: User, nonce: bytes) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptions as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=party.name,
        rp_name="Kinetoscope",
        user_id=user.id.bytes,
        user_name=user.username,
        challenge=nonce,
        exclude_credentials=_known(connection, user.id),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    parsed: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return parsed


def register(
    connection: Connection[Any], party: Party, user_id: UUID, nonce: bytes, answer: dict[str, Any], name: str
) -> str:
    """Keep a new passkey; its id. Raises Refused."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=nonce,
            expected_rp_id=party.name,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        transports = [one for one in answer["response"].get("transports", []) if one in _TRANSPORTS]
    except _UNREADABLE as error:
        raise Refused from error
    try:
        connection.execute(
            """
            INSERT INTO passkeys (credential_id, user_id, public_key, sign_count, transports, name)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (made.credential_id, user_id, made.credential_public_key, made.sign_count, transports, name),
        )
    except UniqueViolation as error:
        raise Refused from error
    return _id(made.credential_id)


def sign_in_options(
    connection: Connection[Any], party: Party, nonce: bytes, user_id: UUID | None = None
) -> dict[str, Any]:
    """PublicKeyCredentialRequestOptions as JSON; for one user's passkeys, or for whichever the browser offers."""
    options = webauthn.generate_authentication_options(
        rp_id=party.name,
        challenge=nonce,
        allow_credentials=_known(connection, user_id) if user_id else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    parsed: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return parsed


def take(
    connection: Connection[Any], party: Party, nonce: bytes, answer: dict[str, Any], user_id: UUID | None = None
) -> UUID:
    """Whose passkey has signed the nonce; `user_id` when it has to be that user's. Raises Refused.

    A counter that did not grow means that the passkey was copied (WebAuthn, 6.1.1); many never count, and stay at 0.
    """
    try:
        credential_id = webauthn.base64url_to_bytes(answer["rawId"])
    except _UNREADABLE as error:
        raise Refused from error
    row = connection.execute(
        "SELECT user_id, public_key, sign_count FROM passkeys WHERE credential_id = %s", (credential_id,)
    ).fetchone()
    if row is None or (user_id is not None and row[0] != user_id):
        raise Refused
    owner, public_key, sign_count = row
    try:
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=nonce,
            expected_rp_id=party.name,
            expected_origin=list(party.origins),
            credential_public_key=bytes(public_key),
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
        handle = answer["response"].get("userHandle")
        if handle is not None and webauthn.base64url_to_bytes(handle) != owner.bytes:
            raise Refused
    except _UNREADABLE as error:
        raise Refused from error
    updated = connection.execute(
        """
        UPDATE passkeys SET sign_count = %s, last_used_at = now() WHERE credential_id = %s AND sign_count = %s
        """,
        (shown.new_sign_count, credential_id, sign_count),
    ).rowcount
    if not updated:
        raise Refused
    return UUID(bytes=owner.bytes)


def of_user(connection: Connection[Any], user_id: UUID) -> list[Passkey]:
    """Oldest first."""
    with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        return cursor.execute(
            """
            SELECT left(encode(sha256(credential_id), 'hex'), 32) AS id, name, created_at, last_used_at
              FROM passkeys WHERE user_id = %s ORDER BY created_at, credential_id
            """,
            (user_id,),
        ).fetchall()


def remove(connection: Connection[Any], user_id: UUID, passkey_id: str | None = None) -> int:
    """One of the user's, or all; how many there were."""
    return connection.execute(
        """
        DELETE FROM passkeys
         WHERE user_id = %(user)s AND (%(id)s::text IS NULL OR left(encode(sha256(credential_id), 'hex'), 32) = %(id)s)
        """,
        {"user": user_id, "id": passkey_id},
    ).rowcount


def _known(connection: Connection[Any], user_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    rows = connection.execute("SELECT credential_id FROM passkeys WHERE user_id = %s", (user_id,)).fetchall()
    return [PublicKeyCredentialDescriptor(id=bytes(credential_id)) for (credential_id,) in rows]


def _id(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()[:32]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
