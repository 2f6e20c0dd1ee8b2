"""The roots of the library during one scan: what they list, and how files below them are opened.

Each root is listed by a thread of its own, which is left alone when its disk or server does not answer: a system call
that hangs can't be taken back, but the other roots need not wait for it.
"""

import os
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from indexer.progress import Progress
from indexer.settings import LibraryRoot
from indexer.walk import Listing, walk
from media.beneath import open_root


@dataclass
class Roots:
    """Open descriptors of the roots that could be listed; `problems` says why the others could not."""

    listings: dict[str, Listing | None] = field(default_factory=dict)
    descriptors: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def listed(cls, roots: Iterable[LibraryRoot], progress: Progress, silence_seconds: float) -> Self:
        """List all roots side by side; one of which nothing is heard for `silence_seconds` is given up."""
        found = cls()
        answers: queue.Queue[_Look] = queue.Queue()
        waiting = {root.path: _Look(root.path, answers) for root in roots}
        progress.stage("listing roots", len(waiting))
        for look in waiting.values():
            look.start()
        while waiting:
            try:
                answered = answers.get(timeout=min(1.0, silence_seconds / 4))
            except queue.Empty:
                for path in [path for path, look in waiting.items() if look.silence() > silence_seconds]:
                    del waiting[path]
                    found._give_up(path, f"has not answered for {silence_seconds:g} seconds")
                continue
            if waiting.pop(answered.path, None):
                progress.step()
                found._take(answered)
        return found

    def _take(self, look: "_Look") -> None:
        if look.error is None:
            self.listings[look.path] = look.listing
            self.descriptors[look.path] = look.descriptor
        elif isinstance(look.error, OSError):
            self._give_up(look.path, f"can't be listed ({look.error.strerror})")
        else:
            raise look.error

    def _give_up(self, path: str, what: str) -> None:
        self.listings[path] = None
        self.problems[path] = f"{path} {what}. Its titles stay as they are."

    @property
    def devices(self) -> dict[str, int]:
        return {path: listing.device for path, listing in self.listings.items() if listing}

    def unlisted(self) -> dict[str, str]:
        """Folders below listed roots that could not be listed, with the reason."""
        return {
            f"{path}/{folder.decode('utf-8', 'backslashreplace')}": reason
            for path, listing in self.listings.items()
            if listing
            for folder, reason in listing.unlisted.items()
        }

    def links(self) -> list[str]:
        """The links below listed roots that were passed by, in order."""
        return sorted(
            f"{path}/{link.decode('utf-8', 'backslashreplace')}"
            for path, listing in self.listings.items()
            if listing
            for link in listing.links
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self.descriptors.values():
            os.close(descriptor)


class _Look(threading.Thread):
    """Lists one root and opens it. A daemon: the process can end while it hangs."""

    def __init__(self, path: str, answers: "queue.Queue[_Look]") -> None:
        super().__init__(daemon=True)
        self.path = path
        self.listing = Listing()
        self.descriptor = -1
        self.error: Exception | None = None
        self._answers = answers
        self._heard = (0, time.monotonic())

    def run(self) -> None:
        try:
            path = os.fsencode(self.path)
            walk(path, self.listing)
            self.descriptor = open_root(path)
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            self.error = error
        self._answers.put(self)

    def silence(self) -> float:
        """Seconds since an entry was seen last, as far as this was asked."""
        if self.listing.looked != self._heard[0]:
            self._heard = (self.listing.looked, time.monotonic())
        return time.monotonic() - self._heard[1]
