"""Nothing but ssh, the redirect and the service can be reached, and the ruleset is exactly the one we mean."""

import json
import socket
from typing import Any

import pytest
from testinfra.host import Host

from tests.host.client import Access


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


def test_the_loaded_ruleset_is_the_rendered_one_and_nothing_else(host: Host) -> None:
    loaded = _rules(host.check_output("nft --json list ruleset"))
    rendered = _rules(
        host.check_output(
            "unshare --net sh -c 'nft --file /etc/nftables.conf && nft --json list ruleset'",
        )
    )
    assert loaded == rendered
    assert any(rule.get("chain", {}).get("policy") == "drop" for rule in loaded)


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
