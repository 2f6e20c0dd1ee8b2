from collections.abc import Iterator

import pytest

from testbed.services.library import Library
from testbed.services.workers import Workers


@pytest.fixture
def workers(library: Library) -> Iterator[Workers]:
    workers = Workers(library)
    try:
        yield workers
    finally:
        workers.stop_all()
