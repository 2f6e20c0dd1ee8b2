"""What the kinds that encode a title share: room on the disk, the workshop, and what a tool's failure means."""

import os
from typing import Final, TypeVar

from media.faults import Fault
from media.renditions import Workshop
from worker.attempt import Attempt, JobFailed

Result = TypeVar("Result")

# Packing takes about this share of the whole.
PACKING: Final = 0.03
_GIB: Final = 1 << 30


class ToolError(Exception):
    """A tool failed at what may go better the next time."""


def reserve(attempt: Attempt, needed: int) -> None:
    """Raises `JobFailed` when the disk would be fuller than it may be."""
    disk = os.statvfs(attempt.folder)
    kept = int(attempt.settings.rendition_free_share * disk.f_blocks * disk.f_frsize)
    free = disk.f_bavail * disk.f_frsize
    if free - needed < kept:
        raise JobFailed(
            f"The disk is too full: {free / _GIB:.2f} GiB are free, {kept / _GIB:.2f} GiB have to stay free, and"
            f" renditions of this title may take {needed / _GIB:.2f} GiB while they are made. Make room and try again."
        )


def workshop(attempt: Attempt) -> Workshop:
    """The attempt's folder as a place to encode and pack in."""
    settings = attempt.settings
    return Workshop(
        attempt.sandbox, settings, attempt.folder, settings.tool_silence_seconds, settings.tool_memory_bytes
    )


def good(result: Result | Fault) -> Result:
    """Raises `JobFailed` with the fault's words, or `ToolError` where its cause may pass."""
    if isinstance(result, Fault):
        raise ToolError(result.sentence) if Fault.is_passing(result.sentence) else JobFailed(result.sentence)
    return result
