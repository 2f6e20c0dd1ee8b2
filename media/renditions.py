"""A title's renditions in a folder: encoded by ffmpeg, then packed, each in a sandbox with what it needs alone."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from media import graph, loudness, manifests, packager
from media.faults import Fault
from media.ladder import Picture
from media.making import seconds_done
from media.material import UNDETERMINED, Material, Sound
from media.packager import Packed
from media.sandbox import Sandbox, complaint
from media.settings import MediaSettings
from media.sniff import Container

# A rate may be exceeded for a while, and a short film has a long head.
_RATE_MARGIN: Final = 1.5
_HEAD_BYTES: Final = 64 << 20
# What ffmpeg wrote, what the packager spools of it, and what comes out are there at the same time.
COPIES: Final = 3
# The packager reads and writes at least so fast, on any disk that films are played from.
_LEAST_BYTES_PER_SECOND: Final = 4 << 20

# Seconds of film that are done, and how many of them a second.
OnWay = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where renditions are made: `folder` is the only place that the tools write to.

    A tool that does not get on for `silence_seconds` is ended. `memory_bytes` bounds its address space.
    """

    sandbox: Sandbox
    settings: MediaSettings
    folder: Path
    silence_seconds: float
    memory_bytes: int

    def levelled(
        self, descriptor: int, container: Container, sounds: Sequence[Sound], on_way: Callable[[], None]
    ) -> tuple[Sound, ...] | Fault:
        """The sounds with the gain that each needs. Listening takes about a hundredth of what encoding does."""
        levelled: list[Sound] = []
        for sound in sounds:
            heard = loudness.Heard()
            outcome = self.sandbox.make(
                loudness.command(container, sound),
                self.folder,
                descriptor=descriptor,
                file_bytes=_HEAD_BYTES,
                silence_seconds=self.silence_seconds,
                memory_bytes=self.memory_bytes,
                on_progress=partial(_listen, heard, on_way),
            )
            if isinstance(outcome, Fault):
                return outcome
            levelled.append(replace(sound, gain_db=heard.gain_db))
        return tuple(levelled)

    def encode(
        self,
        descriptor: int,
        container: Container,
        material: Material,
        pictures: Sequence[Picture],
        sounds: Sequence[Sound],
        seconds: float,
        on_way: OnWay,
    ) -> Fault | None:
        """Make the files of `pictures` and `sounds`, of which `seconds` of film are expected. What `on_way` raises ends
        it. Raises `SandboxError` when no tool could run.
        """
        outcome = self.sandbox.make(
            graph.command(self.settings, container, material, pictures, sounds),
            self.folder,
            descriptor=descriptor,
            file_bytes=_file_bytes(pictures, sounds, seconds),
            silence_seconds=self.silence_seconds,
            memory_bytes=self.memory_bytes,
            on_progress=Way(on_way).heard,
        )
        if isinstance(outcome, Fault):
            return outcome
        made = [graph.picture_file(picture) for picture in pictures] + [graph.sound_file(sound) for sound in sounds]
        if outcome.status != 0 or not all(self._has(name) for name in made):
            return Fault(f"It could not be encoded: {complaint(outcome)}.")
        return None

    def pack(
        self,
        pictures: Sequence[Picture],
        sounds: Sequence[Sound],
        *,
        hls: bool,
        dash: bool,
        on_way: Callable[[], None],
    ) -> list[Path] | Fault:
        """What is to be published of `pictures` and `sounds`, which were made before; in the order to do it in."""
        renditions = [packager.packed_picture(picture) for picture in pictures] + packager.packed_sounds(sounds)
        command = packager.command(
            renditions, default_language=sounds[0].language if sounds else UNDETERMINED, hls=hls, dash=dash
        )
        packed = self._packed(renditions, command, packager.published(renditions, hls=hls, dash=dash), on_way)
        if hls and not isinstance(packed, Fault):
            master = self.folder / packager.HLS
            master.write_text(manifests.with_every_sound(master.read_text(encoding="utf-8")), encoding="utf-8")
        return packed

    def pack_texts(self, stems: Sequence[str], on_way: Callable[[], None]) -> list[Path] | Fault:
        """What DASH reads of the subtitles of these names, which lie in `packager.text_file` of each."""
        texts = [packager.packed_text(stem) for stem in stems]
        return self._packed(texts, packager.text_command(texts), [one.name for one in texts], on_way)

    def _packed(
        self, packed: Sequence[Packed], command: Sequence[str], made: Sequence[str], on_way: Callable[[], None]
    ) -> list[Path] | Fault:
        program = packager.program()
        spool = self.folder / packager.SPOOL
        spool.mkdir(exist_ok=True)
        largest = max((self.folder / one.made).stat().st_size for one in packed)
        outcome = self.sandbox.make(
            command,
            self.folder,
            descriptor=None,
            program=program,
            file_bytes=2 * largest + _HEAD_BYTES,
            # It tells nothing of how far it is.
            silence_seconds=self.silence_seconds + self._bytes(packed) / _LEAST_BYTES_PER_SECOND,
            memory_bytes=self.memory_bytes,
            on_progress=lambda _: on_way(),
        )
        if isinstance(outcome, Fault):
            return outcome
        if outcome.status != 0 or not all(self._has(name) for name in made):
            return Fault(f"It could not be packed: {complaint(outcome)}.")
        return [self.folder / name for name in made]

    def _has(self, name: str) -> bool:
        try:
            return os.path.getsize(self.folder / name) > 0
        except FileNotFoundError:
            return False

    def _bytes(self, renditions: Sequence[Packed]) -> int:
        return sum((self.folder / one.made).stat().st_size for one in renditions)


def most_bytes(pictures: Sequence[Picture], sounds: Sequence[Sound], seconds: float) -> int:
    """What making them may take of the disk, at most and for a while."""
    rate = sum(picture.rung.rate for picture in pictures) + sum(sound.rate for sound in sounds)
    return COPIES * int(rate / 8 * seconds)


def _file_bytes(pictures: Sequence[Picture], sounds: Sequence[Sound], seconds: float) -> int:
    rate = max([*(sound.rate for sound in sounds), *(picture.rung.rate for picture in pictures)])
    return int(_RATE_MARGIN * rate / 8 * seconds) + _HEAD_BYTES


def _listen(heard: loudness.Heard, on_way: Callable[[], None], line: bytes) -> None:
    heard.line(line)
    on_way()


class Way:
    """Hands on what ffmpeg tells with `-progress`: blocks of lines `key=value`."""

    def __init__(self, on_way: OnWay) -> None:
        self._on_way, self._seconds, self._speed = on_way, 0.0, None

    _speed: float | None

    def heard(self, line: bytes) -> None:
        self._seconds = max(self._seconds, seconds_done(line))
        key, _, value = line.decode("ascii", "replace").strip().partition("=")
        if key == "speed":
            try:
                self._speed = float(value.removesuffix("x"))
            except ValueError:  # N/A, before anything came out
                self._speed = None
        self._on_way(self._seconds, self._speed)
