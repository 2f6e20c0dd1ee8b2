#!/usr/bin/python
"""Several small text files in one round trip, each compared, shown and replaced by itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: write_files
short_description: Writes several small text files in one round trip
description:
  - What C(ansible.builtin.template) does in a loop costs two or three connections a file; this costs one for all.
  - The texts are rendered on the control machine by C(lookup('ansible.builtin.template', ...)).
  - A file is replaced by a rename, and only when its text, mode or owner differ; check mode and diff are per file.
  - A missing folder is made, of root and 0755, as the folder of settings is on every Debian.
options:
  files:
    description: The files, each with its path (dest) and text (content).
    type: list
    elements: dict
    required: true
    suboptions:
      dest: {description: Absolute path., type: path, required: true}
      content: {description: The whole text., type: str, required: true}
      mode: {description: Mode in octal digits, where it is another than that of all., type: str}
      group: {description: Group, where it is another than that of all., type: str}
  owner: {description: Owner of all., type: str, default: root}
  group: {description: Group of all., type: str, default: root}
  mode: {description: Mode of all., type: str, default: "0644"}
"""

RETURN = r"""
written:
  description: Paths of what was written, or would be in check mode.
  returned: always
  type: list
"""

FILE = {
    "dest": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str"},
    "group": {"type": "str"},
}


def present_text(path: Path) -> str | None:
    """What stands there now; None where nothing does. A strange byte differs from every text and is replaced."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return None


def replace(module: AnsibleModule, path: Path, text: str) -> None:
    """Write beside the file and rename, so that no reader ever meets half of it."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    module.atomic_move(unfinished, str(path))


def bring(module: AnsibleModule, wanted: dict[str, Any]) -> dict[str, str] | None:
    """One file as it is wanted: its difference when something had to change."""
    path = Path(wanted["dest"])
    before = present_text(path)
    differs = before != wanted["content"]
    if differs and not module.check_mode:
        replace(module, path, wanted["content"])
    attributes = {
        "path": str(path), "owner": module.params["owner"], "group": wanted["group"] or module.params["group"],
        "mode": wanted["mode"] or module.params["mode"], "attributes": None,
        "secontext": [None, None, None],
    }  # fmt: skip
    moved = path.exists() and module.set_fs_attributes_if_different(attributes, changed=False)
    if not (differs or moved):
        return None
    return {
        "before_header": str(path),
        "after_header": str(path),
        "before": before or "",
        "after": wanted["content"],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": FILE},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0644"},
        },
        supports_check_mode=True,
    )
    differences = []
    for wanted in module.params["files"]:
        try:
            difference = bring(module, wanted)
        except OSError as error:
            module.fail_json(msg=f"{wanted['dest']} can't be written: {error}")
        if difference:
            differences.append(difference)
    written = [difference["after_header"] for difference in differences]
    # Ansible shows whatever comes: a task with `diff: false` holds secrets.
    shown = {"diff": differences} if module._diff else {}
    module.exit_json(changed=bool(written), written=written, **shown)


if __name__ == "__main__":
    main()
