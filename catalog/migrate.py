"""Bring the database to this release's schema. Safe to run twice and from two places at once."""

import os
import sys
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from catalog import collations

DATABASE_URL_VARIABLE = "KINETOSCOPE_DATABASE_URL"
# Any constant will do; it only has to be the same in every release.
MIGRATION_LOCK = 0x6B696E65746F


def migrate(database_url: str) -> tuple[str | None, str | None]:
    """Apply what is missing; answer the revision before and after.

    `database_url` is a libpq connection string whose role owns the schema. A second caller waits on an
    advisory lock until the first is done and then finds nothing to do. Raises `psycopg.OperationalError`
    when the server can't be reached.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        collations.refresh(connection)
        connection.commit()
        after = ScriptDirectory.from_config(config).get_current_head()
    return before, after


def main() -> int:
    """`kinetoscope-migrate`: prints `changed` with the two revisions, or `unchanged`; 1 with a sentence on failure."""
    database_url = os.environ.get(DATABASE_URL_VARIABLE)
    if not database_url:
        sys.stderr.write(f"Set {DATABASE_URL_VARIABLE} to a connection string of the schema's owner.\n")
        return 1
    try:
        before, after = migrate(database_url)
    except psycopg.OperationalError as error:
        sys.stderr.write(f"PostgreSQL can't be reached: {error}\n")
        return 1
    outcome = "unchanged" if before == after else f"changed {before or 'empty'} -> {after}"
    sys.stdout.write(outcome + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
