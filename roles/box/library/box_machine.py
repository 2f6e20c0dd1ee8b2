#!/usr/bin/python
"""One booted box: systemd-nspawn in a control group of its own, so that all of it is found and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: box_machine
short_description: Boots, restarts or ends a local box
description:
  - Where systemd runs this machine, the box is a transient service of it.
  - Elsewhere it is a detached process in a control group of its own.
  - The control group, not a process name, says what belongs to a box. Nothing else is ever signalled.
options:
  name: {description: Name of the box., type: str, required: true}
  state: {description: Whether the box runs., type: str, choices: [started, absent], default: started}
  directory: {description: Folder of the box; its file system is root/ below., type: path, required: true}
  bridge: {description: Bridge that the box joins., type: str, required: true}
  library: {description: Folder bound at the same path., type: path, default: ""}
  library_writable: {description: Whether the box may write there., type: bool, default: false}
"""

PATIENCE_SECONDS = 30
# systemd-nspawn ends with this status when the box asked for a reboot.
REBOOT_STATUS = 133
DETACHED_LOOP = f"""\
#!/bin/sh
# Written by roles/box: keeps the box running over its own reboots.
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
echo $$ > "$1/cgroup.procs" || exit
shift
while :; do
  "$@"
  status=$?
  [ "$status" -eq {REBOOT_STATUS} ] || exit "$status"
done
"""


class MachineError(Exception):
    """A sentence that says why the box does not run."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)


def nspawn_command(params: dict[str, Any]) -> list[str]:
    command = [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--keep-unit",
        "--register=no",
        "--resolv-conf=off",
        "--console=read-only",
        f"--machine={params['name']}",
        f"--directory={params['directory']}/root",
        f"--network-bridge={params['bridge']}",
    ]
    if params["library"]:
        # A colon separates the two sides of a bind, so one in a folder's name needs its backslash.
        path = params["library"].replace("\\", "\\\\").replace(":", "\\:")
        command.append(f"--bind{'' if params['library_writable'] else '-ro'}={path}")
    return command


def unified_hierarchy(mounts: str) -> Path:
    """Where control groups of version 2 are mounted, read from /proc/self/mountinfo."""
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        if source.startswith("cgroup2 "):
            return Path(place.split()[4])
    raise MachineError("No cgroup2 file system is mounted here: mount one at /sys/fs/cgroup/unified.")


class Detached:
    """A box on a machine that systemd does not run."""

    def __init__(self, name: str, directory: Path) -> None:
        self.group = unified_hierarchy(Path("/proc/self/mountinfo").read_text()) / f"kinetoscope-box-{name}"
        self.directory = directory

    def supervisor(self) -> int | None:
        """The process id of this box's systemd-nspawn, if it lives."""
        with contextlib.suppress(FileNotFoundError):
            for process in (self.group / "supervisor/cgroup.procs").read_text().split():
                if Path("/proc", process, "comm").read_text().strip() == "systemd-nspawn":
                    return int(process)
        return None

    def populated(self) -> bool:
        events = self.group / "cgroup.events"
        return events.exists() and "populated 1" in events.read_text()

    def start(self, command: list[str], log: Path) -> None:
        self.group.mkdir(exist_ok=True)
        loop = self.directory / "keep-running"
        loop.write_text(DETACHED_LOOP)
        loop.chmod(0o755)
        with log.open("ab") as output:
            subprocess.Popen(
                [str(loop), str(self.group), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
                umask=0o022,
            )

    def shut_down(self) -> None:
        supervisor = self.supervisor()
        if supervisor:
            os.kill(supervisor, signal.SIGTERM)
            wait_until(lambda: not self.populated())

    def end(self) -> None:
        if self.populated():
            (self.group / "cgroup.kill").write_text("1")
            wait_until(lambda: not self.populated())
        for folder, _, _ in os.walk(self.group, topdown=False):
            Path(folder).rmdir()


class Managed:
    """A box as a transient service of the systemd that runs this machine."""

    def __init__(self, name: str) -> None:
        self.unit = f"kinetoscope-box-{name}.service"

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run("systemctl", *arguments, self.unit)

    def supervisor(self) -> int | None:
        process = int(self.systemctl("show", "--property=MainPID", "--value").stdout.strip() or 0)
        return process or None

    def populated(self) -> bool:
        return self.systemctl("is-active").stdout.strip() in {"active", "activating", "deactivating", "reloading"}

    def start(self, command: list[str], log: Path) -> None:
        properties = {
            "Delegate": "yes",
            "KillMode": "mixed",
            "RestartForceExitStatus": REBOOT_STATUS,
            "SuccessExitStatus": REBOOT_STATUS,
            "StandardOutput": f"append:{log}",
            "StandardError": f"append:{log}",
            "TasksMax": 16384,
            "TimeoutStopSec": PATIENCE_SECONDS,
        }
        given = [f"--property={key}={value}" for key, value in properties.items()]
        place = ["--quiet", "--collect", f"--unit={self.unit}", "--slice=machine.slice"]
        done = run("systemd-run", *place, *given, *command)
        if done.returncode:
            raise MachineError(f"systemd-run refused the box: {done.stderr.strip()}")

    def shut_down(self) -> None:
        self.systemctl("stop")

    def end(self) -> None:
        if self.populated():
            self.systemctl("kill", "--signal=SIGKILL")
            self.systemctl("stop")
        self.systemctl("reset-failed")


def wait_until(condition: Any) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Machine:
    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.name: str = params["name"]
        self.directory = Path(params["directory"])
        self.log = self.directory / "console.log"
        self.command_file = self.directory / "command"
        managed = Path("/run/systemd/system").is_dir()
        self.keeper: Detached | Managed = Managed(self.name) if managed else Detached(self.name, self.directory)

    def started(self) -> bool:
        command = nspawn_command(self.params)
        record = "\n".join(command) + "\n"
        known = self.command_file.read_text() if self.command_file.exists() else ""
        if self.keeper.supervisor() and known == record:
            return False
        self.keeper.shut_down()
        self.clear()
        self.command_file.write_text(record)
        self.keeper.start(command, self.log)
        time.sleep(0.5)
        if not wait_until(lambda: self.keeper.supervisor() or not self.keeper.populated()):
            raise MachineError(f"The box did not start within {PATIENCE_SECONDS} s; see {self.log}.")
        if not self.keeper.supervisor():
            last = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            raise MachineError(f"systemd-nspawn ended at once: {' '.join(last)}")
        return True

    def absent(self) -> bool:
        changed = self.clear()
        if self.directory.exists():
            self.refuse_mounts()
            shutil.rmtree(self.directory)
            changed = True
        return changed

    def clear(self) -> bool:
        """End what still runs and take away what a killed run leaves: its mounts and its end of the wire."""
        changed = self.keeper.populated()
        self.keeper.end()
        wire = f"vb-{self.name}"
        if Path("/sys/class/net", wire).exists():
            run("ip", "link", "delete", wire)
            changed = True
        for mount in self.mounts():
            run("umount", mount)
            changed = True
        for folder in ("propagate", "unix-export"):
            with contextlib.suppress(OSError):
                Path("/run/systemd/nspawn", folder, self.name).rmdir()
        return changed

    def mounts(self) -> list[str]:
        """Mounts of this box that a dead run left on this machine, the deepest first."""
        places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        below = (f"{self.directory}/root", f"/run/systemd/nspawn/unix-export/{self.name}")
        found = [place for place in places if place.startswith(tuple(f"{top}/" for top in below)) or place in below]
        return sorted(found, key=len, reverse=True)

    def refuse_mounts(self) -> None:
        left = self.mounts()
        if left:
            raise MachineError(f"{left[0]} is still mounted and would be emptied: unmount it, then try again.")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
            "directory": {"type": "path", "required": True},
            "bridge": {"type": "str", "required": True},
            "library": {"type": "path", "default": ""},
            "library_writable": {"type": "bool", "default": False},
        },
    )
    try:
        machine = Machine(module.params)
        changed = machine.started() if module.params["state"] == "started" else machine.absent()
    except (MachineError, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
