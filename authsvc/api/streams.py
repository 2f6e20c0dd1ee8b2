"""How a running playback is shown: to its owner at the limit, and to admins."""

from collections.abc import Sequence
from typing import Any

from authsvc.api.protocol.services import here
from authsvc.watching import playbacks
from authsvc.watching.leases import Lease


def shown(leases: Sequence[Lease]) -> list[dict[str, Any]]:
    """The playbacks that hold these leases, in the leases' order."""
    with here().database.connection() as connection:
        watched = playbacks.named(connection, [lease.playback_id for lease in leases])
    return [_stream(watched[lease.playback_id], lease) for lease in leases if lease.playback_id in watched]


def _stream(watched: playbacks.Watched, lease: Lease) -> dict[str, Any]:
    return {
        "playback_id": lease.playback_id,
        "state": lease.state,
        "user": {"id": watched.user_id.hex, "username": watched.username},
        "video": {"id": watched.video_id.hex, "title": watched.title},
        "since": watched.started_at.isoformat(),
        "client": watched.client,
        "device": watched.device,
        "door": watched.door,
        "bytes": watched.bytes + (lease.bytes_under_way or 0),
        "position_seconds": watched.position_seconds,
        "connections": lease.connections,
    }
