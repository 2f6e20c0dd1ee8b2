from collections.abc import Iterator

import pytest

from testbed.servers.postgres import Database
from testbed.services.library import Library, library_of
from testbed.services.workers import Workers


@pytest.fixture
def library(database: Database) -> Iterator[Library]:
    with library_of(database) as library:
        yield library


@pytest.fixture
def workers(library: Library) -> Iterator[Workers]:
    workers = Workers(library)
    try:
        yield workers
    finally:
        workers.stop_all()
