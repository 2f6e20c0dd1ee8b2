#!/usr/bin/python
"""Have units of systemd run what is written: asked of the host, and not of what this play has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: refresh_units
short_description: Starts, restarts and reloads units that don't run what is written
description:
  - A unit is outdated when a file that it was started from is younger than its start or, where a reload is enough,
    than its last start or reload. Asking the host covers a play that was stopped between writing a file and taking
    it over, as no handler can.
  - All of it takes one round trip. What is restarted together is one transaction of systemd, which knows that a
    service ends before its socket and starts after it.
  - In check mode it says what it would do. C(check_mode=true) on the task alone asks, for a handler that tests first.
options:
  units:
    description: The units and what each was made from.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Full name of the unit., type: str, required: true}
      restart: {description: "What it reads when it starts, beside its unit.", type: list, elements: path}
      reload: {description: What it reads again when it is reloaded., type: list, elements: path}
      start:
        description: Whether it has to run (always), is left alone unless it runs (if_active), or is the matter of
          something else, and only its files have to be read (never).
        type: str
        choices: [always, if_active, never]
        default: always
"""

RETURN = r"""
restarted: {description: What ran something outdated., returned: always, type: list}
reloaded: {description: What read its settings again., returned: always, type: list}
started: {description: What did not run., returned: always, type: list}
enabled: {description: What did not start at boot., returned: always, type: list}
"""

UNIT = {
    "name": {"type": "str", "required": True},
    "restart": {"type": "list", "elements": "path", "default": []},
    "reload": {"type": "list", "elements": "path", "default": []},
    "start": {"type": "str", "choices": ["always", "if_active", "never"], "default": "always"},
}
PROPERTIES = (
    "Id", "ActiveState", "UnitFileState", "NeedDaemonReload", "FragmentPath", "DropInPaths",
    "ActiveEnterTimestamp", "StateChangeTimestamp",
)  # fmt: skip
LOCAL = Path("/etc/systemd/system")


def parse(shown: str) -> list[dict[str, str]]:
    """The blocks of `systemctl show`, in the order of the units asked for."""
    blocks = shown.strip("\n").split("\n\n")
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]


def seconds(timestamp: str) -> float:
    """A time as `--timestamp=us+utc` writes it; 0 for never."""
    if not timestamp:
        return 0.0
    return datetime.strptime(timestamp, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()


def youngest(paths: Iterable[str | Path]) -> float:
    """When the youngest of the files was written, a link by itself; 0 where there is none."""
    return max((os.lstat(path).st_mtime for path in paths if os.path.lexists(path)), default=0.0)


def own_files(state: dict[str, str]) -> set[str | Path]:
    """The unit's files as systemd knows them, and as they lie where a role writes them."""
    known = [path for path in (state["FragmentPath"], *state["DropInPaths"].split()) if path]
    return {*known, LOCAL / state["Id"], *(LOCAL / f"{state['Id']}.d").glob("*.conf")}


def unread(state: dict[str, str]) -> bool:
    """Whether systemd has to read unit files again. It does not notice by itself a file that overrides another."""
    overridden = (LOCAL / state["Id"]).exists() and state["FragmentPath"] != str(LOCAL / state["Id"])
    return state["NeedDaemonReload"] == "yes" or overridden


def judge(unit: dict[str, Any], state: dict[str, str]) -> str | None:
    """start, restart, reload, or None where nothing is outdated."""
    if unit["start"] == "never":
        return None
    if state["ActiveState"] not in {"active", "reloading"}:
        return "start" if unit["start"] == "always" else None
    if youngest([*own_files(state), *unit["restart"]]) > seconds(state["ActiveEnterTimestamp"]):
        return "restart"
    # A reload is a change of state and back.
    if youngest(unit["reload"]) > seconds(state["StateChangeTimestamp"]):
        return "reload"
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={"units": {"type": "list", "elements": "dict", "required": True, "options": UNIT}},
        supports_check_mode=True,
    )
    units = module.params["units"]
    if not units:
        module.exit_json(changed=False, restarted=[], reloaded=[], started=[], enabled=[])

    def systemctl(*arguments: str) -> str:
        status, output, errors = module.run_command(["systemctl", *arguments], environ_update={"LC_ALL": "C"})
        if status != 0:
            module.fail_json(msg=errors.strip() or output.strip(), cmd=["systemctl", *arguments])
        return str(output)

    properties = ",".join(PROPERTIES)
    shown = systemctl("show", "--timestamp=us+utc", f"--property={properties}", *(unit["name"] for unit in units))
    states = parse(shown)
    todo: dict[str, list[str]] = {"restart": [], "reload": [], "start": []}
    for unit, state in zip(units, states, strict=True):
        verdict = judge(unit, state)
        if verdict:
            todo[verdict].append(unit["name"])
    # systemd opens no new socket under a running service.
    reopened = [name.removesuffix(".socket") + ".service" for name in todo["restart"] if name.endswith(".socket")]
    todo["restart"] += [name for name in reopened if name not in todo["restart"]]
    todo["reload"] = [name for name in todo["reload"] if name not in todo["restart"]]
    disabled = [
        unit["name"]
        for unit, state in zip(units, states, strict=True)
        if state["UnitFileState"] in {"", "disabled"} and unit["start"] == "always"
    ]
    reread = any(unread(state) for state in states)
    if not module.check_mode:
        if reread:
            systemctl("daemon-reload")
        if disabled:
            systemctl("enable", "--quiet", *disabled)
        for verb, names in todo.items():
            if names:
                systemctl(verb, *names)
    module.exit_json(
        changed=reread or bool(disabled) or any(todo.values()),
        restarted=todo["restart"], reloaded=todo["reload"], started=todo["start"], enabled=disabled,
    )  # fmt: skip


if __name__ == "__main__":
    main()
