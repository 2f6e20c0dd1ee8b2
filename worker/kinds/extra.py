"""Renditions that only newer devices play, beside those that all do: HEVC above 1080p, and AV1.

A job makes those of one codec in one pass, and joins them to what is published by then. It takes hours and nobody waits
for it, so it is begun when no other rendition is to be made. Parameters: `profiles`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from psycopg import Connection

from catalog import jobs
from catalog.contract.words import Profile
from media import ladder
from media.asking import Asking
from media.ladder import Picture
from media.material import Material, study
from media.packager import DASH, HLS, MEDIA_TYPES
from media.renditions import most_bytes
from worker import budget, joined
from worker.attempt import Attempt, JobFailed, Made
from worker.attempts import Job
from worker.encoding import PACKING, good, workshop
from worker.sources import Source

_HAVE_LEFT = "not made: the renditions that it would join have left"


def ask(database: Connection[Any], job: Job, sets: Sequence[Sequence[Profile]]) -> None:
    """Have each of `sets` made once the transaction is committed, in which `job` publishes what they will join."""
    for profiles in sets:
        jobs.enqueue(
            database,
            "extra",
            video_id=job.video_id,
            parameters={"profiles": list(profiles)},
            requested_by=job.requested_by,
        )


def run(attempt: Attempt) -> None:
    with attempt.source() as source:
        if not joined.can_be(attempt.database, source.facts.id):
            attempt.report(_HAVE_LEFT, 1)
            return
        attempt.report("looking at the file", 0)
        asking = Asking(attempt.sandbox, attempt.settings, source.descriptor, source.container)
        material = good(study(asking, source.facts.duration_seconds / 2))
        pictures = ladder.pictures(material.width, material.height, attempt.job.parameters["profiles"])
        if not pictures:
            raise JobFailed(f"The picture has {material.width}x{material.height} pixels, less than what is asked for.")
        if not budget.reserve(attempt, most_bytes(pictures, (), source.facts.duration_seconds), joins=True):
            attempt.report(budget.NOT_ASKED_FOR, 1)
            return
        _encode(attempt, source, material, pictures)
        _publish(attempt, source, pictures)
    budget.keep_after(attempt)


def _encode(attempt: Attempt, source: Source, material: Material, pictures: Sequence[Picture]) -> None:
    stage = "encoding " + ", ".join(picture.rung.profile for picture in pictures)
    seconds = source.facts.duration_seconds

    def on_way(at: float, speed: float | None) -> None:
        attempt.report(stage, (1 - PACKING) * min(at / seconds, 1), speed)

    fault = workshop(attempt).encode(source.descriptor, source.container, material, pictures, (), seconds, on_way)
    if fault is not None:
        good(fault)


def _publish(attempt: Attempt, source: Source, pictures: Sequence[Picture]) -> None:
    on_way = partial(attempt.report, "packing", 1 - PACKING)
    # Both manifests: what it joins may be made anew until then, with others than now.
    paths = good(workshop(attempt).pack(pictures, (), hls=True, dash=True, on_way=on_way))
    made = [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths if path.name not in (HLS, DASH)]
    attempt.publish(
        made,
        record=partial(
            joined.join,
            titles=attempt.settings.titles_dir,
            folder=attempt.folder,
            video=source.facts.id,
            made=[one.name for one in made],
        ),
        last=True,
    )
