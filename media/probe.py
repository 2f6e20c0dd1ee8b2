"""What a video is, and to where it plays: asked of ffprobe, with the container forced and in a sandbox."""

import os
from typing import Any

from media import faults
from media.asking import Asking, parsed
from media.declared import declared_seconds, is_protected
from media.faults import NO_VIDEO, PROTECTED, Fault
from media.playable import frames_prove, judged
from media.report import Probed, read_report, tells_protection
from media.sandbox import Sandbox, complaint
from media.settings import MediaSettings
from media.sniff import Container
from media.structure import with_structure

# The way of looking: whoever changes what `probe` answers for a file raises it, and known files are looked at again.
JUDGEMENT = 3

# ffmpeg's word -> what it means to people.
_MEANINGS = (
    ("moov atom not found", "The file is incomplete: its index (moov) is missing. Copy or download it again."),
    ("Cannot allocate memory", "Limit reached: reading the file takes more memory than it may."),
    ("Invalid data found", "The file is damaged: what follows its first bytes is not a readable {name} file."),
    ("EBML header parsing failed", "The file is damaged: its {name} header can't be read."),
)


def probe(
    sandbox: Sandbox, settings: MediaSettings, descriptor: int, container: Container, missing_bytes: int = 0
) -> Probed | Fault:
    """The facts of the open file, or why it can't be watched.

    `missing_bytes` are lacking at its end by what its container declares (`extent`). Nearly always one run of ffprobe
    answers; only a file that does not prove itself at once is looked at closely. Raises `SandboxError` when no tool
    could run, and `OSError` when the disk does.
    """
    size = os.fstat(descriptor).st_size
    if is_protected(descriptor, size, container.family):
        return PROTECTED
    asking = Asking(sandbox, settings, descriptor, container)
    declared = declared_seconds(descriptor, size, container.family)
    report = _report(asking, None if declared is None or missing_bytes else declared / 2)
    if isinstance(report, Fault):
        # The declared end is missing, so the structure is, too, and that says more than what ffprobe stumbled over.
        return faults.truncated(missing_bytes) if missing_bytes and not report.is_passing(report.sentence) else report
    if tells_protection(report):
        return PROTECTED
    probed = read_report(report, container.name)
    if probed is None:
        return NO_VIDEO
    probed = with_structure(probed, report, descriptor, container.family)
    if not missing_bytes and probed.duration_seconds and frames_prove(report, probed.video_track):
        return probed
    return judged(asking, probed, declared, missing_bytes)


def _report(asking: Asking, middle_seconds: float | None) -> dict[str, Any] | Fault:
    """ffprobe's report; without frames where it fails with them, as in a file in which nothing can be sought."""
    outcome = asking.report(middle_seconds)
    if isinstance(outcome, Fault):
        return outcome
    report = parsed(outcome)
    if outcome.status == 0 and report is not None:
        return report
    if middle_seconds is not None:
        return _report(asking, None)
    said, name = outcome.complaint.decode("utf-8", "replace"), asking.container.name.upper()
    for word, meaning in _MEANINGS:
        if word in said:
            return Fault(meaning.format(name=name))
    return Fault(f"The file can't be read as {name}: {complaint(outcome)}.")
