"""Renditions of a title: what plays where its source does not.

The smallest one is made with the sound and published first, the others that every browser plays follow in one pass;
what is published is a whole generation each time, its manifests last. What only newer devices play is made by jobs of
their own (worker.kinds.extra), which begin when this is published. Parameters: `profiles` (all that fit, up to a
setting, if none are named), `hls` and `dash` (both, unless false), and `copy`: unless it is false, a picture that may
be copied is, instead of all this, where the title's policy is to make what is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import Connection

from catalog.contract.words import Profile
from media import ladder
from media.asking import Asking
from media.ladder import Picture
from media.material import Material, Sound, study, surrounds
from media.packager import DASH, HLS, MEDIA_TYPES
from media.renditions import most_bytes
from worker import budget, copying, withdrawn
from worker.attempt import Attempt, JobFailed, Made
from worker.encoding import PACKING, good, workshop
from worker.kinds import extra
from worker.sources import Source


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; no profile means each that fits, or by `may_copy` the picture as it is, if it may be so."""

    profiles: tuple[Profile, ...]
    hls: bool
    dash: bool
    may_copy: bool

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Wish":
        profiles = tuple(parameters.get("profiles", ()))
        may_copy = not profiles and parameters.get("copy", True)
        return cls(profiles, parameters.get("hls", True), parameters.get("dash", True), may_copy)


@dataclass(frozen=True, slots=True)
class Step:
    """`pictures` and `sounds` are encoded in one pass, from `begins` to `ends` of the job's way."""

    pictures: Sequence[Picture]
    sounds: Sequence[Sound]
    begins: float
    ends: float


def run(attempt: Attempt) -> None:
    wish = Wish.of(attempt.job.parameters)
    with attempt.source() as source:
        attempt.report("looking at the file", 0)
        asking = Asking(attempt.sandbox, attempt.settings, source.descriptor, source.container)
        material = good(study(asking, source.facts.duration_seconds / 2))
        why = copying.instead(attempt, source, material, hls=wish.hls, dash=wish.dash) if wish.may_copy else ""
        if why is None:
            budget.keep_after(attempt)
            return
        usual = ladder.up_to(attempt.settings.rendition_lines, av1=attempt.settings.rendition_av1)
        found = ladder.pictures(material.width, material.height, wish.profiles or usual)
        if not found:
            raise JobFailed(f"The picture has {material.width}x{material.height} pixels, less than what is asked for.")
        # No device is left without: where others alone are named, these are made with them.
        pictures = ladder.for_everybody(found) or ladder.for_everybody(
            ladder.pictures(material.width, material.height, usual)
        )
        more = surrounds(material.sounds) if attempt.settings.rendition_surround else ()
        most = most_bytes(pictures, [*material.sounds, *more], source.facts.duration_seconds)
        if not budget.reserve(attempt, most):
            attempt.report(budget.NOT_ASKED_FOR, 1)
            return
        on_way = partial(attempt.report, "listening to the sound", 0)
        sounds = good(workshop(attempt).levelled(source.descriptor, source.container, material.sounds, on_way))
        sounds = (*sounds, *surrounds(sounds)) if attempt.settings.rendition_surround else sounds
        done: list[Picture] = []
        is_long = source.facts.duration_seconds >= attempt.settings.rendition_first_seconds
        for step in steps(pictures, sounds, first=is_long):
            _encode(attempt, source, material, step)
            done += step.pictures
            beside = ladder.sets_beside(found) if step.ends == 1 else ()
            remark = copying.remark(why, material.left_out)
            _publish(attempt, source, wish, done, sounds, step.ends, beside, remark=remark)
    budget.keep_after(attempt)


def steps(pictures: Sequence[Picture], sounds: Sequence[Sound], *, first: bool) -> Iterator[Step]:
    """The smallest picture `first`, so that there is something to watch."""
    split = 1 if first else 0
    passes = [one for one in (pictures[:split], pictures[split:]) if one]
    begins, whole = 0.0, sum(map(_work, pictures))
    for number, one in enumerate(passes):
        ends = begins + sum(map(_work, one)) / whole if number < len(passes) - 1 else 1
        yield Step(one, () if number else sounds, begins, ends)
        begins = ends


def _work(picture: Picture) -> int:
    """How long it takes, measured against others."""
    return picture.width * picture.height


def _encode(attempt: Attempt, source: Source, material: Material, step: Step) -> None:
    stage = "encoding " + ", ".join(picture.rung.profile for picture in step.pictures)
    seconds, length = source.facts.duration_seconds, (step.ends - step.begins) * (1 - PACKING)

    def on_way(at: float, speed: float | None) -> None:
        attempt.report(stage, step.begins + length * min(at / seconds, 1), speed)

    fault = workshop(attempt).encode(
        source.descriptor, source.container, material, step.pictures, step.sounds, seconds, on_way
    )
    if fault is not None:
        good(fault)


def _publish(
    attempt: Attempt,
    source: Source,
    wish: Wish,
    pictures: Sequence[Picture],
    sounds: Sequence[Sound],
    share: float,
    beside: Sequence[Sequence[Profile]],
    *,
    remark: str,
) -> None:
    """A generation of all that is made so far; with a `share` of 1 the job is done. What it replaces is kept for those
    who are watching it. What is to be made `beside` it is begun by that."""
    on_way = partial(attempt.report, "packing", share * (1 - PACKING))
    paths = good(workshop(attempt).pack(pictures, sounds, hls=wish.hls, dash=wish.dash, on_way=on_way))
    made = [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths]
    names = [one.name for one in made]
    if remark:
        attempt.report(remark, share)

    def record(database: Connection[Any]) -> None:
        withdrawn.retire(database, titles=attempt.settings.titles_dir, video=source.facts.id, kept=names)
        extra.ask(database, attempt.job, beside)

    attempt.publish(
        made,
        withdraw=[manifest for manifest in (HLS, DASH) if manifest not in names],
        record=record,
        last=share == 1,
    )
