"""The ledger's round: one look at everything, and what follows from it.

1. What ended in PostgreSQL is told to Redis (also between rounds, as soon as PostgreSQL says so).
2. Redis tells which connections were let in; the kernel tells which exist and how many bytes were acknowledged.
3. The account log is booked; of aborted answers what was not acknowledged is taken off.
4. Leases of playbacks whose bytes move are renewed; Redis answers which of them have ended or lapsed.
5. Connections whose playbacks have all ended, or that nobody was let in on, are cut.
6. Sessions that nobody uses end, and use is written down (sessions/expiry.py); not while the clock is in doubt
   (clock_steps.py).
7. What is live is kept in PostgreSQL, for the day that Redis is wiped, and what is under way (unlogged.py), for the
   day that Nginx breaks it off.

Each of the three sources may be away: what it would have told is left for a later round.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import structlog
from psycopg import Connection
from redis import Redis

from authsvc.ledger import persistence, revocations
from authsvc.ledger.accounting import Accounting
from authsvc.ledger.channels import Channel, Channels, Note
from authsvc.ledger.clock_steps import Steps
from authsvc.ledger.cutter_client import Cutter
from authsvc.ledger.live_store import Seen, Slots
from authsvc.ledger.sockets import SocketTable
from authsvc.sessions import expiry
from authsvc.settings import LedgerSettings
from authsvc.stores.live import LiveUnavailable

_HOUR_SECONDS = 3600

logger = structlog.get_logger(__name__)


class Rounds:
    """Everything the ledger knows between two rounds. All of it can be lost: see memory.py."""

    def __init__(self, settings: LedgerSettings, live: "Redis", table: SocketTable, cutter: Cutter) -> None:
        self._settings = settings
        self._live = live
        self._table = table
        self._cutter = cutter
        self._slots = Slots(live, settings)
        self._memory = persistence.Memory()
        self.channels = Channels()
        self._accounting = Accounting(settings, table)
        self._steps = Steps(settings.clock_step_seconds, settings.clock_settle_seconds)
        # Playbacks that are over, as far as a connection still names them.
        self._ended: set[str] = set()
        # Playbacks that move and have lost their slot to somebody else.
        self._refused: set[str] = set()
        # What Redis was last told of a playback, and when.
        self._told: dict[str, tuple[Seen, float]] = {}
        self._live_is_away = False
        self._reviewed = self._kept = self._kept_up = self._tidied = 0.0

    def begin(self, connection: Connection[Any]) -> None:
        """Take over what PostgreSQL knows, after a start or an outage."""
        known = self._memory.channels(connection)
        self._accounting.begin(connection, self.channels, known)
        self._reviewed = 0.0

    def round(self, connection: Connection[Any] | None) -> None:
        """One look; without PostgreSQL what can be done without it. Raises psycopg.Error."""
        now = time.monotonic()
        if connection is not None:
            self.tell(connection)
        notes = self._notes(connection)
        sockets = self._table.look()
        finished = self._accounting.book(connection, sockets) if connection is not None else None
        void = self.channels.look(sockets, notes or {}, finished)
        self._accounting.part(self.channels.gone, now)
        if notes is not None:
            self._renew(connection, now)
        if connection is not None and now - self._reviewed >= self._settings.review_seconds:
            self._reviewed = now
            self._review(connection)
        self._cut(now)
        if notes is not None:
            self._forget({peer: notes[peer] for peer in void})
        if connection is not None:
            self._keep_up(connection, now)
            self._keep(connection, now, with_leases=notes is not None)
            if finished is not None:
                self._accounting.keep(connection, self.channels, now)

    def tell(self, connection: Connection[Any]) -> None:
        """Step 1."""
        while pending := revocations.pending(connection):
            self._ended |= {item.playback_id.hex for item in pending if item.kind == "playback" and item.playback_id}
            users = [item.user_id for item in pending if item.kind == "user" and item.user_id]
            videos = [item.video_id for item in pending if item.kind == "video" and item.video_id]
            try:
                for item in pending:
                    revocations.tell(self._live, self._settings, item)
            except LiveUnavailable as error:
                self._away(error)
                return
            if users or videos:
                revocations.end_what_may_not_go_on(connection, playbacks=[], users=users, videos=videos)
            revocations.told(connection, pending)

    # -- the live store --

    def _notes(self, connection: Connection[Any] | None) -> Mapping[str, list[Note]] | None:
        """None while Redis is away."""
        try:
            whole, notes = self._slots.connections()
            if not whole and connection is not None:
                restored = persistence.restore(connection, self._live, self._settings)
                self._slots.whole_again(self.channels)
                self._told.clear()
                logger.info("live_rebuilt", leases=restored, connections=len(self.channels))
        except LiveUnavailable as error:
            self._away(error)
            return None
        if self._live_is_away:
            logger.info("live_is_back")
        self._live_is_away = False
        return notes

    def _away(self, error: LiveUnavailable) -> None:
        if not self._live_is_away:
            logger.warning("live_unavailable", error=str(error))
        self._live_is_away = True

    def _renew(self, connection: Connection[Any] | None, now: float) -> None:
        """Step 4."""
        seen = self._seen()
        due = {
            playback: what
            for playback, what in seen.items()
            if (told := self._told.get(playback)) is None
            or told[0][1:] != what[1:]
            or now - told[1] >= self._settings.renew_seconds
        }
        for playback in self._told.keys() - seen.keys():
            due[playback] = Seen(False, 0, 0)
        try:
            verdicts = self._slots.renew(due)
            for playback, verdict in verdicts.items():
                if verdict == "unknown" and playback in seen and connection is not None:
                    # Renewed at the next round.
                    if not persistence.remember(connection, self._live, self._settings, playback):
                        self._ended.add(playback)
                elif verdict != "unknown" and playback in seen:
                    self._told[playback] = (seen[playback], now)
                else:
                    self._told.pop(playback, None)
        except LiveUnavailable as error:
            self._away(error)
            return
        self._ended |= {playback for playback, verdict in verdicts.items() if verdict == "ended"}
        self._refused -= verdicts.keys()
        self._refused |= {playback for playback, verdict in verdicts.items() if verdict == "full"}

    def _seen(self) -> dict[str, Seen]:
        seen: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for channel in self.channels:
            moves = channel.moves(self._settings.http2_media_bytes)
            for playback in channel.playbacks:
                sums = seen[playback]
                sums[1] += channel.socket.established
                if playback == channel.latest:
                    sums[0] |= moves
                    sums[2] += channel.under_way
        return {playback: Seen(bool(moves), count, under_way) for playback, (moves, count, under_way) in seen.items()}

    def _forget(self, void: dict[str, list[Note]]) -> None:
        for channel in self.channels:
            # On HTTP/2 a connection lives long and names every title that was ever opened on it.
            if channel.http2 and (old := [n for n in channel.notes[:-1] if n.playback in self._ended]):
                void.setdefault(channel.socket.peer, []).extend(old)
                channel.notes = [note for note in channel.notes if note not in old]
        try:
            if void:
                self._slots.forget(void)
        except LiveUnavailable as error:
            self._away(error)

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
        sharing: defaultdict[str, list[Channel]] = defaultdict(list)
        for channel in list(self.channels):
            playbacks = channel.playbacks
            if not playbacks:
                if channel.is_stray(now, settings.stray_seconds, settings.stray_bytes):
                    self._close(channel, "stray")
            elif over.issuperset(playbacks):
                if channel.is_over(now, settings.cut_after_bytes):
                    self._close(channel, "over")
            else:
                channel.has_business()
                if channel.socket.established and not channel.http2:
                    sharing[playbacks[-1]].append(channel)
        limit = settings.sockets_per_playback
        for channels in sharing.values():
            if 0 < limit < len(channels):
                channels.sort(key=lambda channel: channel.notes[-1].at)
                for channel in channels[limit:]:
                    self._close(channel, "shared")

    def _close(self, channel: Channel, reason: str) -> None:
        if self._cutter.cut(channel.socket):
            logger.info(
                "connection_cut",
                reason=reason,
                peer=channel.socket.peer,
                connection=channel.notes[-1].serial if channel.notes else None,
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
        self._memory.keep_channels(connection, self.channels)
        if with_leases and now - self._kept >= self._settings.renew_seconds:
            self._kept = now
            try:
                self._memory.keep_leases(connection, self._slots.held())
            except LiveUnavailable as error:
                self._away(error)
        if now - self._tidied >= _HOUR_SECONDS:
            self._tidied = now
            if not self._steps.in_doubt(connection):
                revocations.close_forgotten(connection, self._settings.forgotten_seconds)
            self._accounting.forget(connection)
