"""What making the renditions and the storyboard of a title costs, beside bare ffmpeg.

    python -m bench.pipeline [--quick] [--rounds N] [--seconds N]

A film of 1080p in H.264 with AC-3 in Matroska, noisy as films are. In each round its whole ladder is made three ways,
in turns that change places: as a worker makes it (looked at, listened to, encoded in one run, packed, in sandboxes), by
bare ffmpeg with the very same graph, and by one bare ffmpeg for each rung. Then once more with the smallest rung first,
as long films are made. CPU time is that of this process and of all that it started.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench import needs, promises
from bench.measure import adopt_orphans, own_cpu_seconds
from bench.report import cell, table
from media import graph, ladder
from media.asking import Asking
from media.faults import Fault
from media.ladder import Picture
from media.making import Making
from media.material import Material, Sound, study
from media.renditions import Workshop
from media.sandbox import VIDEO, Sandbox
from media.shown import Subject
from media.sniff import HEAD_BYTES, Container, sniff
from media.stills import make_stills
from media.storyboard import Layout
from worker.settings import WorkerSettings

Found = TypeVar("Found")

# What Shaka Packager calls what it spools where it is not told where to.
_SPOOLED = "packager-tempfile*"
_TEMPORARY = Path(tempfile.gettempdir())
_SETTINGS = WorkerSettings()


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Film:
    """A file of the library, open, and what a worker finds out about it."""

    path: Path
    seconds: float
    descriptor: int
    container: Container
    sandbox: Sandbox

    def studied(self) -> Material:
        return _good(study(Asking(self.sandbox, _SETTINGS, self.descriptor, self.container), self.seconds / 2))


@dataclass(slots=True)
class Ladder:
    """Renditions as a worker makes them: what each step took, and what came out."""

    film: Film
    folder: Path
    encoded: list[float] = field(default_factory=list)
    packed: list[float] = field(default_factory=list)
    # The worst of packed to plain, and what the packager had in /tmp at most.
    growth: float = 0.0
    spooled: int = 0

    def make(self, *, first: bool) -> None:
        material = self.film.studied()
        pictures = ladder.pictures(material.width, material.height)
        workshop = Workshop(
            self.film.sandbox, _SETTINGS, self.folder, _SETTINGS.tool_silence_seconds, _SETTINGS.tool_memory_bytes
        )
        sounds = _good(workshop.levelled(self.film.descriptor, self.film.container, material.sounds, lambda: None))
        done: list[Picture] = []
        steps: list[tuple[Sequence[Picture], Sequence[Sound]]] = [(pictures, sounds)]
        if first:
            steps = [(pictures[:1], sounds), (pictures[1:], ())]
        for some, heard in steps:
            began = time.perf_counter()
            fault = workshop.encode(
                self.film.descriptor, self.film.container, material, some, heard, self.film.seconds, lambda *_: None
            )
            if fault is not None:
                raise SystemExit(fault.sentence)
            self.encoded.append(time.perf_counter() - began)
            done += some
            began = time.perf_counter()
            paths = _good(workshop.pack(done, sounds, hls=True, dash=True, on_way=self._look))
            self.packed.append(time.perf_counter() - began)
            self._look()
        plain = [self.folder / graph.picture_file(one) for one in pictures]
        packed = [path for path in paths if path.suffix == ".mp4"]
        self.growth = max(
            ours.stat().st_size / theirs.stat().st_size for ours, theirs in zip(packed, plain, strict=False)
        )

    def _look(self) -> None:
        self.spooled = max(self.spooled, sum(path.stat().st_size for path in _TEMPORARY.glob(_SPOOLED)))


def film_of(folder: Path, seconds: int, size: str) -> Path:
    """Pictures that move everywhere, and are noisy as a film's are."""
    path = folder / "film.mkv"
    picture = f"testsrc2=size={size}:rate=24000/1001:duration={seconds},noise=alls=6:allf=t"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i",
         f"sine=duration={seconds}", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "8M",
         "-c:a", "ac3", "-ac", "2", str(path)],
        check=True,
    )  # fmt: skip
    return path


def longer(path: Path, times: int) -> Path:
    """The same film so many times over."""
    whole = path.with_name("longer.mkv")
    again = ["-stream_loop", str(times - 1), "-i", str(path), "-map", "0", "-c", "copy", str(whole)]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *again], check=True)
    return whole


@contextmanager
def opened(path: Path, seconds: float, sandbox: Sandbox) -> Iterator[Film]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.fsencode(path.name))
        yield Film(path, seconds, descriptor, _good(container), sandbox)
    finally:
        os.close(descriptor)


def cost(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), own_cpu_seconds()
    work()
    wall = time.perf_counter() - wall
    # A tool in a sandbox ends a moment after its sandbox; nothing of this process runs on.
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, 0):
            pass
    return Cost(wall, own_cpu_seconds() - cpu)


def bare(film: Film, folder: Path, material: Material, pictures: Sequence[Picture], sounds: Sequence[Sound]) -> None:
    """The worker's own command for ffmpeg, without its sandbox."""
    command = graph.command(_SETTINGS, film.container, material, pictures, sounds)
    words = [f"file:{film.path}" if word == f"file:{VIDEO}" else word for word in command]
    subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def rungs(film: Film, folder: Path, material: Material, pictures: Sequence[Picture]) -> None:
    """One ffmpeg for each rung, the sound with the first."""
    for at, picture in enumerate(pictures):
        bare(film, folder, material, [picture], () if at else material.sounds)


@dataclass(slots=True)
class Ratios:
    """Of each round."""

    wall: list[float] = field(default_factory=list)
    encoding: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    packing: list[float] = field(default_factory=list)
    spooled: list[float] = field(default_factory=list)
    storyboard: list[float] = field(default_factory=list)

    def round(self, film: Film, folder: Path, *, turn: int) -> None:
        """All ways once."""
        material = film.studied()
        pictures = ladder.pictures(material.width, material.height)
        ours = Ladder(film, _made(folder, "ours"))
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: ours.make(first=False),
            "bare": lambda: bare(film, _made(folder, "bare"), material, pictures, material.sounds),
            "rungs": lambda: rungs(film, _made(folder, "rungs"), material, pictures),
        }
        order = list(ways)[turn % 3 :] + list(ways)[: turn % 3]
        costs = {name: cost(ways[name]) for name in order}
        self.wall.append(costs["ours"].wall / costs["bare"].wall)
        self.encoding.append(sum(ours.encoded) / costs["bare"].wall)
        self.cpu.append(costs["ours"].cpu / costs["rungs"].cpu)
        self.growth.append(ours.growth)
        self.packing.append(sum(ours.packed) / costs["ours"].wall)
        early = Ladder(film, _made(folder, "early"))
        whole = cost(lambda: early.make(first=True))
        later = early.encoded[-1] + early.packed[-1]
        self.first.append((whole.wall - later) / whole.wall)
        self.spooled.append(max(ours.spooled, early.spooled))

    def pictures(self, film: Film, folder: Path) -> None:
        """The storyboard of a film of the library, and a decode of all of its pictures."""
        material = film.studied()
        subject = Subject(film.seconds, material.width, material.height, material.track, material.hdr is not None)
        making = Making(
            film.sandbox, _SETTINGS, film.descriptor, film.container, subject, _made(folder, "stills"),
            _SETTINGS.tool_silence_seconds, _SETTINGS.tool_memory_bytes, lambda _: None,
        )  # fmt: skip
        decode = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(film.path), "-map", "0:V:0", "-f", "null", "-"]
        stills = cost(lambda: _good(make_stills(making, Layout.of(_SETTINGS, subject))))
        self.storyboard.append(stills.cpu / cost(lambda: subprocess.run(decode, check=True)).cpu)

    def report(self) -> str:
        rows = (
            ("ladder: wall, of bare ffmpeg of the same graph", self.wall, promises.LADDER_WALL),
            ("of it encoding alone", self.encoding, promises.LADDER_WALL),
            ("ladder: CPU, of one ffmpeg a rung", self.cpu, promises.LADDER_CPU),
            ("first playable, of the ladder's wall", self.first, promises.FIRST_PLAYABLE),
            ("size of a rendition, of the plain MP4 (the worst)", self.growth, promises.RENDITION_SIZE),
            ("packing, of the ladder's wall", self.packing, promises.PACKING_WALL),
            ("storyboard: CPU, of decoding the film", self.storyboard, promises.STORYBOARD_CPU),
            ("bytes of packing in /tmp", self.spooled, promises.PACKING_TMP_BYTES),
        )
        told = []
        for name, values, promise in rows:
            kept = sorted(values)[len(values) // 2] <= promise
            told.append([name, cell(values, ".4f"), f"<= {promise}", "" if kept else "**not kept**"])
        return table([f"ratio ({len(self.wall)} rounds)", "median [low, high]", "promise", ""], told)


def _made(folder: Path, name: str) -> Path:
    """A new folder that a sandboxed tool can write to."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))


def _good(found: Found | Fault) -> Found:
    if isinstance(found, Fault):
        raise SystemExit(found.sentence)
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=20, help="how long the film is")
    given = arguments.parse_args()
    needs.install("ffmpeg", "bubblewrap")
    adopt_orphans()
    seconds, size, times, rounds = (
        (2, "854x480", 2, 1) if given.quick else (given.seconds, "1920x1080", 9, given.rounds)
    )
    sandbox = Sandbox.of_system(_SETTINGS.sandbox_memory_bytes)
    ratios = Ratios()
    with tempfile.TemporaryDirectory(prefix="kinetoscope-pipeline-") as place:
        folder = Path(place)
        sys.stderr.write(f"encoding a film of {seconds} seconds\n")
        path = film_of(folder, seconds, size)
        for turn in range(rounds):
            sys.stderr.write(f"round {turn + 1} of {rounds}\n")
            with opened(path, seconds, sandbox) as film:
                ratios.round(film, folder, turn=turn)
            with opened(longer(path, times), seconds * times, sandbox) as film:
                ratios.pictures(film, folder)
            (folder / "longer.mkv").unlink()
    sys.stdout.write(ratios.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
