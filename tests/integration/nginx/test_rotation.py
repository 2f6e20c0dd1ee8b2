"""When the logs of Nginx are rotated, tried with logrotate itself on what the role writes."""

import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest

from testbed.servers.nginx_server import ROLE, role_variables

MIB = 1 << 20
OVER, BELOW = MIB + 1, MIB - 1


class Logs:
    """A folder of logs and the role's configuration for it, without owners: those are www-data's on a host."""

    def __init__(self, folder: Path, **variables: Any) -> None:
        self.folder = folder
        jinja = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701 (no HTML)
        jinja.filters["comment"] = lambda text: f"# {text}"
        known = role_variables() | {"nginx_log_dir": str(folder)} | variables
        text = jinja.from_string((ROLE / "templates/logrotate.j2").read_text()).render(known)
        text = re.sub(r"^ *su .*$", "", text, flags=re.MULTILINE).replace(" www-data adm", "")
        text = text.replace("runuser --user=www-data -- ", "")
        # The signal is for the host's Nginx.
        text = re.sub(r"systemctl kill [^\n]*", "true", text)
        (folder / "conf").write_text(text + "\n")
        for name in ("access", "account", "error"):
            (folder / f"{name}.log").write_text("a line\n")
        self.rotate()

    def rotate(self) -> int:
        done = subprocess.run(
            ["logrotate", "--state", self.folder / "state", self.folder / "conf"], capture_output=True, check=False
        )
        return done.returncode

    def rotated(self) -> set[str]:
        return {file.name for file in self.folder.glob("*.log.*")}


def test_a_log_is_rotated_by_size_before_its_day_is_over(tmp_path: Path) -> None:
    logs = Logs(tmp_path, nginx_log_max_mb=1)
    assert logs.rotated() == set()
    (tmp_path / "access.log").write_text("x" * OVER)
    (tmp_path / "account.log").write_text("x" * BELOW)
    assert logs.rotate() == 0
    assert logs.rotated() == {"access.log.1"}
    assert (tmp_path / "access.log").read_text() == ""
    assert logs.rotate() == 0
    assert logs.rotated() == {"access.log.1"}


def test_a_flood_leaves_a_bounded_number_of_files(tmp_path: Path) -> None:
    logs = Logs(tmp_path, nginx_log_max_mb=1, nginx_log_files=3)
    for _ in range(6):
        (tmp_path / "error.log").write_text("x" * OVER)
        assert logs.rotate() == 0
    assert logs.rotated() == {"error.log.1", "error.log.2.gz", "error.log.3.gz"}


@pytest.mark.parametrize(("guard", "rotated"), [("true", {"account.log.1"}), ("false", set())])
def test_the_book_waits_for_the_ledger_however_large_it_is(tmp_path: Path, guard: str, rotated: set[str]) -> None:
    logs = Logs(tmp_path, nginx_log_max_mb=1, nginx_account_log_guard=guard)
    (tmp_path / "account.log").write_text("x" * OVER)
    logs.rotate()
    assert logs.rotated() == rotated
