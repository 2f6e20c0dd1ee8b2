"""The API and both doors, asked by one program on connections that it keeps: where an end has to be felt."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests

from testbed.viewers.box import Caller, connection
from testbed.waiting import eventually

FIRST_BYTE = {"Range": "bytes=0-0"}
# What a revocation may take to be felt everywhere.
PROMISED_SECONDS = 2


@dataclass
class Places:
    """A playback of `caller`'s as both doors see it; each place caches what it has decided for this connection."""

    caller: Caller
    video: dict[str, Any]
    link: str
    signed: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        self.signed = connection(self.caller.access)
        assert self.statuses() == (200, 206, 206)

    def statuses(self) -> tuple[int, int, int]:
        """Of the title in the API, at the header door and at the signed door."""
        return self._api(), self._header_door(), self._signed_door()

    def seconds_until(self, *expected: int) -> float:
        """How long until the last of the three answers so; call it right after what ends it."""
        began = time.monotonic()
        for ask, status in zip((self._api, self._header_door, self._signed_door), expected, strict=True):
            assert eventually(lambda ask=ask, status=status: ask() == status, within=10, every=0.05), self.statuses()
        took = time.monotonic() - began
        assert self.statuses() == expected, "and stays so"
        return took

    def _api(self) -> int:
        return self.caller.get(f"/api/v1/videos/{self.video['id']}").status_code

    def _header_door(self) -> int:
        source = next(entry["href"] for entry in self.video["files"] if entry["name"].startswith("source."))
        return self.caller.get(source, headers=FIRST_BYTE).status_code

    def _signed_door(self) -> int:
        url = self.caller.access.at(self.link)
        return self.signed.get(url, headers=FIRST_BYTE, timeout=20).status_code
