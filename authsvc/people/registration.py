"""Registering: open to all, by invitation, or closed."""

from typing import Any, Literal

from psycopg import Connection

from authsvc import audit
from authsvc.audit import Event
from authsvc.people import accounts, invitations
from authsvc.people.accounts import Actor, User

Policy = Literal["open", "invitation", "closed"]


class RegistrationClosed(Exception):
    """Nobody may register."""


def admit(connection: Connection[Any], policy: Policy, invitation: str | None) -> None:
    """May this attempt go on? Asked first of all, so that who may not register learns nothing of who has.

    Raises RegistrationClosed, or invitations.InvitationInvalid.
    """
    if policy == "closed":
        raise RegistrationClosed
    if (policy == "invitation" or invitation) and not (invitation and invitations.is_good(connection, invitation)):
        raise invitations.InvitationInvalid


def register(
    connection: Connection[Any],
    *,
    invitation: str | None,
    username: str,
    email: str,
    password_hash: str,
    client: str | None,
) -> User:
    """Make the account with the role that the invitation gives, or as a plain user; after `admit`.

    The invitation is used up with the account or not at all. Raises InvitationInvalid, InvalidName, NameTaken.
    """
    with connection.transaction():
        used = invitations.use(connection, invitation) if invitation else None
        user = accounts.create(
            connection,
            username=username,
            email=email,
            password_hash=password_hash,
            role=used.role if used else "user",
        )
        audit.record(
            connection,
            Event.REGISTERED,
            actor=user.id,
            client=client,
            invitation=used.id.hex if used else None,
            role=user.role,
        )
    return user


def create(
    connection: Connection[Any], *, username: str, email: str | None, password_hash: str, role: str, actor: Actor
) -> User:
    """Make an account for somebody. Raises InvalidName, NameTaken."""
    with connection.transaction():
        user = accounts.create(connection, username=username, email=email, password_hash=password_hash, role=role)
        audit.record(
            connection, Event.USER_CREATED, actor=actor.user_id, subject=user.id, client=actor.client, role=role
        )
    return user
