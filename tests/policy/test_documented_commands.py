"""A command that a document names exists, and a bench among them is run by a test."""

import re
import subprocess
import sys

import pytest

from testbed.benches import ON_A_BOX, ON_THIS_MACHINE
from tests.policy.repository import ROOT, files, relative, text_of

DOCUMENTS = [path for path in files() if path.suffix == ".md" and "roles" not in path.parts]
# Documents, and the benches' own usage.
TELLING = [*DOCUMENTS, *(ROOT / "bench").glob("*.py")]
BENCHES = {name for path in TELLING for name in re.findall(r"python3? -m (bench(?:\.\w+)?)", text_of(path))}
TARGETS = set(re.findall(r"^([a-z]+):.*## ", text_of(ROOT / "Makefile"), re.MULTILINE))
# Words that follow `make` in a sentence or are no target of ours.
PROSE = {"sure", "it", "of", "and"}


def test_every_bench_that_is_named_is_run_in_its_quickest_form() -> None:
    assert len(BENCHES) > 5
    assert ON_THIS_MACHINE.keys() | ON_A_BOX.keys() == BENCHES


@pytest.mark.parametrize("module", sorted(BENCHES))
def test_a_bench_installs_what_it_needs(module: str) -> None:
    path = ROOT / (module.replace(".", "/") + ".py")
    assert "needs.install(" in text_of(path if path.exists() else ROOT / "bench/__main__.py")


def test_a_bench_reaches_its_installation_on_a_bare_machine() -> None:
    """No command can be found: what a module does when it is read must do without."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(sorted(BENCHES))}"], cwd=ROOT, env={"PATH": "/nonexistent"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_target_that_is_named_exists() -> None:
    named = {
        (relative(path), target)
        for path in DOCUMENTS
        for block in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", text_of(path), re.DOTALL)
        for target in re.findall(r"(?:^|[;&]\s*)(?:\w+=\S+ )*make ([a-z]+)\b", "".join(block), re.MULTILINE)
    }
    assert len(named) > 10
    assert not {(path, target) for path, target in named if target not in TARGETS | PROSE}


def test_the_table_of_targets_is_whole() -> None:
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", text_of(ROOT / "README.md"), re.MULTILINE)
    told = {target for row in rows for target in re.findall(r"`([a-z]+)`", row)}
    assert told <= TARGETS
