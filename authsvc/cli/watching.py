"""Sessions and running playbacks: who is signed in, who watches what, and the end of it."""

from typing import Any
from uuid import UUID

import click

from authsvc import audit
from authsvc.audit import Event
from authsvc.cli import console
from authsvc.people import accounts
from authsvc.sessions import listing, sessions
from authsvc.watching import playbacks
from authsvc.watching.leases import Leases
from catalog.contract.words import SessionEnd

_REASON: SessionEnd = "ended_by_admin"


@click.group(name="sessions")
def signed_in() -> None:
    """Who is signed in, and where."""


@console.command(signed_in, "list")
@click.option("--username", help="Of this user only.")
def list_sessions(username: str | None) -> list[dict[str, Any]]:
    """Print the sessions that live: user, kind, device, address, last seen, until when, id."""
    with console.database() as connection:
        users = [console.user_named(connection, username)] if username else accounts.page(connection)
        return [
            {
                "username": user.username,
                "kind": session.kind,
                "device": session.device,
                "client": session.client,
                "last_seen_at": session.last_seen_at,
                "expires_at": session.expires_at,
                "id": session.id,
            }
            for user in users
            for session in listing.of_user(connection, user.id)
        ]


@console.command(signed_in, "end")
@click.option("--id", "session_id", type=click.UUID, help="This one.")
@click.option("--username", help="All of this user.")
def end_sessions(session_id: UUID | None, username: str | None) -> str:
    """End a session, or all of a user, with what they play."""
    if (session_id is None) == (username is None):
        raise click.UsageError("give either --id or --username")
    with console.database() as connection, connection.transaction():
        if username is not None:
            ended = sessions.end_all(connection, console.user_named(connection, username).id, _REASON)
        else:
            one = sessions.end(connection, session_id, _REASON)  # type: ignore[arg-type]  # one of the two is there
            if one is None:
                raise click.ClickException("there is no such session, or it has ended before")
            ended = [one]
        for each in ended:
            audit.record(
                connection,
                Event.SESSION_ENDED,
                actor=None,
                subject=each.user_id,
                session=each.session_id.hex,
                reason=each.reason,
            )
    if ended:
        console.tell_doors(lambda live, settings: accounts.enforce(live, settings, ended[0].user_id, ended))
    return f"{len(ended)} sessions ended"


@click.group()
def streams() -> None:
    """Running playbacks."""


@console.command(streams, "list")
def list_streams() -> list[dict[str, Any]]:
    """Print the streams that run: user, title, state, address, device, since when, position, id."""
    leases = {lease.playback_id: lease for lease in Leases(console.live_store(), console.settings()).of_box()}
    with console.database() as connection:
        watched = playbacks.named(connection, list(leases))
    return [
        {
            "username": each.username,
            "title": each.title,
            "state": leases[playback_id].state,
            "client": each.client,
            "device": each.device,
            "since": each.started_at,
            "position_seconds": round(each.position_seconds),
            "id": playback_id,
        }
        for playback_id, each in watched.items()
    ]


@console.command(streams, "end")
@click.option("--id", "playback_id", type=click.UUID, required=True)
def end_stream(playback_id: UUID) -> str:
    """End a playback; its session can't open the title at the header door again for a while."""
    with console.database() as connection:
        try:
            playback = playbacks.stop(connection, playback_id.hex, actor=None, client=None)
        except playbacks.PlaybackUnknown as error:
            raise click.ClickException("there is no such playback") from error
    console.tell_doors(
        lambda live, settings: Leases(live, settings).end(playback, "stopped", bar_seconds=settings.stream_ban_seconds)
    )
    return "ended"
