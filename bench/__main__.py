"""`make bench`: everything in one run, side by side, on loopback.

    python -m bench [--quick] [--only ranges|viewers]      writes bench/results/bench.md, plots and raw numbers

The whole run takes about 14 minutes on two cores that have nothing else to do; --quick takes about one and proves that
the bench works, not what it measures.
"""

import argparse
import json
import os
import sys
import tempfile

from bench import needs, ranges, viewers
from bench.report import keep, publish
from bench.servers import started


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="about a minute; its numbers mean nothing")
    arguments.add_argument("--only", choices=["ranges", "viewers"])
    given = arguments.parse_args()
    needs.install(*needs.SERVERS)
    rounds, seconds, firsts = (1, 1, 20) if given.quick else (9, 1, 100)
    watch_seconds, pairs, scale = (4, 1, 0.05) if given.quick else (20, 2, 1.0)
    busy = os.getloadavg()[0]
    cores = f"{os.cpu_count()} cores, shared with the load; loopback. Load average before: {busy:.1f}."
    text = ["# Bench\n", f"{cores}\n(On a busy machine the ratios say nothing.)\n"]
    with tempfile.TemporaryDirectory() as home:
        # Caddy wants a home of its own; nothing of the person who runs this is touched.
        os.environ |= {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        with started(patient=given.quick) as house:
            if given.only != "viewers":
                found = ranges.measured(house.side_by_side(), rounds, seconds, firsts)
                tables, plots = ranges.report(found, house.missing, rounds, seconds)
                text.append(tables)
                for name, plot in plots.items():
                    keep(name, plot)
                raw = {
                    subject.server.name: {
                        size: [run and vars(run) for run in runs] for size, runs in subject.runs.items()
                    }
                    for subject in found
                }
                keep("ranges.json", json.dumps(raw, indent=1))
            if given.only != "ranges":
                paced = viewers.measured(house, viewers.loads(scale), watch_seconds, pairs)
                text.append(viewers.report(paced, watch_seconds))
    publish("bench.md", "\n".join(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
