"""Somebody who watches, as the API sees them."""

from typing import Any

from testbed.services.world import World


class Viewer:
    """Somebody signed in on one device."""

    def __init__(self, world: World, name: str, role: str = "user") -> None:
        self.world = world
        self.user = world.user(name, role=role)
        self.session_id, self.token = world.session(self.user)

    def call(self, method: str, path: str, json: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "X-Real-IP": "192.0.2.7"}
        return self.world.client().open(f"/api/v1{path}", method=method, json=json, headers=headers)

    def play(self, video: str, **body: Any) -> Any:
        return self.call("POST", f"/videos/{video}/playback", body or None)

    def beat(self, playback: str, position: object, state: object = "playing") -> Any:
        return self.call("POST", f"/playbacks/{playback}/heartbeat", {"position_seconds": position, "state": state})

    def other_device(self) -> "Viewer":
        twin = object.__new__(Viewer)
        twin.world, twin.user = self.world, self.user
        twin.session_id, twin.token = self.world.session(self.user)
        return twin
