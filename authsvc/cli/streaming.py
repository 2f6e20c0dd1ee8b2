"""How well the files of the library stream, and what helps them."""

from typing import Any
from uuid import UUID

import click

from authsvc.cli import console
from authsvc.library import checkup
from authsvc.library.health import MEANINGS, Limits
from catalog.contract.words import CURABLE_FINDINGS, HEALTH_FINDINGS, CurableFinding, HealthFinding

# Titles read from PostgreSQL at a time.
_PAGE = 500


@click.group()
def health() -> None:
    """Files that stream badly, and what helps them."""


@console.command(health, "findings")
def list_findings() -> list[dict[str, Any]]:
    """Print what may be wrong with a file: titles that have it, of them under way, taken up by the next press, what
    helps, what it means.
    """
    with console.database() as connection:
        counted = checkup.counts(connection, _limits())
    return [
        {
            "finding": each.finding,
            "titles": each.titles,
            "under_way": each.under_way,
            "startable": each.startable,
            "remedy": each.remedy,
            "meaning": MEANINGS[each.finding],
        }
        for each in counted
    ]


@console.command(health, "list")
@click.option("--finding", type=click.Choice(HEALTH_FINDINGS), help="Titles that have this one only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True)
def list_titles(finding: HealthFinding | None, limit: int) -> list[dict[str, Any]]:
    """Print titles of whose file something was found, a line for each finding: title, finding, what helps, what it
    means here, id.
    """
    rows: list[dict[str, Any]] = []
    cursor, more = None, True
    with console.database() as connection:
        while more and limit:
            page, cursor = checkup.page(connection, _limits(), limit=min(_PAGE, limit), finding=finding, cursor=cursor)
            limit, more = limit - len(page), cursor is not None
            rows += [
                {
                    "title": title.title,
                    "finding": each.finding,
                    "remedy": each.remedy,
                    "sentence": each.sentence,
                    "id": title.id,
                }
                for title in page
                for each in title.findings
            ]
    return rows


@console.command(health, "remedy")
@click.option("--finding", type=click.Choice(CURABLE_FINDINGS), required=True)
@click.option("--id", "video_ids", type=click.UUID, multiple=True, help="Of this title; may be given several times.")
def remedy(finding: CurableFinding, video_ids: tuple[UUID, ...]) -> dict[str, Any]:
    """Begin what helps: for these titles, or for the next of all that have the finding. What is under way is not begun
    again. Prints what helps, and how many were begun, were under way, and are left.
    """
    with console.database() as connection:
        try:
            started = checkup.start(
                connection,
                _limits(),
                finding,
                most=console.settings().health_remedies_at_once,
                videos=list(video_ids) or None,
            )
        except checkup.NotFound as error:
            raise click.ClickException(f"no title with that finding: {error}") from error
    return {
        "remedy": started.remedy,
        "started": started.started,
        "under_way": started.under_way,
        "left": started.left,
    }


def _limits() -> Limits:
    known = console.settings()
    return Limits(known.health_key_frame_seconds, known.health_peak_times)
