"""A small house for the tests of authsvc: people, titles, keys, and both applications on real stores.

The services sign in to PostgreSQL under their own roles, so whatever they do without a grant fails here.
"""

import contextlib
import functools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString, Self
from unittest import mock

import psycopg
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import Flask, has_request_context, request
from flask.testing import FlaskClient
from psycopg import sql

from authsvc import api, authz
from authsvc.api.protocol import limits
from authsvc.api.protocol.quotas import CallClass
from authsvc.people import accounts
from authsvc.publishing.settings import UploadSettings
from authsvc.sessions import sessions
from authsvc.sessions.tokens import Issuer
from authsvc.settings import ApiSettings, AuthzSettings
from authsvc.signin import passwords
from catalog import roles
from testbed.servers import redis_access
from testbed.servers.postgres import USER as SUPERUSER
from testbed.servers.postgres import Database, PostgresServer
from testbed.servers.redis_server import RedisServer
from testbed.services.contract import Contract

PASSWORD = "correct horse battery staple"
ORIGIN = "https://box.test"
PLAY_SECRET = "s" * 43
SECOND_FACTOR_KEY = "f" * 42 + "A"

# How long the services wait for stores: a busy machine is no outage. Where waiting is what is tested, the test says how
# long (with_settings).
PATIENCE = {
    "redis_timeout_seconds": 20, "redis_cache_timeout_seconds": 20, "database_wait_seconds": 20,
    "database_statement_ms": 20_000,
}  # fmt: skip

# A real hash takes a tenth of a second of all cores; what production uses is asserted in a test of its own.
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class Counted:
    """The cheap hasher; no call may use it that does not count as signing in."""

    def __getattr__(self, name: str) -> Any:
        if has_request_context() and name in {"hash", "verify"}:
            assert limits.class_of(request.endpoint) is CallClass.LOGIN, f"{request.endpoint} hashes"
        return getattr(CHEAP_HASHER, name)


@functools.cache
def password_hash() -> str:
    return CHEAP_HASHER.hash(PASSWORD)


def key_pair() -> tuple[str, str]:
    """PEM of a new private key and of its public half."""
    key = Ed25519PrivateKey.generate()
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


PRIVATE_PEM, PUBLIC_PEM = key_pair()

# What tests make, and by way of its references all that hangs on it.
_MADE: LiteralString = """
    WITH RECURSIVE made (part) AS (
        SELECT unnest(ARRAY['users', 'videos', 'groups', 'folder_rules', 'invitations', 'audit_events']::regclass[])
        UNION SELECT conrelid FROM made JOIN pg_constraint ON confrelid = part AND contype = 'f'
    )
    SELECT array_agg(part::text) FROM made
"""
# Deleted rows stay in a table's file for a while. In a file that has grown beyond this they would slow the next tests.
_SMALL_BYTES = 256 * 1024
# The cached plans of a procedure make it the quickest way: a millisecond, where truncating takes fifty, for it gives
# each of forty tables, and each index of theirs, a new file.
_EMPTY: LiteralString = """
    CREATE PROCEDURE pg_temp.empty() LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT max(pg_relation_size(name)) > {small} FROM unnest({names}::regclass[]) AS name) THEN
            TRUNCATE {tables};
        ELSE
            {deletions}
        END IF;
    END $$
"""


class House:
    """One migrated database for the tests of a module, and the applications that need no settings of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.apps: dict[str, Flask] = {}
        self.reconnect()

    def reconnect(self) -> None:
        """At first, and after the server was stopped and started."""
        self.owner: psycopg.Connection[Any] = psycopg.connect(self.database.owner_url, autocommit=True)
        # A replica asks no reference and no trigger, as TRUNCATE asks none: the order of the tables does not matter.
        self._sweeper = psycopg.connect(
            self.database.url_for(SUPERUSER), autocommit=True, options="-c session_replication_role=replica"
        )
        (names,) = self._sweeper.execute(_MADE).fetchone() or ([],)
        tables = [sql.Identifier(name) for name in names]
        self._sweeper.execute(
            sql.SQL(_EMPTY).format(
                small=_SMALL_BYTES,
                names=names,
                tables=sql.SQL(", ").join(tables),
                deletions=sql.SQL("").join(sql.SQL("DELETE FROM {};").format(table) for table in tables),
            )
        )

    def empty(self) -> None:
        """Take away all that a test made."""
        self._sweeper.execute("CALL pg_temp.empty()")

    def close(self) -> None:
        for app in self.apps.values():
            app.extensions["kinetoscope.close"]()
        self._sweeper.close()
        self.owner.close()

    @classmethod
    @contextlib.contextmanager
    def opened(cls, postgres: PostgresServer) -> Iterator[Self]:
        cheap = mock.patch.object(passwords, "_hasher", Counted())
        with cheap, postgres.cloned_database() as database:
            house = cls(database)
            try:
                yield house
            finally:
                house.close()


@dataclass
class World:
    """Everything one test needs, in an empty house; applications are made when they are first asked for."""

    house: House
    redis_live: RedisServer
    redis_cache: RedisServer
    overrides: dict[str, Any] = field(default_factory=dict)
    _apps: list[Flask] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.house.empty()
        return self

    def __exit__(self, *_: object) -> None:
        for app in self._apps:
            app.extensions["kinetoscope.close"]()
        if "api_app" in self.__dict__:
            contract: Contract = self.api_app.extensions["tests.contract"]
            broken, contract.broken = contract.broken, []
            assert not broken, "The OpenAPI document does not say this:\n" + "\n".join(sorted(set(broken)))

    def with_settings(self, **overrides: Any) -> Self:
        """Call it before the applications are made."""
        self.overrides |= overrides
        return self

    @property
    def owner(self) -> "psycopg.Connection[Any]":
        """The schema's owner, who may look at and change everything."""
        return self.house.owner

    @property
    def database(self) -> Database:
        return self.house.database

    def _app(self, name: str, create: Callable[[], Flask]) -> Flask:
        if self.overrides:
            self._apps.append(create())
            return self._apps[-1]
        if name not in self.house.apps:
            self.house.apps[name] = create()
        return self.house.apps[name]

    def _shared(self, service: str) -> dict[str, Any]:
        known = {"access_jwt_public": {"a1": PUBLIC_PEM}} | self.live_access(service)
        return known | PATIENCE | self.overrides

    def live_access(self, service: str) -> dict[str, Any]:
        """The way of a service (a database role, too) into the live store, under its own rules there."""
        return {
            "redis_live_url": self.redis_live.url,
            "redis_username": service,
            "redis_live_password": redis_access.PASSWORD,
        }

    @functools.cached_property
    def api_settings(self) -> ApiSettings:
        return ApiSettings(
            **{
                "database_url": self.database.url_for(roles.API),
                "redis_cache_url": self.redis_cache.url,
                "play_keys": {"current": "k1", "keys": {"k1": PLAY_SECRET}},
                "access_jwt_private": PRIVATE_PEM,
                "public_origins": (ORIGIN,),
                "second_factor_key": SECOND_FACTOR_KEY,
                "library_roots": ("/library",),
                # The tests of quotas set their own; here nothing may depend on how many calls a test makes.
                **{f"{name}_calls_per_minute": 1_000_000 for name in CallClass},
                "redis_cache_password": redis_access.PASSWORD,
                **self._shared(roles.API),
            }
        )

    @functools.cached_property
    def upload_settings(self) -> UploadSettings:
        known = {name: value for name, value in self.overrides.items() if name in UploadSettings.model_fields}
        return UploadSettings(**known)

    @functools.cached_property
    def authz_settings(self) -> AuthzSettings:
        return AuthzSettings(**{"database_url": self.database.url_for(roles.AUTHZ), **self._shared(roles.AUTHZ)})

    @functools.cached_property
    def api_app(self) -> Flask:
        return self._app("api", self._create_api)

    def _create_api(self) -> Flask:
        app = api.create_app(self.api_settings, self.upload_settings)
        app.extensions["tests.contract"] = Contract(app)
        return app

    @functools.cached_property
    def authz_app(self) -> Flask:
        return self._app("authz", lambda: authz.create_app(self.authz_settings))

    def client(self) -> FlaskClient:
        return self.api_app.test_client(use_cookies=False)

    def user(self, username: str, role: str = "user") -> accounts.User:
        return accounts.create(self.owner, username=username, email=None, password_hash=password_hash(), role=role)

    def video(self, title: str = "Sunrise", **columns: Any) -> str:
        """A title that is ready, unless `columns` say otherwise; its id as 32 hex digits."""
        row = {
            "library_root": "/library",
            "path": uuid.uuid4().hex.encode(),
            "fingerprint": b"f",
            "size_bytes": 1000,
            "mtime_ns": 1,
            "filename": f"{title}.mp4",
            "title": title,
            "status": "ready",
            "container": "mp4",
            "duration_seconds": 600.0,
        } | columns
        names = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        found = self.owner.execute(
            f"INSERT INTO videos ({names}) VALUES ({places}) RETURNING id", list(row.values())
        ).fetchone()
        assert found is not None
        return str(found[0].hex)

    def publish(self, video_id: str, *names: str) -> None:
        for name in names:
            self.owner.execute(
                "INSERT INTO published_files (video_id, name, media_type, size_bytes) VALUES (%s, %s, %s, %s)",
                (video_id, name, "video/mp4", 1000),
            )

    def session(self, user: accounts.User, **arguments: Any) -> tuple[str, str]:
        """A session made in the database alone: its id and an access token."""
        started = sessions.start(
            self.owner,
            **{
                "user_id": user.id,
                "kind": "program",
                "device": "test",
                "client": "192.0.2.1",
                "life_seconds": 3600,
                **arguments,
            },
        )
        return started.session_id.hex, self.token(user, started.session_id.hex)

    def token(self, user: accounts.User, session_id: str) -> str:
        return Issuer(self.api_settings.access_jwt_private, "a1", self.api_settings.access_token_seconds).issue(
            user.id.hex, session_id
        )

    def environment(self, service: str) -> dict[str, str]:
        """The same settings as environment variables, for a service's own process (secrets are files)."""
        return {
            "KINETOSCOPE_REDIS_LIVE_URL": self.redis_live.url,
            "KINETOSCOPE_REDIS_USERNAME": service,
            "KINETOSCOPE_REDIS_CACHE_URL": self.redis_cache.url,
            "KINETOSCOPE_PUBLIC_ORIGINS": ORIGIN,
        }

    def credentials(self) -> dict[str, str]:
        """Secrets by the names of LoadCredential."""
        return {
            "play_keys": json.dumps({"current": "k1", "keys": {"k1": PLAY_SECRET}}),
            "access_jwt_private": PRIVATE_PEM,
            "access_jwt_public": json.dumps({"a1": PUBLIC_PEM}),
            "redis_live_password": redis_access.PASSWORD,
            "redis_cache_password": redis_access.PASSWORD,
        }


@dataclass
class Asker:
    """Asks the decision endpoint as Nginx does."""

    app: Flask
    serial: int = 0

    def headers(self, video_id: str, /, **changes: str | None) -> dict[str, str]:
        """The headers of a GET for the source at the header door, changed as told (None leaves one out)."""
        self.serial += 1
        headers = {
            "X-Door": "header",
            "X-Kind": "media:source",
            "X-Video-Id": video_id,
            "X-Method": "GET",
            "X-Real-IP": "192.0.2.7",
            "X-Conn": f"{self.serial} 192.0.2.7 40000",
            "X-Request-Id": uuid.uuid4().hex,
        }
        for name, value in changes.items():
            key = {"real_ip": "X-Real-IP", "authorization": "Authorization", "cookie": "Cookie"}.get(
                name, "X-" + "-".join(part.capitalize() for part in name.split("_"))
            )
            headers.pop(key, None)
            if value is not None:
                headers[key] = value
        return headers

    def __call__(self, video_id: str, /, **changes: str | None) -> Any:
        return self.app.test_client(use_cookies=False).get("/decide", headers=self.headers(video_id, **changes))

    def signed(self, video_id: str, playback_id: str, **changes: str | None) -> Any:
        return self(video_id, door="signed", playback_id=playback_id, **changes)

    def header(self, video_id: str, token: str, **changes: str | None) -> Any:
        return self(video_id, authorization=f"Bearer {token}", **changes)
