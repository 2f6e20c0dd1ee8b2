"""Why authz says no, and what Nginx makes of it: authz itself answers 403 and names the reason in X-Deny."""

from enum import StrEnum
from typing import Final


class Deny(StrEnum):
    """Why not."""

    STREAMS = "streams"  # the viewer has as many streams as may be
    SESSION = "session"  # the session is over
    GONE = "gone"  # the playback has ended
    FORBIDDEN = "forbidden"  # there is no such title for this viewer
    SHARED = "shared"  # too many addresses or connections use this playback
    CLOSED = "closed"  # the upload takes no more parts
    HERE = "here"  # the part of the upload has arrived before
    BUSY = "busy"  # nobody can say right now


# Status and code of the problem that the client gets.
ANSWERS: Final[dict[Deny, tuple[int, str]]] = {
    Deny.STREAMS: (429, "streams"),
    Deny.SESSION: (401, "session"),
    Deny.GONE: (410, "gone"),
    Deny.FORBIDDEN: (404, "not_found"),
    Deny.SHARED: (403, "shared"),
    Deny.CLOSED: (410, "upload_closed"),
    Deny.HERE: (409, "part_here"),
    Deny.BUSY: (503, "busy"),
}
