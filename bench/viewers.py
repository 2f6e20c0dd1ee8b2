"""Viewers with a pace: the founding load profile, and how many streams two cores carry, against unguarded Nginx."""

import itertools
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from bench.crowd import Crowd, Outcome, Plan
from bench.measure import cpu_seconds, resident_bytes
from bench.promises import KERNEL_BYTES, RESIDENT_BYTES
from bench.report import table
from bench.servers import Server

STREAM_BYTES_A_SECOND = 5_000_000 // 8
# What a worker sets up once is not a stream's memory.
WARM_VIEWERS, WARM_SECONDS = 64, 2
SEGMENT_SECONDS = 4
MIB = 1 << 20
PAUSE_SECONDS = 10


class Stage(Protocol):
    """Where the servers are: on scratch, or in a box."""

    def pair(self, *, tls: bool) -> list[Server]:
        """Unguarded and guarded."""
        ...

    def links(self, count: int) -> list[str]:
        """Paths of so many playbacks, one for each viewer."""
        ...

    def renew(self) -> None:
        """Give Nginx new workers."""
        ...

    def socket_bytes(self, server: Server) -> int:
        """Kernel memory of its connections."""
        ...


@dataclass(frozen=True)
class Load:
    """A load by name: how many viewers, and what each does."""

    name: str
    viewers: int
    tls: bool
    plan: Callable[[str], Plan]


@dataclass(frozen=True)
class Loaded:
    """What a load did to one server."""

    load: Load
    server: Server
    outcome: Outcome
    cpu: float
    resident: float
    kernel: float


def founding(viewers: int, pause_seconds: float) -> Load:
    """`bytes=0-1` when a viewer begins, then five parallel ranges of 1 MiB, then 10 s of pause, and so on."""
    return Load(
        f"founding profile, {viewers} viewers", viewers, False,
        lambda path: Plan(path, (), MIB, pause_seconds, sockets=5, probe=True),
    )  # fmt: skip


def progressive(viewers: int, *, tls: bool) -> Load:
    return Load(
        f"{viewers} progressive streams of 5 Mbit/s, {'TLS' if tls else 'plain'}", viewers, tls,
        lambda path: Plan(path, (), STREAM_BYTES_A_SECOND, 1, paced=True),
    )  # fmt: skip


def adaptive(viewers: int) -> Load:
    return Load(
        f"{viewers} ABR streams of 5 Mbit/s, segments of {SEGMENT_SECONDS} s, TLS", viewers, True,
        lambda path: Plan(path, (), SEGMENT_SECONDS * STREAM_BYTES_A_SECOND, SEGMENT_SECONDS),
    )  # fmt: skip


def loads(scale: float) -> list[Load]:
    """All of them; `scale` makes a short run small."""
    counts = [max(round(count * scale), 5) for count in (50, 500, 2000, 2000, 800, 500)]
    plain, tls, abr = counts[3:]
    paced = [progressive(plain, tls=False), progressive(tls, tls=True), adaptive(abr)]
    return [*(founding(count, PAUSE_SECONDS * min(1, scale * 4)) for count in counts[:3]), *paced]


def measured(stage: Stage, wanted: list[Load], seconds: int, pairs: int) -> list[list[Loaded]]:
    """For each load, runs on unguarded and guarded Nginx that change places from pair to pair."""
    found = []
    for load in wanted:
        runs = []
        for number in range(pairs):
            servers = stage.pair(tls=load.tls)
            order = servers if number % 2 == 0 else servers[::-1]
            runs += [_run(stage, load, server, seconds) for server in order]
        found.append(runs)
        sys.stderr.write(f"viewers: {load.name}\n")
    return found


def _run(stage: Stage, load: Load, server: Server, seconds: int) -> Loaded:
    def plans(viewers: int) -> list[Plan]:
        paths = stage.links(viewers) if " door" in server.name else itertools.repeat(server.path(), viewers)
        return [replace(load.plan(path), headers=tuple(server.headers())) for path in paths]

    # New workers: what the run before left free in theirs would hide what this one takes.
    stage.renew()
    Crowd(server, plans(min(WARM_VIEWERS, load.viewers))).run(WARM_SECONDS)
    mine = plans(load.viewers)
    crowd, pids = Crowd(server, mine), server.pids()
    before_memory, before_cpu = resident_bytes(pids), cpu_seconds(pids)
    memory: list[tuple[int, int]] = []
    outcome = crowd.run(seconds, lambda: memory.append((resident_bytes(pids), stage.socket_bytes(server))))
    sockets = sum(plan.sockets for plan in mine)
    return Loaded(
        load, server, outcome, cpu_seconds(pids) - before_cpu,
        (memory[0][0] - before_memory) / sockets, memory[0][1] / sockets,
    )  # fmt: skip


def report(found: list[list[Loaded]], seconds: int) -> str:
    how = f"{seconds} s each, alternating with unguarded Nginx; sums of stalls and failures, medians of the rest."
    text = ["## Viewers with a pace\n", f"{how} Memory is by socket.\n"]
    for runs in found:
        rows = []
        for name in dict.fromkeys(run.server.name for run in runs):
            mine = [run for run in runs if run.server.name == name]
            rows.append([
                name,
                str(sum(run.outcome.stalls for run in mine)),
                str(sum(run.outcome.failures for run in mine)),
                f"{_median(run.outcome.received / run.outcome.seconds / 1e6 for run in mine):.0f}",
                f"{_median(run.outcome.first(50) for run in mine):.1f}",
                f"{_median(run.outcome.first(99) for run in mine):.1f}",
                f"{_median(run.cpu / run.outcome.seconds * 100 for run in mine):.0f}",
                f"{_median(run.cpu / run.outcome.received * 1e9 for run in mine):.3f}",
                f"{_median(run.resident for run in mine) / 1024:.1f}",
                f"{_median(run.kernel for run in mine) / 1024:.0f}",
            ])  # fmt: skip
        text.append(f"### {runs[0].load.name}\n")
        text.append(table(
            ["server", "stalls", "failures", "MB/s", "first byte p50, ms", "p99, ms", "CPU, % of a core", "CPU a GB, s",
             "resident, KiB", "kernel, KiB"], rows,
        ))  # fmt: skip
        text.append(_verdict(runs) + "\n")
    return "\n".join(text) + "\n"


def _verdict(runs: list[Loaded]) -> str:
    guarded = [run for run in runs if " door" in run.server.name]
    bare = [run for run in runs if " door" not in run.server.name]
    stalls = sum(run.outcome.stalls for run in guarded), sum(run.outcome.stalls for run in bare)
    resident = _median(run.resident for run in guarded)
    kernel = _median(run.kernel for run in guarded)
    most = RESIDENT_BYTES[runs[0].load.tls]
    return (
        f"Stalls {stalls[0]} against {stalls[1]}; resident {resident / 1024:.1f} KiB (promise: at most {most >> 10}), "
        f"kernel {kernel / 1024:.0f} KiB (promise: at most {KERNEL_BYTES >> 10})."
    )


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
