"""What a run is worth: CPU and memory of processes, kernel memory of sockets, medians with their interval."""

import contextlib
import ctypes
import math
import os
import random
import re
import resource
import statistics
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2), from linux/prctl.h


def cpu_seconds(pids: list[int]) -> float:
    """CPU time of the processes since they started, user and system (proc(5), fields 14 and 15)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def adopt_orphans() -> None:
    """From now on `own_cpu_seconds` counts what a tool of this process leaves behind, too: bubblewrap ends without
    waiting for what it started, which becomes a child of this process then, not of init. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def own_cpu_seconds() -> float:
    """CPU time of this process and of all that it started and that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):  # 0: something runs on
            pass
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def resident_bytes(pids: list[int]) -> int:
    """Proportional resident memory of the processes (proc(5), smaps_rollup)."""
    total = 0
    for pid in pids:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        total += int(found[1]) * 1024 if found else 0
    return total


def established(port: int) -> list[str]:
    """The command that shows the established TCP sockets whose local port is `port`, with their memory (ss(8))."""
    return ["ss", "-Htnm", "state", "established", "sport", "=", f":{port}"]


def kernel_bytes(shown: str) -> int:
    """Kernel memory of the sockets that `established` shows: queues and what is allocated ahead (skmem: r, f, w, o).
    The client's end of a connection is not in it."""
    return sum(
        int(found["r"]) + int(found["f"]) + int(found["w"]) + int(found["o"])
        for found in re.finditer(r"skmem:\(r(?P<r>\d+),.*?,f(?P<f>\d+),w(?P<w>\d+),o(?P<o>\d+),", shown)
    )


def interval(values: list[float]) -> tuple[float, float, float]:
    """Median, and the 95 % interval of the median by bootstrap (2,000 resamples, always the same ones).
    Not numbers without values."""
    if not values:
        return (math.nan,) * 3
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[49], medians[1949]


def percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile; not a number without values."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
