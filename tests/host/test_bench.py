"""Every documented bench of a box works on one as it comes, in its quickest form."""

import os
from pathlib import Path

import pytest

from testbed.benches import ON_A_BOX, commands, ran

# They load the box, restart its Nginx and leave users behind.
pytestmark = pytest.mark.disruptive


@pytest.mark.parametrize("command", commands(ON_A_BOX), ids=" ".join)
def test_bench_runs_and_prints_a_table(command: list[str], tmp_path: Path) -> None:
    assert "|" in ran(command, tmp_path, KINETOSCOPE_ACCESS=os.environ["KINETOSCOPE_ACCESS"])
