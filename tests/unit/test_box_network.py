"""Which network and which resolver a local box gets."""

import pytest

from tests.loading import module

network = module("roles/box/library/box_network.py")


def test_first_free_subnet_of_the_pools_is_taken() -> None:
    assert str(network.free_subnet(["10.213.0.0/16"], ["192.0.2.0/24"])) == "10.213.0.0/24"


def test_subnet_that_overlaps_a_route_is_passed_over() -> None:
    taken = ["10.213.0.0/23", "10.213.2.7/32"]
    assert str(network.free_subnet(["10.213.0.0/16"], taken)) == "10.213.3.0/24"


def test_next_pool_is_tried_when_a_vpn_routes_the_whole_first_one() -> None:
    assert str(network.free_subnet(["10.213.0.0/16", "172.29.0.0/16"], ["10.0.0.0/8"])) == "172.29.0.0/24"


def test_no_free_subnet_names_the_variable() -> None:
    with pytest.raises(network.NetworkError, match="box_network_pools"):
        network.free_subnet(["10.213.0.0/16"], ["10.0.0.0/8"])


def test_who_else_uses_the_network_of_the_boxes_is_named() -> None:
    subnet = network.free_subnet(["10.213.0.0/16"], [])
    assert network.user_of(subnet, {"192.0.2.0/24": "eth0"}) is None
    assert network.user_of(subnet, {"192.0.2.0/24": "eth0", "10.213.0.200": "lo"}) == "10.213.0.200 at lo"


def test_bridge_keeps_the_first_address_and_a_removed_box_frees_its_own() -> None:
    subnet = network.free_subnet(["10.213.0.0/16"], [])
    assert network.free_address(subnet, []) == "10.213.0.2"
    assert network.free_address(subnet, ["10.213.0.2", "10.213.0.4"]) == "10.213.0.3"


def test_loopback_resolver_is_replaced_by_the_one_behind_it() -> None:
    stub, behind = "nameserver 127.0.0.53\noptions edns0\n", "# upstream\nnameserver 192.0.2.53\nnameserver fd00::53\n"
    assert network.reachable_nameservers([stub, behind]) == ["192.0.2.53"]


def test_only_a_loopback_resolver_names_the_variable() -> None:
    with pytest.raises(network.NetworkError, match="box_nameservers"):
        network.reachable_nameservers(["nameserver 127.0.0.1\n", "nameserver ::1\nnameserver\n"])


def test_rules_let_boxes_out_and_nobody_in() -> None:
    rules = network.RULESET.format(table="t", subnet="10.213.0.0/24", bridge="ks0")
    assert 'ip saddr 10.213.0.0/24 oifname != "ks0" masquerade' in rules
    assert rules.index('oifname "ks0" ct state established,related accept') < rules.index('oifname "ks0" drop')
