"""What workers do."""

from typing import Any
from uuid import UUID

import click

from authsvc.cli import console
from authsvc.library import jobs as library
from catalog.contract.words import JOB_PLACES, JOB_STATES, JobPlace, JobState

_SHOWN = 100


@click.group()
def jobs() -> None:
    """What workers do: pictures, subtitles, renditions, uploads."""


@console.command(jobs, "list")
@click.option("--state", type=click.Choice(JOB_STATES), help="In this state only.")
def list_jobs(state: JobState | None) -> list[dict[str, Any]]:
    """Print the newest jobs, 100 at most: kind, state, how far, attempts, title, who, since when, reason, id."""
    with console.database() as connection:
        found = library.page(connection, None, state=state, limit=_SHOWN)
    return [
        {
            "kind": job.kind,
            "state": job.state,
            "stage": job.stage,
            "progress": f"{job.progress:.0%}",
            "attempts": job.attempts,
            "title": job.video_title or job.upload_name,
            "username": job.username,
            "created_at": job.created_at,
            "reason": job.reason,
            "id": job.id,
        }
        for job in found
    ]


@console.command(jobs, "cancel")
@click.option("--id", "job_id", type=click.UUID, required=True)
def cancel_job(job_id: UUID) -> str:
    """End a job with its tools; what it has published stays."""
    with console.database() as connection:
        try:
            library.cancel(connection, None, job_id.hex)
        except library.JobUnknown as error:
            raise click.ClickException("there is no such job") from error
        except library.JobEnded as error:
            raise click.ClickException("this job has ended already") from error
    return "cancelled"


@console.command(jobs, "retry")
@click.option("--id", "job_id", type=click.UUID, required=True)
def retry_job(job_id: UUID) -> str:
    """Try a job again that failed or was cancelled."""
    with console.database() as connection:
        try:
            library.retry(connection, None, job_id.hex)
        except library.JobUnknown as error:
            raise click.ClickException("there is no such job") from error
        except library.JobNotEnded as error:
            raise click.ClickException("only a job that failed or was cancelled can be tried again") from error
        except library.JobRepeated as error:
            raise click.ClickException("the same work is queued or running already") from error
    return "queued"


@console.command(jobs, "move")
@click.option("--id", "job_id", type=click.UUID, required=True)
@click.option("--place", type=click.Choice(JOB_PLACES), required=True)
def move_job(job_id: UUID, place: JobPlace) -> str:
    """Put a job before, or behind, all that are queued now."""
    with console.database() as connection:
        try:
            library.move(connection, job_id.hex, place)
        except library.JobUnknown as error:
            raise click.ClickException("there is no such job") from error
        except library.JobNotQueued as error:
            raise click.ClickException("only a job that is queued can be moved") from error
    return f"{place} of what is queued"
