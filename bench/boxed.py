"""What protection costs on a box, from outside: its own Nginx, authz and stores, over the bridge that it is reached by.

    KINETOSCOPE_ACCESS=... python -m bench.boxed [--rounds N]      writes bench/results/boxed.md; about four minutes
    KINETOSCOPE_ACCESS=... python -m bench.boxed --viewers       boxed-viewers.md; on a box of bench/capacity-limits.yml

Without --viewers any box has room for its 32 playbacks. With --quick both take a few seconds, on any box.

For the measurement Nginx of the box gets one more server, by a name of its own: the same doors and an unguarded
location, on port 80 too, where the product serves nothing. It is taken away afterwards; take a box that is nobody's
all the same. The box has to be on this machine, so that the CPU of its Nginx can be read.
"""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator

from bench import needs, ranges, viewers
from bench.films import Film, in_box
from bench.load import CONNECTIONS
from bench.measure import established, kernel_bytes
from bench.places import Box
from bench.report import publish
from bench.servers import Server
from testbed.servers.nginx_server import role_defaults

NAME = "bench.kinetoscope.test"
WATCH_SECONDS = 20
# Fewer than a box has room for by default.
QUICK_VIEWERS = 20
ROLE = role_defaults()
CONF = f"{ROLE['__nginx_conf_dir']}/kinetoscope"
SERVER = f"""
server {{
    listen 80;
    listen 443 ssl;
    server_name {NAME};
    include {CONF}/problems.conf;
    include {CONF}/doors.conf;
    location /unguarded/ {{ alias {ROLE["nginx_titles_dir"]}/; }}
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


class Boxed:
    """The servers of the box (viewers.Stage)."""

    def __init__(self, box: Box, film: Film) -> None:
        self._box, self._film = box, film

    def pair(self, *, tls: bool) -> list[Server]:
        path = f"/unguarded/{self._film.video_id}/source.mp4"
        return [
            self._server("Nginx, unguarded", [path] * CONNECTIONS, tls=tls),
            self._server("Nginx, signed door", self.links(CONNECTIONS), tls=tls),
        ]

    def links(self, count: int) -> list[str]:
        return self._film.links(count)

    def renew(self) -> None:
        self._box.shell("systemctl restart nginx.service")

    def socket_bytes(self, server: Server) -> int:
        return kernel_bytes(self._box.shell(shlex.join(established(server.port))))

    def _server(self, name: str, links: list[str], *, tls: bool) -> Server:
        return Server(
            name + (", TLS" if tls else ""), 443 if tls else 80, lambda: links[0], self._film.pids,
            headers=lambda: [f"Host: {NAME}"], tls=tls, address=self._film.host, links=tuple(links),
        )  # fmt: skip


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--viewers", action="store_true", help="viewers with a pace, 20 s each, instead")
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    given = arguments.parse_args()
    needs.install("wrk", "ffmpeg", "iproute2", "openssh-client")
    access = needs.box()
    box = Box(access)
    with one_more_server(box), in_box(access, box) as film:
        if not film.pids():
            raise SystemExit("The box is not on this machine: its CPU can't be read from here.")
        stage = Boxed(box, film)
        if given.viewers:
            plain, tls, adaptive = (QUICK_VIEWERS,) * 3 if given.quick else (2000, 800, 500)
            seconds = 4 if given.quick else WATCH_SECONDS
            wanted = [
                viewers.progressive(plain, tls=False),
                viewers.progressive(tls, tls=True),
                viewers.adaptive(adaptive),
            ]
            text = viewers.report(viewers.measured(stage, wanted, seconds, 1), seconds)
        else:
            rounds, firsts = (1, 10) if given.quick else (given.rounds, 100)
            found = ranges.measured([stage.pair(tls=tls) for tls in (False, True)], rounds, 1, firsts)
            text, _ = ranges.report(found, [], rounds, 1)
    name = "boxed-viewers.md" if given.viewers else "boxed.md"
    publish(name, f"# A box, from outside\n\nLoad average {os.getloadavg()[0]:.1f}.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
