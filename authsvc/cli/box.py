"""The box as a whole: how it is, a look through the library, the audit trail, what is kept no longer."""

import contextlib
from typing import Any

import click

from authsvc import audit as trail
from authsvc.cli import console, overview
from authsvc.people import retention
from authsvc.people.retention import RetentionSettings
from authsvc.stores.live import LiveUnavailable
from authsvc.watching.leases import Leases


@console.command(None, "status")
def status() -> dict[str, Any]:
    """Print whether the stores answer, counts of users, sessions, playbacks that run, and titles; what renditions take,
    and whose leave next.
    """
    with console.database() as connection:
        found, scan, kept = overview.of(connection), overview.latest_scan(connection), overview.kept(connection)
    running = _running()
    return {
        "postgresql": "ok",
        "redis_live": "away" if running is None else "ok",
        "users": found.users,
        "disabled": found.disabled,
        "sessions": found.sessions,
        "playbacks": running,
        "videos": found.videos,
        "renditions": kept,
        "latest_scan": scan and (scan.finished_at or "running"),
    }


def _running() -> int | None:
    """How many playbacks run, as the list of streams shows them; None while Redis is away."""
    with contextlib.suppress(LiveUnavailable):
        return sum(lease.is_running for lease in Leases(console.live_store(), console.settings()).of_box())
    return None


@console.command(None, "scan")
@click.option("--wait", is_flag=True, help="Until it is through.")
@click.option("--accept-removals", is_flag=True, help="Hide what is gone, however much it is; waits.")
def scan(wait: bool, accept_removals: bool) -> dict[str, Any]:
    """Look through the library now, and print what the latest scan found."""
    # Starting a unit is root's: /usr/local/sbin/kinetoscope has done so before it ran this, and has waited if asked.
    del wait, accept_removals
    with console.database() as connection:
        latest = overview.latest_scan(connection)
    if latest is None:
        raise click.ClickException("no scan has begun yet")
    return {"started_at": latest.started_at, "finished_at": latest.finished_at, **latest.summary}


@click.group()
def audit() -> None:
    """The trail of security events."""


@console.command(audit, "list")
@click.option("--username", help="What this user did, or what was done to them.")
@click.option("--event")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_events(username: str | None, event: str | None, limit: int) -> list[dict[str, Any]]:
    """Print the newest events: when, what, by whom, to whom, from where, details."""
    with console.database() as connection:
        user = console.user_named(connection, username) if username else None
        entries = trail.page(connection, limit=limit, event=event, user_id=user.id if user else None)
    return [
        {
            "at": entry.at,
            "event": entry.event,
            "actor": entry.actor_username or entry.actor,
            "subject": entry.subject_username or entry.subject,
            "client": entry.client,
            "details": entry.details,
        }
        for entry in entries
    ]


@console.command(None, "forget")
def forget() -> dict[str, int]:
    """Take away what is kept no longer, and shorten old addresses to /24 or /64; a timer does it every day."""
    with console.database() as connection:
        return retention.run(connection, console.loaded(RetentionSettings))
