"""docs/asvs.md claims what a test shows: each test that it names is there."""

import re

from tests.policy.repository import ROOT

ROW = re.compile(r"^\| ([4678]\.\d+\.\d+) \| ([12]) \| (.+?) \| (yes|no|n/a) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs/asvs.md").read_text())
# Requirements of level 1 and 2 in ASVS 5.0.0.
SECTIONS = {
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
}  # fmt: skip


def test_every_requirement_has_a_row() -> None:
    for section, count in SECTIONS.items():
        numbers = [number for number, *_ in ROWS if number.startswith(f"{section}.")]
        assert numbers == [f"{section}.{n}" for n in range(1, count + 1)], section
    assert len(ROWS) == sum(SECTIONS.values())


def test_every_test_that_a_row_names_is_there() -> None:
    for number, _, _, verdict, shown in ROWS:
        named = re.findall(r"((?:\w+/)?test_\w+\.py)(?:::(test_\w+))?", shown)
        assert named or verdict != "yes", f"{number} has no test"
        for file, test in named:
            found = list((ROOT / "tests").rglob(file))
            assert found, f"{number}: {file}"
            if test:
                assert any(f"def {test}(" in path.read_text() for path in found), f"{number}: {file}::{test}"


def test_what_a_row_names_of_the_code_is_there() -> None:
    for number, _, _, _, shown in ROWS:
        for path in re.findall(r"`((?:authsvc|tests)/[\w/.]+)`", shown):
            assert (ROOT / path).is_file(), f"{number}: {path}"
