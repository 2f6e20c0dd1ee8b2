"""Oneself."""

from apiflask import APIBlueprint

from authsvc import accounts
from authsvc.api import guard
from authsvc.api.schemas import auth as schemas
from authsvc.api.services import here
from authsvc.problems import unauthorized

bp = APIBlueprint("users", __name__, url_prefix="/api/v1/users", tag="Users")


@bp.get("/me")
@bp.output(schemas.UserOut)
@bp.doc(summary="Who am I?", responses=[401, 503])
def me() -> dict[str, str]:
    """The signed-in user."""
    with here().database.connection() as connection:
        user = accounts.by_id(connection, guard.identity().user_id)
    if user is None:
        raise unauthorized("The user is gone.", sent=True)
    return {"id": user.id.hex, "username": user.username, "role": user.role}
