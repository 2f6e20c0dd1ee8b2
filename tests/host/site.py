"""A box as the rows of tests/answer_rows.py want it, with the limits that are deployed by default."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from testbed.viewers.box import Access, Viewer
from testbed.viewers.paced import Where

LIMIT, LEASE_SECONDS = 3, 90


@dataclass
class Site:
    """The box, with somebody new who watches its largest title."""

    access: Access
    admin: Viewer
    viewer: Viewer
    film: dict[str, Any]
    limit: int = LIMIT
    lease_seconds: float = LEASE_SECONDS

    @property
    def slow(self) -> float:
        """Five minutes for the film, and quick enough that something moves in each second."""
        return max(float(self.film["size_bytes"]) / 300, 20_000)

    def where(self, source: str | None = None) -> Where:
        parts = urlsplit(self.access.url)
        return Where(parts.hostname or "", parts.port or 443, Path(self.access.ca_file), self.access.address, source)

    def start(self, replace: str | None = None) -> tuple[int, dict[str, Any]]:
        wishes = {"replace": replace} if replace else {}
        answer = self.viewer.post(f"/api/v1/videos/{self.film['id']}/playback", **wishes)
        return answer.status_code, answer.json()

    def stop(self, grant: dict[str, Any]) -> None:
        self.admin.call("DELETE", f"/api/v1/admin/streams/{grant['playback_id']}").raise_for_status()

    def list_entries(self) -> Sequence[str]:
        device = self.viewer.post("/api/v1/users/me/devices", name="kitchen").json()
        text = self.viewer.get(f"/play/{device['device_token']}/library.m3u").text
        # Not those that a run of these tests has put there: their files go when it ends.
        passing = {video["id"] for video in self.viewer.videos() if "Dropped in" in video["filename"]}
        entries = ["/" + line.split("/", 3)[3] for line in text.splitlines() if line.startswith("https://")]
        return [entry for entry in entries if entry.rsplit("/", 1)[1] not in passing]

    @classmethod
    def of(cls, access: Access, admin: Viewer, viewer: Viewer) -> Self:
        ready = [video for video in admin.videos() if video["status"] == "ready"]
        return cls(access, admin, viewer, max(ready, key=lambda video: video["size_bytes"]))
