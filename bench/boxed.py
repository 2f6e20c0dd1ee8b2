"""What protection costs on a box, from outside: its own Nginx, authz and stores, over the bridge that it is reached by.

    KINETOSCOPE_ACCESS=... python -m bench.boxed [--rounds N]      writes bench/results/boxed.md; about four minutes

For the measurement Nginx of the box gets one more server, by a name of its own: the same doors and an unguarded
location, on port 80 too, where the product serves nothing. It is taken away afterwards; take a box that is nobody's
all the same. The box has to be on this machine, so that the CPU of its Nginx can be read.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator

from bench import ranges
from bench.films import Film, in_box
from bench.load import CONNECTIONS
from bench.places import Box
from bench.report import publish
from bench.servers import Server
from tests.host.client import Access

NAME = "bench.kinetoscope.test"
CONF = "/etc/nginx/kinetoscope"
SERVER = f"""
server {{
    listen 80;
    listen 443 ssl;
    server_name {NAME};
    include {CONF}/problems.conf;
    include {CONF}/doors.conf;
    location /unguarded/ {{ alias /srv/kinetoscope/titles/; }}
}}
"""


@contextlib.contextmanager
def one_more_server(box: Box) -> Iterator[None]:
    """A restart each time, since a reload leaves workers behind that finish what they send."""
    kept = box.shell(f"cat {CONF}/servers.conf")
    put = f"cat >{CONF}/servers.conf && systemctl restart nginx.service"
    box.shell(put, kept + SERVER)
    try:
        yield
    finally:
        box.shell(put, kept)


def side_by_side(film: Film) -> list[list[Server]]:
    """Unguarded and signed, plain and with TLS."""
    unguarded = f"/unguarded/{film.video_id}/source.mp4"

    def server(name: str, links: list[str], *, tls: bool) -> Server:
        return Server(
            name + (", TLS" if tls else ""), 443 if tls else 80, lambda: links[0], film.pids,
            headers=lambda: [f"Host: {NAME}"], tls=tls, address=film.address, links=tuple(links),
        )  # fmt: skip

    return [
        [server("Nginx, unguarded", [unguarded] * len(film.links), tls=tls),
         server("Nginx, signed door", film.links, tls=tls)]
        for tls in (False, True)
    ]  # fmt: skip


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=9)
    rounds: int = arguments.parse_args().rounds
    access = Access.read()
    box = Box(access)
    with one_more_server(box), in_box(access, box, CONNECTIONS) as film:
        if not film.pids():
            raise SystemExit("The box is not on this machine: its CPU can't be read from here.")
        found = ranges.measured(side_by_side(film), rounds, 1, 100)
    tables, _ = ranges.report(found, [], rounds, 1)
    publish("boxed.md", f"# A box, from outside\n\nLoad average {os.getloadavg()[0]:.1f}.\n\n{tables}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
