"""`kinetoscope` on the box, as provisioning and people call it."""

import os
import subprocess
import sys

import psycopg
import pytest
from argon2 import PasswordHasher

from catalog import roles
from testbed.servers.postgres import Database


def run(database: Database, *arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "authsvc.cli", *arguments],
        env={"PATH": os.environ["PATH"], "KINETOSCOPE_DATABASE_URL": database.url_for(roles.API)},
        input=password,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_user_add_is_idempotent_when_asked(database: Database) -> None:
    arguments = ["user", "add", "--username", "admin", "--role", "admin", "--email", "admin@box.test", "--if-missing"]
    first = run(database, *arguments, password="correct horse battery\n")
    assert (first.returncode, first.stdout) == (0, "created\n"), first.stderr
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute("SELECT role, email, password_hash FROM users").fetchone()
    assert row is not None
    assert row[:2] == ("admin", "admin@box.test")
    assert PasswordHasher().verify(row[2], "correct horse battery")
    second = run(database, *[word.replace("admin", "ADMIN", 1) if word == "admin" else word for word in arguments[:4]],
                 "--if-missing", password="another password\n")  # fmt: skip
    assert (second.returncode, second.stdout) == (0, "unchanged\n"), second.stderr
    third = run(database, *arguments[:-1], password="another password\n")
    assert third.returncode == 1
    assert "taken" in third.stderr
    assert run(database, "user", "list").stdout.startswith("admin\tadmin\tactive\tadmin@box.test\t")


def test_on_a_terminal_a_list_is_a_table_with_headings(database: Database) -> None:
    assert run(database, "user", "add", "--username", "nora", "--role", "admin", password="violet umbrella 42\n").stdout
    ours, theirs = os.openpty()
    environment = {"PATH": os.environ["PATH"], "KINETOSCOPE_DATABASE_URL": database.url_for(roles.API)}
    subprocess.run(
        [sys.executable, "-m", "authsvc.cli", "user", "list"], env=environment, stdout=theirs, timeout=60, check=True
    )
    os.close(theirs)
    headings, row = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    assert headings.split()[:2] == ["username", "role"]
    assert row.startswith("nora ")
    assert headings.index("role") == row.index("admin")


@pytest.mark.parametrize(
    ("arguments", "password", "reason"),
    [
        (["--username", "x"], "short\n", "15 to 1024 characters"),
        (["--username", "x"], "", "15 to 1024 characters"),
        (["--username", " "], "violet umbrella 42\n", "1 to 64 characters"),
        (["--username", "a\nb"], "violet umbrella 42\n", "control characters"),
        (["--username", "x", "--email", "nobody"], "violet umbrella 42\n", "name@domain"),
        (["--username", "x"], "passwordpassword\n", "a guesser tries"),
        (["--username", "horsewoman"], "horsewoman-horsewoman-1\n", "a guesser tries"),
        (["--username", "x", "--role", "emperor"], "violet umbrella 42\n", "emperor"),
    ],
)
def test_user_add_refuses_what_can_not_be(database: Database, arguments: list[str], password: str, reason: str) -> None:
    found = run(database, "user", "add", *arguments, password=password)
    assert found.returncode != 0
    assert reason in found.stderr
    assert "Traceback" not in found.stderr
    assert run(database, "user", "list").stdout == ""


def test_new_password_ends_the_sessions(database: Database) -> None:
    run(database, "user", "add", "--username", "alice", password="correct horse battery\n")
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO sessions (user_id, kind, expires_at) SELECT id, 'program', now() + interval '1 day' FROM users"
        )
        changed = run(database, "user", "password", "--username", "Alice", password="staple battery horse\n")
        assert (changed.returncode, changed.stdout) == (0, "changed, 1 sessions ended\n"), changed.stderr
        row = connection.execute("SELECT end_reason FROM sessions").fetchone()
        assert row == ("password_changed",)
    assert run(database, "user", "password", "--username", "bob", password="staple battery horse\n").returncode == 1


def test_database_that_is_away_is_one_sentence(database: Database) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "authsvc.cli", "user", "list"],
        env={"PATH": os.environ["PATH"], "KINETOSCOPE_DATABASE_URL": "host=/nowhere dbname=x user=y"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert found.stderr.startswith("Error: PostgreSQL can't be reached")
    assert "Traceback" not in found.stderr
