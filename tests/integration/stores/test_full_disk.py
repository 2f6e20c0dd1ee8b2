"""A Redis that can't write to its disk refuses what writes: an outage, and no fault of a service."""

import time
from collections.abc import Iterator

import pytest

from authsvc.stores.live import LiveUnavailable, Script
from testbed.servers.child import server_folder
from testbed.servers.redis_server import USER, RedisServer


@pytest.fixture
def full() -> Iterator[RedisServer]:
    """Its last snapshot failed, as it does on a full disk: here for want of the folder that it goes to."""
    with server_folder(USER) as home:
        snapshots = home / "gone"
        snapshots.mkdir()
        snapshots.chmod(0o777)
        server = RedisServer(home, "full", "--dir", str(snapshots), "--save", "3600 1")
        server.start()
        try:
            snapshots.rmdir()
            client = server.client()
            client.execute_command("BGSAVE")
            deadline = time.monotonic() + 10
            while client.info("persistence")["rdb_last_bgsave_status"] != "err":
                assert time.monotonic() < deadline, "the snapshot did not fail"
                time.sleep(0.05)
            yield server
        finally:
            # It would not end without one more snapshot.
            server.client().config_set("save", "")
            server.stop()


def test_a_script_that_writes_finds_the_store_away(full: RedisServer) -> None:
    with pytest.raises(LiveUnavailable, match="MISCONF"):
        Script("mark_rebuilt")(full.client())
