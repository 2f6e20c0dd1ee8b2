"""One trial: viewers watch, something breaks, and what they, the list of streams and the book say of it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from testbed.viewers.box import Viewer
from tests.chaos.watchers import Watcher, watching

# Only what has been open for over 5 s (outage_known_seconds) may go on without Redis.
BEFORE_SECONDS, AFTER_SECONDS = 6.0, 6.0
# How long the list of streams may differ from who watches (PRODUCT.md, "truth"), and the book from what was sent.
TRUTH_SECONDS = 30.0
BOOK_SECONDS = 15.0
# Of an answer that broke off, the book may miss this much (PRODUCT.md).
ABORTED_BYTES = 4 << 20


@dataclass
class Row:
    """A line of the table."""

    what: str
    broken: int = 0
    wrong: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    longest_gap: float = 0
    # Seconds until the list of streams was right again; None when it never was.
    untrue: float | None = None
    # Bytes that clients got and the book has not; None where there is no ledger.
    lost: int | None = None
    note: str = ""

    def cells(self) -> list[str]:
        refused = ", ".join(f"{count} x {status}" for status, count in sorted(self.refused.items())) or "0"
        return [
            self.what, str(self.broken), str(self.wrong), refused, f"{self.longest_gap:.1f}",
            "never" if self.untrue is None else f"{self.untrue:.0f}", "-" if self.lost is None else str(self.lost),
            self.note,
        ]  # fmt: skip


HEADER = (
    "what happens", "answers broken off", "wrong bytes", "refused", "longest stall, s", "list wrong for, s",
    "bytes lost from the book", "note",
)  # fmt: skip


def table(rows: list[Row]) -> str:
    lines = [list(HEADER), ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


@dataclass
class House:
    """The box with somebody who watches and an admin who looks."""

    viewer: Viewer
    admin: Viewer
    video_id: str
    film: Path
    shell: Callable[..., str]

    def streaming(self) -> set[str]:
        """Ids of the playbacks that are called streaming."""
        answer = self.admin.get("/api/v1/admin/streams")
        answer.raise_for_status()
        return {stream["playback_id"] for stream in answer.json()["items"] if stream["state"] == "streaming"}

    def seconds_until(self, right: Callable[[set[str]], bool], within: float = TRUTH_SECONDS) -> float | None:
        """How long the list of streams takes to be right; None when it does not get there in time."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < within:
            try:
                if right(self.streaming()):
                    return waited
            except requests.RequestException:
                pass
            time.sleep(0.5)
        return None

    def sql(self, query: str) -> str:
        return self.shell(f'runuser -u postgres -- psql -d kinetoscope -AtXqc "{query}"').strip()

    def has_ledger(self) -> bool:
        """Whether the box has one, running or about to."""
        return "not-found" not in self.shell("systemctl show --property=LoadState kinetoscope-ledger")

    def booked(self, playbacks: list[str]) -> int | None:
        """Bytes in the book of these playbacks; None while the box has no ledger."""
        if not self.has_ledger():
            return None
        ids = ",".join(f"'{playback}'" for playback in playbacks)
        return int(self.sql(f"SELECT coalesce(sum(bytes + estimated_bytes), 0) FROM playbacks WHERE id IN ({ids})"))

    def trial(
        self, what: str, disturb: Callable[[], Any], *, after: float = AFTER_SECONDS,
        grant: Callable[[], dict[str, Any]] | None = None,
    ) -> Row:  # fmt: skip
        """Disturb while three streams run; the row of what was seen. `grant` is asked when a link is out of date."""
        row = Row(what)
        with watching(self.viewer, self.video_id, self.film, grant) as watchers:
            assert (
                self.seconds_until(lambda listed: {watcher.playback for watcher in watchers} <= listed) is not None
            ), "the streams never began"
            time.sleep(BEFORE_SECONDS)
            assert sum(watcher.seen.received for watcher in watchers) > 0
            row.note = str(disturb() or "")
            row.untrue = self.seconds_until(lambda listed: {watcher.playback for watcher in watchers} <= listed)
            time.sleep(after)
            for watcher in watchers:
                self._add(row, watcher)
        row.lost = self._lost(watchers)
        return row

    def _add(self, row: Row, watcher: Watcher) -> None:
        seen = watcher.stop()
        row.broken += seen.broken
        row.wrong += seen.wrong
        row.refused += seen.refused
        row.longest_gap = max(row.longest_gap, seen.longest_gap)

    def _lost(self, watchers: list[Watcher]) -> int | None:
        received = sum(watcher.seen.received for watcher in watchers)
        deadline, lost = time.monotonic() + BOOK_SECONDS, None
        while time.monotonic() < deadline:
            booked = self.booked([playback for watcher in watchers for playback in watcher.playbacks])
            if booked is None:
                return None
            lost = max(received - booked, 0)
            if lost == 0:
                break
            time.sleep(1)
        return lost
