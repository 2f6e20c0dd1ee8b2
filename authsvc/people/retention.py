"""How long what is known of people is kept: old rows go, and old addresses lose their end, in small steps by index.

Each step is a transaction of its own that takes at most `retention_batch_rows` rows, found by an index from the oldest
on, so it holds no lock for long however much has gathered. Running it twice, or two at once, does no harm.

Progress (where one goes on), ratings, the sums of bytes and popularity do not rest on what goes: progress and traffic
are tables of their own, and popularity looks 90 days back, which is as long as playbacks are kept at least.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, LiteralString, Self

from psycopg import Connection
from pydantic import Field, model_validator

from authsvc.settings import DatabaseSettings, Seconds


class RetentionSettings(DatabaseSettings):
    """For how long."""

    # The audit trail, sessions and playbacks keep the whole address for so many days, then the /24 or /64 it is in.
    whole_address_days: Annotated[int, Field(ge=7, le=3660)] = 90
    # Days that an ended playback is kept; popularity looks 90 days back. Then the days that its session is kept.
    playback_days: Annotated[int, Field(ge=90, le=3660)] = 180
    session_days: Annotated[int, Field(ge=90, le=3660)] = 180
    # Days that a refresh token is kept after its session's longest life; until then its reuse is told.
    refresh_token_days: Annotated[int, Field(ge=1, le=3660)] = 7
    # Days that the audit trail is kept.
    audit_days: Annotated[int, Field(ge=90, le=36_600)] = 400
    # Rows that one step takes away, the pause after it, and how long one run of the timer may last: the next one does
    # what is left then.
    retention_batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 1000
    retention_pause_seconds: Annotated[float, Field(ge=0, le=60)] = 0.1
    retention_longest_seconds: Seconds = 1800

    @model_validator(mode="after")
    def sessions_outlive_their_playbacks(self) -> Self:
        if self.session_days < self.playback_days:
            raise ValueError("session_days is shorter than playback_days, and playbacks go with their session")
        return self


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes, after how many days, and one step of it: SQL with the places `days` and `most`."""

    name: str
    days: Callable[[RetentionSettings], int]
    step: LiteralString


_OLDER: LiteralString = "now() - make_interval(days => %(days)s)"

# In this order: playbacks go before the sessions that they belong to.
RULES: Final = (
    Rule(
        "addresses of events",
        lambda settings: settings.whole_address_days,
        "SELECT cut_audit_addresses(%(days)s, %(most)s)",
    ),
    Rule(
        "addresses of sessions",
        lambda settings: settings.whole_address_days,
        f"""
        UPDATE sessions SET client = shortened(client) WHERE id = ANY (ARRAY(
            SELECT id FROM sessions WHERE is_whole(client) AND created_at < {_OLDER}
             ORDER BY created_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED))
        """,
    ),
    # A playback that runs keeps its own: the ledger works with it.
    Rule(
        "addresses of playbacks",
        lambda settings: settings.whole_address_days,
        f"""
        UPDATE playbacks SET client = shortened(client) WHERE id = ANY (ARRAY(
            SELECT id FROM playbacks WHERE is_whole(client) AND ended_at IS NOT NULL AND ended_at < {_OLDER}
             ORDER BY ended_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED))
        """,
    ),
    Rule(
        "refresh tokens",
        lambda settings: settings.refresh_token_days,
        f"""
        DELETE FROM refresh_tokens WHERE token_sha256 = ANY (ARRAY(
            SELECT token_sha256 FROM refresh_tokens WHERE expires_at < {_OLDER}
             ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
        """,
    ),
    Rule(
        "playbacks",
        lambda settings: settings.playback_days,
        f"""
        DELETE FROM playbacks WHERE id = ANY (ARRAY(
            SELECT id FROM playbacks WHERE ended_at IS NOT NULL AND ended_at < {_OLDER}
             ORDER BY ended_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
        """,
    ),
    Rule(
        "sessions",
        lambda settings: settings.session_days,
        f"""
        DELETE FROM sessions s WHERE id = ANY (ARRAY(
            SELECT id FROM sessions WHERE ended_at IS NOT NULL AND ended_at < {_OLDER}
             ORDER BY ended_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
        """,
    ),
    Rule("events", lambda settings: settings.audit_days, "SELECT forget_audit_events(%(days)s, %(most)s)"),
)


def run(connection: Connection[Any], settings: RetentionSettings) -> dict[str, int]:
    """Take away what is too old, for `retention_longest_seconds` at most (the next run goes on); how many rows of each.

    Wants a connection that commits each statement.
    """
    until = time.monotonic() + settings.retention_longest_seconds
    done = dict.fromkeys((rule.name for rule in RULES), 0)
    for rule in RULES:
        values = {"days": rule.days(settings), "most": settings.retention_batch_rows}
        while time.monotonic() < until:
            cursor = connection.execute(rule.step, values)
            # A function answers in a row how many it took.
            row = cursor.fetchone() if cursor.description else None
            took = int(row[0]) if row else cursor.rowcount
            done[rule.name] += took
            if took < settings.retention_batch_rows:
                break
            time.sleep(settings.retention_pause_seconds)
    return done
