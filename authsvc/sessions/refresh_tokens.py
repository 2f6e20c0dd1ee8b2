"""Refresh tokens: one family for each session, each token good for one use.

An answer can get lost on its way. Whoever then sends the same token again gets another successor, as long as nobody has
used the first one: a thief and a broken connection look alike only until then.
"""

from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from authsvc.sessions import tokens
from authsvc.sessions.alive import ALIVE, IDLE
from authsvc.sessions.sessions import Ended, Started, end

# The family's live token, when the given one may be exchanged: it is the live one itself, or the live one was given for
# it, a moment ago, and has not been used.
_EXCHANGEABLE: LiteralString = """
    given.token_sha256 = %(given)s AND given.expires_at > now()
    AND live.session_id = given.session_id AND live.used_at IS NULL
    AND (live.token_sha256 = given.token_sha256
         OR (live.follows = given.token_sha256 AND given.used_at > now() - make_interval(secs => %(retry)s)))
"""


class RefreshInvalid(Exception):
    """The refresh token is unknown, out of date, or its session has ended."""


class RefreshReused(RefreshInvalid):
    """The refresh token was used before: it or its successor is in the wrong hands, so the session has ended."""

    def __init__(self, ended: Ended | None) -> None:
        super().__init__()
        self.ended = ended


def rotate(connection: Connection[Any], refresh_token: str, *, idle_seconds: float, retry_seconds: float) -> Started:
    """Exchange a refresh token for its successor.

    1. The token's row is locked: who brings the same token takes turns, and each sees what the one before has done.
    2. One conditional UPDATE spends the family's live token: the given one, or the successor of the given one that
       nobody has used, if the given one was first used at most `retry_seconds` ago.
    3. The new successor is inserted, if the session is alive. At most one token of a family lives, by a unique index.
    4. A token that was used and spends nothing ends the session: the whole family is dead (RFC 9700, 4.14.2). So does
       the successor that step 2 made void, when somebody turns out to have it.

    Raises RefreshInvalid, or RefreshReused after ending the session.
    """
    digest = tokens.opaque_digest(refresh_token)
    if digest is None:
        raise RefreshInvalid
    successor = tokens.new_opaque_token()
    with connection.transaction():
        connection.execute("SELECT FROM refresh_tokens WHERE token_sha256 = %s FOR UPDATE", (digest,))
        spent = connection.execute(
            f"""
            UPDATE refresh_tokens live SET used_at = now() FROM refresh_tokens given WHERE {_EXCHANGEABLE}
            RETURNING live.session_id
            """,
            {"given": digest, "retry": retry_seconds},
        ).fetchone()
        if spent:
            row = connection.execute(
                f"""
                SELECT s.id, s.user_id, s.expires_at, s.kind
                  FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = %(session)s AND {ALIVE} AND NOT {IDLE}
                   FOR UPDATE OF s
                """,
                {"session": spent[0], "idle": idle_seconds},
            ).fetchone()
            if row is None:
                raise RefreshInvalid
            connection.execute(
                "INSERT INTO refresh_tokens (token_sha256, session_id, expires_at, follows) VALUES (%s, %s, %s, %s)",
                (tokens.opaque_digest(successor), row[0], row[2], digest),
            )
            connection.execute("UPDATE sessions SET last_seen_at = now() WHERE id = %s", (row[0],))
            return Started(row[0], row[1], successor, row[2], row[3])
    family = connection.execute(
        "SELECT session_id FROM refresh_tokens WHERE token_sha256 = %s AND used_at IS NOT NULL", (digest,)
    ).fetchone()
    if family is None:
        raise RefreshInvalid
    raise RefreshReused(end(connection, family[0], "refresh_reused"))


def of_refresh_token(connection: Connection[Any], refresh_token: str, *, retry_seconds: float) -> UUID | None:
    """The session of a token that could still be exchanged."""
    row = connection.execute(
        f"SELECT live.session_id FROM refresh_tokens live, refresh_tokens given WHERE {_EXCHANGEABLE}",
        {"given": tokens.opaque_digest(refresh_token), "retry": retry_seconds},
    ).fetchone()
    return row[0] if row else None
