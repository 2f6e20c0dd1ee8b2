"""What happens to the host as a whole under three streams: its one disk is full, its libraries are upgraded."""

import time
from collections.abc import Callable

import requests

from testbed.waiting import eventually
from tests.chaos.trials import ABORTED_BYTES, House, Row

OURS = (
    "nginx kinetoscope-authz kinetoscope-api kinetoscope-events kinetoscope-ledger kinetoscope-cutter"
    " postgresql@17-main redis-server@live"
)
STARTS = f"systemctl show --property=Id,InvocationID {OURS}"


def test_needrestart_restarts_nothing_that_carries_streams(house: House, note: Callable[[Row], None]) -> None:
    """As after an upgrade of OpenSSL and the C library: other files than those that run, of the same content."""
    installed = house.shell("dpkg-query --show --showformat='${db:Status-Status}' needrestart || true") == "installed"
    if not installed:
        house.shell("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends needrestart")
    house.shell(
        "for file in /usr/lib/*/libcrypto.so.3 /usr/lib/*/libc.so.6; do"
        " cp --archive $file $file.ks && mv $file.ks $file; done"
    )
    before = house.shell(STARTS)
    listed = house.shell("needrestart -b -r l")
    assert "nginx.service" in listed, f"needrestart finds nothing to restart: the trial proves nothing\n{listed}"
    try:
        row = house.trial(
            "`needrestart -r a` after an upgrade of OpenSSL", lambda: house.shell("needrestart -b -r a") and ""
        )
    finally:
        if not installed:
            house.shell("DEBIAN_FRONTEND=noninteractive apt-get purge --yes --quiet needrestart")
    note(row)
    assert house.shell(STARTS) == before
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row
    assert row.untrue is not None, row


# A disk of its own for all that the box writes, but the journal, which keeps room free by itself.
WRITTEN = "/var/lib/postgresql /var/lib/redis /var/log/nginx /var/cache/nginx"
SERVICES = "kinetoscope-authz kinetoscope-api kinetoscope-ledger kinetoscope-redactor"
STOP = (
    f"systemctl stop nginx $(for unit in {SERVICES}; do systemctl show --property=TriggeredBy --value $unit;"
    f" echo $unit; done) postgresql@17-main redis-server@live"
)
START = f"systemctl start redis-server@live postgresql@17-main && systemctl start {SERVICES} && systemctl start nginx"
ONE_DISK = f"""
set -eu
{STOP}
mkdir -p /run/ks-disk
mount -t tmpfs -o size=400m,mode=0755 tmpfs /run/ks-disk
for folder in {WRITTEN}; do
    mkdir -p /run/ks-disk${{folder%/*}}
    cp --archive $folder /run/ks-disk$folder
    mount --bind /run/ks-disk$folder $folder
done
{START}
"""
OWN_DISKS = f"""
{STOP}
for folder in {WRITTEN}; do umount --lazy $folder; done
umount --lazy /run/ks-disk
{START}
"""
FILL = (
    "dd if=/dev/zero of=/run/ks-disk/fill bs=64k 2>/dev/null; dd if=/dev/zero of=/run/ks-disk/rest bs=512 2>/dev/null;"
    " df /run/ks-disk | grep -q ' 100% '"
)
FULL_SECONDS = 25.0
WELL_SECONDS = 60.0


def test_a_full_disk_breaks_no_stream_and_all_is_well_soon_after(house: House, note: Callable[[Row], None]) -> None:
    told: list[int] = []

    def newcomer() -> int:
        try:
            answer = house.admin.call("POST", f"/api/v1/videos/{house.video_id}/playback", json={}, timeout=10)
        except requests.RequestException:
            return 0
        if answer.status_code == 201:
            house.admin.end(answer.json()["playback_id"])
        return answer.status_code

    def disturb() -> str:
        house.shell(FILL)
        until = time.monotonic() + FULL_SECONDS
        while time.monotonic() < until:
            told.append(newcomer())
            time.sleep(1)
        house.shell("rm -f /run/ks-disk/fill /run/ks-disk/rest")
        began = time.monotonic()
        well = eventually(
            lambda: house.viewer.get("/ready").status_code == 200 and newcomer() == 201, within=WELL_SECONDS
        )
        assert well, f"not well within {WELL_SECONDS:.0f} s"
        return f"newcomers were told {sorted(set(told))}; well {time.monotonic() - began:.0f} s after it was freed"

    house.shell(ONE_DISK)
    try:
        assert eventually(lambda: house.viewer.get("/ready").status_code == 200, within=30)
        row = house.trial(f"the one disk full for {FULL_SECONDS:.0f} s", disturb)
    finally:
        house.shell(OWN_DISKS)
        eventually(lambda: house.viewer.get("/ready").status_code == 200, within=30)
    note(row)
    # 201: before the disk was felt.
    assert 503 in told
    assert set(told[told.index(503) :]) == {503}
    assert set(told) <= {201, 503}
    assert (row.broken, row.wrong, dict(row.refused)) == (0, 0, {}), row
    assert row.untrue is not None, row
    assert row.lost is not None, row
    assert row.lost <= 3 * ABORTED_BYTES, row
