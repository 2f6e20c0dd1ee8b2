"""What workers do: to be watched, cancelled, tried again and put in order."""

from typing import Any, Final

from apiflask import APIBlueprint

from authsvc.api.protocol import guard, idempotency
from authsvc.api.protocol.problems import Problem, explained
from authsvc.api.protocol.services import here
from authsvc.api.registration import invalid
from authsvc.api.schemas import jobs as schemas
from authsvc.library import cursors, jobs
from authsvc.library.jobs import whole

bp = APIBlueprint("jobs", __name__, url_prefix="/api/v1/jobs", tag="Jobs")

_MEANINGS: Final = {
    jobs.JobUnknown: lambda _: Problem(404, "There is no such job of yours."),
    jobs.JobEnded: lambda _: Problem(409, "This job has ended already.", code="job_ended"),
    jobs.JobNotQueued: lambda _: Problem(
        409, "Only a job that is queued can be moved; this one has begun, or ended.", code="job_not_queued"
    ),
    jobs.JobNotEnded: lambda _: Problem(
        409, "Only a job that failed or was cancelled can be tried again.", code="job_open"
    ),
    jobs.JobRepeated: lambda _: Problem(409, "The same work is queued or running already.", code="job_repeated"),
    cursors.InvalidCursor: lambda _: invalid("cursor", "is not a cursor of this list"),
}


@bp.get("")
@bp.input(schemas.JobsIn, location="query", arg_name="wanted")
@bp.output(schemas.JobsOut)
@bp.doc(summary="Jobs", responses=[401, 403, 422, 503])
def list_jobs(wanted: schemas.JobsIn) -> dict[str, Any]:
    """The newest first: yours, and everybody's if you are an admin. What has ended is kept for a month."""
    with explained(_MEANINGS), here().database.connection() as connection:
        after = None
        if wanted.cursor:
            moment, last = cursors.decode(wanted.cursor, "jobs", wanted.state or "")
            after = (str(moment), last)
        found = jobs.page(connection, _whose(), state=wanted.state, limit=wanted.limit + 1, after=after)
    shown, more = found[: wanted.limit], len(found) > wanted.limit
    next_cursor = (
        cursors.encode("jobs", shown[-1].created_at.isoformat(), shown[-1].id.hex, wanted.state or "") if more else None
    )
    return {"items": [whole(job) for job in shown], "next_cursor": next_cursor}


@bp.get("/<id:job_id>")
@bp.output(schemas.JobOut)
@bp.doc(summary="One job", responses=[401, 403, 404, 503])
def one_job(job_id: str) -> dict[str, Any]:
    """How far it is."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return whole(jobs.one(connection, _whose(), job_id))


@bp.patch("/<id:job_id>")
@bp.input(schemas.JobChangesIn, location="json", arg_name="body")
@bp.output(schemas.JobOut)
@bp.doc(summary="Put a job first or last", responses=[400, 401, 403, 404, 409, 422, 503])
def move_job(job_id: str, body: schemas.JobChangesIn) -> dict[str, Any]:
    """For admins. What runs goes on; what is queued later still comes where its urgency puts it."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return whole(jobs.move(connection, job_id, body.place))


@bp.post("/<id:job_id>/cancel")
@bp.doc(summary="Cancel a job", responses={204: "It is over", 401: "", 403: "", 404: "", 409: "", 503: ""})
def cancel_job(job_id: str) -> tuple[str, int]:
    """Its tools end within seconds. What it has published stays."""
    with explained(_MEANINGS), here().database.connection() as connection:
        jobs.cancel(connection, _whose(), job_id)
    return "", 204


@bp.post("/<id:job_id>/retry")
@idempotency.repeatable
@bp.output(schemas.JobOut, status_code=201)
@bp.doc(summary="Try a job again", responses=[401, 403, 404, 409, 503])
def retry_job(job_id: str) -> dict[str, Any]:
    """One that failed or was cancelled. It comes before what nobody waits for."""
    with explained(_MEANINGS), here().database.connection() as connection:
        return whole(jobs.retry(connection, _whose(), job_id))


def _whose() -> str | None:
    """Whose jobs the caller may see and steer; None: everybody's."""
    identity = guard.identity()
    return None if identity.role == "admin" else identity.user_id
