"""Sessions of televisions and players: long-lived, named by one opaque token that never changes.

The token is for things that can't hold a cookie or answer a refresh. It opens the library and nothing of the account
(access.DEVICES_MAY), and its owner ends it like any other session.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from authsvc.sessions import sessions, tokens
from authsvc.sessions.alive import ALIVE
from authsvc.sessions.sessions import Identity, Room


@dataclass(frozen=True, slots=True)
class Device:
    """A new device session with the token that nobody will see again."""

    session_id: UUID
    token: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A device that shows its token."""

    identity: Identity
    name: str


class DeviceUnknown(Exception):
    """No device session has this token."""


def create(
    connection: Connection[Any], *, user_id: UUID, name: str, client: str | None, life_seconds: float, most: int
) -> Device:
    """Raises sessions.TooMany when the user has `most` devices, sessions.SessionEnded when the user was disabled."""
    token = tokens.new_opaque_token()
    with connection.transaction():
        sessions.make_room(connection, user_id, Room(kinds=("device",), most=most, refuse=True))
        session_id, expires_at = sessions.insert(
            connection, user_id=user_id, kind="device", device=name, client=client, life_seconds=life_seconds
        )
        connection.execute(
            "INSERT INTO device_tokens (token_sha256, session_id) VALUES (%s, %s)",
            (tokens.opaque_digest(token), session_id),
        )
    return Device(session_id, token, name, expires_at)


def find(connection: Connection[Any], token: str, *, second_factor_required_for_admins: bool) -> Known:
    """The live device session of a token; notes that the device was seen. Raises DeviceUnknown; sessions.SessionEnded
    when it was ended, has expired, or its user is disabled."""
    row = connection.execute(
        f"""
        SELECT s.id, s.user_id, s.device, u.role, s.second_factor, s.last_seen_at < now() - interval '1 minute', {ALIVE}
          FROM device_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
         WHERE t.token_sha256 = %s
        """,
        (tokens.opaque_digest(token),),
    ).fetchone()
    if row is None:
        raise DeviceUnknown
    session_id, user_id, name, role, second_factor, long_ago, is_live = row
    if not is_live:
        raise sessions.SessionEnded
    if long_ago:
        sessions.touch(connection, session_id)
    acting = sessions.acting_role(
        role, second_factor=second_factor, required_for_admins=second_factor_required_for_admins
    )
    return Known(Identity(user_id.hex, session_id.hex, acting, "device"), name)


def identify(connection: Connection[Any], token: str) -> Identity | None:
    """Whose device that is; None when the token is unknown or its session over. Notes that the device was seen.

    What the device may do is asked of its session each time; here it is the least that its owner can be.
    """
    try:
        return find(connection, token, second_factor_required_for_admins=True).identity
    except (DeviceUnknown, sessions.SessionEnded):
        return None
