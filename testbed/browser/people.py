"""People whose accounts a test uses up: made by the admin's interface, deleted afterwards."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyotp

from testbed.browser.box import Box, Program


class Person(Program):
    """A user of their own, signed in as a program."""

    def __init__(self, box: Box, username: str, password: str) -> None:
        self.username, self.password = username, password
        super().__init__(replace(box, admin_username=username, admin_password=password))

    @classmethod
    @contextmanager
    def made(cls, box: Box, admin: Program) -> Iterator["Person"]:
        username, password = new_name(), new_password()
        made = admin.call("POST", "/admin/users", {"username": username, "password": password})
        person = cls(box, username, password)
        try:
            yield person
        finally:
            person.http.close()
            admin.call("DELETE", f"/admin/users/{made['id']}")

    def add_app(self) -> tuple[pyotp.TOTP, list[str]]:
        """An authenticator app, confirmed by the code of now; with the recovery codes."""
        app = pyotp.TOTP(self.call("POST", "/users/me/factors/totp")["secret"])
        codes: list[str] = self.call("POST", "/users/me/factors/totp/confirm", {"code": app.now()})["recovery_codes"]
        return app, codes


def new_name() -> str:
    return f"person-{secrets.token_hex(4)}"


def new_password() -> str:
    return f"violet umbrella {secrets.token_hex(8)}"


def forget(admin: Program, username: str) -> None:
    """Delete whoever has this name."""
    found: list[dict[str, Any]] = admin.call("GET", f"/admin/users?q={username}")["items"]
    for user in found:
        admin.call("DELETE", f"/admin/users/{user['id']}")
