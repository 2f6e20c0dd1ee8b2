"""How fast the indexer is: `python -m bench.index [FILES]` with a scratch PostgreSQL, as ratios of one run.

1. A library of FILES unchanged files (default 100,000) is scanned again: seconds, beside a bare walk and stat.
2. New files are probed by bare ffprobe on all cores and by the scan, in alternating pairs: the ratio of their rates,
   until the titles are ready. Posters, which bare ffprobe does not make, come after that and are told apart.

By the clock: CPU time can't be told, because bubblewrap does not wait for the tool's. So measure on a quiet machine.
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

from indexer.progress import Lines
from indexer.walk import walk
from tests.integration.indexer_library import LONG_AGO, Library, library_of, made_by_ffmpeg
from tests.integration.postgres import PostgresServer

FOLDER_FILES = 100
NEW_FILES = 100
PAIRS = 5
# A title's row as the scan writes it, except for the facts of a probe.
FILL = """
INSERT INTO videos (library_root, path, size_bytes, mtime_ns, filename, title, status, container, duration_seconds,
                    fingerprint, pictured_at)
SELECT %s, convert_to(format('%%s/%%s.mp4', n / %s, n), 'UTF8'), 1, %s, format('%%s.mp4', n), n::text, 'ready',
       'mp4', 1, sha256(n::text::bytea), now()
  FROM generate_series(0, %s - 1) AS n
"""


class Clock(Lines):
    """Notes the moment when everything is probed and posters begin."""

    def __init__(self) -> None:
        super().__init__(StringIO(), terminal=False)
        self.probed = 0.0

    def stage(self, what: str, total: int) -> None:
        super().stage(what, total)
        if what == "making posters":
            self.probed = time.perf_counter()


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
        whole = [seconds_of(lambda: _run(command, library)) for _ in range(PAIRS)]
        bare = [seconds_of(lambda: walk(os.fsencode(library.root))) for _ in range(PAIRS)]
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


def measure_new(library: Library) -> None:
    cores = os.cpu_count() or 1
    content = made_by_ffmpeg("mp4", size="640x360", seconds=10)
    ratios, posters = [], []
    for pair in range(PAIRS):
        # Each with an end of its own, so that none is taken for one that moved.
        ends = [b"\0\0\0\x10free%4d%4d" % (pair, number) for number in range(NEW_FILES)]
        paths = [library.put(f"{pair}/{number}.mp4", content + end) for number, end in enumerate(ends)]

        def bare(paths: list[bytes] = paths) -> float:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(_ffprobe, paths))
            return time.perf_counter()

        def scan() -> float:
            clock = Clock()
            if library.scan(workers=cores, progress=clock).added != NEW_FILES:
                raise RuntimeError("not every new file was added")
            posters.append(NEW_FILES / (time.perf_counter() - clock.probed))
            return clock.probed

        took: dict[Callable[[], float], float] = {}
        for work in (bare, scan) if pair % 2 else (scan, bare):
            began = time.perf_counter()
            took[work] = work() - began
        ratios.append(took[bare] / took[scan])
    print(f"new files until ready: {_spread(ratios)} of the rate of bare ffprobe on {cores} cores")
    print(f"  ({PAIRS} pairs of {NEW_FILES} files); their posters: {_spread(posters)} a second")


def _ffprobe(path: bytes) -> None:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters", path]
    # A session of its own, as the scan's tools have: Linux schedules each session as a group.
    subprocess.run(command, capture_output=True, check=True, start_new_session=True)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="?", type=int, default=100_000)
    files = parser.parse_args().files
    with PostgresServer.started() as server:
        server.prepare_template()
        for measure in (lambda library: measure_unchanged(library, files), measure_new):
            with server.cloned_database() as database, library_of(database) as library:
                measure(library)


if __name__ == "__main__":
    main()
