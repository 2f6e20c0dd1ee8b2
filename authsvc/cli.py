"""`kinetoscope` on the box: users, through the same functions as the interface. Run it as kinetoscope-api."""

import sys

import click
import psycopg

from authsvc import accounts, passwords
from authsvc.names import InvalidName
from authsvc.password_rules import PasswordRules, UnacceptablePassword
from authsvc.settings import DatabaseSettings, PasswordSettings


def _password_from_stdin() -> str:
    """One line of standard input: an argument would be seen in the list of processes."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _acceptable(password: str, *own: str | None) -> str:
    """The password's hash. Raises UnacceptablePassword."""
    settings = PasswordSettings()
    PasswordRules(settings.password_shortest, settings.password_guesses).check(password, *own)
    return passwords.hash_password(password)


def _connect() -> "psycopg.Connection[tuple[object, ...]]":
    try:
        return psycopg.connect(
            DatabaseSettings().database_url, autocommit=True, application_name="kinetoscope-cli", connect_timeout=5
        )
    except psycopg.OperationalError as error:
        raise click.ClickException(f"PostgreSQL can't be reached: {error}") from error


@click.group()
def main() -> None:
    """Administer this Kinetoscope."""


@main.group()
def user() -> None:
    """Users."""


@user.command("add")
@click.option("--username", required=True)
@click.option("--role", type=click.Choice(accounts.ROLES), default="user", show_default=True)
@click.option("--email")
@click.option("--if-missing", is_flag=True, help="Leave a user of that name as it is.")
def add(username: str, role: str, email: str | None, if_missing: bool) -> None:
    """Add a user; the password is the first line of standard input. Prints `created` or `unchanged`."""
    try:
        with _connect() as connection:
            if if_missing and accounts.by_name(connection, username):
                click.echo("unchanged")
                return
            accounts.create(
                connection,
                username=username,
                email=email,
                role=role,
                password_hash=_acceptable(_password_from_stdin(), username, email),
            )
    except accounts.NameTaken as error:
        # Lost a race against another `add`: that one has made the user.
        if if_missing and "username" in str(error):
            click.echo("unchanged")
            return
        raise click.ClickException(f"{username}: {error}") from error
    except (InvalidName, UnacceptablePassword) as error:
        raise click.ClickException(str(error)) from error
    click.echo("created")


@user.command("password")
@click.option("--username", required=True)
def password(username: str) -> None:
    """Set a password from standard input and end the user's sessions (at the latest a minute from now)."""
    try:
        password_hash = _acceptable(_password_from_stdin(), username)
    except UnacceptablePassword as error:
        raise click.ClickException(str(error)) from error
    with _connect() as connection, connection.transaction():
        found = accounts.by_name(connection, username)
        if found is None:
            raise click.ClickException(f"there is no user {username}")
        ended = accounts.set_password(connection, found.id, password_hash, actor=accounts.Actor())
    click.echo(f"changed, {len(ended)} sessions ended")


@user.command("list")
def list_users() -> None:
    """Print username, role and state of every user."""
    with _connect() as connection:
        for found in accounts.page(connection):
            click.echo(f"{found.username}\t{found.role}\t{'active' if found.is_active else 'disabled'}")


if __name__ == "__main__":
    main()
