"""A title's kept rendition with the source's own picture: whether it may be, made, and published.

It costs reading and writing and the sound. It stands alone: encoded pictures beside it would have key frames elsewhere,
and players change between pictures at those (docs/decisions/repackaging.md).
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import class_row

from catalog.copying import COLUMNS, Built, Limits, obstacle
from catalog.rows import only
from media import copied
from media.asking import Asking
from media.faults import Fault
from media.graph import picture_file
from media.material import Material, surrounds
from media.packager import DASH, HLS, MEDIA_TYPES
from media.renditions import COPIES, Way, Workshop, most_bytes
from media.sandbox import complaint
from media.settings import MediaSettings
from worker import budget, withdrawn
from worker.attempt import Attempt, JobFailed, Made
from worker.encoding import PACKING, good
from worker.sources import Source

STAGE: Final = "copying the picture"
DONE: Final = "the picture is copied"
_HEAD_BYTES: Final = 64 << 20

_BUILT: LiteralString = f"SELECT {COLUMNS} FROM videos WHERE id = %s"
_POLICY: LiteralString = "SELECT coalesce(renditions, 'as_needed') FROM videos WHERE id = %s"
# What was to be made by the policy alone is there.
_OVERTAKEN: LiteralString = """
UPDATE jobs SET state = 'done', progress = 1, reason = NULL, ended_at = now()
 WHERE video_id = %s AND kind = 'rendition' AND state = 'queued' AND parameters = '{}'
"""

logger = structlog.get_logger(__name__)


def limits(settings: MediaSettings) -> Limits:
    """By the settings."""
    return Limits(settings.rendition_copy_key_seconds, settings.rendition_copy_rate)


def is_alone(database: Connection[Any], video: UUID) -> bool:
    """Is the copy all that the title's policy has made of it? A ladder is made where somebody wanted one."""
    return bool(only(database.execute(_POLICY, (video,)))[0] == "as_needed")


def hindrance(attempt: Attempt, source: Source) -> str | None:
    """Why the picture is not copied, by the settings and by what the catalog knows."""
    if not attempt.settings.rendition_copy:
        return "copying is switched off"
    with attempt.database.cursor(row_factory=class_row(Built)) as cursor:
        built = cursor.execute(_BUILT, (source.facts.id,)).fetchone()
    why = obstacle(built, limits(attempt.settings)) if built else "the title has left the library"
    if why:
        logger.info("picture_not_copied", video=source.facts.id.hex, reason=why)
    return why


def reserved(source: Source, material: Material) -> int:
    """Bytes that copying may take of the disk, at most and for a while: its picture is no larger than the file."""
    sounds = (*material.sounds, *surrounds(material.sounds))
    return COPIES * source.facts.size_bytes + most_bytes([], sounds, source.facts.duration_seconds)


@dataclass(frozen=True, slots=True)
class Copying:
    """Of one title, into `folder`. Asks no database, so a thread may do it beside other work."""

    attempt: Attempt
    source: Source
    material: Material
    folder: Path

    def make(
        self, on_way: Callable[[float, float | None], None], *, hls: bool = True, dash: bool = True
    ) -> Sequence[Path] | Fault:
        """What is to be published, in its order; or why it is not to be had. `on_way` is told the share that is done,
        and the speed; what it raises ends the work. Raises `SandboxError` and `OSError`.
        """
        attempt, source, material = self.attempt, self.source, self.material
        asking = Asking(attempt.sandbox, attempt.settings, source.descriptor, source.container)
        seen = copied.look(asking, material)
        if isinstance(seen, Fault):
            return seen
        picture, shop = copied.picture_of(material), self._workshop()
        encoded = tuple(one for one in material.sounds if one.track not in seen.as_they_are)
        levelled = shop.levelled(source.descriptor, source.container, encoded, partial(on_way, 0, None))
        if isinstance(levelled, Fault):
            return levelled
        by_track = {one.track: one for one in levelled}
        sounds = tuple(by_track.get(one.track, one) for one in material.sounds)
        sounds = (*sounds, *surrounds(sounds)) if attempt.settings.rendition_surround else sounds
        seconds = source.facts.duration_seconds
        outcome = attempt.sandbox.make(
            copied.command(source.container, material, picture, sounds, seen),
            self.folder,
            descriptor=source.descriptor,
            file_bytes=source.facts.size_bytes + _HEAD_BYTES,
            silence_seconds=attempt.settings.tool_silence_seconds,
            memory_bytes=attempt.settings.tool_memory_bytes,
            on_progress=Way(lambda at, speed: on_way(min(at / seconds, 1) * (1 - PACKING), speed)).heard,
        )
        if isinstance(outcome, Fault):
            return outcome
        # What it complains of, such as times that go back, an encoder may mend.
        if outcome.status != 0 or outcome.complaint.strip():
            return Fault(f"{complaint(outcome)}.")
        if why := self._doubt(asking, self.folder / picture_file(picture)):
            return Fault(f"{why}.")
        return shop.pack([picture], sounds, hls=hls, dash=dash, on_way=partial(on_way, 1 - PACKING, None))

    def _workshop(self) -> Workshop:
        settings = self.attempt.settings
        return Workshop(
            self.attempt.sandbox, settings, self.folder, settings.tool_silence_seconds, settings.tool_memory_bytes
        )

    def _doubt(self, asking: Asking, path: Path) -> str | None:
        facts = self.source.facts
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return copied.doubt(
                copied.asking_of(asking, descriptor),
                path,
                limits(self.attempt.settings),
                seconds=facts.duration_seconds,
                fps=facts.fps,
            )
        finally:
            os.close(descriptor)


def publish(attempt: Attempt, source: Source, paths: Sequence[Path], *, left_out: int, overtakes: bool = False) -> None:
    """The copied set in place of what was there; the job is done then. With `overtakes` so is what the policy wants."""
    video, names = source.facts.id, [path.name for path in paths]
    made = [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths]
    attempt.report(remark(None, left_out) or DONE, 1 - PACKING)

    def record(database: Connection[Any]) -> None:
        withdrawn.retire(database, titles=attempt.settings.titles_dir, video=video, kept=names)
        withdrawn.retire_now(database, video)
        if overtakes and is_alone(database, video):
            database.execute(_OVERTAKEN, (video,))

    absent: Collection[str] = [manifest for manifest in (HLS, DASH) if manifest not in names]
    attempt.publish(made, withdraw=absent, record=record, last=True)


def remark(fault: str | None, left_out: int) -> str:
    """What people are told of a result that is not the copy, if anything; `fault` is why it is none."""
    copied = f"encoded, since copying the picture failed: {fault}" if fault else ""
    without = f"made without {left_out} audio track(s) that can't be decoded" if left_out else ""
    return "; ".join(filter(None, (copied, without)))


def instead(attempt: Attempt, source: Source, material: Material, *, hls: bool, dash: bool) -> str | None:
    """Copy the picture instead of encoding it, and publish that. None: it is done. Else why not, or "" where nobody
    would have thought of it.
    """
    if not is_alone(attempt.database, source.facts.id) or hindrance(attempt, source):
        return ""
    try:
        if not budget.reserve(attempt, reserved(source, material)):
            return ""
    except JobFailed as failure:  # what is encoded may be smaller
        return str(failure)
    folder = attempt.folder / "copied"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = Copying(attempt, source, material, folder).make(partial(attempt.report, STAGE), hls=hls, dash=dash)
    if isinstance(made, Fault):
        if Fault.is_passing(made.sentence):
            good(made)
        logger.warning("picture_not_copied", video=source.facts.id.hex, reason=made.sentence)
        return made.sentence
    publish(attempt, source, made, left_out=material.left_out)
    return None
