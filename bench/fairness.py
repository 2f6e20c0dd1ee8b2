"""Do greedy clients slow the API? Its answers are timed alone, and while 50 clients take all they can get.

Twice: with the film in the page cache, and with a film four times as large as the memory that Nginx may fill with it
(a control group of cgroup v1 with a memory limit; the film is dropped from the cache first), so that workers wait for
the disk. The API is asked through the same Nginx, over TLS, one request after the other on one connection.

The greedy clients run on the machine that they load, which those of a real server do not: wrk gets the lowest priority
(nice 19), so it takes what Nginx and the API leave, and still as much as it can. What else runs is measured by how late
a thread wakes that only sleeps: where that alone is tens of milliseconds the figures tell of the machine.

    python -m bench.fairness [--seconds N | --quick]      writes bench/results/fairness.md
    KINETOSCOPE_ACCESS=... python -m bench.fairness --box  the same with a box of this machine, from outside

On scratch servers all processes are one group for the scheduler; in a box each unit is one, as on a host.
"""

import argparse
import contextlib
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

from bench import needs
from bench.films import FILM_BYTES, Film, in_box, on_scratch
from bench.load import ANSWER_SECONDS, HERE
from bench.measure import percentile
from bench.places import Box
from bench.report import publish, table
from bench.servers import started

GREEDY = 50
GREEDY_RANGE_BYTES = 8 << 20
PROMISED_MS = 50.0
CACHE_BYTES = FILM_BYTES // 4
MEMORY = Path("/sys/fs/cgroup/memory")


def api_milliseconds(film: Film, seconds: float) -> list[float]:
    """Times of `GET /api/v1/videos?limit=20`, from the request to the whole answer, on one connection."""
    trust = ssl.create_default_context(cafile=film.ca_file)
    found = []
    with contextlib.closing(HTTPSConnection(film.host, film.port, timeout=ANSWER_SECONDS, context=trust)) as api:
        api.connect()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            api.request("GET", "/api/v1/videos?limit=20", headers={"Authorization": f"Bearer {film.token}"})
            answer = api.getresponse()
            body = answer.read()
            found.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"the API says {answer.status}: {body[:200]!r}")
            time.sleep(0.02)
    return found


@contextlib.contextmanager
def small_cache(film: Film) -> Iterator[str]:
    """Nginx in a control group whose memory holds a quarter of the film; the reason where that can't be had."""
    group = MEMORY / f"kinetoscope-bench-{os.getpid()}"
    pids = film.pids()
    if not pids:
        yield "not measured: its Nginx does not run on this machine"
        return
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(CACHE_BYTES))
        homes = {pid: _group_of(pid) for pid in pids}
        for pid in homes:
            (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        yield f"not measured: no control group for memory can be made here ({error.strerror})"
        return
    opened = os.open(film.path, os.O_RDONLY)
    os.fsync(opened)
    os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(opened)
    try:
        yield ""
    finally:
        for pid, home in homes.items():
            with contextlib.suppress(OSError):
                (home / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            (group / "memory.force_empty").write_text("0")
        with contextlib.suppress(OSError):
            group.rmdir()


def _group_of(pid: int) -> Path:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return MEMORY / path.lstrip("/")
    raise OSError(0, "memory is not a controller of cgroup v1")


@contextlib.contextmanager
def lateness() -> Iterator[list[float]]:
    """Milliseconds by which a thread woke too late that wanted to sleep 20 ms, again and again."""
    found: list[float] = [0.0]
    stop = threading.Event()

    def sleep() -> None:
        while not stop.is_set():
            began = time.perf_counter()
            time.sleep(0.02)
            found.append((time.perf_counter() - began) * 1000 - 20)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    try:
        yield found
    finally:
        stop.set()
        sleeper.join()


def greedy(film: Film, links: list[str], seconds: float) -> subprocess.Popen[str]:
    where = f"https://{film.host}:{film.port}/"
    command = [
        "nice", "-n", "19",
        "wrk", f"-t{GREEDY}", f"-c{GREEDY}", f"-d{seconds + 2:.0f}s", "--timeout=60s", "-s", str(HERE / "ranges.lua"),
        where, "--", str(GREEDY_RANGE_BYTES), str(FILM_BYTES), *links,
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def under_greed(film: Film, links: list[str], seconds: float) -> tuple[list[float], str]:
    """The API's times while the greedy ones take, and what wrk says of them."""
    taking = greedy(film, links, seconds)
    threading.Event().wait(1)
    times = api_milliseconds(film, seconds)
    said, _ = taking.communicate()
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    rate = next((line.split()[-1] for line in said.splitlines() if line.startswith("Transfer/sec")), "?")
    return times, rate


def measured(film: Film, seconds: float) -> list[list[str]]:
    """The rows of the table."""
    rows: list[list[str]] = []

    def note(what: str, times: list[float], rate: str) -> None:
        kept = "kept" if percentile(times, 99) <= PROMISED_MS else "NOT kept"
        figures = [f"{percentile(times, percent):.1f}" for percent in (50, 99, 100)]
        rows.append([what, str(len(times)), *figures, rate, kept])

    links = film.links(GREEDY)
    note("nobody else", api_milliseconds(film, seconds), "-")
    note(f"{GREEDY} greedy, film in the page cache", *under_greed(film, links, seconds))
    with small_cache(film) as why_not:
        what = f"{GREEDY} greedy, film 4 times the cache"
        if why_not:
            rows.append([what, why_not, "", "", "", "", ""])
        else:
            note(what, *under_greed(film, links, seconds))
    return rows


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=15)
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    arguments.add_argument("--box", action="store_true", help="the box of KINETOSCOPE_ACCESS")
    wanted = arguments.parse_args()
    seconds: float = 1 if wanted.quick else wanted.seconds
    needs.install(*needs.SERVERS, "openssh-client")
    with contextlib.ExitStack() as opened:
        if wanted.box:
            access = needs.box()
            film = opened.enter_context(in_box(access, Box(access)))
        else:
            film = on_scratch(opened.enter_context(started(patient=wanted.quick)))
        late = opened.enter_context(lateness())
        rows = measured(film, seconds)
    header = ["load", "API calls", "p50, ms", "p99, ms", "worst, ms", "greedy take, each s", "p99 at most 50 ms"]
    about = f"TLS, ranges of 8 MiB, wrk at nice 19, load average {os.getloadavg()[0]:.1f}."
    text = (
        f"# Fairness\n\n{about} A thread that only sleeps woke {percentile(late, 99):.1f} ms late at p99.\n\n"
        + table(header, rows)
    )
    publish("fairness.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
