"""What the views work with, made once in each worker."""

from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import cast

from flask import Flask, current_app
from redis import Redis

from authsvc.api.protocol.identity import Directory
from authsvc.api.protocol.quotas import Quotas
from authsvc.api.protocol.repeats import Repeats
from authsvc.publishing.settings import UploadSettings
from authsvc.sessions.tokens import Issuer, Verifier
from authsvc.settings import ApiSettings
from authsvc.signin.password_rules import PasswordRules
from authsvc.signin.passwords import Checker
from authsvc.signin.throttle import FactorThrottle, LoginThrottle
from authsvc.signin.totp import Sealer
from authsvc.signin.turns import Turns
from authsvc.stores import live
from authsvc.stores.database import Database
from authsvc.stores.json_cache import Kept
from authsvc.watching.leases import Leases

_KEY = "kinetoscope"


@dataclass(frozen=True, slots=True)
class Services:
    """The ways to the stores, and what holds keys."""

    settings: ApiSettings
    database: Database
    live: "Redis"
    cache: "Redis"
    issuer: Issuer
    verifier: Verifier
    directory: Directory
    passwords: Checker
    password_rules: PasswordRules
    leases: Leases
    login_throttle: LoginThrottle
    factor_throttle: FactorThrottle
    # None without a key: no authenticator app can be added then.
    sealer: Sealer | None
    # The cache of the library.
    titles: Kept
    featured: Kept
    repeats: Repeats
    # Room for playlists of the whole library that are being written.
    lists: BoundedSemaphore
    quotas: Quotas
    uploads: UploadSettings

    @classmethod
    def made_from(cls, settings: ApiSettings, uploads: UploadSettings) -> "Services":
        """Connects to nothing yet: the service starts without PostgreSQL and Redis."""
        database = Database(
            settings.database_url,
            application_name="kinetoscope-api",
            connections=settings.database_connections,
            wait_seconds=settings.database_wait_seconds,
            statement_ms=settings.database_statement_ms,
        )
        store, cache = (
            live.connect(
                url,
                timeout_seconds=timeout,
                username=settings.redis_username,
                password=password,
            )
            for url, password, timeout in (
                (settings.redis_live_url, settings.redis_live_password, settings.redis_timeout_seconds),
                (settings.redis_cache_url, settings.redis_cache_password, settings.redis_cache_timeout_seconds),
            )
        )
        return cls(
            settings=settings,
            database=database,
            live=store,
            cache=cache,
            issuer=Issuer(settings.access_jwt_private, settings.access_jwt_kid, settings.access_token_seconds),
            verifier=Verifier(settings.access_jwt_public),
            directory=Directory(store, database, settings),
            passwords=Checker(
                settings.hashes_at_once,
                settings.hash_wait_seconds,
                reserved=settings.hashes_reserved,
                waiting=settings.hashes_waiting,
                turns=Turns(store, waiting=settings.hashes_waiting, wait_seconds=settings.hash_wait_seconds),
            ),
            password_rules=PasswordRules(settings.password_shortest, settings.password_guesses),
            leases=Leases(store, settings),
            login_throttle=LoginThrottle(store, settings),
            factor_throttle=FactorThrottle(store, settings),
            sealer=Sealer(settings.second_factor_key) if settings.second_factor_key else None,
            titles=Kept(cache, settings.title_cache_seconds),
            featured=Kept(cache, settings.popular_cache_seconds),
            quotas=Quotas(cache, settings),
            repeats=Repeats(
                cache, settings.access_jwt_private, settings.repeat_seconds, settings.repeat_bytes_per_caller
            ),
            lists=BoundedSemaphore(settings.m3u_at_once),
            uploads=uploads,
        )


def install(app: Flask, services: Services) -> None:
    """Tie the services to an application."""
    app.extensions[_KEY] = services


def here() -> Services:
    """The services of the application that is handling this request."""
    return cast("Services", current_app.extensions[_KEY])
