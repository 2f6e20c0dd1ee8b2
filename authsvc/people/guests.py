"""Guests: anybody may look at what is public, a bounded number at once, and leaves nothing behind.

A guest session has a row in `users` of its own, with the role guest and no password. So playbacks, leases and the
decision know one kind of viewer, and whatever belongs to the guest goes with that row (sessions/expiry.py). The audit
trail keeps that somebody came and left, from where and when, as of everybody whose account has gone.
"""

import secrets
from typing import Any

from psycopg import Connection

from authsvc import audit
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.people.accounts import User
from authsvc.sessions import sessions
from authsvc.sessions.alive import IDLE, OPEN
from authsvc.sessions.sessions import Started
from catalog.rows import only

# Of PostgreSQL's advisory locks: one guest at a time is counted in.
_LOCK = 0x6B5F677565737473


class GuestsFull(Exception):
    """There are as many guests as may be, on the box or from this address."""


def admit(
    connection: Connection[Any],
    *,
    device: str,
    client: str | None,
    life_seconds: float,
    idle_seconds: float,
    most: int,
    most_of_address: int,
) -> tuple[Started, User]:
    """Open a session for a guest; with the user that the guest is here. Raises GuestsFull."""
    username = f"guest-{secrets.token_hex(6)}"
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        count = only(
            connection.execute(
                f"""
            SELECT count(*), count(*) FILTER (WHERE near(s.client) = near(%(client)s::inet))
              FROM sessions s
             WHERE s.kind = 'guest' AND {OPEN} AND NOT {IDLE}
            """,
                {"client": client, "idle": idle_seconds},
            )
        )
        if count[0] >= most or count[1] >= most_of_address:
            raise GuestsFull
        row = only(
            connection.execute(
                """
            INSERT INTO users (username, username_key, role, password_hash) VALUES (%s, %s, 'guest', NULL) RETURNING id
            """,
                (username, username),
            )
        )
        started = sessions.start(
            connection, user_id=row[0], kind="guest", device=device, client=client, life_seconds=life_seconds
        )
        audit.record(connection, Event.GUEST_ADMITTED, actor=row[0], client=client, session=started.session_id.hex)
        user = accounts.by_id(connection, row[0])
        assert user is not None  # noqa: S101  # just inserted
    return started, user
