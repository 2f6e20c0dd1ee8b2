"""Running a bench in its quickest form, as a person would type it: does the command work, not what does it measure."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SECONDS_AT_MOST = 240
# By module, the arguments of the forms that documents name: on servers of this machine, and against a box.
ON_THIS_MACHINE = {
    "bench": [["--quick", "--only", "ranges"], ["--quick", "--only", "viewers"]],
    "bench.decisions": [["--quick"]],
    "bench.events": [["--quick"]],
    "bench.fairness": [["--quick"]],
    "bench.index": [["--quick"]],
    "bench.instant": [["--quick"]],
    "bench.jobs": [["--quick"]],
    "bench.library": [["--quick", "--plans"]],
    "bench.pipeline": [["--quick"]],
    "bench.tuning": [["--quick"]],
    "bench.uploads": [["--quick"]],
}
ON_A_BOX = {
    "bench.boxed": [["--quick"], ["--quick", "--viewers"]],
    "bench.fairness": [["--quick", "--box"]],
    "bench.logins": [["--quick"]],
    "bench.starts": [["--quick"]],
}


def commands(forms: dict[str, list[list[str]]]) -> list[list[str]]:
    """One list of words for each form."""
    return [[module, *arguments] for module, ways in forms.items() for arguments in ways]


def ran(command: list[str], results: Path, **environment: str) -> str:
    """What the bench printed; fails with all of it when it fails. Its results go to a folder of the caller's."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS_AT_MOST,
        check=False, env=os.environ | {"BENCH_RESULTS": str(results)} | environment,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout
