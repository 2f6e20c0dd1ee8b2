"""Resets: an admin gives a token, and its holder chooses a password with it. Nobody else ever knows that password.

Only the SHA-256 of a token is stored; it is good once and for a while, and a user has at most one.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation

from authsvc import audit
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.people.accounts import Actor, User
from authsvc.sessions import tokens
from authsvc.sessions.sessions import Ended
from catalog.rows import only


class ResetInvalid(Exception):
    """The token is unknown, used or out of date, or its user is disabled."""


def issue(
    connection: Connection[Any], user_id: UUID | str, *, life_seconds: float, actor: Actor
) -> tuple[str, datetime]:
    """A token that nobody will see again, and until when it is good; one from before is void. Raises UserUnknown."""
    token = tokens.new_opaque_token()
    try:
        with connection.transaction():
            row = only(
                connection.execute(
                    """
                INSERT INTO password_resets (user_id, token_sha256, expires_at)
                VALUES (%s, %s, now() + make_interval(secs => %s))
                ON CONFLICT (user_id) DO UPDATE
                   SET token_sha256 = excluded.token_sha256, expires_at = excluded.expires_at, created_at = now()
                RETURNING expires_at, user_id
                """,
                    (user_id, tokens.opaque_digest(token), life_seconds),
                )
            )
            audit.record(
                connection, Event.PASSWORD_RESET_ISSUED, actor=actor.user_id, subject=row[1], client=actor.client
            )
    except ForeignKeyViolation as error:
        raise accounts.UserUnknown from error
    return token, row[0]


def holder(connection: Connection[Any], token: str) -> User:
    """Whose password the token could set now; asked before anything that costs. Raises ResetInvalid."""
    row = connection.execute(
        """
        SELECT r.user_id FROM password_resets r JOIN users u ON u.id = r.user_id
         WHERE r.token_sha256 = %s AND r.expires_at > now() AND u.is_active
        """,
        (tokens.opaque_digest(token),),
    ).fetchone()
    user = accounts.by_id(connection, row[0]) if row else None
    if user is None:
        raise ResetInvalid
    return user


def use(connection: Connection[Any], token: str, password_hash: str, *, client: str | None) -> tuple[UUID, list[Ended]]:
    """Set the password and end every session; whose, and which. Raises ResetInvalid."""
    with connection.transaction():
        row = connection.execute(
            """
            DELETE FROM password_resets r USING users u
             WHERE r.token_sha256 = %s AND r.expires_at > now() AND u.id = r.user_id AND u.is_active
            RETURNING r.user_id
            """,
            (tokens.opaque_digest(token),),
        ).fetchone()
        if row is None:
            raise ResetInvalid
        audit.record(connection, Event.PASSWORD_RESET_USED, actor=row[0], client=client)
        ended = accounts.set_password(connection, row[0], password_hash, actor=Actor(row[0], client))
    return row[0], ended
