"""What uploads leave behind: of those that were cancelled, refused or forgotten, and of parts that came too late."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection

from catalog import uploads as shared
from catalog.contract import forms
from worker import uploads
from worker.settings import WorkerSettings

_PART = re.compile(f"({forms.ID})[.]({forms.PART})", re.ASCII)
_UPLOAD = re.compile(forms.ID, re.ASCII)

logger = structlog.get_logger(__name__)


def remove(settings: WorkerSettings, upload: str, root: str) -> None:
    """All that is there of one upload."""
    for file in (settings.uploads_dir / shared.PARTS).glob(f"{upload}.*"):
        file.unlink(missing_ok=True)
    if root in settings.writable_roots:
        shared.growing(Path(root), upload).unlink(missing_ok=True)


def sweep(database: Connection[Any], settings: WorkerSettings) -> None:
    """End what nobody will end, and remove what belongs to no upload any more. Raises OSError."""
    if not settings.writable_roots:
        return
    uploads.end_forgotten(database, settings.upload_refused_seconds)
    # First the files, then the rows: what is there is of an upload that has its row already.
    parts, growing = list(_parts(settings)), list(_growing(settings))
    living = uploads.living(database)
    for file, upload, number in parts:
        owner = living.get(upload)
        # One that was sent again while it was appended.
        if owner is None or owner.state == "refused" or number <= owner.appended:
            _remove(file)
    for file in growing:
        if file.name not in living:
            _remove(file)
    # Nginx removes what broke off; not when it is killed.
    too_old = time.time() - settings.upload_kept_seconds
    for file in (settings.uploads_dir / shared.INCOMING).iterdir():
        if file.is_file() and file.stat().st_mtime < too_old:
            _remove(file)


def _parts(settings: WorkerSettings) -> Iterator[tuple[Path, str, int]]:
    for file in (settings.uploads_dir / shared.PARTS).iterdir():
        if found := _PART.fullmatch(file.name):
            yield file, found[1], int(found[2])


def _growing(settings: WorkerSettings) -> Iterator[Path]:
    for root in settings.writable_roots:
        folder = Path(root) / shared.GROWING
        if folder.is_dir():
            yield from (file for file in folder.iterdir() if _UPLOAD.fullmatch(file.name))


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    logger.info("leftover_removed", file=file.name)
