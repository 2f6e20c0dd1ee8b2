"""`make dev`: the services from this checkout against servers of their own, and whatever is edited is reloaded.

    python -m testbed.dev [--films N]

PostgreSQL, Redis and Nginx are child processes in folders that are gone afterwards; Nginx has a certificate of its own
making, on a free port of loopback. authz and the API run under gunicorn, which reloads them; ledger and worker are
started again and Nginx reads its configuration again when their sources change; pages are served from the checkout.
Films put into the library's folder are indexed. Nothing is a unit here and nothing is sandboxed but the tools that
touch films: how a host behaves is what a box is for. Ctrl-C ends all of it.
"""

import argparse
import functools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from authsvc.people import accounts
from authsvc.signin import passwords
from catalog import roles
from testbed.servers.nginx_server import REPOSITORY, TEMPLATES, render
from testbed.servers.postgres import PostgresServer
from testbed.services.library import made_by_ffmpeg
from testbed.stack import Stack

LOOK_SECONDS = 1.0
FILM_SECONDS = 20
# What Stack switches off for tests; here people meet the limits of the product.
SWITCHED_OFF = (
    "KINETOSCOPE_STREAMS_PER_USER", "KINETOSCOPE_STREAMS_PER_SESSION", "KINETOSCOPE_SESSIONS_PER_USER",
    "KINETOSCOPE_LOGIN_FAILURES_PER_ADDRESS", "KINETOSCOPE_LOGIN_CALLS_PER_MINUTE",
)  # fmt: skip


class Dev(Stack):
    """The running whole over a library of its own, which the indexer reads."""

    username = "admin"
    films = 3
    gunicorn_options = (
        "--reload",
        *(f"--reload-extra-file={script}" for script in sorted((REPOSITORY / "authsvc/stores/lua").glob("*.lua"))),
    )

    @property
    def library(self) -> Path:
        return self.nginx.folder / "library"

    def _environment(self, service: str) -> dict[str, str]:
        return {name: value for name, value in super()._environment(service).items() if name not in SWITCHED_OFF}

    def _fill(self) -> None:
        self.password = secrets.token_urlsafe(12)
        with psycopg.connect(self.database.owner_url, autocommit=True) as owner:
            accounts.create(
                owner, username=self.username, email=None, password_hash=passwords.hash_password(self.password),
                role="admin",
            )  # fmt: skip
        self.nginx.titles.chmod(0o2750)
        self.library.mkdir()
        self.uploaded.mkdir()
        for number in range(1, self.films + 1):
            drawn = made_by_ffmpeg(
                "mp4", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-metadata", f"comment={number}",
                seconds=FILM_SECONDS, size="640x360",
            )  # fmt: skip
            (self.library / f"Sample film {number}.mp4").write_bytes(drawn)
        self.scan()

    def scan(self) -> None:
        """Bring the catalog up to the library; what the indexer says goes to its log."""
        environment = {
            "PATH": os.environ["PATH"],
            "KINETOSCOPE_DATABASE_URL": self.database.url_for(roles.INDEXER),
            "KINETOSCOPE_LIBRARY_ROOTS": json.dumps([{"path": str(root)} for root in (self.library, self.uploaded)]),
            "KINETOSCOPE_TITLES_DIR": str(self.nginx.titles),
            "KINETOSCOPE_READER_USER": "",
            "KINETOSCOPE_SETTLE_SECONDS": "1",
        }
        with (self.nginx.logs / "indexer.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "indexer.cli", "scan"], env=environment, cwd=REPOSITORY, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, check=False, start_new_session=True,
            )  # fmt: skip

    def start_again(self, service: str) -> None:
        """The ledger or the worker, from what its sources are now. One that does not start is told, and tried at the
        next change."""
        if service in self._services:
            self.stop(service)
        try:
            {"ledger": self.start_ledger, "worker": self.start_worker}[service]()
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")

    def configure_again(self) -> None:
        """Nginx, from what its templates are now; a configuration that is wrong is told, and the old one stays."""
        try:
            render(self.nginx.folder / "conf", self.nginx.variables)
            self.nginx.reload()
        except Exception as error:  # noqa: BLE001 (whatever a half-written template raises)
            detail = error.stderr.decode() if isinstance(error, subprocess.CalledProcessError) else ""
            sys.stderr.write(f"Nginx keeps its configuration: {error}\n{detail}")


def changed_at(*folders: Path) -> float:
    """When the newest source below them was changed, in seconds since the epoch."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return max(path.stat().st_mtime for path in paths if "__pycache__" not in path.parts and path.exists())


def serve(dev: Dev) -> None:
    """Until Ctrl-C: look for changes, and act on them."""
    watched: list[tuple[Any, tuple[Path, ...]]] = [
        (
            functools.partial(dev.start_again, "ledger"),
            tuple(REPOSITORY / part for part in ("authsvc/ledger", "authsvc/stores", "catalog")),
        ),
        (
            functools.partial(dev.start_again, "worker"),
            tuple(REPOSITORY / part for part in ("worker", "media", "catalog")),
        ),
        (dev.configure_again, (TEMPLATES / "kinetoscope", TEMPLATES / "nginx.conf.j2")),
        (dev.scan, (dev.library,)),
    ]
    seen = [changed_at(*folders) for _, folders in watched]
    while True:
        time.sleep(LOOK_SECONDS)
        for number, (act, folders) in enumerate(watched):
            if (now := changed_at(*folders)) != seen[number]:
                seen[number] = now
                act()


def interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--films", type=int, default=Dev.films, help="sample films in the library")
    Dev.films = arguments.parse_args().films
    # SIGINT, too: it is ignored in what a script's shell has started in the background, and Python leaves that so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    try:
        with PostgresServer.started() as postgres:
            postgres.prepare_template()
            with Dev.running(postgres) as dev:
                dev.start_ledger()
                dev.start_worker()
                sys.stdout.write(
                    f"\n  Kinetoscope, from this checkout   {dev.url}\n"
                    f"  user                              {dev.username}\n"
                    f"  password                          {dev.password}\n"
                    f"  trust its certificate             {dev.nginx.ca_file}\n"
                    f"  its library                       {dev.library}\n"
                    f"  its logs                          {dev.nginx.logs}\n"
                    "\n  Edit, and it is reloaded. Ctrl-C ends it.\n"
                )
                sys.stdout.flush()
                serve(dev)
    except KeyboardInterrupt:
        sys.stderr.write("Ended; nothing is left.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
