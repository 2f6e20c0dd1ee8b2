"""Who asks? From the live store, and from PostgreSQL when that does not know or is away."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis

from authsvc.sessions import alive, tokens
from authsvc.sessions.sessions import Identity, SessionEnded, touch
from authsvc.settings import ApiSettings
from authsvc.stores.database import Database, DatabaseUnavailable
from authsvc.stores.live import LiveUnavailable, Script
from authsvc.watching import rehydration

_SESSION = Script("session")
_ATTEMPTS = 3


class Directory:
    """Finds out who asks: from Redis, and from PostgreSQL when Redis does not know or is away."""

    def __init__(self, live: "Redis", database: Database, settings: ApiSettings) -> None:
        self._live = live
        self._database = database
        self._settings = settings

    def identify(self, access: tokens.Access) -> Identity:
        """The session of a verified token. Raises SessionEnded; DatabaseUnavailable when neither store can tell."""
        for _ in range(_ATTEMPTS):
            try:
                reply = self._ask(access.session_id)
            except LiveUnavailable:
                break
            if reply[0] == b"ended":
                raise SessionEnded
            identity, ticket, touched = None, int(reply[1]), False
            if reply[0] == b"ok":
                _, _, user_id, role, kind, fresh, touch_now = reply
                identity = Identity(user_id.decode(), access.session_id, role.decode(), kind.decode())
                touched = bool(touch_now)
                if fresh:
                    return self._used(access, identity, touched)
            try:
                if not self._reload(access.session_id, ticket):
                    raise SessionEnded
            except DatabaseUnavailable:
                # Redis's answer stands until its own, longer life is over.
                if identity is None:
                    raise
                return self._used(access, identity, touched=False)
            except LiveUnavailable:
                break
        return self._from_database(access)

    def confirmed(self, identity: Identity) -> Identity:
        """The same with its role as PostgreSQL has it now, by user and session. Raises SessionEnded,
        DatabaseUnavailable."""
        with self._database.connection() as connection:
            known = rehydration.of_session(connection, identity.session_id)
        if known is None or known.session_end or known.user_id.hex != identity.user_id:
            raise SessionEnded
        return replace(identity, role=rehydration.acting_role(self._settings, known))

    def _ask(self, session_id: str) -> list[Any]:
        reply: list[Any] = _SESSION(
            self._live,
            session_id,
            round(self._settings.fresh_seconds * 1000),
            round(self._settings.session_touch_seconds * 1000),
        )
        return reply

    def _reload(self, session_id: str, ticket: int) -> bool:
        """Compare with PostgreSQL; False when there is no such session."""
        with self._database.connection() as connection:
            known = rehydration.of_session(connection, session_id)
        if known is None:
            return False
        rehydration.remember(self._live, self._settings, known, ticket, whose="interface")
        return True

    def _from_database(self, access: tokens.Access) -> Identity:
        with self._database.connection() as connection:
            known = rehydration.of_session(connection, access.session_id)
        if known is None or known.session_end:
            raise SessionEnded
        now = datetime.now(UTC)
        rest = alive.may_rest_seconds(self._settings, known.kind)
        if alive.over(known.expires_at, known.last_seen_at, rest, now):
            raise SessionEnded
        role = rehydration.acting_role(self._settings, known)
        identity = Identity(known.user_id.hex, access.session_id, role, known.kind)
        touch_due = known.last_seen_at + timedelta(seconds=self._settings.session_touch_seconds) <= now
        return self._used(access, identity, touched=touch_due)

    def _used(self, access: tokens.Access, identity: Identity, touched: bool) -> Identity:
        if identity.user_id != access.user_id:
            raise SessionEnded
        if touched:
            with suppress(DatabaseUnavailable), self._database.connection() as connection:
                touch(connection, identity.session_id)
        return identity
