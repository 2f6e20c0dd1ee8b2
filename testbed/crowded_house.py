"""Nginx behind the role's firewall, and two clients with addresses of their own, in network namespaces of this process.

    unshare --net python -m testbed.crowded_house '{"firewall_connections_per_address": 50}'

One client opens as many connections as it gets, says the beginning of a TLS handshake on each and then nothing. The
other one asks for a page. What came of it goes to stdout as JSON: {"held", "page", "page_6"}; a page is its status, or
the name of what failed.
"""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from testbed.firewall import ruleset
from testbed.servers.nginx_server import NginxServer, render

HOST, CROWD, VIEWER = "192.0.2.1", "192.0.2.66", "192.0.2.7"
# The crowd of IPv6 changes its address within its network; the viewer has another network.
HOST_6, CROWD_6, VIEWER_6 = "2001:db8::1", "2001:db8:0:66::{:x}", "2001:db8:0:7::1"
WORKERS, WORKER_CONNECTIONS = 2, 128
# What the crowd tries: more than all workers have.
WANTED = 2 * WORKERS * WORKER_CONNECTIONS
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01"
ANSWER_SECONDS = 3


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def guest_network() -> Iterator[tuple[str, ...]]:
    """A second namespace, joined to this one by a pair of interfaces; yields the command that leads into it."""
    own = Path("/proc/self/ns/net").readlink()
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as guest:
        try:
            while Path(f"/proc/{guest.pid}/ns/net").readlink() == own:
                time.sleep(0.01)
            inside = ("nsenter", f"--target={guest.pid}", "--net")
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", "host0", "type", "veth", "peer", "name", "guest0", "netns", str(guest.pid))
            for address in (f"{HOST}/24", f"{HOST_6}/48"):
                run("ip", "address", "add", address, "dev", "host0", *_nodad(address))
            run("ip", "link", "set", "host0", "up")
            crowd_6 = [CROWD_6.format(at) for at in range(1, 5)]
            for address in (f"{CROWD}/24", f"{VIEWER}/24", *[f"{one}/48" for one in (*crowd_6, VIEWER_6)]):
                run(*inside, "ip", "address", "add", address, "dev", "guest0", *_nodad(address))
            run(*inside, "ip", "link", "set", "guest0", "up")
            yield inside
        finally:
            guest.kill()


def _nodad(address: str) -> list[str]:
    return ["nodad"] if ":" in address else []


def house(**firewall: int) -> dict[str, object]:
    """What the two clients met."""
    with (
        guest_network() as inside,
        NginxServer.prepared(nginx_worker_connections=WORKER_CONNECTIONS, __nginx_workers=WORKERS) as nginx,
    ):
        nginx.variables["nginx_https_listen"] = [str(nginx.https_port), f"[::]:{nginx.https_port}"]
        render(nginx.folder / "conf", nginx.variables)
        (nginx.www / "index.html").write_text("<!doctype html>")
        nginx.start()
        rules = nginx.folder / "rules.nft"
        rules.write_text(ruleset(firewall_tcp_ports=[nginx.https_port], **firewall))
        run("nft", "--file", str(rules))
        client = [*inside, sys.executable, "-m", "testbed.crowded_house"]
        with subprocess.Popen(
            [*client, "crowd", str(nginx.https_port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as crowd:
            assert crowd.stdout is not None
            held = json.loads(crowd.stdout.readline())
            pages = [
                subprocess.run(
                    [*client, "page", str(nginx.https_port), *addresses], capture_output=True, text=True, check=True
                ).stdout.strip()
                for addresses in ((VIEWER, HOST), (VIEWER_6, HOST_6))
            ]
            crowd.kill()
    return {"held": held, "page": pages[0], "page_6": pages[1]}


def hold_connections(port: int) -> None:
    """Print {"4": connections, "6": connections} once no more are to be had, and hold them until killed."""
    ways = {"4": [(CROWD, HOST)], "6": [(CROWD_6.format(at), HOST_6) for at in range(1, 5)]}
    held: dict[str, list[socket.socket]] = {family: [] for family in ways}
    for family, pairs in ways.items():
        for at in range(WANTED):
            source, target = pairs[at % len(pairs)]
            try:
                one = socket.create_connection((target, port), timeout=1, source_address=(source, 0))
            except OSError:
                continue
            one.sendall(CLIENT_HELLO)
            held[family].append(one)
    tell(json.dumps({family: len(sockets) for family, sockets in held.items()}))
    sys.stdin.read()


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def page(port: int, source: str, target: str) -> str:
    """The status of the client's page, asked for from an address; or the name of the error."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        target, port, timeout=ANSWER_SECONDS, source_address=(source, 0), context=context
    )
    try:
        connection.request("GET", "/", headers={"Host": "localhost"})
        return str(connection.getresponse().status)
    except OSError as error:
        return type(error).__name__


if __name__ == "__main__":
    if sys.argv[1] == "crowd":
        hold_connections(int(sys.argv[2]))
    elif sys.argv[1] == "page":
        tell(page(int(sys.argv[2]), *sys.argv[3:]))
    else:
        os.environ.pop("SSLKEYLOGFILE", None)
        tell(json.dumps(house(**json.loads(sys.argv[1]))))
