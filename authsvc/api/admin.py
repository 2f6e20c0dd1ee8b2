"""For admins: who watches what, and the end of it."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from authsvc.api import streams
from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import playbacks as schemas
from authsvc.watching import playbacks

bp = APIBlueprint("admin", __name__, url_prefix="/api/v1/admin", tag="Administration")


@bp.get("/streams")
@bp.output(schemas.StreamsOut)
@bp.doc(summary="Running playbacks", responses=[401, 403, 503])
def list_streams() -> dict[str, Any]:
    """Every stream that runs."""
    return {"items": streams.shown(here().leases.of_box())}


@bp.delete("/streams/<id:playback_id>")
@bp.doc(summary="End a playback", responses={204: "It has ended", 401: "", 403: "", 404: "No such playback"})
def stop_stream(playback_id: str) -> tuple[str, int]:
    """Its session can't open the title at the header door again for a while."""
    services = here()
    try:
        with services.database.connection() as connection:
            playback = playbacks.stop(
                connection, playback_id, actor=UUID(guard.identity().user_id), client=guard.client_address()
            )
    except playbacks.PlaybackUnknown as error:
        raise Problem(404, "There is no such playback.") from error
    services.leases.end(playback, "stopped", bar_seconds=services.settings.stream_ban_seconds)
    return "", 204
