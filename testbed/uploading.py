"""A client that uploads to a running stack, one step at a time and in any order."""

import concurrent.futures
from collections.abc import Iterable
from typing import Any

from testbed.stack import Stack
from testbed.waiting import eventually

LANES = 3
OVER = frozenset({"done", "refused"})


class Uploader:
    """Somebody signed in who sends `content`."""

    def __init__(self, stack: Stack, content: bytes, token: str | None = None) -> None:
        self.stack, self.content = stack, content
        self.token = token or stack.sign_in("bob")["access_token"]
        self.upload: dict[str, Any] = {}

    def call(self, method: str, path: str = "", body: Any = None) -> tuple[int, dict[str, Any]]:
        return self.stack.call(method, f"/api/v1/uploads{path}", self.token, body)

    def begin(self, name: str = "Film.mp4", **more: Any) -> dict[str, Any]:
        status, self.upload = self.call("POST", "", {"name": name, "size_bytes": len(self.content), **more})
        assert status == 201, self.upload
        return self.upload

    def links(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        status, found = self.call("POST", f"/{self.upload['id']}/parts", {"numbers": list(numbers)})
        assert status == 200, found
        items: list[dict[str, Any]] = found["items"]
        return items

    def put(self, link: dict[str, Any], content: bytes | None = None) -> int:
        """Send the part of a link; the status."""
        at, length = link["offset"], link["length"]
        body = self.content[at : at + length] if content is None else content
        with self.stack.connection() as connection:
            head = f"PUT {link['href']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            return connection.exchange(head.encode() + body, "PUT").status

    def send(self, numbers: Iterable[int]) -> list[int]:
        """The parts, side by side, in the order that is told; their statuses."""
        links = self.links(numbers)
        with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
            return list(lanes.map(self.put, links))

    def state(self) -> dict[str, Any]:
        return self.call("GET", f"/{self.upload['id']}")[1]

    def complete(self) -> int:
        return self.call("POST", f"/{self.upload['id']}/complete")[0]

    def over(self, within: float = 30) -> dict[str, Any]:
        """What came of it, as soon as something has."""
        assert eventually(lambda: self.state()["state"] in OVER, within=within, every=0.05), self.state()
        return self.state()
