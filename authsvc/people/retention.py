"""How long what is known of people is kept: old rows go, and old addresses lose their end, in small steps by index.

Each step is a transaction of its own that takes at most `retention_batch_rows` rows, found by an index from the oldest
on, so it holds no lock for long however much has gathered. Running it twice, or two at once, does no harm.

Progress (where one goes on), ratings, the sums of bytes and popularity do not rest on what goes: progress and traffic
are tables of their own, and popularity looks 90 days back, which is as long as playbacks are kept at least.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import Connection

from authsvc.settings import CommandSettings


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes, after how many days, and one step of it: SQL with the places `days` and `most`."""

    name: str
    days: Callable[[CommandSettings], int]
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


def run(connection: Connection[Any], settings: CommandSettings) -> dict[str, int]:
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
