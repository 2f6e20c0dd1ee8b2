"""Every input from a public tracker has a test that is there, and every test of such an input has its row."""

import re

from tests.policy.repository import ROOT, text_of

ROW = re.compile(r"^\| ([A-Z][^|]*?) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/\S+?[.]py)::(test_\w+)`")
ROWS = {name: TEST.findall(held_by) for name, held_by in ROW.findall(text_of(ROOT / "docs/corpus.md"))}
CASES = "tests/corpus/test_cases.py"


def is_there(path: str, name: str) -> bool:
    """Is there a test of this name?"""
    return (ROOT / path).exists() and f"\ndef {name}(" in text_of(ROOT / path)


def test_every_row_is_held_by_tests_that_are_there() -> None:
    assert len(ROWS) >= 30
    assert not [row for row, tests in ROWS.items() if not tests]
    assert not [test for tests in ROWS.values() for test in tests if not is_there(*test)]


def test_every_case_of_the_corpus_has_its_row() -> None:
    named = {name for tests in ROWS.values() for path, name in tests if path == CASES}
    assert named == set(re.findall(r"^def (test_\w+)\(", text_of(ROOT / CASES), re.MULTILINE))
