"""Refresh tokens: one family for each session, each token good for one use."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from authsvc.sessions import tokens
from authsvc.sessions.alive import ALIVE, IDLE
from authsvc.sessions.sessions import Ended, Started, end


class RefreshInvalid(Exception):
    """The refresh token is unknown, out of date, or its session has ended."""


class RefreshReused(RefreshInvalid):
    """The refresh token was used before: it or its successor is in the wrong hands, so the session has ended."""

    def __init__(self, ended: Ended | None) -> None:
        super().__init__()
        self.ended = ended


def rotate(connection: Connection[Any], refresh_token: str, *, idle_seconds: float) -> Started:
    """Exchange a refresh token for its successor.

    1. One conditional UPDATE marks the token as used; of two racing calls exactly one gets the row.
    2. The winner inserts the successor, if the session is alive.
    3. A loser that finds the token already used ends the session: the whole family is dead (RFC 9700, 4.14.2).

    Raises RefreshInvalid, or RefreshReused after ending the session.
    """
    digest = tokens.opaque_digest(refresh_token)
    if digest is None:
        raise RefreshInvalid
    successor = tokens.new_opaque_token()
    with connection.transaction():
        used = connection.execute(
            """
            UPDATE refresh_tokens SET used_at = now()
             WHERE token_sha256 = %s AND used_at IS NULL AND expires_at > now()
            RETURNING session_id
            """,
            (digest,),
        ).fetchone()
        if used:
            row = connection.execute(
                f"""
                SELECT s.id, s.user_id, s.expires_at, s.kind
                  FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = %(session)s AND {ALIVE} AND NOT {IDLE}
                   FOR UPDATE OF s
                """,
                {"session": used[0], "idle": idle_seconds},
            ).fetchone()
            if row is None:
                raise RefreshInvalid
            connection.execute(
                "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at) VALUES (%s, %s, %s)",
                (tokens.opaque_digest(successor), row[0], row[2]),
            )
            connection.execute("UPDATE sessions SET last_seen_at = now() WHERE id = %s", (row[0],))
            return Started(row[0], row[1], successor, row[2], row[3])
    family = connection.execute(
        "SELECT session_id FROM refresh_tokens WHERE token_sha256 = %s AND used_at IS NOT NULL", (digest,)
    ).fetchone()
    if family is None:
        raise RefreshInvalid
    raise RefreshReused(end(connection, family[0], "refresh_reused"))


def of_refresh_token(connection: Connection[Any], refresh_token: str) -> UUID | None:
    """The session of a token that could still be exchanged."""
    row = connection.execute(
        "SELECT session_id FROM refresh_tokens WHERE token_sha256 = %s AND used_at IS NULL AND expires_at > now()",
        (tokens.opaque_digest(refresh_token),),
    ).fetchone()
    return row[0] if row else None
