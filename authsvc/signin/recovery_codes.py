"""Recovery codes: ten ways in, each for one use, for whoever has lost the other factors."""

import hashlib
import secrets
from typing import Any
from uuid import UUID

from psycopg import Connection

COUNT = 10
# Written down by hand: no letter that looks like another. 24 of 31 signs are 118 bits; from 112 on a plain digest is
# enough (OWASP ASVS 5.0, 6.5.2).
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = (4, 4, 4, 4, 4, 4)


def new_code() -> str:
    """A code as it is shown, in groups."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(size)) for size in _GROUPS)


def make(connection: Connection[Any], user_id: UUID) -> list[str]:
    """Ten new codes, shown this once; the old ones are no good any more."""
    codes = [new_code() for _ in range(COUNT)]
    with connection.transaction():
        remove(connection, user_id)
        connection.cursor().executemany(
            "INSERT INTO recovery_codes (user_id, code_sha256) VALUES (%s, %s)",
            [(user_id, _digest(code)) for code in codes],
        )
    return codes


def take(connection: Connection[Any], user_id: UUID, code: str) -> bool:
    """Is this an unused one? Then it is used now; of racing calls exactly one gets it."""
    return bool(
        connection.execute(
            "UPDATE recovery_codes SET used_at = now() WHERE user_id = %s AND code_sha256 = %s AND used_at IS NULL",
            (user_id, _digest(code)),
        ).rowcount
    )


def left(connection: Connection[Any], user_id: UUID) -> int:
    row = connection.execute(
        "SELECT count(*) FROM recovery_codes WHERE user_id = %s AND used_at IS NULL", (user_id,)
    ).fetchone()
    return int(row[0]) if row else 0


def remove(connection: Connection[Any], user_id: UUID) -> None:
    connection.execute("DELETE FROM recovery_codes WHERE user_id = %s", (user_id,))


def _digest(code: str) -> bytes:
    """However it was typed: case and separators do not matter."""
    plain = "".join(sign for sign in code.lower() if sign in _SIGNS)
    return hashlib.sha256(plain.encode()).digest()
