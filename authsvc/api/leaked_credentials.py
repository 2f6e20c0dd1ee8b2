"""What arrived on port 80: whoever listened on the way has it too, so what it opens is ended.

Nginx sends here, and only from there, what carries a credential (docs/decisions/credentials-in-the-clear.md).
Nginx refuses in any case, and its answer tells nothing about the credential.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NoReturn
from uuid import UUID

from apiflask import APIBlueprint
from flask import request
from psycopg import Connection

from authsvc import audit
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.audit import Event
from authsvc.publishing import links, uploads
from authsvc.sessions import credentials, devices, refresh_tokens, sessions
from authsvc.sessions.tokens import InvalidToken
from authsvc.watching import playbacks, signed_links

bp = APIBlueprint("disclosed", __name__, enable_openapi=False)

REASON: Final = "disclosed"
_PLAYER = re.compile(r"/play/([A-Za-z0-9_-]{43})(?:/|\Z)", re.ASCII)


@bp.post("/disclosed")
def close() -> NoReturn:
    """End the sessions, the playback and the upload that the credentials of this request open."""
    services, target = here(), request.headers.get("X-Target", "")
    playback_id = signed_links.playback_of(services.settings.play_keys, target)
    with services.database.connection() as connection:
        ended = [one for session in set(_sessions(connection, target)) if (one := _end(connection, session))]
        playback = playbacks.end(connection, playback_id, REASON) if playback_id else None
        _cancel_upload(connection, target)
        if playback:
            _write_down(connection, playback.user_id, playback=playback.id.hex)
    for one in ended:
        sessions.leave_tombstone(services.live, services.settings, one)
    if playback:
        services.leases.end(playback, REASON)
    raise Problem(
        403, "Nothing is answered in the clear, and what was sent is no good any more. Use https.", code="disclosed"
    )


def _cancel_upload(connection: Connection[Any], target: str) -> None:
    """Who listened could send other parts than its owner: what was sent so far is not to be trusted."""
    keys = here().uploads.upload_keys
    found = links.upload_of(keys, target) if keys else None
    if found is None:
        return
    user_id, upload_id = found
    with suppress(uploads.UploadUnknown), connection.transaction():
        upload = uploads.one(connection, user_id, upload_id, hold=True)
        if upload.state == "open":
            uploads.cancel(connection, upload)
            _write_down(connection, upload.user_id, upload=upload_id)


def _sessions(connection: Connection[Any], target: str) -> Iterator[UUID]:
    """The sessions that header, cookies or address open. One credential that can't be read does not hide another."""
    authorization, cookies = request.headers.get("Authorization"), request.environ.get("HTTP_COOKIE", "")
    for header, cookie in ((authorization, None), (None, cookies)):
        with suppress(credentials.MalformedCredentials, InvalidToken):
            if found := credentials.access_token(header, cookie):
                yield UUID(here().verifier.verify(found[0]).session_id)
    with suppress(credentials.MalformedCredentials):
        token = credentials.cookie(cookies, credentials.REFRESH_COOKIE)
        retry_seconds = here().settings.refresh_retry_seconds
        if token and (session := refresh_tokens.of_refresh_token(connection, token, retry_seconds=retry_seconds)):
            yield session
    player = _PLAYER.match(target)
    if player and (device := devices.identify(connection, player[1])):
        yield UUID(device.session_id)


def _end(connection: Connection[Any], session_id: UUID) -> sessions.Ended | None:
    with connection.transaction():
        ended = sessions.end(connection, session_id, REASON)
        if ended:
            _write_down(connection, ended.user_id, session=ended.session_id.hex)
    return ended


def _write_down(connection: Connection[Any], user_id: UUID, **what: str) -> None:
    client = guard.client_address()
    audit.record(connection, Event.CREDENTIAL_DISCLOSED, actor=None, subject=user_id, client=client, **what)
