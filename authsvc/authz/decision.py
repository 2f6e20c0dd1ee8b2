"""The decision: may this client get this file now?

1. The header door's credentials are verified; no access token, no session.
2. One Lua script on the live store decides (stores/lua/decide.lua).
3. What it does not know is loaded from PostgreSQL and put there, then it decides again. A playback of the header door
   is opened by the one SQL function that this service may call.
4. What PostgreSQL has not confirmed for a minute is compared; while PostgreSQL is away, Redis's answer stands.
5. Redis away: PostgreSQL answers for who was already watching, for half a minute; nobody new comes in.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import Connection

from authsvc.authz.answer import BAD_CREDENTIALS, NO_CREDENTIALS, REFUSED, Answer, allowed, denied
from authsvc.authz.outage import Outage, Pause
from authsvc.authz.question import Question
from authsvc.sessions import credentials
from authsvc.sessions.tokens import Access, InvalidToken, Verifier
from authsvc.settings import AuthzSettings
from authsvc.stores.database import Database, DatabaseUnavailable
from authsvc.stores.live import Evaluates, LiveUnavailable, Script
from authsvc.watching import rehydration
from authsvc.watching.rehydration import Snapshot
from catalog.contract.refusals import Deny

_DECIDE = Script("decide")
# Each attempt after the second means that a revocation came in between.
_ATTEMPTS = 4
_BUSY = denied(Deny.BUSY, 5)
_NOBODY = Access("", "", 0.0)

logger = structlog.get_logger(__name__)


class Gate:
    """Decides, with everything that takes at hand."""

    def __init__(self, settings: AuthzSettings, live: Evaluates, database: Database, verifier: Verifier) -> None:
        self._settings = settings
        self._live = live
        self._database = database
        self._verifier = verifier
        self._outage = Outage(settings.outage_retry_seconds)
        self._database_pause = Pause(settings.outage_retry_seconds)
        self._limits: tuple[int, ...] = (
            settings.streams_per_session,
            settings.streams_per_user,
            settings.streams_per_box,
            round(settings.lease_idle_seconds * 1000),
            round(settings.lease_paused_seconds * 1000),
            round(settings.fresh_seconds * 1000),
            settings.addresses_per_playback,
            round(settings.addresses_window_seconds * 1000),
            settings.sockets_per_playback,
            *settings.sparing_ms,
        )

    def decide(self, question: Question) -> Answer:
        """The answer for Nginx. Whatever this raises means that nothing was decided."""
        access = _NOBODY
        if question.door == "header":
            try:
                found = credentials.access_token(question.authorization, question.cookies)
                if found is None:
                    return NO_CREDENTIALS
                access = self._verifier.verify(found[0])
            except (credentials.MalformedCredentials, InvalidToken):
                return BAD_CREDENTIALS
        if self._outage.leave_alone():
            return self._without_live(question, access)
        try:
            return self._with_live(question, access)
        except LiveUnavailable:
            self._outage.failed()
            logger.warning("live_unavailable", request_id=question.request_id)
            return self._without_live(question, access)

    def _with_live(self, question: Question, access: Access) -> Answer:
        for _ in range(_ATTEMPTS):
            reply: list[Any] = _DECIDE(
                self._live,
                question.door,
                "1" if question.takes_lease else "0",
                question.playback_id,
                access.session_id,
                access.user_id,
                question.video_id,
                question.neighbourhood,
                *self._limits,
                question.connection,
            )
            self._outage.answered()
            verdict = reply[0]
            if verdict == b"deny":
                return self._denied(question, reply)
            if verdict == b"ok":
                _, ticket, playback_id, user_id, role, fresh, rate = reply
                answer = allowed(playback_id.decode(), user_id.decode(), self._rate(role.decode(), int(rate or 0)))
                if fresh or self._database_pause.leave_alone():
                    return answer
            else:
                answer, ticket = _BUSY, reply[1]
            # `load` and `open`, or an answer to be compared.
            try:
                known = self._load(question, access, opening=verdict == b"open")
            except DatabaseUnavailable:
                self._database_pause.begin()
                logger.warning("database_unavailable", request_id=question.request_id)
                return answer
            if known is None:
                return denied(Deny.GONE) if question.door == "signed" else BAD_CREDENTIALS
            rehydration.remember(self._live, self._settings, known, int(ticket), whose="doors")
            # Nothing is remembered of a title that is not there: whoever guesses ids would fill the store.
            nothing_to_watch = known.playback_id is None if verdict == b"open" else known.video_id is None
            if nothing_to_watch and not known.session_end:
                return denied(Deny.FORBIDDEN)
        return _BUSY

    def _load(self, question: Question, access: Access, *, opening: bool) -> Snapshot | None:
        known_seconds = self._settings.outage_known_seconds
        # For PostgreSQL's log (authsvc/stores/statements.py).
        named = structlog.contextvars.bound_contextvars(request_id=question.request_id)
        with named, self._database.connection() as connection:
            if question.door == "signed":
                return rehydration.of_playback(connection, question.playback_id, known_seconds=known_seconds)
            if opening:
                _open_header_playback(connection, question, access)
            if question.takes_lease:
                watched = rehydration.of_header_playback(
                    connection, access.session_id, question.video_id, known_seconds=known_seconds
                )
                if watched is not None:
                    return watched
            return rehydration.of_session_and_video(connection, access.session_id, question.video_id)

    def _without_live(self, question: Question, access: Access) -> Answer:
        """The policy for an outage of Redis: permission by PostgreSQL alone, bounded in time, nothing new."""
        if self._outage.age() > self._settings.outage_grace_seconds or self._database_pause.leave_alone():
            return _BUSY
        try:
            known = self._load(question, access, opening=False)
        except DatabaseUnavailable:
            self._database_pause.begin()
            return _BUSY
        if known is None:
            return denied(Deny.GONE) if question.door == "signed" else BAD_CREDENTIALS
        if question.door == "signed" and known.video_id is not None and known.video_id.hex != question.video_id:
            return REFUSED
        if known.session_end or (question.door == "header" and known.user_id.hex != access.user_id):
            return self._denied(question, [b"deny", b"session"])
        if not rehydration.may_see(self._settings, known):
            return denied(Deny.FORBIDDEN)
        if known.playback_end:
            return denied(Deny.GONE)
        if question.takes_lease:
            if not known.playable:
                return denied(Deny.FORBIDDEN)
            if not known.is_known:
                return _BUSY
        elif known.playback_id is None and known.expires_at <= datetime.now(UTC):
            return self._denied(question, [b"deny", b"session"])
        playback_id = known.playback_id.hex if known.playback_id else ""
        rate = self._rate(rehydration.acting_role(self._settings, known), known.rate_bytes or 0)
        return allowed(playback_id, known.user_id.hex, rate, in_outage=True)

    def _rate(self, role: str, wanted: int) -> int:
        """Bytes a second: what the role may take, or less where the viewer wants less; 0 without a cap."""
        # That `role` is one of the roles is PostgreSQL's constraint.
        caps = [cap for cap in (self._settings.stream_rate.get(role, 0), wanted) if cap]  # type: ignore[call-overload]
        return min(caps, default=0)

    def _denied(self, question: Question, reply: list[Any]) -> Answer:
        reason = reply[1].decode()
        if not reason:
            return REFUSED
        if reason == Deny.SESSION and question.door == "header":
            return BAD_CREDENTIALS
        return denied(Deny(reason), reply[2] / 1000 if len(reply) > 2 else None)


def _open_header_playback(connection: Connection[Any], question: Question, access: Access) -> None:
    connection.execute(
        "SELECT open_header_playback(%s, %s, %s, %s::inet)",
        (secrets.token_hex(16), access.session_id, question.video_id, question.address),
    )
