"""What the commands have in common: the ways to the stores, one sentence for what goes wrong, text or JSON."""

import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import click
import psycopg
from psycopg import Connection
from pydantic import ValidationError
from redis import Redis

from authsvc.people import accounts
from authsvc.people.accounts import User
from authsvc.people.names import InvalidName
from authsvc.settings import CommandSettings, DatabaseSettings
from authsvc.signin import passwords
from authsvc.signin.password_rules import PasswordRules, UnacceptablePassword
from authsvc.stores import live
from authsvc.stores.live import LiveUnavailable
from catalog.text import clean

_CONNECT_SECONDS = 5

Known = TypeVar("Known", bound=DatabaseSettings)


def command(group: click.Group | None, name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command of the group, or one of its own; what it answers is printed.

    With --json as JSON. Else a sentence is printed as it is, a row as lines of `name value`, and rows as lines with
    tabs between the columns; on a terminal as a table with headings.
    """

    def register(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def run(as_json: bool, **options: Any) -> None:
            answer = _guarded(lambda: function(**options))
            click.echo(json.dumps(answer, default=_plain) if as_json else _text(answer), nl=bool(answer) or as_json)

        option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
        return (group.command if group else click.command)(name)(option(run))

    return register


def settings() -> CommandSettings:
    """What every command goes by."""
    return loaded(CommandSettings)


def loaded(kind: type[Known]) -> Known:
    """Settings of a kind. A wrong one ends the command with a sentence."""
    try:
        return kind.load()
    except ValidationError as error:
        raise click.ClickException(f"a setting is wrong: {error}") from error


@contextmanager
def database() -> Iterator["Connection[Any]"]:
    """A connection that commits each statement."""
    try:
        connection = psycopg.connect(
            settings().database_url,
            autocommit=True,
            application_name="kinetoscope-cli",
            connect_timeout=_CONNECT_SECONDS,
        )
    except psycopg.OperationalError as error:
        raise click.ClickException(f"PostgreSQL can't be reached: {error}") from error
    with connection:
        yield connection


def live_store() -> "Redis":
    """The live Redis; it is connected to when it is first asked."""
    known = settings()
    return live.connect(
        known.redis_live_url,
        timeout_seconds=known.redis_timeout_seconds,
        username=known.redis_username,
        password=known.redis_live_password,
    )


def tell_doors(tell: Callable[["Redis", CommandSettings], object]) -> None:
    """Have the doors know of a change that is committed. Without Redis the ledger does it, as soon as it can."""
    try:
        tell(live_store(), settings())
    except LiveUnavailable as error:
        click.echo(f"Redis can't be reached ({error}); the doors learn of it when it is back.", err=True)


def user_named(connection: "Connection[Any]", username: str) -> User:
    user = accounts.by_name(connection, username)
    if user is None:
        raise click.ClickException(f"there is no user {username}")
    return user


def hash_of_new_password(*own: str | None) -> str:
    """The hash of what stands on standard input: an argument would be seen in the list of processes."""
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    known = settings()
    PasswordRules(known.password_shortest, known.password_guesses).check(password, *own)
    return passwords.hash_password(password)


def row_of(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.role,
        "state": "active" if user.is_active else "disabled",
        "email": user.email,
        "id": user.id.hex,
        "created_at": user.created_at,
    }


def _guarded(act: Callable[[], Any]) -> Any:
    """Every refusal is one sentence and the exit code 1."""
    try:
        return act()
    except accounts.LastAdmin as error:
        raise click.ClickException("this is the last admin who can sign in; make another one first") from error
    except (InvalidName, accounts.NameTaken, UnacceptablePassword) as error:
        raise click.ClickException(str(error)) from error
    except psycopg.OperationalError as error:
        raise click.ClickException(f"PostgreSQL does not answer: {error}") from error
    except LiveUnavailable as error:
        raise click.ClickException(f"Redis can't be reached: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value)} is not JSON")


def _text(answer: Any) -> str:
    if isinstance(answer, Mapping):
        return "\n".join(f"{name}\t{_cell(value)}" for name, value in answer.items())
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        rows = [[_cell(value) for value in row.values()] for row in answer]
        if rows and sys.stdout.isatty():
            return _table([[name.replace("_", " ") for name in answer[0]], *rows])
        return "\n".join("\t".join(row) for row in rows)
    return str(answer)


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items()) or "-"
    # A name can't have control characters, a device's name came from its owner: no escape reaches the terminal.
    return clean(str(value))
