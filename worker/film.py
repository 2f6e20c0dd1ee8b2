"""What the makers of a title's pictures and text share: the film as ffmpeg is given it, and what they publish anew."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from psycopg import Connection

from catalog.contract import forms
from media.faults import Fault
from media.making import Making
from media.shown import Subject
from worker import published
from worker.attempt import Attempt, JobFailed, Made
from worker.attempts import Job
from worker.sources import Source

# Of a reason that is kept (characters).
_LONGEST_REASON = 500
# worker.offered and worker.withdrawn see to these.
_IS_LED_TO = re.compile(f"[.]m3u8$|{forms.OF_A_GENERATION}", re.ASCII)


class ReadingFailed(Exception):  # the job is tried again
    """The disk gave too little of the file; it may do better another time."""


def is_of_another(job: Job, source: Source) -> bool:
    """Was the job asked for a content that the title has no more? Then one for the present content exists."""
    asked = job.parameters.get("fingerprint")
    return asked is not None and asked != source.facts.fingerprint.hex()


def making(attempt: Attempt, source: Source, stage: str, *, of_seconds: float, begin: float, end: float) -> Making:
    """For tools that work in the attempt's folder. They make `of_seconds` in all, which is the job's share from `begin`
    to `end`; what they have done is reported as `stage`.
    """
    facts, began = source.facts, time.monotonic()

    def tell(seconds: float) -> None:
        share = min(1.0, seconds / of_seconds)
        attempt.report(stage, begin + share * (end - begin), seconds / max(time.monotonic() - began, 0.001))

    return Making(
        sandbox=attempt.sandbox,
        settings=attempt.settings,
        descriptor=source.descriptor,
        container=source.container,
        subject=Subject(facts.duration_seconds, facts.width, facts.height, facts.video_track, facts.hdr is not None),
        folder=attempt.folder,
        silence_seconds=attempt.settings.tool_silence_seconds,
        memory_bytes=attempt.settings.tool_memory_bytes,
        tell=tell,
    )


def lacking(what: str, fault: Fault) -> Fault:
    """The fault as people read it who don't know what was tried."""
    return fault if Fault.is_passing(fault.sentence) else Fault(f"{what} could not be made: {fault.sentence}")


def conclude(
    attempt: Attempt,
    made: Sequence[Made],
    faults: Sequence[Fault],
    *,
    instead_of: Collection[str],
    record: Callable[[Connection[Any]], None] | None = None,
) -> None:
    """Publish `made`; every other file of the title whose stem is one of `instead_of` goes, unless it may yet be made,
    or is what manifests lead to.

    Raises `JobFailed` with what went wrong, or `ReadingFailed` when that may pass.
    """
    said = " ".join(fault.sentence for fault in faults)[:_LONGEST_REASON]
    may_pass = any(Fault.is_passing(fault.sentence) for fault in faults)
    names = {one.name for one in made}
    there = published.names(attempt.database, attempt.job.video_id) if attempt.job.video_id else ()
    gone = [
        name
        for name in sorted(there)
        if name not in names and name.partition(".")[0].split("-")[0] in instead_of and not _IS_LED_TO.search(name)
    ]
    attempt.publish(made, [] if may_pass else gone, record, last=not faults)
    if may_pass:
        raise ReadingFailed(said)
    if faults:
        raise JobFailed(said)
