"""Nothing but ssh, the redirect and the service can be reached, and the ruleset is exactly the one we mean."""

import json
import socket
from typing import Any

import pytest
from testinfra.host import Host

from testbed.viewers.box import Access
from testbed.waiting import eventually

OUR_TABLE = "table inet kinetoscope"


def _connects(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("port", [22, 80, 443])
def test_the_doors_of_the_house_are_open(access: Access, port: int) -> None:
    assert _connects(access.address, port)


@pytest.mark.parametrize("port", [5432, 6379, 6380, 8000, 8080, 9090, 111, 53, 25])
def test_every_other_port_is_closed(access: Access, port: int) -> None:
    assert not _connects(access.address, port)


def test_a_listener_that_somebody_starts_is_still_not_reachable(access: Access, host: Host) -> None:
    host.run("systemd-run --unit ks-listener --collect python3 -m http.server 8765 --bind 0.0.0.0")
    try:
        host.run("timeout 10 sh -c 'until ss -Hltn sport = 8765 | grep -q .; do sleep 0.1; done'")
        assert host.run("ss -Hltn 'sport = 8765'").stdout.strip(), "the listener did not start: the test proves nothing"
        assert not _connects(access.address, 8765)
    finally:
        host.run("systemctl stop ks-listener")


def test_our_loaded_table_is_the_rendered_one(host: Host) -> None:
    loaded = _rules(host.check_output(f"nft --json list {OUR_TABLE}"))
    rendered = _rules(
        host.check_output(
            f"unshare --net sh -c 'nft --file /etc/kinetoscope/firewall.nft && nft --json list {OUR_TABLE}'",
        )
    )
    assert loaded == rendered
    assert any(rule.get("chain", {}).get("policy") == "drop" for rule in loaded)


@pytest.mark.disruptive
@pytest.mark.parametrize(
    "command",
    [
        "systemctl reload kinetoscope-firewall",  # what a deploy does
        "systemctl restart kinetoscope-firewall",
        "nft --file /etc/kinetoscope/firewall.nft",
    ],
)
def test_the_table_of_somebody_else_stays(host: Host, command: str) -> None:
    host.check_output(
        "nft add table ip ks-nat && nft add chain ip ks-nat post '{ type nat hook postrouting priority 100; }'"
    )
    try:
        host.check_output(command)
        assert "chain post" in host.check_output("nft list table ip ks-nat")
        assert "policy drop" in host.check_output(f"nft list {OUR_TABLE}")
    finally:
        host.run("nft delete table ip ks-nat")


@pytest.mark.disruptive
@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_our_table_is_there_after_the_host_has_loaded_rules_of_its_own(host: Host, verb: str) -> None:
    """Debian's nftables.service begins with `flush ruleset`, and ends with it."""
    state = host.run("systemctl is-active nftables; systemctl is-enabled nftables").stdout.split()
    file = "/etc/nftables.conf"
    host.check_output("cp --archive %s %s", file, f"{file}.ks-aside")
    try:
        host.check_output(f"printf 'flush ruleset\ntable ip ks-own {{ }}\n' >{file} && systemctl start nftables")
        host.check_output("systemctl %s nftables", verb)
        assert host.run("nft list table ip ks-own").rc == 0
        assert eventually(lambda: "policy drop" in host.run(f"nft list {OUR_TABLE}").stdout, within=5)
    finally:
        host.run("mv %s %s", f"{file}.ks-aside", file)
        host.run("nft delete table ip ks-own")
        if "inactive" in state:
            host.run("systemctl stop nftables; systemctl start kinetoscope-firewall")
    assert "policy drop" in host.check_output(f"nft list {OUR_TABLE}")


def _rules(listing: str) -> list[dict[str, Any]]:
    """The ruleset without what differs between two loads of it: handles, counters and the contents of sets."""

    def plain(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: plain(value) for key, value in node.items() if key not in {"handle", "packets", "bytes", "elem"}
            }
        return [plain(entry) for entry in node] if isinstance(node, list) else node

    return [plain(entry) for entry in json.loads(listing)["nftables"] if "metainfo" not in entry]


def test_databases_listen_on_no_address(host: Host) -> None:
    listening = host.check_output("ss --no-header --listening --tcp --udp --numeric --processes")
    assert "postgres" not in listening
    assert "redis" not in listening
