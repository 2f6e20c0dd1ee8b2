"""The README's shell lines do what they promise, when the box's own address and password stand in them."""

import json
import re
import subprocess
from pathlib import Path

from testbed.viewers.box import Access, Viewer

README = Path(__file__).parents[2] / "README.md"
PART_BYTES = 1_048_576


def test_a_program_lists_the_library_and_reads_a_part_of_a_film(access: Access, carol: Viewer, tmp_path: Path) -> None:
    (lines,) = [block for block in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "token=" in block]
    given = {"api=": access.url.rstrip("/"), "ca=": access.ca_file}
    for name, value in given.items():
        lines, count = re.subn(rf"\b{name}\S+", f"{name}{value}", lines)
        assert count == 1, name
    credentials = {"username": carol.username, "password": carol.password}
    lines, count = re.subn(r"--json '[^']*'", f"--json @{tmp_path}/credentials", lines)
    assert count == 1
    (tmp_path / "credentials").write_text(json.dumps(credentials))
    done = subprocess.run(
        ["bash", "-euc", lines], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"title"' in done.stdout
    assert "/source." in done.stdout
    assert 0 < (tmp_path / "part").stat().st_size <= PART_BYTES
