"""A device session and its token, as its owner makes one."""

from typing import Any
from uuid import UUID

import psycopg

from authsvc.sessions import devices
from testbed.stack import Stack


def new_device(owner: "psycopg.Connection[Any]", user_id: UUID, name: str = "kitchen") -> tuple[UUID, str]:
    """Made in the database alone: the session's id and the token."""
    made = devices.create(owner, user_id=user_id, name=name, client="192.0.2.1", life_seconds=180 * 86_400, most=10)
    return made.session_id, made.token


def new_device_of(stack: Stack) -> str:
    """The token of a new device of alice's, made through the interface."""
    status, device = stack.call(
        "POST", "/api/v1/users/me/devices", stack.sign_in()["access_token"], {"name": "living room"}
    )
    assert status == 201, device
    return str(device["device_token"])
