"""A device session and its token, as its owner makes one."""

from typing import Any
from uuid import UUID

import psycopg

from authsvc import device_sessions


def new_device(owner: "psycopg.Connection[Any]", user_id: UUID, name: str = "kitchen") -> tuple[UUID, str]:
    """Made in the database alone: the session's id and the token."""
    made = device_sessions.create(
        owner, user_id=user_id, name=name, client="192.0.2.1", life_seconds=180 * 86_400, most=10
    )
    return made.session_id, made.token
