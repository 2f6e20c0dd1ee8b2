"""A clock for the tests of time-outs, put under PostgreSQL and the live store alike.

PostgreSQL: a function `now()` in a schema that the search path names before pg_catalog. Redis: the one function that
asks for the time in authsvc/stores/lua/common.lua is given another body. The code under test is production's.
"""

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from unittest import mock

from psycopg import sql

from authsvc.stores import live
from testbed.services.world import World

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS injected;
CREATE TABLE IF NOT EXISTS injected.clock (ahead interval NOT NULL);
CREATE OR REPLACE FUNCTION injected.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + ahead FROM injected.clock';
GRANT USAGE ON SCHEMA injected TO PUBLIC;
GRANT SELECT ON injected.clock TO PUBLIC;
TRUNCATE injected.clock;
INSERT INTO injected.clock VALUES ('0');
"""
_ASKS = "local t = redis.call('TIME')\n  return t[1] * 1000 + math.floor(t[2] / 1000)"
_INJECTED = (
    "local t = redis.call('TIME')\n"
    "  return t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(redis.call('GET', 'test:ahead') or '0')"
)


class Clock:
    """Time that a test moves on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ahead = 0.0
        # Applications of their own: only new connections get the search path.
        world.with_settings(redis_timeout_seconds=20)

    def forward(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        self._ahead += hours * 3600 + minutes * 60 + seconds
        self._world.owner.execute("UPDATE injected.clock SET ahead = make_interval(secs => %s)", (self._ahead,))
        self.tell_redis()

    def tell_redis(self) -> None:
        """Again after the store was wiped."""
        self._world.redis_live.client().set("test:ahead", round(self._ahead * 1000))


@contextlib.contextmanager
def injected(world: World) -> Iterator[Clock]:
    """A clock under the stores of `world`, taken away afterwards."""
    with contextlib.ExitStack() as patched:
        for script in _scripts():
            assert _ASKS in script.text, "the clock of authsvc/stores/lua/common.lua has another body"
            text = script.text.replace(_ASKS, _INJECTED)
            digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            patched.enter_context(mock.patch.multiple(script, text=text, digest=digest))
        database = sql.Identifier(world.database.name)
        world.owner.execute(_SCHEMA)
        world.owner.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = injected, pg_catalog, public").format(database)
        )
        world.owner.execute("SET search_path = injected, pg_catalog, public")
        yield Clock(world)
        world.owner.execute(sql.SQL("ALTER DATABASE {} RESET search_path").format(database))
        world.owner.execute("RESET search_path")


def _scripts() -> list[live.Script]:
    return [
        value
        for name, module in list(sys.modules.items())
        if name.startswith("authsvc")
        for value in vars(module).values()
        if isinstance(value, live.Script)
    ]
