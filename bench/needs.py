"""What a bench needs of this machine, and which box it means. Each command installs what it uses, as the targets do."""

import os
import subprocess
from pathlib import Path

from testbed.servers.postgres import PostgresServer
from testbed.viewers.box import Access

REPOSITORY = Path(__file__).parents[1]
# What the servers of a bench of this machine come with.
STORES = ("postgresql", "redis-server")
SERVERS = (*STORES, "nginx", "ffmpeg", "wrk")
QUICK = "a few seconds: proves that it works, its numbers mean nothing"


def install(*packages: str) -> None:
    """The Debian packages that are missing; nothing of them is started."""
    subprocess.run([REPOSITORY / "tools/install-packages", "--without-starting", *packages], check=True)


def box() -> Access:
    """The box that the environment names; ends the command with what to do where it names none."""
    if not os.environ.get("KINETOSCOPE_ACCESS"):
        raise SystemExit(
            "Say which box, one that is nobody's: make up BOX=bench, then"
            " KINETOSCOPE_ACCESS=/var/lib/kinetoscope/boxes/bench/access.json"
        )
    return Access.read()


def prepared(postgres: PostgresServer) -> PostgresServer:
    """With the schema, of which each bench takes a copy."""
    postgres.prepare_template()
    return postgres
