"""A client dies or its network goes away: its slot does not stay taken, and nobody else is harmed."""

import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.trials import House, Row

# A lease is idle for 90 s at most before its slot is free; with a ledger it is free within 30 s (PRODUCT.md).
FREE_SECONDS = 100
NFT_TABLE = "kinetoscope_chaos"


def _slow_client(house: House, grant: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """curl, which takes the film at the rate that one watches it."""
    path = grant["links"]["source"]
    return subprocess.Popen(
        ["curl", "--silent", "--http1.1", "--cacert", house.viewer.access.ca_file, "--limit-rate", "300k", "--output",
         "/dev/null", house.viewer.access.url.rstrip("/") + path[path.index("/m/"):]],
    )  # fmt: skip


def _until_the_slot_is_free(house: House, playback: str) -> float | None:
    def is_free(_: set[str]) -> bool:
        items = house.admin.get("/api/v1/admin/streams").json()["items"]
        return playback not in {stream["playback_id"] for stream in items}

    return house.seconds_until(is_free, within=FREE_SECONDS)


def test_the_slot_of_a_killed_client_comes_free(house: House, note: Callable[[Row], None]) -> None:
    grant = house.viewer.playback(house.video_id)
    client = _slow_client(house, grant)
    assert house.seconds_until({grant["playback_id"]}.issubset) is not None
    client.kill()
    client.wait()
    waited = _until_the_slot_is_free(house, grant["playback_id"])
    note(Row("a client killed (-9)", untrue=waited, note="its slot is free then"))
    assert waited is not None


def test_the_slot_of_a_vanished_network_comes_free(house: House, note: Callable[[Row], None]) -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed here")
    grant = house.viewer.playback(house.video_id)
    client = _slow_client(house, grant)
    try:
        assert house.seconds_until({grant["playback_id"]}.issubset) is not None
        port = _local_port(client.pid, house.viewer.access.address)
        rules = "".join(
            f"table inet {NFT_TABLE} {{ chain {hook} {{ type filter hook {hook} priority -300;"
            f" ip {end}addr {house.viewer.access.address} tcp {other}port {port} drop; }} }}\n"
            for hook, end, other in (("output", "d", "s"), ("input", "s", "d"))
        )
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
        try:
            waited = _until_the_slot_is_free(house, grant["playback_id"])
        finally:
            subprocess.run(["nft", "delete", "table", "inet", NFT_TABLE], check=True)
    finally:
        client.kill()
        client.wait()
    note(Row("a client's network dropped", untrue=waited, note="its slot is free then; send_timeout is 30 s"))
    assert waited is not None


def _local_port(pid: int, address: str) -> int:
    for _ in range(50):
        shown = subprocess.run(["ss", "-Htnp", "dst", address], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            if f"pid={pid}," in line:
                return int(line.split()[3].rpartition(":")[2])
        time.sleep(0.1)
    raise AssertionError(f"curl has no connection to {address}")
