"""Every documented bench that needs no box works, in its quickest form."""

from pathlib import Path

import pytest

from testbed.benches import ON_THIS_MACHINE, commands, ran


@pytest.mark.parametrize("command", commands(ON_THIS_MACHINE), ids=" ".join)
def test_bench_runs_and_prints_a_table(command: list[str], tmp_path: Path) -> None:
    said = ran(command, tmp_path)
    assert "|" in said or "median" in said, said


def test_a_bench_of_a_box_says_which_one_it_wants(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KINETOSCOPE_ACCESS", raising=False)
    with pytest.raises(AssertionError, match="make up BOX=bench"):
        ran(["bench.logins", "--quick"], tmp_path)
