"""What somebody writes into an inventory counts, wherever in it they write it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policy.repository import ROOT

HOST = "tv.example.org"


def value(inventory: Path, name: str) -> object:
    """A host's variable as the plays see it."""
    command = [
        Path(sys.executable).with_name("ansible-inventory"), "--inventory", inventory,
        "--playbook-dir", ROOT / "ansible", "--host", HOST,
    ]  # fmt: skip
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(said)[name]


@pytest.mark.parametrize("group", ["kinetoscope", "all"])
def test_a_group_of_the_inventorys_own_file_outranks_our_defaults(tmp_path: Path, group: str) -> None:
    (tmp_path / "hosts.yml").write_text(
        f"kinetoscope: {{hosts: {{{HOST}: {{ansible_host: 192.0.2.10}}}}}}\n{group}: {{vars: {{public_host: given}}}}\n"
        if group == "all"
        else f"kinetoscope: {{hosts: {{{HOST}: {{ansible_host: 192.0.2.10}}}}, vars: {{public_host: given}}}}\n"
    )
    assert value(tmp_path, "public_host") == "given"


def test_the_example_says_who_it_is() -> None:
    assert value(ROOT / "inventory/example", "public_host") == HOST
