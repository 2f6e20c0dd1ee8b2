"""The live store: what sessions and leases are like right now, in the Redis of that name.

PostgreSQL holds the truth; everything here can be wiped at any moment and comes back. Keys, all below `ks:`; ids are
32 hex digits, times are milliseconds of Redis's clock:

    ks:session:<session>             hash    what the doors go by, and only authz writes: user, role, expires, idle
                                             (how long it may rest, 0: for ever), loaded, checked; or ended
    ks:identity:<session>            hash    the same for the interface, and only the interface writes it; kind,
                                             touched (when use was last written down), too
    ks:seen:<session>                string  when it was last used
    ks:ended:<session>               string  why it has ended (tombstone)
    ks:playback:<playback>           hash    session, user, video, checked, rate, granted, asked (last media request),
                                             seen (that, or bytes moved), beat (last heartbeat), paused (since); by the
                                             ledger: open (answers), connections (they are on), sockets (that carry it),
                                             bytes, addresses (whose bytes move), counted (when). Of one that is over:
                                             session, user, video, ended, open, asked, over (when it ended)
    ks:gone:<session>                list    its playbacks that ended a moment ago, oldest first
    ks:video:<video>                 hash    access (public, members, named, none), playable (0, 1), loaded, checked
    ks:named:<user>:<video>          hash    allowed (0, 1), loaded, checked: may the user see a `named` title?
    ks:header:<session>:<video>      string  the open playback of that pair at the header door
    ks:barred:<session>:<video>      string  an admin stopped it: the pair stays out for a while
    ks:addresses:<playback>          zset    client address -> when it last asked
    ks:sockets:<playback>            set     "<serial of Nginx> <address> <port>" of the connections that carry it, when
                                             there are as many as there may be
    ks:rebuilt                       string  missing when the store was wiped: the ledger then fills it again
    ks:looked                        string  up to when the ledger has told what is open
    ks:leases:session:<session>      zset    playback -> deadline; likewise
    ks:leases:user:<user>            zset
    ks:leases:box                    zset
    ks:leases:<...>:leaving          zset    beside each of those: playbacks that have ended while answers of them were
                                             open; they keep their places until those are over
    ks:clock                         counter of revocations
    ks:epoch:user:<user>             string  value of the counter at the last revocation; likewise
    ks:epoch:video:<video>           string
    ks:throttle:...                  counters of failed sign-ins (signin/throttle.py)
    ks:throttle:turn:<caller>        string  the caller has a password hashed right now (signin/turns.py)
    ks:quota:<class>:<caller>        string  when that caller's quota is whole again (in the cache instance)
    ks:repeat:<HMAC>                 string  a call that may be repeated, with its answer (in the cache instance, see
                                             idempotency.py)

`loaded` is the counter's value before the facts were read from PostgreSQL; facts older than their epoch are loaded
again, so a revocation costs one write however many sessions it touches, and a load can't outrun it.

Which unit may read and write which keys says roles/redis/defaults/main.yml (redis_instances). Redis holds scripts to it
too, at each command. A key that one unit writes is nothing that another unit's rights follow from.
"""

import functools
import hashlib
import threading
from importlib import resources
from typing import Any, Protocol

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry

# What means "not now" rather than "wrong": an outage, a full store, a replica.
_UNAVAILABLE = (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError)


class LiveUnavailable(Exception):
    """Redis does not answer in time, or can't take writes."""


def connect(url: str, *, timeout_seconds: float, username: str | None, password: SecretStr | None) -> "redis.Redis":
    """A client that tries a broken connection once more (Redis may have restarted) and a slow one never."""
    return redis.Redis.from_url(
        url,
        username=username if password else None,
        password=password.get_secret_value() if password else None,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


class Evaluates(Protocol):
    """What runs scripts: a client, or a Line."""

    def evalsha(self, sha: str, numkeys: int, *arguments: Any) -> Any: ...
    def eval(self, script: str, numkeys: int, *arguments: Any) -> Any: ...


class Line:
    """One connection of a client, kept for scripts: for who runs one after the other, many times a second.

    A client takes a connection from its pool for each command, looks whether something lies unread on it, and counts;
    together that is more work than a decision. Here a command is sent and its reply is read, nothing else. What a
    command leaves unread can't reach the next one: redis-py closes a connection whose reply was not read to its end.
    Made on the first use, so after the fork.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._pool = client.connection_pool
        self._connection: Any = None
        self._turn = threading.Lock()

    def evalsha(self, sha: str, numkeys: int, *arguments: Any) -> Any:
        return self._reply("EVALSHA", sha, numkeys, *arguments)

    def eval(self, script: str, numkeys: int, *arguments: Any) -> Any:
        return self._reply("EVAL", script, numkeys, *arguments)

    def _reply(self, *command: Any) -> Any:
        """As the client does it: a connection that is broken is tried once more, a slow one never."""
        with self._turn:
            if self._connection is None:
                self._connection = self._pool.get_connection()
            try:
                return self._exchange(command)
            except RedisConnectionError:
                return self._exchange(command)

    def _exchange(self, command: tuple[Any, ...]) -> Any:
        connection = self._connection
        connection.send_packed_command(connection.pack_command(*command), check_health=False)
        return connection.read_response()


@functools.cache
def script_text(name: str) -> str:
    """The script `name`, preceded by what all scripts share."""
    folder = resources.files("authsvc.stores") / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()


class Script:
    """A Lua script that is sent once and then called by its digest."""

    def __init__(self, name: str) -> None:
        self.text = script_text(name)
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, store: Evaluates, *arguments: str | int) -> Any:
        """The script's reply. Raises LiveUnavailable."""
        try:
            try:
                return store.evalsha(self.digest, 0, *arguments)
            except NoScriptError:
                return store.eval(self.text, 0, *arguments)
        except _UNAVAILABLE as error:
            raise LiveUnavailable(str(error)) from error
        except ResponseError as error:
            # It reads and can't write: its disk is full. redis-py has no class for that.
            if str(error).startswith("MISCONF"):
                raise LiveUnavailable(str(error)) from error
            raise


def answers(client: "redis.Redis") -> bool:
    """Does this Redis answer a ping?"""
    try:
        return bool(client.ping())
    except RedisError:
        return False
