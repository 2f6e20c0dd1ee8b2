"""Where one is signed in: the list of devices, the end of some, and tokens for televisions and players."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from psycopg import Connection

from authsvc import audit
from authsvc.api.m3u import root
from authsvc.api.protocol import guard, qr
from authsvc.api.protocol.problems import Problem, unauthorized
from authsvc.api.protocol.services import here
from authsvc.api.schemas import sessions as schemas
from authsvc.audit import Event
from authsvc.people import accounts
from authsvc.sessions import devices, listing, sessions
from authsvc.sessions.sessions import Ended
from catalog.contract.words import SessionEnd

bp = APIBlueprint("devices", __name__, url_prefix="/api/v1", tag="Sessions")

_NO_SESSION = "There is no such session of yours."


@bp.post("/users/me/devices")
@bp.input(schemas.DeviceIn, location="json", arg_name="body")
@bp.output(schemas.DeviceOut, status_code=201)
@bp.doc(
    summary="Make a token for a television or a player",
    responses={
        401: "Not signed in",
        403: "Not for guests and devices",
        409: "Too many (code: devices)",
        422: "",
        503: "",
    },
)
def add_device(body: schemas.DeviceIn) -> dict[str, Any]:
    """A session of its own that lasts for months and sees the library only. End it like any other session."""
    services, identity = here(), guard.identity()
    settings = services.settings
    with services.database.connection() as connection:
        try:
            with connection.transaction():
                device = devices.create(
                    connection,
                    user_id=UUID(identity.user_id),
                    name=body.name,
                    client=guard.client_address(),
                    life_seconds=settings.device_session_seconds,
                    most=settings.device_sessions_per_user,
                )
                audit.record(
                    connection,
                    Event.DEVICE_ADDED,
                    actor=UUID(identity.user_id),
                    client=guard.client_address(),
                    session=device.session_id.hex,
                )
        except sessions.TooMany as error:
            raise Problem(
                409,
                f"You have {settings.device_sessions_per_user} devices, which is the limit. End one of them first.",
                code="devices",
                sessions=shown(listing.of_user(connection, identity.user_id, kinds=("device",))),
            ) from error
        except sessions.SessionEnded as error:
            raise unauthorized("This session is over.", code="session", sent=True) from error
    library_url = root(device.token) + "library.m3u"
    return {
        "session_id": device.session_id.hex,
        "device_token": device.token,
        "library_url": library_url,
        "qr": qr.svg(library_url),
        "name": device.name,
        "expires_at": device.expires_at,
    }


@bp.post("/auth/device")
@bp.input(schemas.DeviceTokenIn, location="json", arg_name="body")
@bp.output(schemas.AccessOut)
@bp.doc(summary="An access token for a device", responses={401: "The token is unknown, or its session over", 422: ""})
def admit_device(body: schemas.DeviceTokenIn) -> dict[str, Any]:
    """The device token stays as it is, and may be sent again when the access token has expired."""
    services = here()
    with services.database.connection() as connection:
        identity = devices.identify(connection, body.device_token)
    if identity is None:
        raise unauthorized("This device token is not valid, or no longer.", code="device", sent=True)
    return {
        "access_token": services.issuer.issue(identity.user_id, identity.session_id),
        "token_type": "Bearer",
        "expires_in": services.issuer.life_seconds,
        "session_id": identity.session_id,
    }


@bp.get("/users/me/sessions")
@bp.output(schemas.SessionsOut)
@bp.doc(summary="Where am I signed in?", responses=[401, 403, 503])
def my_sessions() -> dict[str, Any]:
    """Last seen first."""
    identity = guard.identity()
    with here().database.connection() as connection:
        return {"items": shown(listing.of_user(connection, identity.user_id), current=identity.session_id)}


@bp.delete("/users/me/sessions/<id:session_id>")
@bp.doc(summary="End one of my sessions", responses={204: "It has ended", 401: "", 403: "", 404: "No such session"})
def end_mine(session_id: str) -> tuple[str, int]:
    """Also the one that asks. Its playbacks end with it."""
    _end_one(session_id, "ended_by_owner", of_user=guard.identity().user_id)
    return "", 204


@bp.delete("/users/me/sessions")
@bp.doc(summary="End all my other sessions", responses={204: "They have ended", 401: "", 403: ""})
def end_my_others() -> tuple[str, int]:
    """Devices too; the one that asks stays."""
    identity = guard.identity()
    _end_all(identity.user_id, "ended_by_owner", but=identity.session_id)
    return "", 204


@bp.get("/admin/users/<id:user_id>/sessions")
@bp.output(schemas.SessionsOut)
@bp.doc(summary="Where is this user signed in?", responses={401: "", 403: "", 404: "No such user", 503: ""})
def sessions_of(user_id: str) -> dict[str, Any]:
    """Last seen first."""
    with here().database.connection() as connection:
        _require_user(user_id)
        return {"items": shown(listing.of_user(connection, user_id), current=guard.identity().session_id)}


@bp.delete("/admin/users/<id:user_id>/sessions")
@bp.doc(summary="Sign a user out everywhere", responses={204: "", 401: "", 403: "", 404: "No such user", 503: ""})
def end_sessions_of(user_id: str) -> tuple[str, int]:
    """Devices too. An admin who does it to themselves keeps the session that asks."""
    _require_user(user_id)
    _end_all(user_id, "ended_by_admin", but=guard.identity().session_id)
    return "", 204


@bp.delete("/admin/sessions/<id:session_id>")
@bp.doc(summary="End anyone's session", responses={204: "It has ended", 401: "", 403: "", 404: "No such session"})
def end_anyones(session_id: str) -> tuple[str, int]:
    """Its playbacks end with it."""
    _end_one(session_id, "ended_by_admin")
    return "", 204


def shown(listed: Iterable[listing.Listed], *, current: str = "") -> list[dict[str, Any]]:
    """The sessions as the interface shows them, ready for JSON."""
    inactive_seconds = here().settings.session_inactive_seconds
    return [
        schemas.ListedOut(
            session_id=session.id.hex,
            kind=session.kind,  # type: ignore[arg-type]  # one of the four by the database's constraint
            device=session.device,
            client=session.client,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            second_factor=session.second_factor,
            active=session.rested_seconds < inactive_seconds,
            current=session.id.hex == current,
        ).model_dump(mode="json")
        for session in listed
    ]


def leave_tombstones(ended: Iterable[Ended]) -> None:
    """Leave the tombstones of sessions whose end is committed."""
    services = here()
    for session in ended:
        sessions.leave_tombstone(services.live, services.settings, session)


def _end_one(session_id: str, reason: SessionEnd, *, of_user: str | None = None) -> None:
    with here().database.connection() as connection, connection.transaction():
        ended = sessions.end(connection, session_id, reason, of_user=of_user)
        _write_down(connection, [ended] if ended else [])
    if ended is None:
        raise Problem(404, _NO_SESSION if of_user else "There is no such session.")
    leave_tombstones([ended])


def _end_all(user_id: str, reason: SessionEnd, *, but: str) -> None:
    with here().database.connection() as connection, connection.transaction():
        ended = sessions.end_all(connection, UUID(user_id), reason, but=but)
        _write_down(connection, ended)
    leave_tombstones(ended)


def _write_down(connection: Connection[Any], ended: Iterable[Ended]) -> None:
    actor, client = UUID(guard.identity().user_id), guard.client_address()
    for session in ended:
        audit.record(
            connection,
            Event.SESSION_ENDED,
            actor=actor,
            subject=session.user_id,
            client=client,
            session=session.session_id.hex,
            reason=session.reason,
        )


def _require_user(user_id: str) -> None:
    with here().database.connection() as connection:
        if accounts.by_id(connection, user_id) is None:
            raise Problem(404, "There is no such user.")
