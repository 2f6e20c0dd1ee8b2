"""One's own password."""

from uuid import UUID

from apiflask import APIBlueprint

from authsvc.api import proof
from authsvc.api.protocol import guard
from authsvc.api.protocol.services import here
from authsvc.api.schemas import accounts as schemas
from authsvc.people import accounts
from authsvc.people.accounts import Actor

bp = APIBlueprint("password", __name__, url_prefix="/api/v1/users/me/password", tag="Users")


@bp.put("")
@bp.input(schemas.PasswordIn, location="json", arg_name="body")
@bp.doc(
    summary="Change the password",
    responses={204: "Every other session has ended", 400: "", 401: "", 403: "", 415: "", 422: "", 429: "", 503: ""},
)
def change_password(body: schemas.PasswordIn) -> tuple[str, int]:
    """The current one has to be given again. Devices are signed out too."""
    services, identity = here(), guard.identity()
    user = proof.again(body.current)
    password_hash = proof.new_hash(body.new, user.username, user.email, field="new")
    actor = Actor(UUID(identity.user_id), guard.client_address())
    with services.database.connection() as connection:
        ended = accounts.set_password(connection, user.id, password_hash, actor=actor, but=identity.session_id)
    accounts.enforce(services.live, services.settings, user.id, ended)
    return "", 204
