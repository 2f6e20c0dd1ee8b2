"""Why a file can't be watched, in words for people.

A fault becomes `videos.status_reason`. Some faults pass without the file changing (its mode is put right, a disk
answers again); files with those are looked at again by every scan.
"""

from dataclasses import dataclass

from catalog.text import clean

# Sentences that begin with these are looked at again although the file did not change.
PERMISSION = "Permission: "
READING = "Reading failed: "
LIMIT = "Limit reached: "
PASSING_PREFIXES = (PERMISSION, READING)  # a file that exceeds a limit will do so again


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is there and can't be watched."""

    sentence: str

    @staticmethod
    def is_passing(reason: str | None) -> bool:
        """Can the cause of this `status_reason` go away without the file changing?"""
        return reason is not None and reason.startswith(PASSING_PREFIXES)


EMPTY = Fault("The file is empty: nothing was copied, or the copy failed. Copy it again.")
PATH_TOO_LONG = Fault("The path is longer than the system allows (4095 bytes). Use shorter folder names.")
STILL_WRITTEN = Fault("The file is still being written; it is looked at again by the next scan.")
NO_VIDEO = Fault("The file holds no video track.")
NO_DURATION = Fault("The length of the video can't be found: the file holds no readable frames.")

PROTECTED = Fault("The file is copy-protected: it can't be decoded without a key that is not in it.")
NOT_DECODED = Fault(
    "None of its pictures can be decoded: the file is damaged, copy-protected, or of a kind that ffmpeg doesn't know."
)


def refused(error: Exception) -> Fault:
    """For a row that the catalog does not take."""
    said = clean(str(error).partition("\n")[0], " ")[:300]
    return Fault(f"The catalog refused what the file says of itself: {said}.")


def truncated(missing_bytes: int) -> Fault:
    return Fault(f"The file is incomplete: {missing_bytes:,} bytes are missing at its end. Copy or download it again.")


def ends_early(end_seconds: float, of_seconds: float) -> str:
    """What is said of a video that plays, but not to the end that its container declares."""
    return (
        f"The file is incomplete: it ends at {_clock(end_seconds)} of {_clock(of_seconds)}. Copy or download it again."
    )


def plays_although(missing_bytes: int, end_seconds: float) -> str:
    """What is said of a video that lacks bytes at its end and plays to where its container says."""
    return (
        f"The file is incomplete: {missing_bytes:,} bytes are missing at its end. It plays to {_clock(end_seconds)},"
        " but skipping in it may not work. Copy or download it again."
    )


def has_hole(at_seconds: float) -> str:
    """What is said of a video that plays at its start and end, and not in between."""
    return f"The file is damaged: at {_clock(at_seconds)} it can't be decoded. Copy or download it again."


def _clock(seconds: float) -> str:
    """As players show a time: 0:36, 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def unreadable(culprit: str, user: str, fix: str) -> Fault:
    return Fault(f"{PERMISSION}the web server (user {user}) may not read {culprit}. To let it: {fix}")


def not_opened(error: OSError) -> Fault:
    if isinstance(error, PermissionError):
        return Fault(
            f"{PERMISSION}the indexer may not open the file. Give read permission to others: chmod o+r on the"
            " file and o+x on its folders."
        )
    return Fault(f"{READING}{(error.strerror or 'input/output error').lower()}.")
