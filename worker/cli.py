"""`kinetoscope-worker NAME`: jobs until SIGTERM. NAME tells the workers of one host apart.

Exit status 0 when it was told to stop, 1 when PostgreSQL or a tool is missing, 2 for wrong settings.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
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
        asyncio.run(work(settings, f"{socket.gethostname()}/{options.name}", KINDS))
    except (ValidationError, SettingsError) as error:
        logger.warning("settings_wrong", error=str(error))
        return WRONG_SETTINGS
    except (psycopg.OperationalError, SandboxError) as error:
        logger.warning("need_missing", error=str(error))
        return NEED_MISSING
    return STOPPED


async def work(settings: WorkerSettings, name: str, kinds: Mapping[JobKind, Callable[[Attempt], None]]) -> None:
    """Until SIGTERM or SIGINT. Raises `psycopg.OperationalError` and `SandboxError`.

    procrastinate only says that there is something to do; which job that is says its row (worker.attempts).
    """
    is_stopping = threading.Event()
    sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)
    sandbox.check()
    reaper = Reaper(settings, is_stopping)
    with connect(settings) as database:
        reaper.look(database, dead=name)
    runner = Runner(settings, sandbox, name, kinds, is_stopping)
    queue = App(connector=PsycopgConnector(conninfo=settings.database_url, min_size=1, max_size=3))
    queue.task(name="wake", queue="jobs")(runner.run_due)
    threading.Thread(target=reaper.run, name="reaper", daemon=True).start()

    async with queue.open_async():
        worker = asyncio.create_task(
            queue.run_worker_async(
                queues=["jobs"],
                name=name,
                concurrency=1,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=settings.heartbeat_seconds,
                stalled_worker_timeout=settings.silent_seconds,
            )
        )

        def stop() -> None:
            is_stopping.set()
            worker.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        _say_ready()
        logger.info("worker_ready", worker=name)
        try:
            await worker
        except asyncio.CancelledError:
            logger.info("worker_stopped")


def _say_ready() -> None:
    """sd_notify(3); without systemd nothing."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
            service_manager.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


if __name__ == "__main__":
    sys.exit(main())
