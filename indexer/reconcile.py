"""Which row belongs to which file: the identity of a title.

1. A row whose root, path, size and mtime are as found, and whose file was judged as it would be now, is unchanged.
   Nothing is read or written for it.
2. Every other file is due: it is opened and its fingerprint taken.
3. A due file whose content was known at a path that no longer holds it has **moved**: the row follows the content.
   The old path may be gone; or be taken by other content, and then the modification time must be the old one too
   (a rename keeps it), because otherwise a copy made just before the original was replaced would look the same.
   So renumbered episodes (2 -> 3, 1 -> 2) keep their history.
4. A due file at a known path that did not move is the same title with new content.
5. What is left is new: a copy of something that is still there is a title of its own.
6. Rows that nothing claimed and whose path is gone are lost. Whether they are hidden is `removals`' decision.

A path that could not be looked at (root missing, folder unreadable) is not gone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from indexer.walk import Listing
from media.companions import NONE
from media.faults import Fault
from media.probe import JUDGEMENT

Place = tuple[str, bytes]


class Known(NamedTuple):
    """A row of `videos`, as far as identity goes. Its id is hexadecimal: 100,000 UUID objects cost 0.4 s."""

    hex: str
    root: str
    path: bytes
    size: int
    mtime_ns: int
    fingerprint: bytes | None
    status: str
    reason: str | None
    container: str | None
    removed: bool
    judgement: int
    # Digest of the subtitle files that its text was asked for with; None: nothing was asked for yet.
    sidecars: bytes | None = b""
    # Of the pictures and the notes beside it when they were looked at last (media.companions).
    of_pictures: bytes = b""
    of_notes: bytes = b""

    @property
    def is_judged(self) -> bool:
        """Was the file judged by the present way of looking?"""
        return self.judgement == JUDGEMENT

    @property
    def id(self) -> UUID:
        return UUID(self.hex)

    @property
    def place(self) -> Place:
        return self.root, self.path


@dataclass(frozen=True, slots=True)
class Found:
    """A file on disk, and the row that stands for its path."""

    root: str
    path: bytes
    size: int
    mtime_ns: int
    known: Known | None = None
    # Digest of the subtitle files beside it.
    sidecars: bytes = b""

    @property
    def place(self) -> Place:
        return self.root, self.path


@dataclass(slots=True)
class Comparison:
    """What a walk means against the catalog."""

    seen: int = 0
    due: list[Found] = field(default_factory=list)
    # Rows that are ready and not due, of which other subtitle files lie beside the video than they were asked for with.
    unasked: list[tuple[Known, bytes]] = field(default_factory=list)
    # Places of ready titles that are not due, beside which other pictures or notes lie than were looked at.
    accompanied: list[Place] = field(default_factory=list)
    # Rows, by id, whose path is certainly empty. The removed ones among them can come back.
    absent: dict[UUID, Known] = field(default_factory=dict)
    # Rows that follow content to another path.
    claimed: set[UUID] = field(default_factory=set)
    # Number of rows that are not hidden, by root: what a loss is measured against.
    visible: Counter[str] = field(default_factory=Counter)


def compare(rows: Iterable[Known], listings: Mapping[str, Listing | None], published: set[str]) -> Comparison:
    """Compare rows with the listings of the roots (None: the root can't be reached).

    A root that is no longer configured has no listing; its files are gone. Ready titles without a folder in
    `published` are due, so a lost tree is built anew.
    """
    comparison = Comparison()
    standing: dict[Place, Known] = {}
    unconfigured = Listing(device=0)
    for row in rows:
        if not row.removed:
            comparison.visible[row.root] += 1
        listing = listings.get(row.root, unconfigured)
        if listing is None:
            continue
        if row.path not in listing.files:
            if not listing.unlisted or not listing.hides(row.path):
                comparison.absent[row.id] = row
            continue
        # Several removed rows may have had one path: one stands for it, the others can come back elsewhere.
        rival = standing.get(row.place)
        if rival is None or (rival.removed and not row.removed):
            standing[row.place] = row
        if rival is not None:
            other = rival if standing[row.place] is row else row
            comparison.absent[other.id] = other
    for root, listing in listings.items():
        if listing is None:
            continue
        comparison.seen += len(listing.files)
        digests = listing.sidecar_digests()
        for path, (size, mtime_ns) in listing.files.items():
            known = standing.get((root, path))
            if known is None or _is_due(known, size, mtime_ns, published):
                comparison.due.append(Found(root, path, size, mtime_ns, known, digests.get(path, b"")))
            elif known.status == "ready":
                if known.sidecars != digests.get(path, b""):
                    comparison.unasked.append((known, digests.get(path, b"")))
                beside = listing.companions.get(path, NONE)
                if (known.of_pictures, known.of_notes) != (beside.of_pictures, beside.of_notes):
                    comparison.accompanied.append(known.place)
    return comparison


def _is_due(row: Known, size: int, mtime_ns: int, published: set[str]) -> bool:
    return (
        row.mtime_ns != mtime_ns
        or row.size != size
        or row.removed
        or row.status == "waiting"
        or row.judgement != JUDGEMENT
        or (row.status == "ready" and row.hex not in published)
        or (row.status == "broken" and Fault.is_passing(row.reason))
    )


@dataclass(slots=True)
class Identities:
    """Whose the due files are."""

    moved: list[tuple[Found, Known]] = field(default_factory=list)
    same: list[tuple[Found, Known]] = field(default_factory=list)
    new: list[Found] = field(default_factory=list)
    # Rows whose path a moved title took and whose own content is nowhere: they are lost for certain.
    overwritten: list[Known] = field(default_factory=list)

    def blocking(self) -> list[UUID]:
        """Visible rows that must leave their path first, because another title takes it."""
        taken = {found.place for found in self.new} | {found.place for found, _ in self.moved}
        moving = [row for _, row in self.moved if row.place in taken and not row.removed]
        return [row.id for row in (*moving, *self.overwritten)]


def identify(
    comparison: Comparison, due: Iterable[tuple[Found, bytes | None]], unsettled: Iterable[Found] = ()
) -> Identities:
    """Match due files, each with its fingerprint, to rows.

    `unsettled` are due files that are still being written: what was known at their path is no longer there. Rows
    that move leave `comparison.absent` and join `comparison.claimed`.
    """
    due, claimed = list(due), comparison.claimed
    identities = Identities()
    homeless: dict[bytes, list[tuple[bool, Known]]] = defaultdict(list)
    for row in comparison.absent.values():
        if row.fingerprint:
            homeless[row.fingerprint].append((True, row))
    for found, content in (*due, *((found, None) for found in unsettled)):
        if found.known and found.known.fingerprint and found.known.fingerprint != content:
            homeless[found.known.fingerprint].append((False, found.known))
    unmoved: list[Found] = []
    for found, content in due:
        at_home = found.known is not None and found.known.fingerprint == content
        mover = None if content is None or at_home else _claim(found, homeless.get(content, []), claimed)
        if mover is None:
            unmoved.append(found)
            continue
        claimed.add(mover.id)
        comparison.absent.pop(mover.id, None)
        identities.moved.append((found, mover))
    for found in unmoved:
        if found.known is None or found.known.id in claimed:
            identities.new.append(found)
        else:
            identities.same.append((found, found.known))
    for taker, _ in identities.moved:
        if taker.known is not None and not taker.known.removed and taker.known.id not in claimed:
            identities.overwritten.append(taker.known)
    return identities


def _claim(found: Found, candidates: list[tuple[bool, Known]], claimed: set[UUID]) -> Known | None:
    """The best row for moved content: one that is visible, else one whose name stayed, else any."""
    eligible = [
        row
        for path_is_gone, row in candidates
        if row.id not in claimed and (path_is_gone or row.mtime_ns == found.mtime_ns)
    ]
    name = found.path.rpartition(b"/")[2]
    return min(
        eligible,
        key=lambda row: (row.removed, row.path.rpartition(b"/")[2] != name, row.root != found.root, row.path),
        default=None,
    )
