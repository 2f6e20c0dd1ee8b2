"""How a local box is started, and what its preflight says."""

from pathlib import Path
from typing import Any

import pytest

from tests.loading import module

machine = module("roles/box/library/box_machine.py")
preflight = module("roles/box/library/box_preflight.py")


def parameters(**more: Any) -> dict[str, Any]:
    own = "/boxes/demo/library"
    return {
        "name": "demo",
        "directory": "/boxes/demo",
        "bridge": "ks0",
        "library": own,
        "library_writable": True,
    } | more


def test_library_is_bound_at_the_same_path_on_both_sides() -> None:
    assert "--bind=/boxes/demo/library" in machine.nspawn_command(parameters())


def test_folder_of_a_person_is_bound_read_only_whatever_its_name() -> None:
    command = machine.nspawn_command(parameters(library="/films: new", library_writable=False))
    assert r"--bind-ro=/films\: new" in command


def test_unified_hierarchy_is_found_beside_the_old_ones() -> None:
    mounts = (
        "30 24 0:26 / /sys/fs/cgroup rw shared:4 - tmpfs tmpfs rw\n"
        "31 30 0:27 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
        "32 30 0:28 / /sys/fs/cgroup/unified rw shared:6 - cgroup2 cgroup2 rw\n"
    )
    assert machine.unified_hierarchy(mounts) == Path("/sys/fs/cgroup/unified")


def test_machine_without_control_groups_is_told_what_to_mount() -> None:
    with pytest.raises(machine.MachineError, match="mount"):
        machine.unified_hierarchy("24 1 254:0 / / rw - ext4 /dev/vda rw\n")
    assert list(preflight.no_control_group("24 1 254:0 / / rw - ext4 /dev/vda rw\n"))


def chain(family: str, table: str, policy: str) -> dict[str, Any]:
    return {"chain": {"family": family, "table": table, "name": "FORWARD", "hook": "forward", "policy": policy}}


def test_firewall_that_drops_forwarded_packets_is_named_with_the_rule_that_helps() -> None:
    [sentence] = preflight.dropping_firewall({"nftables": [chain("inet", "filter", "drop")]}, "ks0")
    assert "nft insert rule inet filter FORWARD iifname ks0 accept" in sentence


def test_firewall_that_already_passes_the_bridge_is_left_alone() -> None:
    match = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "ks0"}}
    rule = {"rule": {"family": "inet", "table": "filter", "chain": "FORWARD", "expr": [match, {"accept": None}]}}
    assert not list(preflight.dropping_firewall({"nftables": [chain("inet", "filter", "drop"), rule]}, "ks0"))


def test_dropping_chain_of_iptables_is_no_problem_because_the_role_adds_its_rules_there() -> None:
    assert not list(preflight.dropping_firewall({"nftables": [chain("ip", "filter", "drop")]}, "ks0"))


def test_too_old_nspawn_is_named() -> None:
    assert not list(preflight.nspawn_too_old("systemd 252 (252.39-1~deb12u2)\n+PAM"))
    assert "241" in next(iter(preflight.nspawn_too_old("systemd 241 (241)\n")))


def test_full_disk_is_named(tmp_path: Path) -> None:
    [sentence] = preflight.no_room([str(tmp_path / "not" / "there")], 10**18)
    assert str(tmp_path) in sentence
