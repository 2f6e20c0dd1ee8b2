"""One address takes all connections of Nginx, unless the firewall counts: with the role's ruleset, in namespaces."""

import json
import os
import subprocess
import sys
from typing import Any

from testbed import crowded_house
from testbed.servers.nginx_server import REPOSITORY

LIMIT = 50


def _house(limit: int) -> dict[str, Any]:
    own = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    done = subprocess.run(
        [*own, sys.executable, "-m", "testbed.crowded_house",
         json.dumps({"firewall_connections_per_address": limit})],
        capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_without_a_limit_one_address_keeps_everybody_out() -> None:
    """The attack works, or the next test would prove nothing."""
    house = _house(0)
    assert house["held"]["4"] == crowded_house.WANTED
    assert house["page"] != "200"


def test_an_address_holds_so_many_connections_and_the_others_are_served() -> None:
    """Of IPv6 a network of 64 bits counts as one, whichever of its addresses ask."""
    house = _house(LIMIT)
    assert house["held"] == {"4": LIMIT, "6": LIMIT}
    assert (house["page"], house["page_6"]) == ("200", "200")
