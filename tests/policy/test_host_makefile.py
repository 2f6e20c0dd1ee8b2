"""Every Make target says what it does, and CI runs the same targets."""

import re
import subprocess

from tests.policy.repository import ROOT, text_of

TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)(.*)$", re.MULTILINE)


def targets() -> dict[str, str]:
    return dict(TARGET.findall(text_of(ROOT / "Makefile")))


def test_every_target_has_a_line_of_help() -> None:
    silent = [name for name, rest in targets().items() if not re.search(r"## \S", rest)]
    assert not silent


def test_every_target_is_phony() -> None:
    phony = set(re.search(r"^\.PHONY: (.*)$", text_of(ROOT / "Makefile"), re.MULTILINE)[1].split())
    assert set(targets()) == phony


def test_the_promised_targets_are_there() -> None:
    promised = {"help", "up", "down", "access", "ssh", "deploy", "check", "format", "test", "bench", "clean"}
    assert promised <= set(targets())


def test_ci_runs_a_target_that_people_run() -> None:
    called = re.findall(r"\bmake ([a-z]+)", text_of(ROOT / ".ci/run"))
    assert called
    assert set(called) <= set(targets())


def test_a_named_test_runs_alone() -> None:
    asked = ["make", "--dry-run", "unit", "ARGS=tests/unit/test_one.py -k 'this or that'"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "pytest tests/unit/test_one.py -k 'this or that'" in said
