"""Is each setting of nginx.conf worth its line? Nginx as it is against the same Nginx without that setting, in pairs.

Both run side by side with the same film and no door; they take turns under the same load, and change places from pair
to pair. Of each setting: CPU per GB with ranges of 64 KiB and 1 MiB, plain and with TLS, and resident memory of a paced
TLS stream. A ratio above 1 means that leaving the setting out costs; an interval that holds 1 means that it makes no
difference to this load.

    python -m bench.tuning [--pairs N] [--seconds N] [--only SETTING | --quick]      writes bench/results/tuning.md
"""

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench import needs
from bench.crowd import Crowd, Plan
from bench.load import as_fast_as_it_goes
from bench.measure import resident_bytes
from bench.report import cell, publish, table
from bench.servers import Server, write_film
from bench.viewers import STREAM_BYTES_A_SECOND
from testbed.servers.nginx_server import NginxServer, role_defaults
from testbed.servers.ports import free_ports

# The directive as it stands, and what stands in its place: Nginx's own default (or the opposite).
LEFT_OUT = {
    f"worker_processes {(os.cpu_count() or 1) * role_defaults()['nginx_workers_per_core']}": "worker_processes auto",
    "sendfile on": "sendfile off",
    "tcp_nopush on": "tcp_nopush off",
    "sendfile_max_chunk 512k": "sendfile_max_chunk 2m",
    "output_buffers 1 32k": "output_buffers 2 32k",
    "open_file_cache max=4096 inactive=30s": "open_file_cache off",
}
STREAMS = 100
SIZES = {"64 KiB": 64 << 10, "1 MiB": 1 << 20}

LISTENERS = """
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        location / {{ alias {folder}/film/; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl backlog=4096;
        location / {{ alias {folder}/film/; }}
    }}
"""


@dataclass
class Pairs:
    """Ratios of the run without the setting to the run with it."""

    cpu: dict[str, list[float]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)


@contextlib.contextmanager
def nginx(kept: str, instead: str) -> Iterator[dict[bool, Server]]:
    """One Nginx with `kept` replaced by `instead`; its servers by whether they speak TLS."""
    plain, tls = free_ports(2)

    def listeners(server: NginxServer) -> str:
        return LISTENERS.format(plain=plain, tls=tls, folder=server.folder)

    with NginxServer.prepared(more=listeners, nginx_worker_connections=4096) as server:
        main = server.folder / "conf/nginx.conf"
        text, count = re.subn(rf"^(\s*){re.escape(kept)};", rf"\g<1>{instead};", main.read_text(), flags=re.MULTILINE)
        if count != 1:
            raise RuntimeError(f"nginx.conf has `{kept}` {count} times")
        main.write_text(text)
        (server.folder / "film").mkdir()
        write_film(server.folder / "film/film.mp4")
        server.start()
        yield {
            False: Server("plain", plain, lambda: "/film.mp4", server.workers),
            True: Server("TLS", tls, lambda: "/film.mp4", server.workers, tls=True),
        }


def compared(kept: str, instead: str, pairs: int, seconds: int) -> Pairs:
    found = Pairs()
    with nginx(kept, kept) as with_it, nginx(kept, instead) as without:
        for number in range(pairs):
            order = [with_it, without] if number % 2 == 0 else [without, with_it]
            for tls in (False, True):
                for size, range_bytes in SIZES.items():
                    runs = [as_fast_as_it_goes(servers[tls], range_bytes, seconds) for servers in order]
                    one, other = runs if number % 2 == 0 else runs[::-1]
                    if one and other:
                        ratio = other.seconds_a_gigabyte / one.seconds_a_gigabyte
                        found.cpu.setdefault(f"{size}, {'TLS' if tls else 'plain'}", []).append(ratio)
            memory = [_resident(servers[True]) for servers in order]
            one_kib, other_kib = memory if number % 2 == 0 else memory[::-1]
            found.memory.append((other_kib - one_kib) / 1024)
    return found


def _resident(server: Server) -> float:
    """Resident bytes of a paced TLS stream."""
    pids, seen = server.pids(), []
    before = resident_bytes(pids)
    plan = Plan(server.path(), (), STREAM_BYTES_A_SECOND, 1, paced=True)
    Crowd(server, [plan] * STREAMS).run(4, lambda: seen.append(resident_bytes(pids)))
    return (seen[0] - before) / STREAMS


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--pairs", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=2)
    arguments.add_argument("--only", choices=LEFT_OUT)
    arguments.add_argument("--quick", action="store_true", help=f"one setting, {needs.QUICK}")
    given = arguments.parse_args()
    if given.quick:
        given.pairs, given.seconds, given.only = 2, 1, given.only or next(iter(LEFT_OUT))
    needs.install("nginx", "wrk")
    columns = [f"{size}, {kind}" for kind in ("plain", "TLS") for size in SIZES]
    rows = []
    for kept, instead in LEFT_OUT.items():
        if given.only in (None, kept):
            found = compared(kept, instead, given.pairs, given.seconds)
            ratios = [cell(found.cpu[column], ".2f") if column in found.cpu else "-" for column in columns]
            rows.append([f"`{kept}`", f"`{instead}`", *ratios, cell(found.memory, "+.1f")])
            sys.stderr.write(f"{kept}\n")
    header = ["kept", "against", *(f"CPU per GB, {column}" for column in columns), "KiB more a TLS stream"]
    text = (
        f"# Tuning\n\n{given.pairs} pairs of {given.seconds} s. Ratio without to with [95 %].\n\n{table(header, rows)}"
    )
    publish("tuning.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
