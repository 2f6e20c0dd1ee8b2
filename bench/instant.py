"""How long a viewer waits for a film that is made while it is watched: at its start, after a seek, beside another one.

    python -m bench.instant [--quick] [--trials N]

A 1080p HEVC film in 10 bit with AC-3 and a subtitle in Matroska, which Chromium does not decode. Real workers make it;
a viewer is what asks PostgreSQL for a segment, as the service at the doors does, and looks for its files. "Begun" is
from the first question of a title that nobody has watched, so it includes the job's start and the look at the file.
"Far seek" goes to a random place that is not made yet while the encoder is at work elsewhere.
"""

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import psycopg

from bench import needs
from catalog import roles
from catalog.contract.forms import NOW
from media.grid import SEGMENT_SECONDS
from testbed.servers.postgres import PostgresServer
from testbed.services.library import Library, library_of
from testbed.services.workers import PACE, Workers
from testbed.waiting import eventually

_SUBTITLE = "1\n00:00:01,000 --> 00:00:04,000\nA line.\n"
CLIP_SECONDS = 16
_PATIENCE_SECONDS = 120
_EVERY_SECONDS = 0.01
# Segments that lie between a seek and all that is there.
_FAR = 5


def film(clips: int, size: str) -> bytes:
    """Pictures that move everywhere, and are noisy as a film's are; the same CLIP_SECONDS so many times."""
    with tempfile.TemporaryDirectory() as folder:
        subtitle, clip, whole = (Path(folder, name) for name in ("film.srt", "clip.mkv", "film.mkv"))
        subtitle.write_text(_SUBTITLE)
        ffmpeg = ["ffmpeg", "-v", "error", "-nostdin"]
        picture = f"testsrc2=size={size}:rate=24000/1001:duration={CLIP_SECONDS},noise=alls=6:allf=t"
        subprocess.run(
            [*ffmpeg, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=duration={CLIP_SECONDS}",
             "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-b:v", "6M",
             "-x265-params", "log-level=error:keyint=120", "-c:a", "ac3", "-b:a", "448k", "-ac", "6", str(clip)],
            check=True,
        )  # fmt: skip
        again = ["-stream_loop", str(clips - 1), "-i", str(clip), "-i", str(subtitle)]
        tracks = ["-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt"]
        subprocess.run([*ffmpeg, *again, *tracks, str(whole)], check=True)
        return whole.read_bytes()


class Viewer:
    """Of one title."""

    def __init__(self, library: Library, name: str) -> None:
        self._library, self._video = library, UUID(str(library.row(name)["id"]))
        self._asks = psycopg.connect(library.database.url_for(roles.EVENTS), autocommit=True)
        self._folder = library.titles / self._video.hex / NOW

    def waits(self, segment: int) -> float:
        """Seconds until this segment is there, pictures and sound."""
        began = asked = time.monotonic()
        self.asks(segment)
        while not self._there(segment):
            if time.monotonic() - asked > 2:
                asked = time.monotonic()
                self.asks(segment)
            if time.monotonic() - began > _PATIENCE_SECONDS:
                raise RuntimeError(f"segment {segment} does not come")
            time.sleep(_EVERY_SECONDS)
        return time.monotonic() - began

    def asks(self, segment: int) -> None:
        """Say that this one waits for it."""
        self._asks.execute("SELECT want_instant(%s, %s, NULL)", (self._video, segment))

    def _there(self, segment: int) -> bool:
        return any(self._folder.glob(f"n*-{segment:05}.m4s")) and any(self._folder.glob(f"sound-0-*-{segment:05}.m4s"))

    def has(self, segment: int) -> bool:
        return any(self._folder.glob(f"n*-{segment:05}.m4s"))

    def made(self) -> int:
        """Segments of pictures that are there."""
        return len(list(self._folder.glob("n*.m4s")))

    def forget(self) -> None:
        """As if nobody had ever watched it."""
        with psycopg.connect(self._library.database.owner_url, autocommit=True) as owner:
            owner.execute(
                "UPDATE jobs SET state = 'cancelled', run_id = NULL WHERE kind = 'instant' AND state <> 'done'"
            )
            eventually(lambda: not list(self._library.titles.glob(".job-*")), within=30, every=0.05)
            owner.execute("DELETE FROM jobs WHERE kind = 'instant'")
            owner.execute("DELETE FROM instant_wants")
        shutil.rmtree(self._folder, ignore_errors=True)


def begun(viewer: Viewer, trials: int) -> list[float]:
    """Seconds until the first segment of a title that nobody has watched."""
    found = []
    for _ in range(trials):
        viewer.forget()
        found.append(viewer.waits(0))
    return found


def far_seeks(viewer: Viewer, segments: int, trials: int) -> list[float]:
    """Seconds until a segment that is far from all that is there."""
    found: list[float] = []
    while len(found) < trials:
        far = [at for at in range(_FAR, segments) if not any(viewer.has(near) for near in range(at - _FAR, at + 1))]
        if not far or not viewer.has(0):
            viewer.forget()
            viewer.waits(0)
            continue
        found.append(viewer.waits(random.choice(far)))
    return found


def speed(viewers: Sequence[Viewer], seconds: float) -> list[float]:
    """Seconds of film that are made a second, for each of these at the same time."""
    for viewer in viewers:
        viewer.forget()
    for viewer in viewers:
        viewer.waits(0)
    before, began = [viewer.made() for viewer in viewers], time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        for viewer in viewers:
            viewer.asks(viewer.made())
        time.sleep(0.5)
    made = [viewer.made() - count for viewer, count in zip(viewers, before, strict=True)]
    return [count * SEGMENT_SECONDS / passed for count in made]


def row(name: str, found: list[float]) -> str:
    ordered = sorted(found)
    late = ordered[max(0, round(0.95 * len(ordered)) - 1)]
    return f"| {name} ({len(found)}) | {statistics.median(found):.2f} | {late:.2f} | {ordered[-1]:.2f} | 95 % <= 3 |\n"


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    arguments.add_argument("--trials", type=int, default=20)
    given = arguments.parse_args()
    needs.install(*needs.STORES, "ffmpeg", "bubblewrap")
    clips, size, trials, measured = (1, "320x180", 1, 1) if given.quick else (15, "1920x1080", given.trials, 20)
    seconds = clips * CLIP_SECONDS
    with (
        PostgresServer.started() as postgres,
        needs.prepared(postgres).cloned_database() as database,
        library_of(database) as library,
    ):
        sys.stderr.write(f"encoding a film of {seconds} seconds\n")
        content = film(clips, size)
        names = ("one.mkv", "two.mkv")
        for name in names:
            library.put(name, content + name.encode())
        library.scan()
        one, two = (Viewer(library, name) for name in names)
        workers = Workers(library)
        try:
            for name in ("now-1", "now-2"):
                workers.start(name, **PACE, job_kinds=["instant"])
            table = row("begun", begun(one, trials)) + row(
                "far seek", far_seeks(one, seconds // SEGMENT_SECONDS, trials)
            )
            (alone,), (first, second) = speed([one], measured), speed([one, two], measured)
        finally:
            workers.stop_all()
    sys.stdout.write(
        f"| until it is there, s | median | 95 % | most | promise |\n|---|---|---|---|---|\n{table}"
        f"Film made a second: {alone:.2f} s alone; {first:.2f} and {second:.2f} s for two titles at once"
        " (promise: >= 1).\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
