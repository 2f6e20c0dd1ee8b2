"""The folder of a title that is made while it is watched: its playlists, and each segment as soon as it is there."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.contract.forms import NOW
from media import instant_playlists as playlists
from media.graph import picture_file, sound_file
from media.grid import Grid, first_sample
from media.instant import sounds_beside
from media.ladder import Picture
from media.material import Sound
from media.settings import MediaSettings
from worker import attempts, withdrawn
from worker.attempt import Attempt, JobFailed, Superseded, sync
from worker.sources import Source, SourceChanged, same_content

# Raised with every change of what segments are like: those of before are none of the new ones.
_FORM = 1


def generation(source: Source, settings: MediaSettings) -> str:
    """Of the names: the same for the same content and settings, so that a worker goes on where another one died."""
    said = f"{_FORM} {settings.instant_lines} {settings.instant_preset} {settings.instant_quality}"
    return hashlib.sha256(source.facts.fingerprint + said.encode()).hexdigest()[:8]


@dataclass(slots=True)
class Track:
    """`made` are the numbers of the segments that are there, of `count`; `file` is what a run writes them into, and
    `init` what a decoder begins with, once it is known. `decode_time` is that of a segment, in the track's ticks.
    """

    stem: str
    file: str
    count: int
    decode_time: Callable[[int], int]
    made: set[int] = field(default_factory=set)
    init: bytes = b""


class Segments:
    """Of one title: `pictures` and `sounds`, as far as they are made."""

    def __init__(self, attempt: Attempt, source: Source, picture: Picture, sounds: Sequence[Sound], grid: Grid) -> None:
        self._attempt, self._source, self._grid = attempt, source, grid
        self._generation = generation(source, attempt.settings)
        self.folder = attempt.settings.titles_dir / source.facts.id.hex / NOW
        self._playlists = playlists.playlists(picture, sounds, grid, self._generation)
        stem = playlists.picture_stem(picture, self._generation)
        self.pictures = Track(stem, picture_file(picture), grid.segments, grid.decode_time)
        self.sounds = [
            Track(playlists.sound_stem(index, self._generation), sound_file(sound), grid.sound_segments, first_sample)
            for index, sound in enumerate(sounds)
        ]

    @property
    def tracks(self) -> list[Track]:
        """The pictures first."""
        return [self.pictures, *self.sounds]

    def open(self) -> None:
        """Publish the playlists, remove what is of another content, and see what is there already."""
        with self._attempt.database.transaction():
            self._hold()
            withdrawn.take_back_now(self._attempt.database, self._source.facts.id)
            # For the group as the umask or the access list of the folder above has it.
            self.folder.mkdir(mode=0o770, exist_ok=True)
            there = set(os.listdir(self.folder))
            for name in there:
                if self._generation not in name and name != playlists.MASTER:
                    (self.folder / name).unlink()
        for track in self.tracks:
            if playlists.init_name(track.stem) in there:
                track.init = (self.folder / playlists.init_name(track.stem)).read_bytes()
                names = {playlists.segment_name(track.stem, number): number for number in range(track.count)}
                track.made = {number for name, number in names.items() if name in there}
        self.publish((name, text.encode()) for name, text in self._playlists.items())

    def publish(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Put these files there, in their order. Raises `Superseded` and `SourceChanged`."""
        written = []
        for name, content in files:
            path = self._attempt.folder / name
            path.write_bytes(content)
            sync(path)
            path.chmod(0o640)
            written.append(path)
        with self._attempt.database.transaction():
            self._hold()
            for path in written:
                path.rename(self.folder / path.name)

    def missing(self, wanted: Iterable[int]) -> range | None:
        """What to make next: from the first of `wanted` that is not there on, else from the first gap, up to what is
        there. None when all is there.
        """
        gaps = [number for number in range(self.pictures.count) if not self.has(number)]
        if not gaps:
            return None
        absent = set(gaps)
        start = next((number for number in wanted if number in absent), gaps[0])
        stop = next((number for number in range(start, self.pictures.count) if number not in absent), None)
        return range(start, self.pictures.count if stop is None else stop)

    def has(self, number: int) -> bool:
        """Is this segment there, the pictures and all that is heard beside them?"""
        beside = sounds_beside(self._grid, range(number, number + 1))
        return number in self.pictures.made and all(sound.made.issuperset(beside) for sound in self.sounds)

    def joined(self, into: Path) -> None:
        """All segments of the pictures as one file, under the name that a run gives it."""
        track = self.pictures
        names = [playlists.segment_name(track.stem, number) for number in range(track.count)]
        with (into / track.file).open("wb") as whole:
            for name in [playlists.init_name(track.stem), *names]:
                self._attempt.check()
                with (self.folder / name).open("rb") as part:
                    shutil.copyfileobj(part, whole)

    def _hold(self) -> None:
        """Until the transaction ends nobody takes the work away."""
        if not attempts.hold(self._attempt.database, self._attempt.job):
            raise Superseded
        if not same_content(self._attempt.database, self._source):
            raise SourceChanged("The file has changed meanwhile.")
        if not self.folder.parent.is_dir():
            raise JobFailed("The title has left the library.")
