"""A playback while it runs: signs of life, and its end."""

import hashlib
from contextlib import suppress
from typing import Any, Final

import structlog
from apiflask import APIBlueprint

from authsvc.api.protocol import conditional, guard
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import playbacks as schemas
from authsvc.stores.live import LiveUnavailable
from authsvc.watching import playbacks
from authsvc.watching.abilities import QUESTIONS
from catalog.contract.codes import known

bp = APIBlueprint("playbacks", __name__, url_prefix="/api/v1/playbacks", tag="Playbacks")

_QUESTIONS_VERSION: Final = hashlib.sha256("\n".join(QUESTIONS).encode()).hexdigest()[:16]

logger = structlog.get_logger(__name__)


@bp.post("/<id:playback_id>/heartbeat")
@bp.input(schemas.HeartbeatIn, location="json", arg_name="body")
@bp.doc(
    summary="Still here",
    responses={204: "Noted", 401: "Not signed in", 404: "No such playback", 410: "It has ended; `code` says why"},
)
def heartbeat(playback_id: str, body: schemas.HeartbeatIn) -> tuple[str, int]:
    """Keeps the stream and saves the position, clamped to the title's duration. One that comes just after the end is
    410, but its position is saved."""
    services, identity = here(), guard.identity()
    try:
        with services.database.connection() as connection:
            playbacks.progressed(
                connection,
                playback_id,
                identity,
                body.position_seconds,
                sequence=body.sequence,
                late_seconds=services.settings.late_heartbeat_seconds,
            )
    except playbacks.PlaybackUnknown as error:
        raise Problem(404, "There is no such playback of this session.") from error
    except playbacks.PlaybackEnded as ended:
        raise _gone(str(ended)) from ended
    try:
        outcome = services.leases.heartbeat(
            playback_id, identity.session_id, identity.user_id, paused=body.state == "paused"
        )
    except LiveUnavailable:
        # The position is saved; who watches during an outage is decided elsewhere.
        logger.warning("heartbeat_without_live")
        return "", 204
    if outcome == "ended":
        raise _gone("ended")
    return "", 204


@bp.get("/questions")
@conditional.cached
@bp.output(schemas.QuestionsOut)
@bp.doc(summary="What to ask a device about", responses=[401, 503])
def questions() -> dict[str, Any]:
    """Ask once, and send what it answers with yes as `plays.decodes` of each grant."""
    return {"version": _QUESTIONS_VERSION, "types": list(QUESTIONS)}


@bp.delete("/<id:playback_id>")
@bp.input(schemas.LastPositionIn, location="query", arg_name="last")
@bp.doc(
    summary="Stop watching", responses={204: "It has ended", 401: "Not signed in", 404: "No such playback", 422: ""}
)
def end(playback_id: str, last: schemas.LastPositionIn) -> tuple[str, int]:
    """Ends a stream; also one of your other devices'. May be repeated. `position_seconds` spares the device that
    played a last heartbeat."""
    services, identity = here(), guard.identity()
    try:
        with services.database.connection() as connection:
            if last.position_seconds is not None:
                with suppress(playbacks.PlaybackUnknown, playbacks.PlaybackEnded):
                    playbacks.progressed(
                        connection,
                        playback_id,
                        identity,
                        last.position_seconds,
                        sequence=last.sequence,
                        late_seconds=services.settings.late_heartbeat_seconds,
                    )
            ended = playbacks.end(connection, playback_id, "ended", of_user=identity.user_id)
            playback = ended or playbacks.find(connection, playback_id, of_user=identity.user_id)
    except playbacks.PlaybackUnknown as error:
        raise Problem(404, "There is no such playback of yours.") from error
    services.leases.end(playback, "ended")
    return "", 204


def _gone(reason: str) -> Problem:
    return Problem(410, "This playback has ended.", code=known(reason, 410))
