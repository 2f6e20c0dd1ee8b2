"""What holds for all tests, and the server that several folders of them stand on."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from testbed.servers.postgres import Database, PostgresServer
from testbed.services.library import Library, library_of

# No test is a stopwatch: a busy machine takes longer, and finds the same.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server with the roles of `catalog.roles` and a template database migrated once."""
    with PostgresServer.started() as server:
        server.prepare_template()
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A fresh clone of the migrated template, dropped afterwards."""
    with postgres.cloned_database() as database:
        yield database


@pytest.fixture
def library(database: Database) -> Iterator[Library]:
    """A folder of films and what scans and workers make of it, on a database of its own."""
    with library_of(database) as library:
        yield library
