"""The ledger's side of the live store: it tells what is open, and renews the leases of what moves."""

from collections.abc import Mapping
from typing import NamedTuple

from authsvc.ledger.settings import LedgerSettings
from authsvc.ledger.watched import Seen
from authsvc.stores.live import Evaluates, Script

_LOOK = Script("look")
_LOOKED = Script("looked")
_RENEW = Script("renew")
_HELD_LEASES = Script("held_leases")
_REBUILT = Script("mark_rebuilt")
# Redis serves nobody else while a script runs: 200 playbacks take it about 2 ms.
_AT_ONCE = 200


class HeldLease(NamedTuple):
    """A lease that is held."""

    playback_id: str
    milliseconds_left: int
    # Milliseconds of Redis's clock; None while it is not paused.
    paused_since: int | None


class LiveStore:
    """Everything raises LiveUnavailable."""

    def __init__(self, live: Evaluates, settings: LedgerSettings) -> None:
        self._live = live
        self._limits = (
            settings.streams_per_session,
            settings.streams_per_user,
            settings.streams_per_box,
            round(settings.lease_idle_seconds * 1000),
            round(settings.lease_paused_seconds * 1000),
            *settings.sparing_ms,
        )

    def look(self) -> tuple[int, bool]:
        """The time in milliseconds of Redis's clock, and whether the store is whole (or was it wiped)."""
        now, whole = _LOOK(self._live)
        return int(now), bool(whole)

    def renew(self, seen: Mapping[str, Seen]) -> dict[str, str]:
        """Tell of playbacks; answers ok, ended, full or unknown for each."""
        verdicts: dict[str, str] = {}
        ids = list(seen)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            arguments = [part for id_ in some for part in (id_, *_told(seen[id_]))]
            replies = _RENEW(self._live, *self._limits, *arguments)
            verdicts |= {id_: reply.decode() for id_, reply in zip(some, replies, strict=True)}
        return verdicts

    def looked(self, at: int, changed: Mapping[str, int] | None = None) -> None:
        """All that was open at that time of Redis's clock has been told, with `changed`: open answers by playback."""
        pairs = [part for pair in (changed or {}).items() for part in pair]
        _LOOKED(self._live, at, *pairs)

    def held(self) -> list[HeldLease]:
        return [
            HeldLease(row[0].decode(), int(row[1]), int(row[2]) if row[2] else None) for row in _HELD_LEASES(self._live)
        ]

    def whole_again(self) -> None:
        """After a rebuild."""
        _REBUILT(self._live)


def _told(seen: Seen) -> tuple[str | int, ...]:
    return (
        int(seen.moves), seen.open, seen.connections, seen.sockets, seen.bytes, " ".join(seen.addresses),
        ",".join(seen.names),
    )  # fmt: skip
