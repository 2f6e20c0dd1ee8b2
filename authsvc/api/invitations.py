"""For admins: invitations."""

from typing import Any

from apiflask import APIBlueprint

from authsvc.api.accounts import acting
from authsvc.api.protocol.problems import Problem
from authsvc.api.protocol.services import here
from authsvc.api.schemas import accounts as schemas
from authsvc.people import invitations, page_links
from authsvc.people.invitations import Invitation

bp = APIBlueprint("invitations", __name__, url_prefix="/api/v1/admin/invitations", tag="Administration")


@bp.get("")
@bp.output(schemas.InvitationsOut)
@bp.doc(summary="Invitations", responses=[401, 403, 503])
def list_invitations() -> dict[str, Any]:
    """The newest 1000, with those that are used up, revoked or out of date."""
    with here().database.connection() as connection:
        return {"items": [_invitation(each) for each in invitations.everyone(connection)]}


@bp.post("")
@bp.input(schemas.InvitationIn, location="json", arg_name="body")
@bp.output(schemas.NewInvitationOut, status_code=201)
@bp.doc(summary="Invite somebody", responses=[400, 401, 403, 415, 422, 503])
def invite(body: schemas.InvitationIn) -> dict[str, Any]:
    """Whoever has the token may register as often as it says. It is void once its giver is no admin any more."""
    services = here()
    with services.database.connection() as connection:
        invitation, token = invitations.create(
            connection,
            role=body.role,
            life_seconds=body.expires_in or services.settings.invitation_seconds,
            uses=body.uses,
            actor=acting(),
        )
    return _invitation(invitation) | {"token": token, "link": page_links.of_invitation(services.settings, token)}


@bp.delete("/<id:invitation_id>")
@bp.doc(summary="Revoke an invitation", responses={204: "Nobody can use it", 401: "", 403: "", 404: "", 503: ""})
def revoke(invitation_id: str) -> tuple[str, int]:
    """Who has registered with it stays."""
    try:
        with here().database.connection() as connection:
            invitations.revoke(connection, invitation_id, actor=acting())
    except invitations.InvitationInvalid as error:
        raise Problem(404, "There is no such invitation, or it was revoked before.") from error
    return "", 204


def _invitation(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id.hex,
        "role": invitation.role,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "uses": invitation.uses,
        "used": invitation.used,
        "revoked_at": invitation.revoked_at,
    }
