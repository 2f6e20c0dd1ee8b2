#!/usr/bin/python
"""The one private network that all local boxes share: a bridge, a subnet, an address a box, a way out."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: box_network
short_description: Gives a local box its address on a private bridge
description:
  - Makes the bridge, its subnet, the nftables table that lets the boxes out, and switches forwarding on.
  - Hands every box an address that stays the same until the box is removed.
  - Removing the last box takes all of it away again and puts forwarding back as it was.
options:
  name: {description: Name of the box., type: str, required: true}
  state: {description: Whether the box has an address., type: str, choices: [present, absent], default: present}
  bridge: {description: Name of the bridge., type: str, required: true}
  pools: {description: Networks from which a free /24 is taken., type: list, elements: str, required: true}
  nameservers: {description: Nameservers to use instead of this machine's., type: list, elements: str}
  registry: {description: File that remembers subnet and addresses., type: path, required: true}
  lock: {description: File that is locked meanwhile., type: path, required: true}
"""

TABLE = "kinetoscope_boxes"
RULESET = """\
add table ip {table}
delete table ip {table}
table ip {table} {{
  chain leave {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {subnet} oifname != "{bridge}" masquerade
  }}
  chain pass {{
    type filter hook forward priority filter; policy accept;
    iifname "{bridge}" tcp flags syn tcp option maxseg size set rt mtu
    iifname "{bridge}" accept
    oifname "{bridge}" ct state established,related accept
    oifname "{bridge}" drop
  }}
}}
"""
RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class NetworkError(Exception):
    """A sentence that says what is missing and how to put it right."""


def free_subnet(pools: Iterable[str], taken: Iterable[str]) -> ipaddress.IPv4Network:
    """The first /24 of the pools that overlaps nothing this machine already routes."""
    used = [ipaddress.IPv4Network(network, strict=False) for network in taken]
    for pool in pools:
        for candidate in ipaddress.IPv4Network(pool).subnets(new_prefix=24):
            if not any(candidate.overlaps(network) for network in used):
                return candidate
    raise NetworkError(f"No /24 is free in {', '.join(pools)}: give other networks in box_network_pools.")


def user_of(subnet: ipaddress.IPv4Network, taken: Mapping[str, str]) -> str | None:
    """Which network of these overlaps it, and at which interface; None when none does."""
    for network, interface in taken.items():
        if subnet.overlaps(ipaddress.IPv4Network(network, strict=False)):
            return f"{network} at {interface}"
    return None


def free_address(subnet: ipaddress.IPv4Network, taken: Iterable[str]) -> str:
    """The lowest host address that no box has; the first one is the bridge's own."""
    used = set(taken)
    for address in list(subnet.hosts())[1:]:
        if str(address) not in used:
            return str(address)
    raise NetworkError(f"All addresses of {subnet} are taken: remove a box with make down BOX=<name>.")


def reachable_nameservers(resolver_files: Iterable[str]) -> list[str]:
    """Nameservers that a box can ask: those of the first file that are not this machine's loopback.

    A box has IPv4 only, so an IPv6 resolver does not help it.
    """
    for text in resolver_files:
        words = [line.split() for line in text.splitlines()]
        servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
        usable = [server for server in servers if ":" not in server and not server.startswith("127.")]
        if usable:
            return usable
    raise NetworkError(
        "This machine resolves names on its loopback only, which a box cannot reach: "
        "give a nameserver in box_nameservers."
    )


class Network:
    """Bridge, subnet, rules and addresses, under one lock so that boxes can be made side by side."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.name: str = module.params["name"]
        self.bridge: str = module.params["bridge"]
        self.registry = Path(module.params["registry"])
        # Not beside the registry, whose folder goes with the last box.
        self.lock = Path(module.params["lock"])
        self.changed = False

    def run(self, *command: str, stdin: str | None = None) -> str:
        status, out, err = self.module.run_command(list(command), data=stdin)
        if status:
            raise NetworkError(f"{' '.join(command)} failed: {err.strip() or out.strip()}.")
        return str(out)

    def works(self, *command: str) -> bool:
        """Whether a command that this machine may lack ends well."""
        return bool(shutil.which(command[0]) and self.module.run_command(list(command))[0] == 0)

    @contextlib.contextmanager
    def locked(self) -> Iterator[dict[str, Any]]:
        self.registry.parent.mkdir(parents=True, exist_ok=True)
        with self.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = json.loads(self.registry.read_text()) if self.registry.exists() else {"addresses": {}}
            yield known
            if known["addresses"]:
                partial = self.registry.with_suffix(".partial")
                partial.write_text(json.dumps(known, indent=2) + "\n")
                partial.rename(self.registry)
            else:
                self.registry.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.registry.parent.rmdir()
                    self.registry.parent.parent.rmdir()

    def routes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("ip", "-json", "-4", "route", "show", "table", "all"))
        return found

    def taken(self) -> dict[str, str]:
        """Networks that this machine uses for something else than the boxes, and the interface of each."""
        return {
            route["dst"]: route.get("dev", "no interface")
            for route in self.routes()
            if route.get("dev") != self.bridge and route["dst"] != "default"
        }

    def present(self) -> dict[str, Any]:
        with self.locked() as known:
            if "subnet" not in known:
                known["subnet"] = str(free_subnet(self.module.params["pools"], self.taken()))
                known["forwarding_before"] = FORWARDING.read_text().strip()
            subnet = ipaddress.IPv4Network(known["subnet"])
            if user := user_of(subnet, self.taken()):
                raise NetworkError(
                    f"{subnet}, the network of the boxes, is now used by something else here, {user}: "
                    "remove every box with make down BOX=<name> and make them again."
                )
            if self.name not in known["addresses"]:
                known["addresses"][self.name] = free_address(subnet, known["addresses"].values())
                self.changed = True
            self.ensure_bridge(subnet)
            self.ensure_way_out(subnet)
        return {
            "address": known["addresses"][self.name],
            "gateway": str(next(subnet.hosts())),
            "prefix": subnet.prefixlen,
            "mtu": self.mtu(),
            "nameservers": self.nameservers(),
        }

    def absent(self) -> dict[str, Any]:
        with self.locked() as known:
            self.changed = known["addresses"].pop(self.name, None) is not None
            if not known["addresses"]:
                self.remove(known.get("forwarding_before"))
        return {}

    def ensure_bridge(self, subnet: ipaddress.IPv4Network) -> None:
        if not Path("/sys/class/net", self.bridge).exists():
            self.run("ip", "link", "add", self.bridge, "type", "bridge")
            self.changed = True
        own = f"{next(subnet.hosts())}/{subnet.prefixlen}"
        if own not in self.run("ip", "-oneline", "-4", "address", "show", "dev", self.bridge):
            self.run("ip", "address", "add", own, "dev", self.bridge)
            self.changed = True
        self.run("ip", "link", "set", self.bridge, "up")
        if self.works("nmcli", "general"):
            self.run("nmcli", "device", "set", self.bridge, "managed", "no")

    def ensure_way_out(self, subnet: ipaddress.IPv4Network) -> None:
        """Masquerade what leaves, let nothing in, and pass a FORWARD chain that drops (Docker, ufw)."""
        listed = self.works("nft", "list", "table", "ip", TABLE) and self.run("nft", "list", "table", "ip", TABLE)
        if not listed or str(subnet) not in listed or f'"{self.bridge}"' not in listed:
            self.run("nft", "-f", "-", stdin=RULESET.format(table=TABLE, subnet=subnet, bridge=self.bridge))
            self.changed = True
        for rule in self.forward_rules():
            if self.works("iptables", "-S", "FORWARD") and not self.works("iptables", "-C", *rule):
                self.run("iptables", "-I", *rule)
                self.changed = True
        if FORWARDING.read_text().strip() != "1":
            FORWARDING.write_text("1")
            self.changed = True

    def forward_rules(self) -> list[list[str]]:
        mark = ["-m", "comment", "--comment", TABLE, "-j", "ACCEPT"]
        answers = ["-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED"]
        return [["FORWARD", "-i", self.bridge, *mark], ["FORWARD", "-o", self.bridge, *answers, *mark]]

    def remove(self, forwarding_before: str | None) -> None:
        for rule in self.forward_rules():
            if self.works("iptables", "-C", *rule):
                self.run("iptables", "-D", *rule)
                self.changed = True
        if self.works("nft", "list", "table", "ip", TABLE):
            self.run("nft", "delete", "table", "ip", TABLE)
            self.changed = True
        if Path("/sys/class/net", self.bridge).exists():
            self.run("ip", "link", "delete", self.bridge)
            self.changed = True
        if forwarding_before is not None and FORWARDING.read_text().strip() != forwarding_before:
            FORWARDING.write_text(forwarding_before)
            self.changed = True

    def mtu(self) -> int:
        """The narrowest way out, so that a box behind a tunnel never sends what does not fit."""
        out = {route["dev"] for route in self.routes() if route["dst"] == "default" and "dev" in route}
        if not out:
            raise NetworkError("This machine has no default route: the box fetches its packages through one.")
        return min(int(Path("/sys/class/net", device, "mtu").read_text()) for device in out)

    def nameservers(self) -> list[str]:
        given: list[str] = self.module.params["nameservers"]
        files = [Path(path) for path in RESOLVER_FILES]
        return given or reachable_nameservers(path.read_text() for path in files if path.exists())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "bridge": {"type": "str", "required": True},
            "pools": {"type": "list", "elements": "str", "required": True},
            "nameservers": {"type": "list", "elements": "str", "default": []},
            "registry": {"type": "path", "required": True},
            "lock": {"type": "path", "required": True},
        },
    )
    network = Network(module)
    try:
        facts = network.present() if module.params["state"] == "present" else network.absent()
    except (NetworkError, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=network.changed, **facts)


if __name__ == "__main__":
    main()
