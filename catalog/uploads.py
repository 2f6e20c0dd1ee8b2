"""How an upload is cut into parts, and what lies where in the uploads folder: for who signs, stats and appends.

`parts/<upload id>.<number>` is a part that arrived whole, put there by Nginx by a rename from `incoming/`. The file
that they become grows in its library root, in a folder that neither a scan nor Nginx looks into.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
# Proxies refuse bodies above 100 MB; a smaller part costs more calls.
SMALLEST_PART: Final = 16 * MIB
LARGEST_PART: Final = 64 * MIB
# So many parts are few enough to list in one answer.
FEW_PARTS: Final = 1000
# What the part's number in a link can say.
MOST_PARTS: Final = 99_999

PARTS: Final = "parts"
INCOMING: Final = "incoming"
GROWING: Final = ".uploads"


@dataclass(frozen=True, slots=True)
class Cut:
    """A file of `size` bytes in parts of `part_size`, numbered from 1; the last one is what is left."""

    size: int
    part_size: int

    @classmethod
    def of(cls, size: int) -> "Cut":
        """Parts of whole MiB, as small as few parts allow.

        >>> Cut.of(100 * MIB).part_size // MIB, Cut.of(40_000 * MIB).part_size // MIB, Cut.of(10**12).part_size // MIB
        (16, 40, 64)
        """
        wanted = -(-size // (FEW_PARTS * MIB)) * MIB
        return cls(size, min(max(wanted, SMALLEST_PART), LARGEST_PART))

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def offset(self, number: int) -> int:
        """Where a part begins in the file."""
        return (number - 1) * self.part_size

    def length(self, number: int) -> int:
        """Bytes of a part. Raises ValueError when there is no such part."""
        if not 1 <= number <= self.count:
            raise ValueError(number)
        return min(self.part_size, self.size - self.offset(number))


def part(folder: Path, upload: str, number: int) -> Path:
    """Where a part lies that arrived whole."""
    return folder / PARTS / f"{upload}.{number}"


def is_here(folder: Path, upload: str, cut: Cut, number: int) -> bool:
    """Does the part lie there, with all its bytes? A host that lost power may have kept the name alone."""
    try:
        return part(folder, upload, number).stat().st_size == cut.length(number)
    except FileNotFoundError:
        return False


def arrived(folder: Path, upload: str, cut: Cut, appended: int) -> Iterator[int]:
    """The numbers of the parts that arrived: the first `appended` are in the growing file, others lie as parts."""
    yield from range(1, appended + 1)
    yield from (number for number in range(appended + 1, cut.count + 1) if is_here(folder, upload, cut, number))


def growing(root: Path, upload: str) -> Path:
    """The file that an upload's parts become."""
    return root / GROWING / upload
