"""A client dies or its network goes away: its lease does not stay taken, and nobody else is harmed."""

import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.trials import House, Row

# A silent lease lives for 90 s. The socket of a vanished client may live on for as long as the kernel tries (100 s).
FREE_SECONDS = 130
NFT_TABLE = "kinetoscope_chaos"


def _slow_client(house: House, grant: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """curl, which takes the film at the rate that one watches it."""
    path = grant["links"]["source"]
    return subprocess.Popen(
        ["curl", "--silent", "--http1.1", "--cacert", house.viewer.access.ca_file, "--limit-rate", "300k", "--output",
         "/dev/null", house.viewer.access.url.rstrip("/") + path[path.index("/m/"):]],
    )  # fmt: skip


def _seen(house: House, what: str, playback: str) -> Row:
    """How long the playback is still called streaming, and when its lease is free."""

    def is_free(_: set[str]) -> bool:
        items = house.admin.get("/api/v1/admin/streams").json()["items"]
        return playback not in {stream["playback_id"] for stream in items}

    began = time.monotonic()
    row = Row(what, untrue=house.seconds_until(lambda streaming: playback not in streaming))
    free = house.seconds_until(is_free, within=FREE_SECONDS)
    row.note = "its lease does not come free" if free is None else f"lease free after {time.monotonic() - began:.0f} s"
    assert row.untrue is not None, row
    assert free is not None, row
    return row


def test_the_slot_of_a_killed_client_comes_free(house: House, note: Callable[[Row], None]) -> None:
    grant = house.viewer.playback(house.video_id)
    client = _slow_client(house, grant)
    assert house.seconds_until({grant["playback_id"]}.issubset) is not None
    client.kill()
    client.wait()
    note(_seen(house, "a client killed (-9)", grant["playback_id"]))


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
            f" ip {end}addr {house.viewer.access.address} tcp {other}port {port} drop; }}; }}\n"
            for hook, end, other in (("output", "d", "s"), ("input", "s", "d"))
        )
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
        try:
            note(_seen(house, "a client's network dropped", grant["playback_id"]))
        finally:
            subprocess.run(["nft", "delete", "table", "inet", NFT_TABLE], check=True)
    finally:
        client.kill()
        client.wait()


def _local_port(pid: int, address: str) -> int:
    for _ in range(50):
        shown = subprocess.run(["ss", "-Htnp", "dst", address], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            if f"pid={pid}," in line:
                return int(line.split()[3].rpartition(":")[2])
        time.sleep(0.1)
    raise AssertionError(f"curl has no connection to {address}")
