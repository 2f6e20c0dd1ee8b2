"""What a loss of power leaves in the file of the live Redis: it starts by itself, and says what was lost."""

import pytest
from testinfra.host import Host

from testbed.viewers.box import Viewer
from testbed.waiting import eventually

FOLDER = "/var/lib/redis/redis-live-aof"
DAMAGES = {
    # Length reached the disk, content did not.
    "zeros": "head -c 600 /dev/zero >>$(ls {}/*.incr.aof | tail -n 1)",
    "garbage": "head -c 600 /dev/urandom >>$(ls {}/*.incr.aof | tail -n 1)",
    "half": "truncate --size=-9 $(ls {}/*.incr.aof | tail -n 1)",
    "base": "truncate --size=-20 $(ls {}/*.base.rdb | tail -n 1)",
    "manifest": "truncate --size=0 {}/*.manifest",
    "no manifest": "rm {}/*.manifest",
}


@pytest.mark.disruptive
@pytest.mark.parametrize("damage", DAMAGES)
def test_redis_starts_by_itself_and_says_what_was_lost(bob: Viewer, host: Host, damage: str) -> None:
    assert bob.get("/api/v1/users/me").status_code == 200
    host.check_output("systemctl stop redis-server@live")
    try:
        host.check_output(DAMAGES[damage].format(FOLDER))
    finally:
        host.run("systemctl start redis-server@live")
    assert host.service("redis-server@live").is_running
    run = host.check_output("systemctl show --property InvocationID --value redis-server@live")
    said = host.check_output("journalctl --no-pager --output=cat _SYSTEMD_INVOCATION_ID=%s", run)
    assert "Lost: " in said, said
    if damage == "zeros":
        assert "Lost: 600 of " in said, said
    assert eventually(lambda: bob.get("/api/v1/users/me").status_code == 200, within=10)


@pytest.mark.disruptive
def test_a_whole_file_is_loaded_as_it_is_and_few_damaged_ones_are_kept(host: Host) -> None:
    host.check_output("systemctl restart redis-server@live")
    run = host.check_output("systemctl show --property InvocationID --value redis-server@live")
    said = host.check_output("journalctl --no-pager --output=cat _SYSTEMD_INVOCATION_ID=%s", run)
    assert "Lost: " not in said
    assert int(host.check_output(f"find {FOLDER}.damaged-* -maxdepth 0 | wc -l")) <= 2
