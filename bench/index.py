"""How fast the indexer is: `python -m bench.index [FILES | --quick]` with a scratch PostgreSQL, as ratios of one run.

1. A library of FILES unchanged files (default 100,000) is scanned again: seconds, beside a bare walk and stat.
2. New files are probed by bare ffprobe on all cores, by ffprobe in its sandbox, and by the scan, one after the other in
   turns: the ratio of their rates by the clock and by CPU time, until the titles are ready. Posters, which bare ffprobe
   does not make, come after that and are told apart.

CPU time is that of this process, of all that it started, and of PostgreSQL. The clock is for a quiet machine only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import psycopg

from bench import needs
from bench.measure import adopt_orphans, cpu_seconds, interval, own_cpu_seconds
from indexer.progress import Lines
from indexer.settings import IndexerSettings
from indexer.walk import walk
from media.probe import JUDGEMENT, probe
from media.report import Probed
from media.sandbox import Sandbox
from media.sniff import Container, Family
from testbed.servers.postgres import PostgresServer
from testbed.services.library import LONG_AGO, Library, library_of, made_by_ffmpeg

FOLDER_FILES = 100
NEW_FILES = 50
TURNS = 12
REPEATS = 5
# A title's row as the scan writes it, except for the facts of a probe.
FILL = f"""
INSERT INTO videos (library_root, path, size_bytes, mtime_ns, filename, title, status, container, duration_seconds,
                    fingerprint, pictured_at, judgement, sidecars)
SELECT %s, convert_to(format('%%s/%%s.mp4', n / %s, n), 'UTF8'), 1, %s, format('%%s.mp4', n), n::text, 'ready',
       'mp4', 1, sha256(n::text::bytea), now(), {JUDGEMENT}, ''
  FROM generate_series(0, %s - 1) AS n
"""


class Meter:
    """Reads the clock and the CPU time spent so far, both in seconds."""

    def __init__(self, owner: psycopg.Connection[tuple[int, ...]]) -> None:
        self._owner = owner
        adopt_orphans()

    def read(self) -> tuple[float, float]:
        now, used = time.perf_counter(), own_cpu_seconds()
        postgres = [pid for (pid,) in self._owner.execute("SELECT pid FROM pg_stat_activity")]
        return now, used + cpu_seconds(postgres)


class Clock(Lines):
    """Notes the moment when everything is probed and posters begin."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(StringIO(), terminal=False)
        self._meter = meter
        self.probed = (0.0, 0.0)

    def stage(self, what: str, total: int) -> None:
        super().stage(what, total)
        if what == "making posters":
            self.probed = self._meter.read()


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_unchanged(library: Library, files: int) -> None:
    for number in range(files):
        folder = library.root / str(number // FOLDER_FILES)
        if number % FOLDER_FILES == 0:
            folder.mkdir()
        path = folder / f"{number}.mp4"
        path.write_bytes(b"x")
        os.utime(path, (LONG_AGO, LONG_AGO))
    with psycopg.connect(library.database.owner_url) as owner:
        owner.execute(FILL, (str(library.root), FOLDER_FILES, LONG_AGO * 10**9, files))
        for (video,) in owner.execute("SELECT id FROM videos"):
            (library.titles / video.hex).mkdir()
        owner.commit()
        owner.autocommit = True
        owner.execute("ANALYZE videos")
        before = _writes(owner)
        command = [sys.executable, "-m", "indexer.cli", "scan"]
        whole = [seconds_of(lambda: _run(command, library)) for _ in range(REPEATS)]
        bare = [seconds_of(lambda: walk(os.fsencode(library.root))) for _ in range(REPEATS)]
        wrote = _writes(owner) - before
    print(f"{files:,} unchanged files, whole command: {_spread(whole)} s; bare walk and stat: {_spread(bare)} s")
    print(f"rows of videos, tracks and published_files written: {wrote}")


def _run(command: list[str], library: Library) -> None:
    said = subprocess.run(command, env=library.environment(), capture_output=True, text=True, check=True).stdout
    if "unchanged          0" in said:
        raise RuntimeError(f"this was no scan of unchanged files:\n{said}")


def _writes(owner: psycopg.Connection[tuple[int, ...]]) -> int:
    owner.execute("SELECT pg_stat_force_next_flush()")
    time.sleep(1.2)
    row = owner.execute(
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
        " WHERE relname IN ('videos', 'tracks', 'published_files')"
    ).fetchone()
    return int(row[0]) if row else 0


def measure_new(library: Library, turns: int, new_files: int) -> None:
    cores = os.cpu_count() or 1
    content = made_by_ffmpeg("mp4", size="640x360", seconds=10)
    settings = library.settings()
    sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)

    def bare(paths: list[bytes]) -> tuple[float, float]:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(_ffprobe, paths))
        return meter.read()

    def walled(paths: list[bytes]) -> tuple[float, float]:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda path: _walled(sandbox, settings, path), paths))
        return meter.read()

    def scan(paths: list[bytes]) -> tuple[float, float]:
        clock = Clock(meter)
        if library.scan(workers=cores, progress=clock).added != len(paths):
            raise RuntimeError("not every new file was added")
        posters.append(len(paths) / (time.perf_counter() - clock.probed[0]))
        return clock.probed

    works = [bare, walled, scan]
    took: dict[Callable[[list[bytes]], tuple[float, float]], list[tuple[float, float]]] = {work: [] for work in works}
    posters: list[float] = []
    with psycopg.connect(library.database.owner_url, autocommit=True) as owner:
        meter = Meter(owner)
        for turn in range(turns):
            # Each with an end of its own, so that none is taken for one that moved.
            ends = [b"\0\0\0\x10free%4d%4d" % (turn, number) for number in range(new_files)]
            paths = [library.put(f"{turn}/{number}.mp4", content + end) for number, end in enumerate(ends)]
            for work in works:
                began = meter.read()
                ended = work(paths)
                took[work].append((ended[0] - began[0], ended[1] - began[1]))
            works = [*works[1:], works[0]] if turn % 2 else works[::-1]
    print(f"{turns} turns of {new_files} new files on {cores} cores, as rates of bare ffprobe; median [95 % interval]:")
    for name, work in (("ffprobe in its sandbox", walled), ("scan until ready", scan)):
        clock, cpu = (
            "{:.2f} [{:.2f}, {:.2f}]".format(
                *interval([a[unit] / b[unit] for a, b in zip(took[bare], took[work], strict=True)])
            )
            for unit in (0, 1)
        )
        print(f"  {name}: {clock} by the clock, {cpu} by CPU time")
    print(f"  posters: {_spread(posters)} a second")


def _walled(sandbox: Sandbox, settings: IndexerSettings, path: bytes) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not isinstance(probe(sandbox, settings, descriptor, Container("mp4", Family.ISO)), Probed):
            raise TypeError("ffprobe did not read the file in its sandbox")
    finally:
        os.close(descriptor)


def _ffprobe(path: bytes) -> None:
    command: list[bytes] = [b"ffprobe", *b"-v error -of json -show_format -show_streams -show_chapters".split(), path]
    # A session of its own, as the scan's tools have: Linux schedules each session as a group.
    subprocess.run(command, capture_output=True, check=True, start_new_session=True)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="?", type=int, default=100_000, help="0: only the new ones")
    parser.add_argument("--quick", action="store_true", help=needs.QUICK)
    given = parser.parse_args()
    files, turns, new_files = (200, 1, 4) if given.quick else (given.files, TURNS, NEW_FILES)
    needs.install(*needs.STORES, "ffmpeg", "bubblewrap")
    with PostgresServer.started() as server:
        server.prepare_template()
        if files:
            with server.cloned_database() as database, library_of(database) as library:
                measure_unchanged(library, files)
        with server.cloned_database() as database, library_of(database) as library:
            measure_new(library, turns, new_files)


if __name__ == "__main__":
    main()
