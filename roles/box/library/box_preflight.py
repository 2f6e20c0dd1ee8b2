#!/usr/bin/python
"""What this machine lacks for booting boxes, one sentence each, all of them at once."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: box_preflight
short_description: Lists what this machine lacks for booting boxes
options:
  directories: {description: Folders that will hold boxes and caches., type: list, elements: path, required: true}
  free_bytes: {description: Room that each of them needs., type: int, required: true}
  bridge: {description: Bridge of the boxes., type: str, required: true}
"""

# command -> Debian package that brings it
COMMANDS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
OLDEST_NSPAWN = 247
# Our own, and iptables' (box_network puts its rules there).
KNOWN_TABLES = {("ip", "kinetoscope_boxes"), ("ip", "filter")}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)


def missing_commands() -> Iterator[str]:
    lacking = {package for command, package in COMMANDS.items() if not shutil.which(command)}
    if not KEYRING.exists():
        lacking.add("debian-archive-keyring")
    if lacking:
        yield f"Commands that a box needs are missing: apt-get install {' '.join(sorted(lacking))}."


def nspawn_too_old(version: str) -> Iterator[str]:
    found = re.match(r"systemd (\d+)", version)
    if found and int(found[1]) < OLDEST_NSPAWN:
        yield f"systemd-nspawn {found[1]} is older than {OLDEST_NSPAWN}: use Debian 12 or newer on this machine."


def no_privilege() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "Boxes are booted by root only: run make as root."
    elif run("unshare", "--mount", "true").returncode:
        yield "This machine may not make mount namespaces: if it is a container, start it privileged."


def no_control_group(mountinfo: str) -> Iterator[str]:
    groups = [line.split()[4] for line in mountinfo.splitlines() if " - cgroup2 " in line]
    if not groups:
        yield "No cgroup2 file system is mounted here: mount -t cgroup2 none /sys/fs/cgroup/unified."
    elif not os.access(groups[0], os.W_OK) or read_only(groups[0]):
        yield f"{groups[0]} is read-only: if this machine is a container, give it a writable cgroup name space."


def read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def no_network(bridge: str) -> Iterator[str]:
    if Path("/sys/class/net", bridge).exists():
        return
    for kind in ("bridge", "veth"):
        probe = f"ksp{os.getpid() % 10**6}"
        made = run("ip", "link", "add", probe, "type", kind)
        run("ip", "link", "delete", probe)
        if made.returncode:
            yield f"No {kind} interface can be made ({made.stderr.strip()}): modprobe {kind} on the real machine."


def no_forwarding() -> Iterator[str]:
    if FORWARDING.read_text().strip() != "1" and read_only(str(FORWARDING)):
        yield "Forwarding is off and read-only here: sysctl -w net.ipv4.ip_forward=1 on the real machine."


def dropping_firewall(rules: dict[str, Any], bridge: str) -> Iterator[str]:
    """Chains that drop what a box sends and hold no rule for its bridge yet."""
    listed = rules["nftables"]
    passing = {
        (rule["family"], rule["table"], rule["chain"])
        for rule in (item["rule"] for item in listed if "rule" in item)
        if f'"{bridge}"' in json.dumps(rule)
    }
    for chain in (item["chain"] for item in listed if "chain" in item):
        drops = chain.get("hook") == "forward" and chain.get("policy") == "drop" and chain["family"] != "ip6"
        place = (chain["family"], chain["table"], chain["name"])
        if drops and place[:2] not in KNOWN_TABLES and place not in passing:
            where = " ".join(place)
            yield (
                f"The firewall drops what boxes send and receive: nft insert rule {where} iifname {bridge} accept; "
                f"nft insert rule {where} oifname {bridge} accept."
            )


def no_room(directories: list[str], needed: int) -> Iterator[str]:
    for directory in directories:
        place = Path(directory)
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        if free < needed:
            yield f"{directory} has {free / 1e9:.1f} GB free and a box needs {needed / 1e9:.0f} GB: make room there."


def problems(params: dict[str, Any]) -> Iterator[str]:
    if platform.system() != "Linux":
        yield "Boxes need Linux: run this on Debian 12 or newer."
        return
    yield from missing_commands()
    yield from no_privilege()
    if shutil.which("systemd-nspawn"):
        answer = run("systemd-nspawn", "--version")
        yield from nspawn_too_old(answer.stdout)
    yield from no_control_group(Path("/proc/self/mountinfo").read_text())
    if os.geteuid() == 0 and shutil.which("ip"):
        yield from no_network(params["bridge"])
    yield from no_forwarding()
    if os.geteuid() == 0 and shutil.which("nft"):
        listed = run("nft", "-j", "list", "ruleset")
        if listed.returncode:
            yield f"nftables does not work here ({listed.stderr.strip()}): modprobe nf_tables on the real machine."
        else:
            yield from dropping_firewall(json.loads(listed.stdout), params["bridge"])
    yield from no_room(params["directories"], params["free_bytes"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directories": {"type": "list", "elements": "path", "required": True},
            "free_bytes": {"type": "int", "required": True},
            "bridge": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, problems=list(problems(module.params)))


if __name__ == "__main__":
    main()
