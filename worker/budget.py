"""Room for renditions: what running jobs may still take is reserved, and what is kept stays within a budget.

A job reserves before it encodes, one at a time over all hosts, so that two that begin at once never count on the same
room. Renditions leave by being withdrawn (catalog.renditions): whoever watches them goes on.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import class_row

from catalog import renditions
from catalog.locks import lock_kept
from catalog.rows import only
from media.renditions import COPIES
from worker.attempt import SCRATCH, Attempt, JobFailed, NoRoomYet, Superseded
from worker.settings import WorkerSettings

# What a job says that ends unmade.
NOT_ASKED_FOR: Final = "not made: the budget for renditions is used up, and nobody waits for these"
_GIB: Final = 1 << 30

_OTHERS: LiteralString = """
SELECT run_id, reserved_bytes, kept_bytes FROM jobs WHERE state = 'running' AND id <> %s AND reserved_bytes > 0
"""
_RESERVE: LiteralString = "UPDATE jobs SET reserved_bytes = %s, kept_bytes = %s WHERE id = %s AND run_id = %s"
# Somebody asked for it: by name, by playing the title, by uploading it.
_IS_ASKED_FOR: LiteralString = "SELECT urgency <> 'backlog' OR requested_by IS NOT NULL FROM jobs WHERE id = %s"
_TELL: LiteralString = """
UPDATE rendition_budget SET budget_bytes = %(budget)s, spared_hours = %(spared)s
 WHERE (budget_bytes, spared_hours) IS DISTINCT FROM (%(budget)s, %(spared)s)
"""
_NOTE: LiteralString = "SELECT note_renditions_left(%s, %s, %s)"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    """What another attempt has reserved of the disk for a while, and of the budget."""

    run_id: UUID
    reserved_bytes: int
    kept_bytes: int


def bytes_of(settings: WorkerSettings) -> int:
    """The budget; 0: there is none. Raises OSError when the published tree is away."""
    budgets = [settings.rendition_budget_bytes] if settings.rendition_budget_bytes else []
    if settings.rendition_budget_share:
        disk = os.statvfs(settings.titles_dir)
        budgets.append(int(settings.rendition_budget_share * disk.f_blocks * disk.f_frsize))
    return min(budgets, default=0)


def reserve(attempt: Attempt, needed: int, *, is_watched: bool = False, joins: bool = False) -> bool:
    """Count `needed` bytes, what `most_bytes` says, as taken for as long as the attempt runs.

    False where the budget is used up and nobody asked for these renditions. What `is_watched` meanwhile is made all the
    same: others leave when it is there. What the title has already is replaced, unless these join it. Raises
    `JobFailed` when there can't be room, `NoRoomYet` when there may be later.
    """
    database, job = attempt.database, attempt.job
    with database.transaction():
        lock_kept(database)
        with database.cursor(row_factory=class_row(_Running)) as cursor:
            others = cursor.execute(_OTHERS, (job.id,)).fetchall()
        _find_on_disk(attempt, needed, others)
        leaves = needed // COPIES
        if not is_watched and not _is_within(attempt, leaves, sum(other.kept_bytes for other in others), joins=joins):
            return False
        if database.execute(_RESERVE, (needed, leaves, job.id, job.run_id)).rowcount == 0:
            raise Superseded
    return True


def _find_on_disk(attempt: Attempt, needed: int, others: list[_Running]) -> None:
    """Raises `JobFailed` or `NoRoomYet` when the disk would be fuller than it may be."""
    settings = attempt.settings
    disk = os.statvfs(attempt.folder)
    spare = int(settings.rendition_free_share * disk.f_blocks * disk.f_frsize)
    free = disk.f_bavail * disk.f_frsize
    words = (
        f"{free / _GIB:.2f} GiB are free, {spare / _GIB:.2f} GiB have to stay free, and renditions of this title may"
        f" take {needed / _GIB:.2f} GiB while they are made."
    )
    if free - needed < spare:
        raise JobFailed(f"The disk is too full: {words} Make room and try again.")
    # What they have written is not free any more.
    taken = sum(max(0, one.reserved_bytes - _written(settings.titles_dir, one.run_id)) for one in others)
    if free - taken - needed < spare:
        raise NoRoomYet(
            f"Other jobs may take {taken / _GIB:.2f} GiB of the disk: {words} It begins when they are done."
        )


def _is_within(attempt: Attempt, leaves: int, others: int, *, joins: bool) -> bool:
    """Whether the budget has room for what it leaves, beside what `others` are going to. Raises as `reserve`."""
    database, video = attempt.database, attempt.job.video_id
    budget = bytes_of(attempt.settings)
    if not budget:
        return True
    kept = renditions.kept_bytes(database, but=None if joins else video)
    if kept + others + leaves <= budget:
        return True
    if not only(database.execute(_IS_ASKED_FOR, (attempt.job.id,)))[0]:
        return False
    words = (
        f"Renditions may take {budget / _GIB:.2f} GiB in all, and those of this title alone {leaves / _GIB:.2f} GiB."
    )
    if leaves > budget:
        raise JobFailed(f"{words} Ask for fewer profiles, or have the operator raise the budget.")
    may_leave = renditions.leaving(database, attempt.settings.withdrawn_hours)
    if kept - sum(one.bytes for one in may_leave if one.id != video) + others + leaves > budget:
        raise NoRoomYet(f"{words} The others are being watched or made; it begins when some of them may leave.")
    return True


def keep(database: Connection[Any], settings: WorkerSettings, *, but: UUID | None = None) -> None:
    """Have renditions leave until the budget holds; those of the title `but` stay. Raises OSError."""
    budget = bytes_of(settings)
    if not budget or renditions.kept_bytes(database) <= budget:
        return
    for one in renditions.leaving(database, settings.withdrawn_hours):
        if one.id == but:
            continue
        with database.transaction():
            lock_kept(database)
            if renditions.kept_bytes(database) <= budget:
                return
            left = renditions.withdraw(database, one.id)
            if left:
                database.execute(_NOTE, (one.id, left, budget))
        logger.info("renditions_left", video=one.id.hex, bytes=left, budget_bytes=budget)
    over = renditions.kept_bytes(database) - budget
    if over > 0:
        logger.warning("renditions_over_budget", over_bytes=over, budget_bytes=budget)


def keep_after(attempt: Attempt) -> None:
    """The attempt's renditions are published: others leave for them. In vain, the reaper does it."""
    try:
        keep(attempt.database, attempt.settings, but=attempt.job.video_id)
    except (psycopg.Error, OSError) as error:
        logger.warning("budget_not_kept", error=str(error))


def tell(database: Connection[Any], settings: WorkerSettings) -> None:
    """Write down what this worker goes by, for who asks how full the budget is. Raises OSError."""
    database.execute(_TELL, {"budget": bytes_of(settings), "spared": settings.withdrawn_hours})


def _written(titles: Path, run: UUID) -> int:
    """Bytes that an attempt has on the disk by now."""
    total = 0
    for folder, _, files in os.walk(titles / f"{SCRATCH}{run.hex}"):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:  # published, or removed, just now
                continue
    return total
