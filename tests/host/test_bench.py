"""Every documented bench of a box works on one as it comes, in its quickest form."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.benches import ON_A_BOX, commands, ran

# They load the box, restart its Nginx and leave users behind.
pytestmark = pytest.mark.disruptive


@pytest.fixture(scope="module")
def access_file(shell: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """How the box is reached, by an admin of the benches' own: their sign-ins would push out the tests' admin."""
    name, password = f"bench-{secrets.token_hex(3)}", secrets.token_urlsafe(18)
    shell(f"kinetoscope user add --username {name} --role admin --email {name}@example.org", password)
    known = json.loads(Path(os.environ["KINETOSCOPE_ACCESS"]).read_text())
    file = tmp_path_factory.mktemp("bench") / "access.json"
    file.write_text(json.dumps(known | {"admin_username": name, "admin_password": password}))
    yield file
    shell(f"kinetoscope user disable --username {name}")


@pytest.mark.parametrize("command", commands(ON_A_BOX), ids=" ".join)
def test_bench_runs_and_prints_a_table(command: list[str], access_file: Path, tmp_path: Path) -> None:
    assert "|" in ran(command, tmp_path, KINETOSCOPE_ACCESS=str(access_file))
