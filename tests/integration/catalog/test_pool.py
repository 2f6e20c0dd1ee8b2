"""The pool of connections, on a real PostgreSQL."""

import select

from catalog.pool import open_pool
from testbed.services.world import World


def test_connection_that_the_server_closed_is_not_given_out(world: World) -> None:
    with open_pool(world.database.owner_url, application_name="test", max_size=1) as pool:
        with pool.connection() as connection:
            closed = connection.info.backend_pid
        world.owner.execute("SELECT pg_terminate_backend(%s)", (closed,))
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        assert waiting.poll(5000), "PostgreSQL says that it hangs up"
        with pool.connection() as connection:
            assert connection.info.backend_pid != closed
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_connection_with_a_notice_to_read_is_kept(world: World) -> None:
    with open_pool(world.database.owner_url, application_name="test", max_size=1) as pool:
        with pool.connection() as connection:
            connection.execute("LISTEN something")
            backend = connection.info.backend_pid
        world.owner.execute("NOTIFY something")
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        assert waiting.poll(5000)
        with pool.connection() as connection:
            assert connection.info.backend_pid == backend
