"""Uploads: the interface reserves room and signs links; the bytes go from Nginx to the disk (docs/uploading.md)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem, busy, explained
from authsvc.api.protocol.services import here
from authsvc.api.registration import invalid
from authsvc.api.schemas import uploads as schemas
from authsvc.publishing import links, room, uploads
from authsvc.publishing.settings import UploadSettings
from authsvc.publishing.uploads import Upload

bp = APIBlueprint("uploads", __name__, url_prefix="/api/v1/uploads", tag="Uploads")

_MISSING_TOLD: Final = 1000
_MEANINGS: Final = {
    uploads.UploadUnknown: lambda _: Problem(404, "There is no such upload of yours."),
    uploads.UploadOver: lambda _: Problem(409, "This upload is over. Edit its title instead.", code="upload_over"),
    uploads.TooMany: lambda _: Problem(
        409, "You have as many uploads under way as you may. Complete or cancel one of them.", code="uploads"
    ),
    uploads.OverQuota: lambda _: Problem(
        409, "With this file more would be uploaded than may be. Have titles removed first.", code="upload_quota"
    ),
    uploads.NoSpace: lambda _: Problem(
        507, "The disk has no room for this file. Nothing was begun; ask the operator to make room.", code="no_space"
    ),
    uploads.PartsMissing: lambda error: Problem(
        409, "Not all parts are here. Send those that `missing` lists.", code="parts_missing",
        missing=error.numbers[:_MISSING_TOLD],
    ),
    room.FolderAway: lambda _: busy("The disk that uploads go to does not answer. Try again in a moment."),
}  # fmt: skip


@bp.get("")
@bp.output(schemas.UploadsOut)
@bp.doc(summary="Your uploads", responses=[401, 403, 503])
def list_uploads() -> dict[str, Any]:
    """Those under way and those that are over since a day, and where an upload may go."""
    settings = here().uploads
    may = settings.is_possible and guard.identity().role in settings.upload_roles
    with here().database.connection() as connection:
        mine = uploads.of_user(connection, guard.identity().user_id)
    return {
        "items": [_shown(upload) for upload in mine],
        "places": settings.upload_places if may else [],
        "largest_bytes": settings.upload_largest_bytes,
    }


@bp.post("")
@idempotency.repeatable
@bp.input(schemas.UploadIn, location="json", arg_name="body")
@bp.output(schemas.UploadDetailsOut, status_code=201)
@bp.doc(summary="Begin an upload", responses=[400, 401, 403, 409, 413, 422, 503, 507])
def begin(body: schemas.UploadIn) -> dict[str, Any]:
    """Room is reserved for all of it. Ask for links of its parts next."""
    settings, what = _possible(), body.model_dump()
    place = what.pop("place")
    root = place["root"] or settings.upload_places[0]
    if root not in settings.upload_places:
        raise invalid("place", "is none of the places that GET /uploads lists")
    if body.size_bytes > settings.upload_largest_bytes:
        raise Problem(413, f"A file may have {settings.upload_largest_bytes:,} bytes here.")
    what |= {"root": root, "folder": place["folder"], "title": body.title or "", "sha256": _bytes(body.sha256)}
    with explained(_MEANINGS), here().database.connection() as connection:
        return _detailed(uploads.create(connection, settings, guard.identity().user_id, **what))


@bp.get("/<id:upload_id>")
@bp.output(schemas.UploadDetailsOut)
@bp.doc(summary="One upload", responses=[401, 403, 404, 503])
def one_upload(upload_id: str) -> dict[str, Any]:
    """With the numbers of the parts that are here: whoever goes on, from whatever device, sends the others."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return _detailed(uploads.one(connection, guard.identity().user_id, upload_id))


@bp.patch("/<id:upload_id>")
@bp.input(schemas.UploadChangesIn, location="json", arg_name="body")
@bp.output(schemas.UploadDetailsOut)
@bp.doc(summary="Change what it will be", responses=[400, 401, 403, 404, 409, 422, 503])
def change(upload_id: str, body: schemas.UploadChangesIn) -> dict[str, Any]:
    """Its title, description, viewers and folder, as long as it is under way; and the SHA-256 it has to have."""
    changes = body.model_dump(exclude_unset=True)
    if "sha256" in changes:
        changes["sha256"] = _bytes(body.sha256)
    with _held(upload_id) as (connection, upload):
        uploads.edit(connection, upload, changes)
        return _detailed(uploads.one(connection, guard.identity().user_id, upload_id))


@bp.post("/<id:upload_id>/parts")
@bp.input(schemas.PartsIn, location="json", arg_name="body")
@bp.output(schemas.PartLinksOut)
@bp.doc(summary="Links that take parts", responses=[400, 401, 403, 404, 409, 422, 503])
def sign_parts(upload_id: str, body: schemas.PartsIn) -> dict[str, Any]:
    """One for each number. Parts may be sent in any order, side by side, and again, until the upload is completed."""
    settings, user_id = _possible(), guard.identity().user_id
    with _held(upload_id) as (connection, upload):
        if max(body.numbers) > upload.cut.count:
            raise invalid("numbers", f"go from 1 to {upload.cut.count}")
        uploads.expect_parts(connection, settings, upload)
    expires_at = int(time.time() + settings.upload_link_seconds)
    return {"items": [_link(settings, upload, user_id, number, expires_at) for number in body.numbers],
            "expires_at": datetime.fromtimestamp(expires_at, UTC)}  # fmt: skip


@bp.post("/<id:upload_id>/complete")
@bp.output(schemas.UploadDetailsOut, status_code=202)
@bp.doc(summary="Say that all parts are sent", responses=[401, 403, 404, 409, 503])
def complete(upload_id: str) -> dict[str, Any]:
    """Looks whether they are all here, and leaves the rest to a worker: `state` says what came of it."""
    with _held(upload_id) as (connection, upload):
        uploads.complete(connection, here().uploads, upload)
        return _detailed(uploads.one(connection, guard.identity().user_id, upload_id))


@bp.delete("/<id:upload_id>")
@bp.doc(summary="Cancel an upload", responses={204: "It is gone", 401: "", 403: "", 404: "", 503: ""})
def cancel(upload_id: str) -> tuple[str, int]:
    """With all that arrived. One that became a title stays that, and is only listed no more."""
    with _held(upload_id) as (connection, upload):
        uploads.cancel(connection, upload)
    return "", 204


@contextmanager
def _held(upload_id: str) -> Iterator[tuple[Connection[Any], Upload]]:
    """One's own upload, to be changed in this transaction."""
    with explained(_MEANINGS), here().database.connection() as connection, connection.transaction():
        yield connection, uploads.one(connection, guard.identity().user_id, upload_id, hold=True)


def _possible() -> UploadSettings:
    settings = here().uploads
    if not settings.is_possible:
        raise Problem(403, "Nothing can be uploaded here: no root of the library is writable.")
    if guard.identity().role not in settings.upload_roles:
        raise Problem(403, "Your role may not upload. Ask an admin.")
    return settings


def _link(settings: UploadSettings, upload: Upload, user_id: str, number: int, expires_at: int) -> dict[str, Any]:
    if settings.upload_keys is None:
        raise LookupError("no keys that sign links")
    length = upload.cut.length(number)
    href = links.to_put(
        settings.upload_keys,
        user_id=user_id,
        upload_id=upload.id.hex,
        part=number,
        length=length,
        expires_at=expires_at,
    )
    return {
        "number": number,
        "method": links.METHOD,
        "href": href,
        "offset": upload.cut.offset(number),
        "length": length,
    }


def _bytes(digest: str | None) -> bytes | None:
    return bytes.fromhex(digest) if digest else None


def _detailed(upload: Upload) -> dict[str, Any]:
    arrived = upload.arrived(here().uploads.uploads_dir)
    return _shown(upload, len(arrived)) | {"arrived": arrived}


def _shown(upload: Upload, arrived_parts: int | None = None) -> dict[str, Any]:
    if arrived_parts is None:
        arrived_parts = len(upload.arrived(here().uploads.uploads_dir))
    return {
        "id": upload.id.hex,
        "name": upload.name,
        "size_bytes": upload.size_bytes,
        "sha256": upload.sha256.hex() if upload.sha256 else None,
        "modified_at": upload.modified_at,
        "title": upload.title,
        "description": upload.description,
        "visibility": upload.visibility,
        "renditions": upload.renditions,
        "place": {"root": upload.library_root, "folder": upload.folder},
        "part_size_bytes": upload.part_size_bytes,
        "parts": upload.cut.count,
        "arrived_parts": arrived_parts,
        "state": upload.state,
        "reason": upload.reason,
        "video_id": upload.video_id.hex if upload.video_id else None,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
    }
