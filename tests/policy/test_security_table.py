"""docs/security.md names tests; each of them is there."""

import re

from tests.policy.repository import ROOT


def test_every_test_that_the_table_names_exists() -> None:
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`", (ROOT / "docs/security.md").read_text())
    assert len(named) > 20
    for file, name in named:
        found = list((ROOT / "tests").rglob(file))
        assert len(found) == 1, file
        assert f"def {name}(" in found[0].read_text(), f"{file} has no {name}"
