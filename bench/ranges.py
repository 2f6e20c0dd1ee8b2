"""What protection costs, server by server: ranged reads as fast as they go, and the time to the first byte.

In each round every server is loaded once with each range size, one after the other; guarded and unguarded follow each
other and change places from round to round. CPU is what the server's processes used, so that the load generator beside
them does not count. Medians over the rounds with a 95 % bootstrap interval; ratios are taken within a round.
"""

import statistics
import sys
from dataclasses import dataclass, field

from bench.load import CONNECTIONS, Run, as_fast_as_it_goes, first_bytes
from bench.measure import interval, percentile
from bench.promises import CPU_PER_GB, FIRST_BYTE_MS, MICROSECONDS_A_REQUEST, NODE_TIMES
from bench.report import Bars, cell, table
from bench.servers import Server

SIZES = {"64 KiB": 64 << 10, "1 MiB": 1 << 20, "8 MiB": 8 << 20}


@dataclass
class Subject:
    """A server with what was measured of it. A round in which nothing was finished is None."""

    server: Server
    compared_with: Server
    runs: dict[str, list[Run | None]] = field(default_factory=lambda: {size: [] for size in SIZES})
    first_ms: list[float] = field(default_factory=list)


def measured(side_by_side: list[list[Server]], rounds: int, seconds: int, firsts: int) -> list[Subject]:
    """All rounds. The first of each group is what the others are compared with; of the third group and later ones it is
    the first of the first."""
    groups = [[Subject(server, group[0]) for server in group] for group in side_by_side]
    for subject in (subject for group in groups[2:] for subject in group):
        subject.compared_with = side_by_side[0][0]
    everybody = [subject for group in groups for subject in group]
    for subject in everybody:
        as_fast_as_it_goes(subject.server, SIZES["64 KiB"], 1)
    for number in range(rounds):
        for size, range_bytes in SIZES.items():
            for group in groups:
                for subject in group if number % 2 == 0 else reversed(group):
                    subject.runs[size].append(as_fast_as_it_goes(subject.server, range_bytes, seconds))
        for subject in everybody if number % 2 == 0 else reversed(everybody):
            subject.first_ms += first_bytes(subject.server, firsts)
        sys.stderr.write(f"ranges: round {number + 1} of {rounds}\n")
    return everybody


def report(found: list[Subject], missing: list[str], rounds: int, seconds: int) -> tuple[str, dict[str, str]]:
    """The tables as Markdown, and the plots as SVG by file name."""
    text = [f"## Ranged reads\n\n{rounds} rounds of {seconds} s, {CONNECTIONS} connections. Median [95 % interval].\n"]
    plots: dict[str, str] = {}
    by_server = {subject.server.name: subject for subject in found}
    for size in SIZES:
        rows = []
        for subject in found:
            base = by_server[subject.compared_with.name].runs[size]
            pairs = [(run, other) for run, other in zip(subject.runs[size], base, strict=True) if run and other]
            if not pairs:
                rows.append([subject.server.name, *["none was finished"], *[""] * 6])
                continue
            runs = [run for run, _ in pairs]
            rows.append([
                subject.server.name,
                cell([run.microseconds_a_request for run in runs], ".0f"),
                cell([run.microseconds_a_request - other.microseconds_a_request for run, other in pairs], "+.0f"),
                cell([run.seconds_a_gigabyte for run in runs], ".3f"),
                cell([run.seconds_a_gigabyte / other.seconds_a_gigabyte for run, other in pairs], ".2f"),
                cell([run.megabytes_a_second for run in runs], ".0f"),
                cell([run.megabytes_a_second / other.megabytes_a_second for run, other in pairs], ".2f"),
                f"{statistics.median(run.p99_ms for run in runs):.1f}",
            ])  # fmt: skip
        text.append(f"### {size}\n")
        text.append(table(
            ["server", "CPU a request, µs", "more than unguarded, µs", "CPU a GB, s", "of unguarded", "MB/s",
             "of unguarded", "whole answer p99, ms"], rows,
        ))  # fmt: skip
        bars = Bars(f"CPU seconds per GB, {size} ranges")
        for subject in found:
            if values := [run.seconds_a_gigabyte for run in subject.runs[size] if run]:
                bars.add(subject.server.name, *interval(values))
        plots[f"cpu-{size.replace(' ', '-').lower()}.svg"] = bars.svg()
    rows = [
        [subject.server.name, f"{percentile(subject.first_ms, 50):.2f}", f"{percentile(subject.first_ms, 99):.2f}"]
        for subject in found
    ]
    text += ["### First byte on an open connection, unloaded\n", table(["server", "p50, ms", "p99, ms"], rows)]
    text += ["### Promises\n", *_promises(by_server, found), ""]
    text += [f"Not measured, since it is not installed here: {name}." for name in missing]
    return "\n".join(text) + "\n", plots


def _promises(by_server: dict[str, Subject], found: list[Subject]) -> list[str]:
    lines = []
    for subject in found:
        base = by_server[subject.compared_with.name]
        if subject is base or " door" not in subject.server.name:
            continue
        for size, most in CPU_PER_GB.items():
            pairs = [(a, b) for a, b in zip(subject.runs[size], base.runs[size], strict=True) if a and b]
            ratio = interval([a.seconds_a_gigabyte / b.seconds_a_gigabyte for a, b in pairs])
            lines.append(_line(f"{subject.server.name}, {size}: CPU per GB of unguarded", ratio, most, ".2f"))
            more = interval([a.microseconds_a_request - b.microseconds_a_request for a, b in pairs])
            lines.append(
                _line(f"{subject.server.name}, {size}: µs of CPU more a request", more, MICROSECONDS_A_REQUEST, ".1f")
            )
        late = percentile(subject.first_ms, 99) - percentile(base.first_ms, 99)
        lines.append(_line(f"{subject.server.name}: first byte p99, ms more", (late, late, late), FIRST_BYTE_MS, ".2f"))
    ours = [run.seconds_a_gigabyte for run in by_server["Nginx, signed door"].runs["1 MiB"] if run]
    for subject in found:
        if subject.server.name.startswith("Node"):
            node = [run.seconds_a_gigabyte for run in subject.runs["1 MiB"] if run]
            times = interval(node)[0] / interval(ours)[0]
            verdict = "kept" if times >= NODE_TIMES else "NOT kept"
            lines.append(f"- Node takes {times:.1f} times our CPU per GB at 1 MiB (promise: at least 3): {verdict}.")
    return lines


def _line(what: str, value: tuple[float, float, float], most: float, form: str) -> str:
    middle, low, high = value
    verdict = "kept" if middle <= most else "NOT kept"
    if low <= most < high:
        verdict += " by the median, and open: the interval holds it"
    return f"- {what}: {middle:{form}} [{low:{form}}, {high:{form}}] (promise: at most {most:g}): {verdict}."
