"""Events: who asks is checked here, as at every call; the stream itself is another service's, to which Nginx goes on.

So that service needs no key and no store of sessions, and a stream takes no thread here (docs/decisions/events.md).
"""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from authsvc.api.protocol import guard
from authsvc.api.schemas import events as schemas

bp = APIBlueprint("events", __name__, url_prefix="/api/v1/events", tag="Jobs")

# Where Nginx has the stream from (nginx/kinetoscope/api.conf.j2).
_STREAM = "/_events"
MEDIA_TYPE = "text/event-stream"
_FIELDS: Any = {name: {"type": "string"} for name in ("event", "data", "id")}
_STREAMED: Any = {
    "description": "A stream that ends when the session does. Each `data` is JSON",
    # Of one event.
    "content": {MEDIA_TYPE: {"schema": {"type": "object", "properties": _FIELDS, "required": ["event", "data", "id"]}}},
}


@bp.get("")
@bp.input(schemas.EventsIn, location="query", arg_name="wanted")
@bp.doc(
    summary="What changes, as it does",
    responses={200: _STREAMED, 401: "", 403: "", 422: "", 429: "Too many are open (code: event_streams)", 503: ""},
)
def listen(wanted: schemas.EventsIn) -> Response:
    """Server-sent events. `hello` comes when what was missed since `after`, or Last-Event-ID, is told; its `resumed`
    says whether that was all, or you have to ask for what you show. `job` is as in the list of jobs: yours, and
    everybody's for admins; `making` has `video_id` and `job`, of titles that you see; `upload` and `playback` are
    yours; `scan` is for admins. An event says how something is, not what changed of it, and may come twice. Of a change
    that is told by two events the last one alone has the `id`. A Last-Event-ID that is no number is as none.
    """
    identity = guard.identity()
    answer = Response(b"", 200, {"Cache-Control": "no-store"}, content_type=MEDIA_TYPE)
    if request.method == "GET":
        answer.headers["X-Accel-Redirect"] = _STREAM
        answer.headers["X-Session-Id"] = identity.session_id
        answer.headers["X-User-Id"] = identity.user_id
        answer.headers["X-Role"] = identity.role
        answer.headers["X-After"] = str(_after(wanted))
    return answer


def _after(wanted: schemas.EventsIn) -> int | str:
    """Of the browser's own header, which it sends when it comes again, before the address; a strange one is none."""
    last = request.headers.get("Last-Event-ID", "")
    if last.isascii() and last.isdigit() and len(last) <= schemas.LONGEST_NUMBER:
        return int(last)
    return "" if wanted.after is None else wanted.after
