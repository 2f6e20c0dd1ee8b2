"""What the kinds that encode a title share: the workshop, and what a tool's failure means."""

from typing import Final, TypeVar

from media.faults import Fault
from media.renditions import Workshop
from worker.attempt import Attempt, JobFailed

Result = TypeVar("Result")

# Packing takes about this share of the whole.
PACKING: Final = 0.03


class ToolError(Exception):
    """A tool failed at what may go better the next time."""


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
