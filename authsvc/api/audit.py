"""The audit trail, for admins to read."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from authsvc import audit
from authsvc.api.protocol.services import here
from authsvc.api.schemas import audit as schemas

bp = APIBlueprint("audit", __name__, url_prefix="/api/v1/admin/audit", tag="Administration")


@bp.get("")
@bp.input(schemas.AuditIn, location="query", arg_name="wanted")
@bp.output(schemas.AuditOut)
@bp.doc(summary="Security events", responses=[401, 403, 422, 503])
def list_events(wanted: schemas.AuditIn) -> dict[str, Any]:
    """The newest first. People are named as long as their account exists."""
    with here().database.connection() as connection:
        entries = audit.page(
            connection,
            limit=wanted.limit + 1,
            before=int(wanted.cursor) if wanted.cursor else None,
            event=wanted.event,
            user_id=wanted.user,
            since=wanted.since,
            until=wanted.until,
        )
    shown, more = entries[: wanted.limit], len(entries) > wanted.limit
    return {"items": [_event(entry) for entry in shown], "next_cursor": str(shown[-1].id) if more else None}


def _event(entry: audit.Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "at": entry.at,
        "event": entry.event,
        "actor": _subject(entry.actor, entry.actor_user_id, entry.actor_username),
        "subject": _subject(entry.subject, entry.subject_user_id, entry.subject_username),
        "client": entry.client,
        "details": entry.details,
    }


def _subject(subject_id: UUID | None, user_id: UUID | None, username: str | None) -> dict[str, Any] | None:
    if subject_id is None:
        return None
    return {"subject_id": subject_id.hex, "user": {"id": user_id.hex, "username": username} if user_id else None}
