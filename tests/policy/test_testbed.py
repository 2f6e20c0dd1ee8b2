"""What tests and bench share stands in testbed: neither borrows from the other, and the product from none of them."""

import ast
from pathlib import Path

import pytest

from tests.conftest import LONG
from tests.policy.repository import ROOT, files, relative


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("bench", {"tests"}),
        ("testbed", {"tests", "bench", "pytest"}),
        ("tests", {"bench"}),
        ("authsvc", {"tests", "bench", "testbed"}),
        ("catalog", {"tests", "bench", "testbed"}),
        ("media", {"tests", "bench", "testbed"}),
        ("indexer", {"tests", "bench", "testbed"}),
    ],
)
def test_packages_borrow_from_none_that_stands_above_them(package: str, never: set[str]) -> None:
    modules = [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == package]
    assert modules
    assert not {relative(path): found for path in modules if (found := imported(path) & never)}


def test_integration_tests_stand_in_rooms() -> None:
    """None at the top, where nobody would look for it."""
    assert not list((ROOT / "tests/integration").glob("test_*.py"))


def test_the_files_that_are_begun_first_are_there() -> None:
    assert [name for name in LONG if not (ROOT / "tests" / name).is_file()] == []
