"""A user's second factors together: which there are, and what goes with them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from authsvc.signin import passkeys, recovery_codes, totp


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user has besides the password."""

    totp: bool
    passkeys: list[passkeys.Passkey]
    recovery_codes_left: int

    @property
    def methods(self) -> list[str]:
        """The ways to show one; none when the password alone is asked for."""
        if not (self.totp or self.passkeys):
            return []
        there = {"totp": self.totp, "passkey": bool(self.passkeys), "recovery": self.recovery_codes_left > 0}
        return [name for name, has in there.items() if has]


def of_user(connection: Connection[Any], user_id: UUID) -> Factors:
    app = connection.execute(
        "SELECT FROM totp_secrets WHERE user_id = %s AND confirmed_at IS NOT NULL", (user_id,)
    ).fetchone()
    return Factors(
        totp=app is not None,
        passkeys=passkeys.of_user(connection, user_id),
        recovery_codes_left=recovery_codes.left(connection, user_id),
    )


def shown(connection: Connection[Any], session_id: str) -> None:
    """The person of this session has just shown a second factor. Call `sessions.invalidate_user` after the commit."""
    connection.execute("UPDATE sessions SET second_factor = true, proved_at = now() WHERE id = %s", (session_id,))


def proved(connection: Connection[Any], session_id: str) -> None:
    """The person of this session has just proved who they are."""
    connection.execute("UPDATE sessions SET proved_at = now() WHERE id = %s", (session_id,))


def is_proved(connection: Connection[Any], session_id: str, within_seconds: float) -> bool:
    """Was that lately?"""
    row = connection.execute(
        "SELECT proved_at > now() - make_interval(secs => %s) FROM sessions WHERE id = %s",
        (within_seconds, session_id),
    ).fetchone()
    return bool(row and row[0])


def codes_for_the_first(connection: Connection[Any], user_id: UUID) -> list[str]:
    """Recovery codes for whoever has just added a first factor; none when there are some."""
    return [] if recovery_codes.left(connection, user_id) else recovery_codes.make(connection, user_id)


def removed(connection: Connection[Any], user_id: UUID) -> None:
    """After the last factor, recovery codes stand for nothing."""
    if not of_user(connection, user_id).methods:
        recovery_codes.remove(connection, user_id)


def remove_all(connection: Connection[Any], user_id: UUID) -> bool:
    """For somebody who has lost them; False when there were none."""
    had = totp.remove(connection, user_id)
    had = bool(passkeys.remove(connection, user_id)) or had
    recovery_codes.remove(connection, user_id)
    return had
