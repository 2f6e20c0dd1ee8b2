"""Make the posters that are due: whatever scan found the video, and however that one ended."""

import time

from indexer import store
from indexer.crew import Crew
from indexer.examine import Examiner, Picture
from indexer.progress import Progress
from indexer.publish import Publisher
from indexer.store import Database
from media.faults import Fault
from media.sandbox import SandboxError


def make_pictures(
    database: Database,
    crew: Crew,
    examiner: Examiner,
    publisher: Publisher,
    progress: Progress,
    *,
    until: float | None = None,
) -> int:
    """Make posters of ready titles below the examiner's roots, until the monotonic time `until`; how many were made.

    A video of which no picture can be made is noted and not tried again.
    """
    due = store.pictures_due(database, list(examiner.roots))
    batch = len(due) if until is None else crew.workers
    made = 0
    for start in range(0, len(due), batch or 1):
        if until is not None and time.monotonic() >= until:
            break
        for job, picture in crew.each("making posters", examiner.picture, due[start : start + batch]):
            if isinstance(picture, SandboxError):
                progress.alert("error", f"no poster for now: {picture}")
            elif isinstance(picture, Picture):
                is_made = publisher.poster(job, picture)
                if picture.remark:
                    progress.event("passed by", job.path, picture.remark)
                if isinstance(picture.poster, Fault):
                    progress.event("no poster", job.path, picture.poster.sentence)
                else:
                    made += is_made
    return made
