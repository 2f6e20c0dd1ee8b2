"""The ledger's side of the live store: which connections were let in, and the leases of what moves on them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from authsvc.ledger.channels import Channel, Note
from authsvc.settings import LedgerSettings
from authsvc.stores.live import Evaluates, Script

_CONNECTIONS = Script("connections")
_FORGET = Script("forget_connections")
_RENEW = Script("renew")
_SLOTS = Script("held_leases")
_REBUILT = Script("mark_rebuilt")
# Redis serves nobody else while a script runs: 200 playbacks take it about 2 ms.
_AT_ONCE = 200

logger = structlog.get_logger(__name__)


class Seen(NamedTuple):
    """What a look saw of a playback."""

    moves: bool
    connections: int
    bytes: int


class Slot(NamedTuple):
    """A lease that is held."""

    playback_id: str
    milliseconds_left: int
    # Milliseconds of Redis's clock; None while it is not paused.
    paused_since: int | None


class Slots:
    """Everything raises LiveUnavailable."""

    def __init__(self, live: Evaluates, settings: LedgerSettings) -> None:
        self._live = live
        self._limits = (
            settings.streams_per_session,
            settings.streams_per_user,
            settings.streams_per_box,
            round(settings.lease_idle_seconds * 1000),
            round(settings.lease_paused_seconds * 1000),
        )

    def connections(self) -> tuple[bool, dict[str, list[Note]]]:
        """Is the store whole (or was it wiped), and what authz noted, by peer."""
        whole, flat = _CONNECTIONS(self._live)
        notes: defaultdict[str, list[Note]] = defaultdict(list)
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            try:
                notes[_peer(name.decode())].append(Note.parse(value.decode()))
            except ValueError:
                logger.warning("note_unreadable", connection=name.decode(errors="replace"))
        return bool(whole), notes

    def forget(self, notes: Mapping[str, Iterable[Note]]) -> None:
        """Remove these notes, by peer, unless authz wrote them anew."""
        pairs = [part for peer, some in notes.items() for note in some for part in (_name(peer, note), str(note))]
        for start in range(0, len(pairs), 1000):
            _FORGET(self._live, *pairs[start : start + 1000])

    def renew(self, seen: Mapping[str, Seen]) -> dict[str, str]:
        """Tell of playbacks; answers ok, ended, full or unknown for each."""
        verdicts: dict[str, str] = {}
        ids = list(seen)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            arguments = [part for id_ in some for part in (id_, int(seen[id_].moves), *seen[id_][1:])]
            replies = _RENEW(self._live, *self._limits, *arguments)
            verdicts |= {id_: reply.decode() for id_, reply in zip(some, replies, strict=True)}
        return verdicts

    def held(self) -> list[Slot]:
        return [Slot(row[0].decode(), int(row[1]), int(row[2]) if row[2] else None) for row in _SLOTS(self._live)]

    def whole_again(self, channels: Iterable[Channel]) -> None:
        """After a rebuild."""
        _REBUILT(
            self._live,
            *(
                part
                for channel in channels
                for note in channel.notes
                for part in (_name(channel.socket.peer, note), str(note))
            ),
        )


def _name(peer: str, note: Note) -> str:
    return f"{peer} {note.playback}" if note.http2 else peer


def _peer(name: str) -> str:
    address, port, *_ = name.split(" ")
    return f"{address} {port}"
