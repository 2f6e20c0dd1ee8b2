"""Invitations: who has one may register. Only its SHA-256 is stored, and one conditional UPDATE uses it up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc import audit
from authsvc.audit import Event
from authsvc.people.accounts import Actor
from authsvc.sessions import tokens
from catalog.rows import only

# Whoever gave it has to be an admin still; the command line gives in nobody's name.
_GOOD: LiteralString = """
    token_sha256 = %(digest)s AND used < uses AND revoked_at IS NULL AND expires_at > now()
    AND (created_by IS NULL
         OR EXISTS (SELECT FROM users u WHERE u.id = created_by AND u.role = 'admin' AND u.is_active))
"""


class InvitationInvalid(Exception):
    """The invitation is unknown, used up, revoked or out of date."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation without its token."""

    id: UUID
    role: str
    created_at: datetime
    expires_at: datetime
    uses: int
    used: int
    revoked_at: datetime | None


def create(
    connection: Connection[Any], *, role: str, life_seconds: float, uses: int, actor: Actor
) -> tuple[Invitation, str]:
    """An invitation, and its token that nobody will see again."""
    token = tokens.new_opaque_token()
    with connection.transaction(), connection.cursor(row_factory=class_row(Invitation)) as cursor:
        invitation = only(
            cursor.execute(
                """
            INSERT INTO invitations (token_sha256, role, created_by, expires_at, uses)
            VALUES (%s, %s, %s, now() + make_interval(secs => %s), %s)
            RETURNING id, role, created_at, expires_at, uses, used, revoked_at
            """,
                (tokens.opaque_digest(token), role, actor.user_id, life_seconds, uses),
            )
        )
        audit.record(
            connection,
            Event.INVITATION_CREATED,
            actor=actor.user_id,
            client=actor.client,
            invitation=invitation.id.hex,
            role=role,
            uses=uses,
        )
    return invitation, token


def everyone(connection: Connection[Any]) -> list[Invitation]:
    """Every invitation, the newest first."""
    with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        return cursor.execute(
            "SELECT id, role, created_at, expires_at, uses, used, revoked_at FROM invitations"
            " ORDER BY created_at DESC, id DESC LIMIT 1000"
        ).fetchall()


def revoke(connection: Connection[Any], invitation_id: UUID | str, *, actor: Actor) -> None:
    """Let nobody use it any more. Raises InvitationInvalid when there is none, or it was revoked before."""
    with connection.transaction():
        revoked = connection.execute(
            "UPDATE invitations SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL RETURNING id",
            (invitation_id,),
        ).fetchone()
        if revoked is None:
            raise InvitationInvalid
        audit.record(
            connection,
            Event.INVITATION_REVOKED,
            actor=actor.user_id,
            client=actor.client,
            invitation=revoked[0].hex,
        )


def is_good(connection: Connection[Any], token: str) -> bool:
    """Could it be used now? Asked before anything that costs."""
    digest = tokens.opaque_digest(token)
    return connection.execute(f"SELECT FROM invitations WHERE {_GOOD}", {"digest": digest}).fetchone() is not None


def use(connection: Connection[Any], token: str) -> Invitation:
    """Use it once, in the transaction that makes the account. Raises InvitationInvalid.

    The UPDATE waits for another that uses the same invitation and then looks at its condition again, so as many
    succeed as there are uses, whoever races.
    """
    with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        used = cursor.execute(
            f"""
            UPDATE invitations SET used = used + 1 WHERE {_GOOD}
            RETURNING id, role, created_at, expires_at, uses, used, revoked_at
            """,
            {"digest": tokens.opaque_digest(token)},
        ).fetchone()
    if used is None:
        raise InvitationInvalid
    return used
