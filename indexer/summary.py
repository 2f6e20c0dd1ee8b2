"""What a scan did, as it is counted, kept in `scans.summary` and shown."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Summary:
    """Counts of files and titles. `ready`, `waiting`, `broken`: the library after the scan; the others: this scan."""

    seen: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    returned: int = 0
    removed: int = 0
    purged: int = 0
    # Files that no tool could be run on: not judged, looked at again by the next scan.
    postponed: int = 0
    # Files of which PostgreSQL took no row at all: they stay as they were known, and the next scan tries again.
    unrecorded: int = 0
    pictures: int = 0
    # Titles that a note beside them was read for.
    told: int = 0
    # Links to files and folders: not followed.
    linked: int = 0
    ready: int = 0
    waiting: int = 0
    broken: int = 0
    seconds: float = 0.0
    # Roots that hid nothing because they are missing or lost too much.
    unreachable_roots: list[str] = field(default_factory=list)
    # Folders that could not be listed; what was known below them stays as it was.
    unlisted_folders: list[str] = field(default_factory=list)
    # The first of the links.
    linked_names: list[str] = field(default_factory=list)
    # st_dev of each root when its files were last believed.
    devices: dict[str, int] = field(default_factory=dict)

    def count(self, by_status: dict[str, int], seconds: float) -> None:
        """Note the library's state at the end."""
        self.ready, self.waiting, self.broken = (by_status.get(status, 0) for status in ("ready", "waiting", "broken"))
        self.seconds = seconds

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"seconds": round(self.seconds, 3)}

    def table(self) -> str:
        """Two columns for people."""
        rows = [(name, f"{value:,}") for name, value in asdict(self).items() if type(value) is int]
        rows.append(("seconds", f"{self.seconds:.1f}"))
        return "\n".join(f"  {name:<10} {value:>9}" for name, value in rows)
