"""What holds for all tests, and the server that several folders of them stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from testbed.servers.postgres import Database, PostgresServer
from testbed.services.library import Library, library_of

# No test is a stopwatch: a busy machine takes longer, and finds the same.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Files of this folder that take a minute and more, the longest first: they are begun first. With several workers a
# file that is begun last keeps one of them at work when the others have nothing left.
LONG = (
    "integration/nginx/test_pauses.py",
    "corpus/test_hostile.py",
    "corpus/test_cases.py",
    "integration/worker/test_jobs.py",
    "integration/worker/test_made_of_titles.py",
    "integration/worker/test_rendition.py",
    "integration/worker/test_deaths.py",
    "integration/worker/test_instant.py",
    "integration/nginx/test_nobody.py",
    "integration/worker/test_offered.py",
    "integration/nginx/test_outages.py",
    "integration/nginx/test_players.py",
    "integration/nginx/test_decisions.py",
    "integration/stores/test_memory.py",
    "integration/contract/test_schemathesis.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
