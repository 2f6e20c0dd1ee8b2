"""A library of a test's own on a real PostgreSQL, as for the tests of scans and workers."""

from collections.abc import Iterator

import pytest

from testbed.servers.postgres import Database, PostgresServer
from testbed.services.library import Library, library_of


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer.started() as server:
        server.prepare_template()
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    with postgres.cloned_database() as database:
        yield database


@pytest.fixture
def library(database: Database) -> Iterator[Library]:
    with library_of(database) as library:
        yield library
