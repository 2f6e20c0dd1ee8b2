"""The box under test, as `make access` describes it, and its API for what a test arranges behind the page's back."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Box:
    """Where it is and who may in. `library_path` and `ssh_command` are there for a local box only."""

    url: str
    ca_file: str
    admin_username: str
    admin_password: str = field(repr=False)
    library_path: str | None = None
    ssh_command: str | None = None

    @classmethod
    def read(cls, path: str) -> "Box":
        known = json.loads(Path(path).read_text())
        box = cls(**{name: known[name] for name in cls.__dataclass_fields__ if name in known})
        object.__setattr__(box, "url", box.url.rstrip("/"))
        return box

    @classmethod
    def given(cls) -> "Box | None":
        """The box that the environment names, if it names one."""
        path = os.environ.get("KINETOSCOPE_ACCESS")
        return cls.read(path) if path else None

    @cached_property
    def origins(self) -> frozenset[str]:
        """Its own, and that of its media host if it has one: what its policy lets a page play from."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(self.url + "/", verify=self.ca_file, timeout=TIMEOUT_SECONDS)
        rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
        return frozenset(
            {self.url} | {source for source in rules["media-src"].split() if source.startswith("https://")}
        )

    def scan(self) -> None:
        """Let the indexer look at the library now, rather than when cron next does."""
        assert self.ssh_command
        subprocess.run(
            [*shlex.split(self.ssh_command), "systemctl start kinetoscope-indexer.service"],
            check=True,
            timeout=120,
        )


class Program:
    """The same user, signed in as a program with a Bearer token: a second device beside the browser."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.http = requests.Session()
        # Or REQUESTS_CA_BUNDLE of the machine would win over the box's own authority, and a proxy over the way there.
        self.http.trust_env = False
        self.http.verify = box.ca_file
        self.sign_in()

    def sign_in(self) -> None:
        """Again too: the pages of these tests sign in as the same user, and one more than the limit ends the oldest."""
        credentials = {"username": self.box.admin_username, "password": self.box.admin_password}
        answer = self._send("POST", "/auth/login", credentials)
        assert answer.ok, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer; AssertionError with the problem for a refusal."""
        response = self.raw(method, path, body)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def raw(self, method: str, path: str, body: Any = None) -> requests.Response:
        response = self._send(method, path, body)
        if response.status_code == requests.codes.unauthorized:
            self.sign_in()
            response = self._send(method, path, body)
        return response

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        return self.http.request(method, f"{self.box.url}/api/v1{path}", json=body, timeout=TIMEOUT_SECONDS)

    def videos(self) -> list[dict[str, Any]]:
        """The whole library."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/videos?limit=100{cursor}")
            found += page["items"]
            if not page["next_cursor"]:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def fill_slots(self, video: str) -> list[str]:
        """Start playbacks until the limit refuses one; their ids."""
        started: list[str] = []
        for _ in range(20):
            response = self.raw("POST", f"/videos/{video}/playback", {"device": "Television"})
            if response.status_code == 429:
                assert started or response.json()["running"]
                return started
            started.append(response.json()["playback_id"])
        raise AssertionError("no stream limit was reached within 20 starts")

    def end(self, playback: str) -> None:
        self.raw("DELETE", f"/playbacks/{playback}")

    def end_all(self) -> None:
        """Free the user's leases: a page that a test closed abruptly, or a link that it copied, may still hold one."""
        for stream in self.call("GET", "/admin/streams")["items"]:
            if stream["user"]["username"] == self.box.admin_username:
                self.end(stream["playback_id"])

    def close(self) -> None:
        self.raw("POST", "/auth/logout")
        self.http.close()
