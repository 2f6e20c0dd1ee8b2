"""The roots of the library during one scan: what they list, and how files below them are opened."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from indexer.crew import Crew
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
    def listed(cls, roots: Iterable[LibraryRoot], crew: Crew) -> Self:
        """List all roots side by side."""
        found = cls()
        for path, listing in crew.each("listing roots", _walk, [root.path for root in roots]):
            if isinstance(listing, Listing):
                found.listings[path] = listing
                found.descriptors[path] = open_root(os.fsencode(path))
            else:
                reason = listing.strerror if isinstance(listing, OSError) else str(listing)
                found.listings[path] = None
                found.problems[path] = f"{path} can't be listed ({reason}). Its titles stay as they are."
        return found

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self.descriptors.values():
            os.close(descriptor)


def _walk(path: str) -> Listing:
    return walk(os.fsencode(path))
