"""Servers of the tests leave no process behind."""

import sys
from pathlib import Path

from testbed.servers.child import Child
from testbed.waiting import eventually

WRAPPER = """
import pathlib, subprocess, sys
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(server.pid))
server.wait()
"""


def test_what_a_wrapper_has_started_ends_with_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    child = Child(
        [sys.executable, "-c", WRAPPER, str(told)], tmp_path / "log", lambda: told.exists() and told.read_text()
    )
    server = Path("/proc", told.read_text())
    assert server.exists()
    child.stop()
    assert eventually(lambda: not server.exists() or "Z" in (server / "stat").read_text().split(")")[1][:3])
