"""Users and invitations."""

from typing import Any
from uuid import UUID

import click

from authsvc.cli import console
from authsvc.people import accounts, page_links, password_resets, registration
from authsvc.people import invitations as given
from authsvc.people.accounts import Actor
from catalog.contract.words import ROLES

_NAMED = click.option("--username", required=True)


@click.group()
def user() -> None:
    """Users."""


@console.command(user, "add")
@_NAMED
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--email")
@click.option("--if-missing", is_flag=True, help="Leave a user of that name as it is.")
def add(username: str, role: str, email: str | None, if_missing: bool) -> str:
    """Add a user; the password is the first line of standard input. Prints `created` or `unchanged`."""
    try:
        with console.database() as connection:
            if if_missing and accounts.by_name(connection, username):
                return "unchanged"
            registration.create(
                connection,
                username=username,
                email=email,
                role=role,
                password_hash=console.hash_of_new_password(username, email),
                actor=Actor(),
            )
    except accounts.NameTaken as error:
        # Lost a race against another `add`: that one has made the user.
        if if_missing and error.kind == "username":
            return "unchanged"
        raise
    return "created"


@console.command(user, "list")
@click.option("--role", type=click.Choice(ROLES))
def list_users(role: str | None) -> list[dict[str, Any]]:
    """Print every user: name, role, state, address, id, since when."""
    with console.database() as connection:
        return [console.row_of(found) for found in accounts.page(connection, role=role)]


@console.command(user, "disable")
@_NAMED
def disable(username: str) -> str:
    """Shut a user out: every session, playback and running transfer ends."""
    return f"disabled, {_change(username, is_active=False)} sessions ended"


@console.command(user, "enable")
@_NAMED
def enable(username: str) -> str:
    """Let a disabled user sign in again."""
    _change(username, is_active=True)
    return "enabled"


@console.command(user, "role")
@_NAMED
@click.option("--role", type=click.Choice(ROLES), required=True)
def change_role(username: str, role: str) -> str:
    """Give a user another role."""
    _change(username, role=role)
    return f"{username} is {role}"


@console.command(user, "password")
@_NAMED
def password(username: str) -> str:
    """Set a password from standard input and end the user's sessions."""
    with console.database() as connection:
        found = console.user_named(connection, username)
        password_hash = console.hash_of_new_password(found.username, found.email)
        ended = accounts.set_password(connection, found.id, password_hash, actor=Actor())
    console.tell_doors(lambda live, settings: accounts.enforce(live, settings, found.id, ended))
    return f"changed, {len(ended)} sessions ended"


@console.command(user, "reset")
@_NAMED
def reset(username: str) -> dict[str, Any]:
    """Print a link, and its token, with which the user chooses a new password."""
    known = console.settings()
    with console.database() as connection:
        found = console.user_named(connection, username)
        token, expires_at = password_resets.issue(
            connection, found.id, life_seconds=known.password_reset_seconds, actor=Actor()
        )
    return {"token": token, "link": page_links.of_reset(known, token), "expires_at": expires_at}


@console.command(user, "delete")
@_NAMED
@click.confirmation_option(prompt="This can't be undone. Delete the user with everything that is theirs?")
def delete(username: str) -> str:
    """Delete a user and every row that tells of the person."""
    with console.database() as connection:
        found = console.user_named(connection, username)
        ended = accounts.delete(connection, found.id, actor=Actor())
    console.tell_doors(lambda live, settings: accounts.enforce(live, settings, found.id, ended))
    return f"deleted, {len(ended)} sessions ended"


def _change(username: str, **wanted: str | bool) -> int:
    """How many sessions ended."""
    with console.database() as connection:
        found = console.user_named(connection, username)
        _, ended = accounts.change(connection, found.id, actor=Actor(), **wanted)
    console.tell_doors(lambda live, settings: accounts.enforce(live, settings, found.id, ended))
    return len(ended)


@console.command(None, "invite")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--uses", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many may register.")
@click.option("--hours", type=click.FloatRange(0.1, 8784), help="How long it is good.")
def invite(role: str, uses: int, hours: float | None) -> dict[str, Any]:
    """Print the link of a new invitation, and its token; nobody will see it again."""
    known = console.settings()
    life = hours * 3600 if hours else known.invitation_seconds
    with console.database() as connection:
        made, token = given.create(connection, role=role, life_seconds=life, uses=uses, actor=Actor())
    return {
        "token": token,
        "link": page_links.of_invitation(known, token),
        "id": made.id,
        "role": made.role,
        "uses": made.uses,
        "expires_at": made.expires_at,
    }


@click.group()
def invitations() -> None:
    """Invitations that were given."""


@console.command(invitations, "list")
def list_invitations() -> list[dict[str, Any]]:
    """Print every invitation: id, role, used, uses, until when, when revoked."""
    with console.database() as connection:
        return [
            {
                "id": each.id,
                "role": each.role,
                "used": each.used,
                "uses": each.uses,
                "expires_at": each.expires_at,
                "revoked_at": each.revoked_at,
            }
            for each in given.everyone(connection)
        ]


@console.command(invitations, "revoke")
@click.option("--id", "invitation_id", type=click.UUID, required=True)
def revoke(invitation_id: UUID) -> str:
    """Let nobody use an invitation any more."""
    with console.database() as connection:
        try:
            given.revoke(connection, invitation_id, actor=Actor())
        except given.InvitationInvalid as error:
            raise click.ClickException("there is no such invitation, or it was revoked before") from error
    return "revoked"
