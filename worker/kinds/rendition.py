"""Renditions of a title: what plays where its source does not.

The smallest one is made with the sound and published first, the others follow in one pass; what is published is a whole
generation each time, its manifests last. Parameters: `profiles` (all that fit, if none are named), `hls` and `dash`
(both, unless false).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from catalog.contract.words import Profile
from media import ladder
from media.asking import Asking
from media.ladder import Picture
from media.material import Material, Sound, study, surrounds
from media.packager import DASH, HLS, MEDIA_TYPES
from media.renditions import most_bytes
from worker import budget, withdrawn
from worker.attempt import Attempt, JobFailed, Made
from worker.encoding import PACKING, good, workshop
from worker.sources import Source


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; no profile means each that fits."""

    profiles: tuple[Profile, ...]
    hls: bool
    dash: bool

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Wish":
        return cls(tuple(parameters.get("profiles", ())), parameters.get("hls", True), parameters.get("dash", True))


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
        pictures = ladder.pictures(material.width, material.height, wish.profiles)
        if not pictures:
            raise JobFailed(f"The picture has {material.width}x{material.height} pixels, less than what is asked for.")
        more = surrounds(material.sounds) if attempt.settings.rendition_surround else ()
        most = most_bytes(pictures, [*material.sounds, *more], source.facts.duration_seconds)
        if not budget.reserve(attempt, most):
            attempt.report("not made: the budget for renditions is used up, and nobody waits for these", 1)
            return
        on_way = partial(attempt.report, "listening to the sound", 0)
        sounds = good(workshop(attempt).levelled(source.descriptor, source.container, material.sounds, on_way))
        sounds = (*sounds, *surrounds(sounds)) if attempt.settings.rendition_surround else sounds
        done: list[Picture] = []
        is_long = source.facts.duration_seconds >= attempt.settings.rendition_first_seconds
        for step in steps(pictures, sounds, first=is_long):
            _encode(attempt, source, material, step)
            done += step.pictures
            _publish(attempt, source, wish, done, sounds, step.ends, left_out=material.left_out)
    budget.keep_after(attempt)


def steps(pictures: Sequence[Picture], sounds: Sequence[Sound], *, first: bool) -> Iterator[Step]:
    """The smallest picture `first`, so that there is something to watch; else all at once. Shares go by pixels."""
    if not first or len(pictures) == 1:
        yield Step(pictures, sounds, 0, 1)
        return
    pixels = [picture.width * picture.height for picture in pictures]
    share = pixels[0] / sum(pixels)
    yield Step(pictures[:1], sounds, 0, share)
    yield Step(pictures[1:], (), share, 1)


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
    *,
    left_out: int,
) -> None:
    """A generation of all that is made so far; with a `share` of 1 the job is done. What it replaces is kept for those
    who are watching it."""
    on_way = partial(attempt.report, "packing", share * (1 - PACKING))
    paths = good(workshop(attempt).pack(pictures, sounds, hls=wish.hls, dash=wish.dash, on_way=on_way))
    made = [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths]
    names = [one.name for one in made]
    if left_out:
        attempt.report(f"made without {left_out} audio track(s) that can't be decoded", share)
    attempt.publish(
        made,
        withdraw=[manifest for manifest in (HLS, DASH) if manifest not in names],
        record=partial(withdrawn.retire, titles=attempt.settings.titles_dir, video=source.facts.id, kept=names),
        last=share == 1,
    )
