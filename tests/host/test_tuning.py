"""The tuning that a box of its own network namespace can have is there; each value is the role's."""

import pytest
from testinfra.host import Host


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.tcp_congestion_control", "bbr"),
        ("net.ipv4.tcp_notsent_lowat", "131072"),
        ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ],
)
def test_the_tcp_stack_is_tuned(host: Host, name: str, value: str) -> None:
    assert host.check_output("sysctl --values %s", name) == value


def test_nginx_may_open_as_many_files_as_it_needs(host: Host) -> None:
    pid = host.check_output("systemctl show --property MainPID --value nginx")
    limit = host.check_output("awk '/Max open files/ {print $4}' /proc/%s/limits", pid)
    assert int(limit) >= 16384
