"""A title that is watched while it is made: what viewers wait for first, then the rest; in the end it is kept.

Playlists are published at once, since the grid tells all segments before there are any (media.grid). Each segment is
published as soon as it is there. A viewer who waits elsewhere for one makes the encoder begin anew there. When nothing
is missing any more the pictures become a rendition like any other (worker.kinds.rendition). Its sound is made once more
and in one go: as loud as that of others, which only somebody knows who has heard all of it, and in 5.1, too.

Where the picture may be copied (worker.copying) only the beginning is made so: as soon as nobody waits, and some is
there ahead of who watches, the copy is made beside it, and only what viewers come to meanwhile is encoded. The copy is
kept.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, LiteralString

from psycopg import Connection

from catalog.contract.forms import NOW_HEIGHTS
from media import instant, ladder
from media import instant_playlists as playlists
from media.asking import Asking
from media.faults import Fault
from media.fragments import FragmentError, Fragments, stamped
from media.grid import Grid
from media.ladder import Picture
from media.material import Material, Sound, study, surrounds
from media.packager import DASH, HLS, MEDIA_TYPES
from media.renditions import Way, most_bytes
from media.sandbox import complaint
from worker import budget, copying, wants, withdrawn
from worker.attempt import Attempt, Deferred, JobFailed, Made
from worker.beside import Beside
from worker.encoding import PACKING, good, workshop
from worker.segments import Segments, Track
from worker.sources import Source

# How often what a run has written is looked at, and how often viewers are, also where none has said anything.
_LOOK_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 1.0
_HEAD_BYTES: Final = 64 << 20

_IS_KEPT: LiteralString = "SELECT FROM published_files WHERE video_id = %s AND name = ANY(%s)"


class _Elsewhere(Exception):
    """Somebody waits for what this run does not come to soon."""


def run(attempt: Attempt) -> None:
    with attempt.source() as source:
        if _is_kept(attempt, source):
            return
        attempt.report("looking at the file", 0)
        asking = Asking(attempt.sandbox, attempt.settings, source.descriptor, source.container)
        material = good(study(asking, source.facts.duration_seconds / 2))
        picture = _picture(material, attempt.settings.instant_lines)
        sounds = [*material.sounds, *_surrounds(attempt, material.sounds)]
        budget.reserve(attempt, most_bytes([picture], sounds, source.facts.duration_seconds), is_watched=True)
        grid = Grid(material.rate, source.facts.duration_seconds)
        making = _Making(attempt, source, material, picture, grid)
        making.segments.open()
        wants.listen(attempt.database)
        try:
            making.all()
            _keep(making)
        finally:
            making.copy.end()
    budget.keep_after(attempt)


def _surrounds(attempt: Attempt, sounds: Sequence[Sound]) -> Sequence[Sound]:
    """What is kept beside stereo."""
    return surrounds(sounds) if attempt.settings.rendition_surround else ()


def _picture(material: Material, most_lines: int) -> Picture:
    """The largest that may be made so."""
    pictures = ladder.pictures(material.width, material.height)
    fitting = [one for one in pictures if one.rung.lines <= most_lines and one.rung.lines in NOW_HEIGHTS]
    return fitting[-1]


@dataclass(slots=True)
class _Making:
    """One title on its way from no segment to all of them."""

    attempt: Attempt
    source: Source
    material: Material
    picture: Picture
    grid: Grid
    segments: Segments = field(init=False)
    copy: Beside = field(init=False)

    def __post_init__(self) -> None:
        self.segments = Segments(self.attempt, self.source, self.picture, self.material.sounds, self.grid)
        self.copy = Beside(
            self.attempt, self.source, self.material, self.segments,
            reserved=most_bytes([self.picture], self.material.sounds, self.source.facts.duration_seconds),
        )  # fmt: skip

    def all(self) -> None:
        """All segments, or a copy that makes the rest of them needless. Raises `Deferred` when nobody watches and
        others wait.
        """
        while self.copy.paths is None:
            wanted = self.wanted()
            is_beside = bool(not wanted and self.copy.suffices()) or self.copy.is_running
            stretch = self.copy.meanwhile(wanted) if is_beside else self.segments.missing(wanted)
            if stretch is None and is_beside:
                self._wait()
                continue
            if stretch is None:
                return
            run = _Run(self, stretch)
            try:
                run.make()
            except _Elsewhere:
                continue
            if not self.segments.has(stretch.start):
                raise JobFailed(
                    f"Nothing comes out of the film at second {float(self.grid.begins(stretch.start)):.0f}."
                )

    def wanted(self) -> list[int]:
        """The segments that somebody waits for and that are not there yet, the longest wait first."""
        attempt, count = self.attempt, self.segments.pictures.count
        asked = wants.wanted(attempt.database, self.source.facts.id, attempt.settings.instant_patience_seconds)
        # Beyond the end: a player's rounding.
        near = [min(number, count - 1) for number in asked]
        self.copy.asked(near)
        return [number for number in near if not self.segments.has(number)]

    def _wait(self) -> None:
        """For the copy or for viewers, whichever comes first."""
        wants.await_news(self.attempt.database, _LOOK_SECONDS)
        self.copy.report()
        self.give_way()

    def give_way(self) -> None:
        """Raises `Deferred` where nobody watches this, and somebody waits for another title."""
        absence = self.attempt.settings.instant_absence_seconds
        if wants.others_come_first(self.attempt.database, self.source.facts.id, absence):
            raise Deferred


class _Run:
    """One run of ffmpeg, over `stretch` or up to where it is given up."""

    def __init__(self, making: _Making, stretch: range) -> None:
        self._making, self._stretch, self._attempt = making, stretch, making.attempt
        self._folder = making.attempt.folder / f"run-{stretch.start}"
        self._way = Way(self._heard)
        self._speed: float | None = None
        self._looked = self._asked = 0.0
        beside = instant.sounds_beside(making.grid, stretch)
        segments = making.segments
        self._written = [_Written(segments.pictures, stretch, self._folder)]
        self._written += [_Written(sound, beside, self._folder) for sound in segments.sounds]

    def make(self) -> None:
        """Raises `_Elsewhere`, `Deferred`, and `JobFailed` when the tool fails."""
        attempt, source, making = self._attempt, self._making.source, self._making
        self._folder.mkdir(mode=0o700)
        try:
            outcome = attempt.sandbox.make(
                instant.command(
                    attempt.settings, source.container, making.material, making.picture, making.material.sounds,
                    making.grid, self._stretch,
                ),
                self._folder,
                descriptor=source.descriptor,
                file_bytes=most_bytes([making.picture], making.material.sounds, source.facts.duration_seconds)
                + _HEAD_BYTES,
                silence_seconds=attempt.settings.tool_silence_seconds,
                memory_bytes=attempt.settings.tool_memory_bytes,
                on_progress=self._tick,
            )  # fmt: skip
            self._harvest()
        except FragmentError as error:
            raise JobFailed(f"What was encoded can't be cut: {error}.") from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        if isinstance(outcome, Fault):
            good(outcome)
        elif outcome.status != 0:
            raise JobFailed(f"It could not be encoded: {complaint(outcome)}.")

    def _heard(self, _seconds: float, speed: float | None) -> None:
        self._speed = speed

    def _tick(self, line: bytes) -> None:
        self._attempt.check()
        if line:
            self._way.heard(line)
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._harvest()
            self._ask(now)

    def _harvest(self) -> None:
        """Publish what has become whole."""
        making = self._making
        new = [one for written in self._written for one in written.new()]
        if new:
            making.segments.publish((name, content) for _, _, name, content in new)
            for track, number, _, _ in new:
                if number is not None:
                    track.made.add(number)
        pictures = making.segments.pictures
        stage = f"{making.picture.rung.profile} for viewers"
        self._attempt.report(stage, len(pictures.made) / pictures.count * (1 - PACKING), self._speed)

    def _ask(self, now: float) -> None:
        """Raises `_Elsewhere` where this run is of no use to who has waited longest, and has been of some to others."""
        database, video, settings = self._attempt.database, self._making.source.facts.id, self._attempt.settings
        if not wants.has_news(database, video) and now - self._asked < _ASK_SECONDS:
            return
        self._asked = now
        wanted = self._making.wanted()
        at, done = self._position()
        soon = range(at, at + settings.instant_reach + 1)
        if not wanted:
            self._making.give_way()
            if self._making.copy.suffices():
                raise _Elsewhere
        elif wanted[0] not in soon and (done >= settings.instant_row or not any(one in soon for one in wanted)):
            raise _Elsewhere

    def _position(self) -> tuple[int, int]:
        """The segment that is being made, and how many this run has made."""
        done = self._written[0].count
        return self._stretch.start + done, done


class _Written:
    """What a run writes of one track: the segments of `numbers`, one after the other."""

    def __init__(self, track: Track, numbers: range, folder: Path) -> None:
        self._track, self._numbers = track, numbers
        self._fragments = Fragments(folder / track.file)
        self.count = 0

    def new(self) -> list[tuple[Track, int | None, str, bytes]]:
        """Number, name and content of what has become whole; first of all what a decoder begins with, without number.

        What is there already is made again where sounds overlap, and left as it is. Raises `FragmentError`.
        """
        found: list[tuple[Track, int | None, str, bytes]] = []
        track = self._track
        for fragment in self._fragments.new():
            number = self._numbers.start + self.count
            self.count += 1
            if not track.init:
                track.init = self._fragments.init
                found.append((track, None, playlists.init_name(track.stem), track.init))
            if track.init != self._fragments.init:
                raise FragmentError("it begins otherwise than what was encoded before")
            if number in self._numbers and number not in track.made:
                content = stamped(fragment, number, track.decode_time(number))
                found.append((track, number, playlists.segment_name(track.stem, number), content))
        return found


def _is_kept(attempt: Attempt, source: Source) -> bool:
    """Has something been made of the title that every browser plays?"""
    database: Connection[tuple[object, ...]] = attempt.database
    return database.execute(_IS_KEPT, (source.facts.id, [HLS, DASH])).fetchone() is not None


def _keep(making: _Making) -> None:
    """Publish the copy, or all segments, as a rendition, unless there are renditions by now. Who watches may go on for
    hours.
    """
    attempt, source, segments = making.attempt, making.source, making.segments
    material, video = making.material, source.facts.id
    wants.forget(attempt.database, video)
    if _is_kept(attempt, source):
        with attempt.database.transaction():
            withdrawn.retire_now(attempt.database, video)
        return
    if making.copy.paths is not None:
        copying.publish(attempt, source, making.copy.paths, left_out=material.left_out, overtakes=True)
        return
    segments.joined(attempt.folder)
    sounds = _heard_whole(making)
    on_way = partial(attempt.report, "packing", 1 - PACKING)
    paths = good(workshop(attempt).pack([making.picture], sounds, hls=True, dash=True, on_way=on_way))
    made = [Made(path.name, path, MEDIA_TYPES[path.suffix]) for path in paths]
    names = [one.name for one in made]
    if remark := copying.remark(making.copy.fault, material.left_out):
        attempt.report(remark, 1 - PACKING)

    def record(database: Connection[object]) -> None:
        withdrawn.retire(database, titles=attempt.settings.titles_dir, video=video, kept=names)
        withdrawn.retire_now(database, video)

    attempt.publish(made, record=record, last=True)


def _heard_whole(making: _Making) -> Sequence[Sound]:
    """The sounds as they are kept, made beside the joined pictures. Raises `Deferred` as `_Making.give_way`."""
    attempt, source, material = making.attempt, making.source, making.material
    if not material.sounds:
        return ()

    def on_way(stage: str, speed: float | None) -> None:
        making.give_way()
        attempt.report(stage, 1 - PACKING, speed)

    shop = workshop(attempt)
    listening = partial(on_way, "listening to the sound", None)
    sounds = good(shop.levelled(source.descriptor, source.container, material.sounds, listening))
    sounds = (*sounds, *_surrounds(attempt, sounds))
    fault = shop.encode(
        source.descriptor, source.container, material, (), sounds, source.facts.duration_seconds,
        lambda _, speed: on_way("encoding the sound", speed),
    )  # fmt: skip
    if fault is not None:
        good(fault)
    return sounds
