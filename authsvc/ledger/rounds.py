"""The ledger's round: one look at everything, and what follows from it.

1. What ended in PostgreSQL is told to Redis (also between rounds, as soon as PostgreSQL says so).
2. Nginx's answers log tells which answers are open; then the kernel tells which connections exist and how many bytes
   were acknowledged: an answer on a connection that is not there is over.
3. The account log is booked; of aborted answers what was not acknowledged is taken off.
4. Leases of playbacks with answers whose bytes move are renewed; Redis answers which have ended or lapsed.
5. Connections with an open answer of what has ended, those beyond what a playback may have, and those that nobody was
   let in on, are cut.
6. Sessions that nobody uses end, and use is written down (sessions/expiry.py); not while the clock is in doubt
   (clock_steps.py).
7. What is live is kept for the next start, for the day that Redis is wiped, and what is under way (unlogged.py), for
   the day that Nginx breaks it off.

Each of the three sources may be away: what it would have told is left for a later round.
"""

import time
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection
from redis import Redis

from authsvc.ledger import persistence, revocations
from authsvc.ledger.accounting import Accounting
from authsvc.ledger.answers_log import AnswersLog
from authsvc.ledger.channels import Channel, Channels
from authsvc.ledger.clock_steps import Steps
from authsvc.ledger.cutter_client import Cutter
from authsvc.ledger.live_store import LiveStore
from authsvc.ledger.open_answers import OpenAnswers
from authsvc.ledger.settings import LedgerSettings
from authsvc.ledger.sockets import SocketTable
from authsvc.ledger.watched import NOTHING, Seen, Watched
from authsvc.sessions import expiry
from authsvc.stores.live import LiveUnavailable

_HOUR_SECONDS = 3600

logger = structlog.get_logger(__name__)


class Rounds:
    """Everything the ledger knows between two rounds. All of it can be lost: see open_answers.py and persistence.py."""

    def __init__(self, settings: LedgerSettings, live: "Redis", table: SocketTable, cutter: Cutter) -> None:
        self._settings = settings
        self._live = live
        self._table = table
        self._cutter = cutter
        self._live_store = LiveStore(live, settings)
        self._memory = persistence.Memory()
        self._answers = OpenAnswers(AnswersLog(Path(settings.answers_log)), Path(settings.answers_state))
        self.channels = Channels(self._answers)
        self._watched = Watched(
            settings.addresses_per_playback, settings.addresses_window_seconds, settings.sockets_per_playback
        )
        self._accounting = Accounting(settings, table)
        self._steps = Steps(settings.clock_step_seconds, settings.clock_settle_seconds)
        # Playbacks that are over, as far as a connection still carries them.
        self._ended: set[str] = set()
        # Playbacks that move and have lost their lease to somebody else.
        self._refused: set[str] = set()
        # What Redis was last told of a playback, and when.
        self._told: dict[str, tuple[Seen, float]] = {}
        self._live_is_away = False
        self._reviewed = self._kept = self._kept_up = self._tidied = 0.0

    def begin(self, connection: Connection[Any]) -> None:
        """Take over what PostgreSQL knows, after a start or an outage."""
        self._memory.load(connection)
        self._accounting.begin(connection, self.channels)
        self._reviewed = 0.0

    def round(self, connection: Connection[Any] | None) -> None:
        """One look; without PostgreSQL what can be done without it. Raises psycopg.Error."""
        now = time.monotonic()
        if connection is not None:
            self.tell(connection)
        looked_at = self._look_at_live(connection)
        self._answers.read()
        sockets = self._table.look()
        finished = self._accounting.book(connection, sockets) if connection is not None else None
        self.channels.look(sockets, finished)
        self._accounting.part(self.channels.gone, now)
        seen = self._watched.look(self.channels, self._ended | self._refused, now)
        if looked_at is not None:
            self._renew(connection, seen, looked_at, now)
        if connection is not None and now - self._reviewed >= self._settings.review_seconds:
            self._reviewed = now
            self._review(connection)
        self._cut(now)
        self._answers.looked()
        self._answers.save()
        if connection is not None:
            self._keep_up(connection, now)
            self._keep(connection, now, with_leases=looked_at is not None)
            if finished is not None:
                self._accounting.keep(connection, self.channels, now)

    def glance(self) -> None:
        """Between two looks, for somebody who waits: tell which answers are open now."""
        try:
            looked_at, _ = self._live_store.look()
            self._answers.read()
            self._live_store.looked(looked_at, self._answers.changed())
        except LiveUnavailable as error:
            self._away(error)

    def tell(self, connection: Connection[Any]) -> bool:
        """Step 1. Is an answer open of what has ended? It is to be cut unless it ends by itself."""
        has_ended = False
        while pending := revocations.pending(connection):
            ended = {item.playback_id.hex for item in pending if item.kind == "playback" and item.playback_id}
            has_ended |= self._end(ended)
            users = [item.user_id for item in pending if item.kind == "user" and item.user_id]
            videos = [item.video_id for item in pending if item.kind == "video" and item.video_id]
            try:
                for item in pending:
                    revocations.tell(self._live, self._settings, item)
            except LiveUnavailable as error:
                self._away(error)
                break
            if users or videos:
                revocations.end_what_may_not_go_on(connection, playbacks=[], users=users, videos=videos)
            revocations.told(connection, pending)
        return has_ended

    def _end(self, playbacks: set[str]) -> bool:
        """These are over; is an answer of them open? From now on counts how long."""
        self._ended |= playbacks
        now, found = time.monotonic(), False
        for channel in self.channels if playbacks else ():
            if not channel.playbacks.isdisjoint(playbacks):
                channel.note_over(self._ended | self._refused, now)
                found = True
        return found

    # -- the live store --

    def _look_at_live(self, connection: Connection[Any] | None) -> int | None:
        """When this look begins, by Redis's clock; None while Redis is away."""
        try:
            now, whole = self._live_store.look()
            if not whole and connection is not None:
                restored = persistence.restore(connection, self._live, self._settings)
                self._live_store.whole_again()
                self._told.clear()
                logger.info("live_rebuilt", leases=restored, connections=len(self.channels))
        except LiveUnavailable as error:
            self._away(error)
            return None
        if self._live_is_away:
            logger.info("live_is_back")
        self._live_is_away = False
        return now

    def _away(self, error: LiveUnavailable) -> None:
        if not self._live_is_away:
            logger.warning("live_unavailable", error=str(error))
        self._live_is_away = True

    def _renew(self, connection: Connection[Any] | None, seen: dict[str, Seen], looked_at: int, now: float) -> None:
        """Step 4."""
        due = {
            playback: what
            for playback, what in seen.items()
            if (told := self._told.get(playback)) is None
            or told[0][1:] != what[1:]
            or now - told[1] >= self._settings.renew_seconds
        }
        for playback in self._told.keys() - seen.keys():
            due[playback] = NOTHING
        try:
            verdicts = self._live_store.renew(due)
            for playback, verdict in verdicts.items():
                if verdict == "unknown" and playback in seen and connection is not None:
                    # Renewed at the next round.
                    if not persistence.remember(connection, self._live, self._settings, playback):
                        self._ended.add(playback)
                elif verdict != "unknown" and playback in seen:
                    self._told[playback] = (seen[playback], now)
                else:
                    self._told.pop(playback, None)
            self._live_store.looked(looked_at, self._answers.changed())
        except LiveUnavailable as error:
            self._away(error)
            return
        self._ended |= {playback for playback, verdict in verdicts.items() if verdict == "ended"}
        self._refused -= verdicts.keys()
        self._refused |= {playback for playback, verdict in verdicts.items() if verdict == "full"}

    # -- ends --

    def _review(self, connection: Connection[Any]) -> None:
        """Does PostgreSQL still agree with what runs? Finds what no trigger told, such as a change of groups."""
        playbacks = {playback for channel in self.channels for playback in channel.playbacks}
        self._ended &= playbacks
        self._refused &= playbacks
        if playbacks:
            self._ended |= revocations.end_what_may_not_go_on(
                connection, playbacks=sorted(playbacks), users=[], videos=[]
            )

    def _cut(self, now: float) -> None:
        """Step 5."""
        settings = self._settings
        over = self._ended | self._refused
        for channel in list(self.channels):
            channel.note_over(over, now)
            if channel.is_over(now, settings.cut_after_seconds):
                self._close(channel, "over")
            elif channel.is_stray(now, settings.stray_seconds, settings.stray_bytes):
                self._close(channel, "stray")
        for channel, reason in self._watched.too_many:
            self._close(channel, reason)

    def _close(self, channel: Channel, reason: str) -> None:
        if self._cutter.cut(channel.socket):
            logger.info(
                "connection_cut",
                reason=reason,
                peer=channel.socket.peer,
                connection=channel.carrier.serial if channel.carrier else None,
                playback=channel.latest,
            )

    # -- sessions --

    def _keep_up(self, connection: Connection[Any], now: float) -> None:
        """Step 6."""
        if now - self._kept_up < self._settings.upkeep_seconds:
            return
        self._kept_up = now
        if self._steps.in_doubt(connection):
            return
        try:
            for over in expiry.run(connection, self._live, self._settings):
                logger.info("session_over", session=over.session_id.hex, reason=over.reason)
        except LiveUnavailable as error:
            self._away(error)

    # -- PostgreSQL as the memory --

    def _keep(self, connection: Connection[Any], now: float, *, with_leases: bool) -> None:
        """Step 7."""
        if with_leases and now - self._kept >= self._settings.renew_seconds:
            self._kept = now
            try:
                self._memory.keep_leases(connection, self._live_store.held())
            except LiveUnavailable as error:
                self._away(error)
        if now - self._tidied >= _HOUR_SECONDS:
            self._tidied = now
            if not self._steps.in_doubt(connection):
                revocations.close_forgotten(connection, self._settings.forgotten_seconds)
            self._accounting.forget(connection)
