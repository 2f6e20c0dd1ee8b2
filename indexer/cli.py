"""`kinetoscope-indexer scan`: exit status 0 when the scan ran, also if single files are broken or another scan is
running; 1 when PostgreSQL or a tool is missing; 2 for wrong settings; 3 when a root hid nothing because it is
missing or lost too much."""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence

import psycopg
from pydantic import ValidationError
from pydantic_settings import SettingsError

from catalog.locks import try_scan_lock
from indexer.progress import Progress, standard
from indexer.scan import Scan
from indexer.settings import IndexerSettings
from indexer.titles import UMASK, TitlesError
from media.sandbox import Sandbox, SandboxError

DONE, NEED_MISSING, WRONG_SETTINGS, ROOT_IN_DOUBT = 0, 1, 2, 3

_CONNECT_SECONDS = 5
_STATEMENT_TIMEOUT_MS = 60_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="kinetoscope-indexer", description="Bring the catalog up to the library.")
    commands = parser.add_subparsers(dest="command", required=True)
    scan = commands.add_parser("scan", help="scan the library once")
    scan.add_argument("--accept-removals", action="store_true", help="hide what is gone, however much it is")
    scan.add_argument("--json", action="store_true", help="say what happens as JSON lines")
    options = parser.parse_args(arguments)
    try:
        settings = IndexerSettings()
    except (ValidationError, SettingsError) as error:
        return _refuse(WRONG_SETTINGS, _settings_sentence(error))
    os.umask(UMASK)
    accepted = options.accept_removals or _accepted(settings)
    try:
        return _scan(settings, standard(as_json=options.json), accept_removals=accepted)
    except psycopg.OperationalError as error:
        return _refuse(NEED_MISSING, f"PostgreSQL does not answer: {error}")
    except SandboxError as error:
        return _refuse(NEED_MISSING, str(error))
    except TitlesError as error:
        return _refuse(WRONG_SETTINGS, f"KINETOSCOPE_TITLES_DIR: {error}")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the next scan completes the work.\n")
        sys.stderr.flush()
        os._exit(130)  # no waiting for the pool: the tools die with their parent


def _accepted(settings: IndexerSettings) -> bool:
    """Whether root has just said so: a unit takes no arguments."""
    try:
        age = time.time() - settings.removals_accepted_file.stat().st_mtime
    except OSError:
        return False
    return age < settings.removals_accepted_seconds


def _scan(settings: IndexerSettings, progress: Progress, *, accept_removals: bool) -> int:
    sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)
    with psycopg.connect(
        settings.database_url,
        autocommit=True,
        application_name="kinetoscope-indexer",
        connect_timeout=_CONNECT_SECONDS,
        options=f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c timezone=UTC",
    ) as database:
        if not try_scan_lock(database):
            progress.alert("info", "another scan is running; it completes the work")
            return DONE
        summary = Scan(database, settings, sandbox, progress, accept_removals=accept_removals).run()
    progress.finish(summary)
    if summary.unreachable_roots:
        return ROOT_IN_DOUBT
    return NEED_MISSING if summary.postponed else DONE


def _settings_sentence(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):  # a list or object that is not JSON
        field = re.search(r'field "(\w+)"', str(error))
        return f"KINETOSCOPE_{field[1].upper() if field else '?'}: this is not valid JSON"
    return "\n".join(
        f"KINETOSCOPE_{'_'.join(str(part) for part in problem['loc'][:1]).upper()}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _refuse(status: int, sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
