"""The question that Nginx asks: its headers, each of a form that leaves one reading.

The other end of `location = /_decide` in nginx/kinetoscope/doors.conf.j2. Nothing else of the request is looked at;
whatever is missing, doubled or malformed makes the question unreadable, and an unreadable question is refused.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from authsvc.sessions.addresses import neighbourhood
from catalog.contract import forms
from catalog.contract.words import Door

_ID = re.compile(forms.ID, re.ASCII)
_KINDS = frozenset(forms.KINDS)
_TAKES_LEASE = frozenset(forms.KINDS_WITH_LEASE)
_METHODS = frozenset(["GET", "HEAD"])
_CONNECTION = re.compile(r"[0-9]{1,20} [0-9a-fA-F:.]{2,45} [0-9]{1,5}", re.ASCII)
_REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}", re.ASCII)


class Unreadable(Exception):
    """The question is not one that Nginx asks."""


class Question(NamedTuple):
    """May this client get this file now?"""

    door: Door
    kind: str
    takes_lease: bool
    video_id: str
    # Empty at the header door.
    playback_id: str
    # The client's address, and what counts as one address: the /64 of an IPv6 address.
    address: str
    neighbourhood: str
    authorization: str | None
    cookies: str | None
    request_id: str
    # Nginx's number of the connection, and the peer's address and port as the kernel's socket table has them.
    connection: str


def read(environ: Mapping[str, Any]) -> Question:
    """The question in a WSGI environment. Raises Unreadable."""
    try:
        door = environ["HTTP_X_DOOR"]
        kind = environ["HTTP_X_KIND"]
        video_id = environ["HTTP_X_VIDEO_ID"]
        method = environ["HTTP_X_METHOD"]
        address = environ["HTTP_X_REAL_IP"]
        connection = environ["HTTP_X_CONN"]
        request_id = environ["HTTP_X_REQUEST_ID"]
    except KeyError:
        raise Unreadable from None
    playback_id = environ.get("HTTP_X_PLAYBACK_ID", "")
    near = neighbourhood(address)
    if (
        kind not in _KINDS
        or method not in _METHODS
        or near is None
        or not _ID.fullmatch(video_id)
        or not _CONNECTION.fullmatch(connection)
        or not _REQUEST_ID.fullmatch(request_id)
        or not (_ID.fullmatch(playback_id) if door == "signed" else door == "header" and playback_id == "")
    ):
        raise Unreadable
    return Question(
        door,
        kind,
        method == "GET" and kind in _TAKES_LEASE,
        video_id,
        playback_id,
        address,
        near,
        environ.get("HTTP_AUTHORIZATION"),
        environ.get("HTTP_COOKIE"),
        request_id,
        connection,
    )
