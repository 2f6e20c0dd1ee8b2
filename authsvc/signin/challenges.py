"""Challenges: half a sign-in or a registration that waits for its other half, kept here and good for one use."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

Purpose = Literal["second_factor", "passkey", "registration"]

# Nobody has proved anything before asking for a passkey's challenge, so one address keeps only its latest.
_MOST_OF_ADDRESS = 20


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was waiting. `nonce` is what an authenticator signs."""

    user_id: UUID | None
    nonce: bytes


def issue(
    connection: Connection[Any], purpose: Purpose, *, user_id: UUID | None, client: str | None, life_seconds: float
) -> tuple[str, bytes]:
    """A new challenge: the id to give out, and the nonce."""
    name, nonce = secrets.token_urlsafe(24), secrets.token_bytes(32)
    with connection.transaction():
        connection.execute(
            """
            INSERT INTO challenges (id_sha256, purpose, user_id, nonce, client, expires_at)
            VALUES (%s, %s, %s, %s, %s::inet, now() + make_interval(secs => %s))
            """,
            (_digest(name), purpose, user_id, nonce, client, life_seconds),
        )
        if user_id is None:
            connection.execute(
                """
                DELETE FROM challenges WHERE id_sha256 IN (
                    SELECT id_sha256 FROM challenges
                     WHERE user_id IS NULL AND near(client) IS NOT DISTINCT FROM near(%s::inet)
                     ORDER BY expires_at DESC OFFSET %s)
                """,
                (client, _MOST_OF_ADDRESS),
            )
    return name, nonce


def attempt(connection: Connection[Any], name: str, purpose: Purpose, *, most: int) -> Challenge | None:
    """Count one answer to a challenge; None when it is unknown, over, or was answered wrongly too often."""
    row = connection.execute(
        """
        UPDATE challenges SET attempts = attempts + 1
         WHERE id_sha256 = %s AND purpose = %s AND expires_at > now() AND attempts < %s
        RETURNING user_id, nonce
        """,
        (_digest(name), purpose, most),
    ).fetchone()
    return Challenge(row[0], bytes(row[1])) if row else None


def spend(connection: Connection[Any], name: str, purpose: Purpose) -> Challenge | None:
    """Take a challenge out; of racing calls exactly one gets it."""
    row = connection.execute(
        "DELETE FROM challenges WHERE id_sha256 = %s AND purpose = %s AND expires_at > now() RETURNING user_id, nonce",
        (_digest(name), purpose),
    ).fetchone()
    return Challenge(row[0], bytes(row[1])) if row else None


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
