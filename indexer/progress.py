"""Tell how a scan goes: one line that renews itself on a terminal, plain lines elsewhere, JSON for the journal."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

from indexer.names import shown_filename
from indexer.summary import Summary

_RENEW_SECONDS = 0.1


class Progress(Protocol):
    """Who listens to a scan."""

    def stage(self, what: str, total: int) -> None: ...
    def step(self) -> None: ...
    def event(self, kind: str, path: bytes, detail: str = "") -> None: ...
    def alert(self, level: str, sentence: str) -> None: ...
    def finish(self, summary: Summary) -> None: ...


@dataclass
class Lines:
    """For people: each event a line; on a terminal also how far the present stage is."""

    stream: TextIO
    terminal: bool
    now: Callable[[], float] = time.monotonic
    _what: str = ""
    _done: int = 0
    _total: int = 0
    _shown_at: float = 0.0

    def stage(self, what: str, total: int) -> None:
        self._what, self._done, self._total = what, 0, total
        if not self.terminal and total:
            self._say(f"{what}: {total:,}")
        self._renew(force=True)

    def step(self) -> None:
        self._done += 1
        self._renew()

    def event(self, kind: str, path: bytes, detail: str = "") -> None:
        self._say(f"{kind:<9} {shown_filename(path)}" + (f": {detail}" if detail else ""))

    def alert(self, level: str, sentence: str) -> None:
        self._say(f"{level.upper()}: {sentence}")

    def finish(self, summary: Summary) -> None:
        self._total = 0
        self._say(summary.table())

    def _say(self, text: str) -> None:
        self.stream.write(("\r\x1b[K" if self.terminal else "") + text + "\n")
        self._renew(force=True)
        self.stream.flush()

    def _renew(self, *, force: bool = False) -> None:
        now = self.now()
        if self.terminal and self._total and (force or now - self._shown_at >= _RENEW_SECONDS):
            self._shown_at = now
            self.stream.write(f"\r\x1b[K{self._what}: {self._done:,} of {self._total:,}")
            self.stream.flush()


@dataclass
class JsonLines:
    """For the journal: one object a line. Steps are not worth a line."""

    stream: TextIO

    def stage(self, what: str, total: int) -> None:
        if total:
            self._say("info", what, total=total)

    def step(self) -> None:
        pass

    def event(self, kind: str, path: bytes, detail: str = "") -> None:
        self._say("info", kind, path=path.decode("utf-8", "backslashreplace"), detail=detail)

    def alert(self, level: str, sentence: str) -> None:
        self._say(level, sentence)

    def finish(self, summary: Summary) -> None:
        self._say("info", "scan finished", **summary.as_json())

    def _say(self, level: str, event: str, **fields: object) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"event": event, "level": level, "timestamp": stamp, "logger": "indexer"} | fields
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()


def progress_for(stream: TextIO, *, as_json: bool) -> Progress:
    """The listener that suits `stream`."""
    if as_json:
        return JsonLines(stream)
    return Lines(stream, terminal=stream.isatty() and os.environ.get("TERM") != "dumb")


def standard(*, as_json: bool) -> Progress:
    """The listener that suits the process's output; the journal gets JSON unasked."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return progress_for(sys.stdout, as_json=as_json or _goes_to_journal(sys.stdout))


def _goes_to_journal(stream: TextIO) -> bool:
    """systemd.exec(5), "$JOURNAL_STREAM": device and inode of the socket that leads to the journal."""
    status = os.fstat(stream.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
