"""Real servers as child processes: PostgreSQL and Redis of the distribution's packages, on sockets of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.edge import Edge
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis_server import RedisServer
from testbed.services.clock import Clock, injected
from testbed.services.viewer import Viewer
from testbed.services.world import House, World
from testbed.stack import Stack


@pytest.fixture(scope="session")
def _redis_servers() -> Iterator[dict[str, RedisServer]]:
    with RedisServer.started("live") as live, RedisServer.started("cache") as cache:
        yield {"live": live, "cache": cache}


@pytest.fixture
def redis_live(_redis_servers: dict[str, RedisServer]) -> RedisServer:
    """The instance for sessions and leases, emptied; `.stop()` and `.start()` play an outage."""
    return _redis_servers["live"].emptied()


@pytest.fixture
def redis_cache(_redis_servers: dict[str, RedisServer]) -> RedisServer:
    """The instance for caches, emptied."""
    return _redis_servers["cache"].emptied()


@pytest.fixture(scope="module")
def house(postgres: PostgresServer) -> Iterator[House]:
    """The service's processes over one database for a module's tests."""
    with House.opened(postgres) as house:
        yield house


@pytest.fixture
def world(house: House, redis_live: RedisServer, redis_cache: RedisServer) -> Iterator[World]:
    """The stores of one test, emptied, with users and titles to make at will."""
    with World(house, redis_live, redis_cache) as world:
        yield world


@pytest.fixture
def clock(world: World) -> Iterator[Clock]:
    """Time that the test moves on, under PostgreSQL and Redis alike."""
    with injected(world) as clock:
        yield clock


@pytest.fixture
def alice(world: World) -> Viewer:
    """Signed in on one device."""
    return Viewer(world, "alice")


@pytest.fixture
def bob(world: World) -> Viewer:
    """Somebody else."""
    return Viewer(world, "bob")


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    """Everything that a viewer meets, for a module's tests."""
    with Stack.running(postgres) as running:
        yield running


@pytest.fixture(scope="module")
def running_edge() -> Iterator[Edge]:
    """Nginx in front of a scripted authz, for a module's tests."""
    with Edge.running() as edge:
        yield edge


@pytest.fixture
def edge(running_edge: Edge) -> Edge:
    """The same, as new for one test."""
    return running_edge.again()


@pytest.fixture
def repository() -> Path:
    """The checkout's top folder."""
    return Path(__file__).parents[2]
