"""`kinetoscope-worker NAME`: jobs until SIGTERM. NAME tells the workers of one host apart.

Exit status 0 when it was told to stop, 1 when PostgreSQL, the published tree or a tool is away, 2 for wrong settings.
"""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

import psycopg
import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from catalog import logs
from catalog.contract.words import JobKind
from media.sandbox import Sandbox, SandboxError
from worker.attempt import Attempt
from worker.kinds import KINDS
from worker.reaper import Reaper
from worker.runner import Runner, connect
from worker.settings import WorkerSettings

STOPPED, NEED_MISSING, WRONG_SETTINGS = 0, 1, 2
UMASK = 0o027

logger = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="kinetoscope-worker", description="Do what takes long, job by job.")
    parser.add_argument("name", help="tells the workers of one host apart")
    options = parser.parse_args(arguments)
    logs.configure()
    os.umask(UMASK)
    try:
        settings = WorkerSettings()
        work(settings, f"{socket.gethostname()}/{options.name}", KINDS)
    except (ValidationError, SettingsError) as error:
        logger.warning("settings_wrong", error=str(error))
        return WRONG_SETTINGS
    except (psycopg.OperationalError, SandboxError, OSError) as error:
        logger.warning("need_missing", error=str(error))
        return NEED_MISSING
    return STOPPED


def work(settings: WorkerSettings, name: str, kinds: Mapping[JobKind, Callable[[Attempt], None]]) -> None:
    """Until SIGTERM or SIGINT. Raises `psycopg.OperationalError` and `SandboxError` when it can't begin."""
    is_stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_stopping.set())
    sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)
    sandbox.check()
    reaper = Reaper(settings, is_stopping)
    with connect(settings) as database:
        reaper.look(database, dead=name)
    threading.Thread(target=reaper.run, name="reaper", daemon=True).start()
    _say_ready()
    logger.info("worker_ready", worker=name)
    Runner(settings, sandbox, name, kinds, is_stopping).run()
    logger.info("worker_stopped", worker=name)


def _say_ready() -> None:
    """sd_notify(3); without systemd nothing."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
            service_manager.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


if __name__ == "__main__":
    sys.exit(main())
