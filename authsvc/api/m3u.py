"""What VLC, mpv and Kodi ask for: playlists whose entries name a device session, and the redirect of an entry.

The address is the credential: nothing here needs a header, and no log ever has the path (nginx/kinetoscope/api.conf).
Listing and redirecting take no lease; the first bytes do, at the signed door.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from apiflask import APIBlueprint
from flask import Response, request
from psycopg import Connection

from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem, busy, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.protocol.user_agents import player
from authsvc.api.videos import found
from authsvc.library import m3u, playlists, titles
from authsvc.library.titles import Listed, Title
from authsvc.sessions import devices
from authsvc.sessions.devices import Known
from authsvc.sessions.sessions import SessionEnded
from authsvc.stores.database import DatabaseUnavailable
from authsvc.stores.live import LiveUnavailable
from authsvc.watching import playbacks, preferences, signed_links
from authsvc.watching.abilities import PLAYERS
from authsvc.watching.delivery import MANIFESTS, Facts, decide
from authsvc.watching.playbacks import Playback
from catalog.contract.codes import known
from catalog.contract.forms import NOW

bp = APIBlueprint("players", __name__, url_prefix="/play/<token:device_token>", tag="Players")

logger = structlog.get_logger(__name__)

_REFUSED = {401: "No device has this token", 410: "The device was signed out, or the playback stopped"}
_M3U: Any = {"description": "M3U", "content": {"audio/x-mpegurl": {"schema": {"type": "string"}}}}


@bp.get("/<id:video_id>")
@bp.doc(
    summary="Play a title",
    responses={302: "A fresh signed link", **_REFUSED, 404: "No such title", 409: "It can't be played", 503: "Later"},
)
def play(device_token: str, video_id: str) -> Response:
    """Asked again by the same device (after a seek, or tomorrow), it goes on with the playback that is still open.

    It leads to what that player plays, by the name it gives itself (User-Agent): VLC, mpv, Kodi, a television."""
    services = here()
    settings = services.settings
    with services.database.connection() as connection:
        device = _device(connection, device_token)
        title, source = _playable(connection, device, video_id)
        wishes = preferences.of_user(connection, device.identity.user_id)
        choice = decide(
            Facts.of(title, made_now=settings.made_now, copies=settings.copying),
            wishes,
            PLAYERS[player(request.headers.get("User-Agent", ""))],
        )
        try:
            playback = playbacks.continue_signed(
                connection,
                device.identity,
                video_id,
                device=device.name,
                client=guard.client_address(),
                rate_bytes=choice.rate_bytes_per_second,
                ban_seconds=settings.stream_ban_seconds,
            )
        except playbacks.PlaybackEnded as ended:
            raise Problem(410, "This playback was stopped. Try again later.", code=known(str(ended), 410)) from ended
        except SessionEnded as error:
            raise _signed_out() from error
        _make_room(connection, playback)
    # What its manual says may be less than what it plays: with nothing else it gets the file.
    link = choice.ways[0].link if choice.ways else "source"
    names: dict[str, str] = {"source": source, NOW: f"{NOW}.m3u8"} | {str(one): name for one, name in MANIFESTS.items()}
    expires_at = signed_links.device_expiry(settings)
    path = signed_links.prefix(
        settings.play_keys, playback_id=playback.id.hex, video_id=video_id, expires_at=expires_at
    )
    return Response(status=302, headers={"Location": settings.media_origin + path + names[link], "Content-Length": "0"})


@bp.get("/<id:video_id>.m3u")
@bp.doc(summary="A title as a playlist", responses={200: _M3U, **_REFUSED, 404: "No such title", 503: "Later"})
def title(device_token: str, video_id: str) -> Response:
    """One entry, which begins where its viewer left off."""
    services = here()
    with services.database.connection() as connection:
        device = _device(connection, device_token)
        shown, _ = _playable(connection, device, video_id)
        start_seconds = playbacks.resume_position(
            connection,
            device.identity.user_id,
            video_id,
            duration_seconds=shown.duration_seconds or 0,
            tail_seconds=services.settings.resume_tail_seconds,
        )
    return _playlist(m3u.HEADER + m3u.entry(_listed(shown), root(device_token), start_seconds=start_seconds))


@bp.get("/playlists/<id:playlist_id>.m3u")
@bp.doc(
    summary="A playlist as a playlist", responses={200: _M3U, **_REFUSED, 404: "No such playlist for you", 503: "Later"}
)
def of_playlist(device_token: str, playlist_id: str) -> Response:
    """One's own or a public one, in its order: what can be played of it now."""
    with here().database.connection() as connection:
        identity = _device(connection, device_token).identity
        try:
            name = playlists.one(connection, identity, playlist_id).name
        except playlists.PlaylistUnknown as error:
            raise Problem(404, "There is no such playlist of yours.") from error
        playable = playlists.listed(connection, identity, playlist_id)
    return _playlist(m3u.playlist(playable, root(device_token), name=name))


@bp.get("/library.m3u")
@bp.doc(summary="The whole library as a playlist", responses={200: _M3U, **_REFUSED, 503: "Too many at once"})
def whole_library(device_token: str) -> Response:
    """By title; sent while it is read. A list that breaks off was not finished in its time."""
    services, entries = here(), root(device_token)
    settings = services.settings
    with services.database.connection() as connection:
        identity = _device(connection, device_token).identity
    if request.method == "HEAD":
        return _playlist("")

    def read_after(last: Listed | None) -> Sequence[Listed]:
        with services.database.connection() as connection:
            return titles.listed(connection, identity, limit=settings.m3u_page_entries, after=last)

    if not services.lists.acquire(blocking=False):
        raise busy("Too many playlists are being written. Try again in a moment.")
    pieces = m3u.stream(read_after, entries, most_entries=settings.m3u_entries, seconds=settings.m3u_seconds)
    answer = _playlist(_until_it_fails(pieces))
    answer.call_on_close(services.lists.release)
    return answer


def _make_room(connection: Connection[Any], playback: Playback) -> None:
    """Who skips from title to title finds a lease at the door. Whether there is one is decided there."""
    held = here().leases
    with contextlib.suppress(LiveUnavailable):
        if not held.make_room(playback) and held.look_again(connection, playback.session_id.hex, playback.user_id.hex):
            held.make_room(playback)


def _until_it_fails(pieces: Iterator[str]) -> Iterator[str]:
    """Nothing of the error handlers applies once the answer has begun: say it in the log, and break off."""
    try:
        yield from pieces
    except (m3u.TooSlow, DatabaseUnavailable) as error:
        logger.warning("playlist_broken_off", reason=type(error).__name__)
        raise


def _device(connection: Connection[Any], token: str) -> Known:
    try:
        return devices.find(
            connection,
            token,
            second_factor_required_for_admins=here().settings.second_factor_required_for_admins,
        )
    except devices.DeviceUnknown as error:
        raise unauthorized("No device has this address. Make a new one.", sent=True) from error
    except SessionEnded as error:
        raise _signed_out() from error


def _signed_out() -> Problem:
    return Problem(410, "This device was signed out. Make a new address for it.", code="session")


def _playable(connection: Connection[Any], device: Known, video_id: str) -> tuple[Title, str]:
    """The title and the name of the file to play. Raises Problem 404 and 409."""
    shown = found(titles.visible(connection, device.identity, video_id))
    source = _source(shown)
    if shown.status != "ready" or source is None:
        raise Problem(409, shown.status_reason or "This title can't be played yet.", code=shown.status)
    return shown, source


def _source(title: Title) -> str | None:
    return next((file.name for file in title.files if file.name.startswith("source.")), None)


def _listed(title: Title) -> Listed:
    return Listed(title.id, title.title, title.duration_seconds, title.title_folded)


def root(token: str) -> str:
    """What all addresses of a device begin with. The Host is the one that Nginx was configured with, never the
    client's."""
    return f"https://{request.host}/play/{token}/"


def _playlist(content: str | Iterator[str]) -> Response:
    return Response(content, content_type=m3u.MEDIA_TYPE)
