"""An inventory's mistakes come back as sentences with the variable, the value and the fix."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.loading import module

SPECIFICATION = """
argument_specs:
  main:
    options:
      tls_names: {type: list, description: Names of the certificate.}
      tls_server_days: {type: int, description: "How long it is valid, in days, 2 to 825."}
"""


@pytest.fixture
def plugin() -> ModuleType:
    return module("ansible/filter_plugins/inventory_complaints.py")


@pytest.fixture
def result(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "argument_specs.yml"
    path.write_text(SPECIFICATION)
    return {"item": str(path)}


def test_a_right_inventory_is_not_complained_about(plugin: ModuleType, result: dict[str, Any]) -> None:
    assert plugin.inventory_complaints([result], ["tls_names"]) == []


def test_a_wrong_value_is_named_with_what_it_should_be(plugin: ModuleType, result: dict[str, Any]) -> None:
    result["argument_errors"] = ["argument 'tls_server_days' is of type str: 'abc' cannot be converted to an int"]
    (complaint,) = plugin.inventory_complaints([result], [])
    assert complaint.endswith("Fix: set tls_server_days to int: How long it is valid, in days, 2 to 825.")
    assert "'abc'" in complaint


def test_a_misspelled_variable_is_refused_with_the_right_name(plugin: ModuleType, result: dict[str, Any]) -> None:
    (complaint,) = plugin.inventory_complaints([result], ["tls_names", "tls_sever_days"])
    assert complaint.startswith("tls_sever_days is no variable of any role")
    assert complaint.endswith("Did you mean tls_server_days?")
