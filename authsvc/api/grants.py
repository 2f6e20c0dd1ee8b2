"""The grant to watch a title: a playback with its lease and its links."""

import math
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api import streams
from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.schemas import playbacks as schemas
from authsvc.api.videos import found
from authsvc.library import renditions, titles
from authsvc.sessions import sessions
from authsvc.sessions.sessions import Identity
from authsvc.watching import abilities, delivery, leases, playbacks, preferences, signed_links
from authsvc.watching.delivery import MANIFESTS, Delivery, Facts
from authsvc.watching.playbacks import Playback
from catalog.contract.forms import NOW

# What has ended is cut within about two seconds (KINETOSCOPE_CUT_AFTER_SECONDS and a look).
_LEAVING_SECONDS = 2.5

bp = APIBlueprint("grants", __name__, url_prefix="/api/v1/videos", tag="Videos")


@bp.post("/<id:video_id>/playback")
@idempotency.repeatable
@bp.input(schemas.PlaybackIn, location="json", arg_name="body")
@bp.output(schemas.PlaybackOut, status_code=201)
@bp.doc(
    summary="Start watching",
    responses={
        400: "Malformed JSON",
        401: "Not signed in",
        404: "No such title for you",
        409: "The title can't be played (code: waiting or broken)",
        422: "Wrong types",
        429: "As many streams as there may be are running (code: streams): end one, or name it in `replace`",
        503: "Try again in a moment",
    },
)
def start_playback(video_id: str, body: schemas.PlaybackIn) -> dict[str, Any]:
    """Each call is a new playback with links of its own. It counts as a stream for 30 s, then while you watch."""
    services, identity, client = here(), guard.identity(), guard.client_address()
    settings = services.settings
    with services.database.connection() as connection:
        title = found(titles.visible(connection, identity, video_id))
        if title.status != "ready" or title.duration_seconds is None:
            raise Problem(409, title.status_reason or "This title can't be played yet.", code=title.status)
        wishes = preferences.of_user(connection, identity.user_id)
        facts, device = _facts(title), _abilities(body.plays)
        choice = delivery.decide(facts, wishes, device)
        rate = choice.rate_bytes_per_second
        playback = _granted(connection, identity, video_id, body, client, rate)
        # Made while it is watched, if it has to be: both at once would take one another's cores.
        if delivery.needs_renditions(facts, wishes, device) and not facts.made_now:
            renditions.want(connection, title.id, by=UUID(identity.user_id))
        resume_seconds = playbacks.resume_position(
            connection,
            identity.user_id,
            video_id,
            duration_seconds=title.duration_seconds,
            tail_seconds=settings.resume_tail_seconds,
        )
    expires_at = signed_links.expiry(settings, title.duration_seconds)
    path = signed_links.prefix(
        settings.play_keys, playback_id=playback.id.hex, video_id=video_id, expires_at=expires_at
    )
    return {
        "playback_id": playback.id.hex,
        "expires_at": datetime.fromtimestamp(expires_at, UTC),
        "heartbeat_seconds": settings.heartbeat_seconds,
        "resume_seconds": resume_seconds,
        "links": _links(facts, settings.media_origin + path, wishes.language),
        "chosen": _chosen(choice, told=device is not None),
    }


def _facts(title: titles.Title) -> Facts:
    settings = here().settings
    return Facts.of(title, made_now=settings.made_now, copies=settings.copying)


def _abilities(plays: schemas.PlaysIn | None) -> abilities.Abilities | None:
    """Of the device that asks; None when it says nothing of what it plays."""
    if plays is None:
        return None
    if plays.profile:
        return abilities.failing(abilities.PLAYERS[plays.profile], plays.fails)
    return abilities.said(
        plays.decodes or (),
        plays.fails,
        kind=plays.kind,
        max_height=plays.max_height,
        hdr=None if plays.hdr is None else frozenset(plays.hdr),
        manifests=tuple(plays.manifests),
    )


def _chosen(choice: Delivery, *, told: bool) -> dict[str, Any]:
    """Who says nothing of what it plays may not know of what is made now."""
    links = [way.link for way in choice.ways if told or way.link != NOW]
    return asdict(choice) | {"link": links[0] if links else None, "alternatives": links[1:]}


def _granted(
    connection: Connection[Any],
    identity: Identity,
    video_id: str,
    body: schemas.PlaybackIn,
    client: str | None,
    rate: int | None,
) -> Playback:
    """Row and lease together: whatever fails undoes the row, and a lease without its row lapses by itself.

    At the limit the ledger is asked what is open now, once; and as long as it takes to cut what has ended.
    """
    held, looked, until = here().leases, False, time.monotonic() + _LEAVING_SECONDS
    while True:
        try:
            with connection.transaction():
                playback = playbacks.open_signed(
                    connection, identity, video_id, device=body.device, client=client, rate_bytes=rate
                )
                replaced = _end_replaced(connection, identity, body)
                held.grant(playback, rate_bytes=rate, replaces=replaced, has_looked=looked)
                return playback
        except leases.LimitReached as limit:
            if limit.is_leaving:
                _end_replaced(connection, identity, body)
            if looked and not (limit.is_leaving and time.monotonic() < until):
                raise _limit_reached(identity.user_id, limit) from limit
            told = held.look_again(connection, identity.session_id, identity.user_id)
            if not told and (looked or not limit.is_leaving):
                raise _limit_reached(identity.user_id, limit) from limit
            looked = True
        except (sessions.SessionEnded, leases.LeaseRefused) as error:
            raise unauthorized("This session is over.", code="session", sent=True) from error


def _end_replaced(connection: Connection[Any], identity: Identity, body: schemas.PlaybackIn) -> Playback | None:
    """None when nothing is to be replaced, or it has ended before."""
    return playbacks.end(connection, body.replace, "replaced", of_user=identity.user_id) if body.replace else None


def _limit_reached(user_id: str, limit: leases.LimitReached) -> Problem:
    running = [
        schemas.StreamOut.model_validate(stream).model_dump(mode="json")
        for stream in streams.shown(here().leases.of_user(user_id))
    ]
    detail = (
        "What has ended is still being sent. Ask again."
        if limit.is_leaving
        else "End one of yours (DELETE /api/v1/playbacks/<id>) or name it in `replace`, or wait."
    )
    return Problem(
        429,
        f"As many streams as there may be are running. {detail}",
        code="streams",
        headers={"Retry-After": str(min(math.ceil(limit.retry_after_seconds), 60))},
        running=running,
    )


def _links(facts: Facts, prefix: str, language: str | None) -> dict[str, str]:
    names = set(facts.names)
    source = next((name for name in names if name.startswith("source.")), None)
    subtitle = preferences.subtitle(names, language)
    wanted: dict[str, str | None] = {"source": source, "poster": "poster.jpg", "subtitle": subtitle}
    wanted |= {str(link): name for link, name in MANIFESTS.items()}
    links = {link: prefix + name for link, name in wanted.items() if name in names}
    if facts.made_now:
        links[NOW] = f"{prefix}{NOW}.m3u8"
    return links
