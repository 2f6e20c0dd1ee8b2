"""A viewer of the box, from outside: signs in, lists, asks for a playback, reads bytes. Remembers every secret."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests

TIMEOUT_SECONDS = 20
# Half of an access token's life.
RENEW_SECONDS = 300
# Every token, password and link path that was ever sent or received: none may be found in a log.
SECRETS: set[str] = set()
TOKENS = ("access_token", "refresh_token", "known_device_token", "device_token")


@dataclass(frozen=True)
class Access:
    """What `make access` prints."""

    url: str
    ca_file: str
    address: str
    ssh_command: str
    library_path: str
    admin_username: str
    admin_password: str

    @classmethod
    def read(cls) -> "Access":
        path = os.environ.get("KINETOSCOPE_ACCESS")
        if not path:
            raise RuntimeError("Set KINETOSCOPE_ACCESS to a file with the output of `make access`.")
        known = json.loads(Path(path).read_text())
        SECRETS.add(known["admin_password"])
        return cls(**{name: known[name] for name in cls.__dataclass_fields__})

    def at(self, link: str) -> str:
        """Where a link of the API leads: a path is on the same origin, media may be on a host of its own."""
        return link if link.startswith("https://") else self.url.rstrip("/") + link

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """curl as it is, for what `requests` would tidy up: raw paths, HTTP/2, HTTP/1.0, rates."""
        return subprocess.run(
            [
                "curl",
                "--silent",
                "--show-error",
                "--path-as-is",
                "--max-time",
                "60",
                "--cacert",
                self.ca_file,
                *arguments,
            ],
            capture_output=True,
            check=False,
        )


def connection(access: Access) -> requests.Session:
    """A pool of connections that trusts the box's CA alone, whatever the environment says of CAs and proxies."""
    session = requests.Session()
    session.trust_env = False
    session.verify = access.ca_file
    return session


@dataclass
class Caller:
    """A program with its connection pool: nobody, until it carries a token."""

    access: Access
    http: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        self.http = connection(self.access)

    def carry(self, answer: dict[str, Any]) -> None:
        """Be whoever this answer of the API is for; its tokens are remembered as secrets."""
        SECRETS.update(str(answer[name]) for name in TOKENS if answer.get(name))
        self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("timeout", TIMEOUT_SECONDS)
        return self.http.request(method, self.access.at(path), **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def videos(self, **query: Any) -> list[dict[str, Any]]:
        """Every title, through all pages."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            answer = self.get(
                "/api/v1/videos", params={**query, "limit": 100, **({"cursor": cursor} if cursor else {})}
            )
            answer.raise_for_status()
            page = answer.json()
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found

    def playback(self, video_id: str, **wish: Any) -> dict[str, Any]:
        answer = self.call("POST", f"/api/v1/videos/{video_id}/playback", json=wish)
        answer.raise_for_status()
        grant: dict[str, Any] = answer.json()
        SECRETS.update(link.partition("/m/")[2].split("/")[3] for link in grant["links"].values() if link)
        return grant

    def end(self, playback_id: str) -> None:
        self.call("DELETE", f"/api/v1/playbacks/{playback_id}")


@dataclass
class Viewer(Caller):
    """Somebody who has signed in with a password."""

    username: str
    password: str
    token: str = ""
    session_id: str = ""
    refresh_token: str = ""
    renewed: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        SECRETS.add(self.password)
        answer = self.post("/api/v1/auth/login", username=self.username, password=self.password)
        answer.raise_for_status()
        body = answer.json()
        self.session_id = body["session_id"]
        self._take(body)

    def fresh(self) -> Self:
        """With an access token that lives for minutes more."""
        return self.refresh() if time.monotonic() - self.renewed > RENEW_SECONDS else self

    def refresh(self) -> Self:
        """With a new access token of the same session."""
        answer = self.post("/api/v1/auth/refresh", refresh_token=self.refresh_token)
        answer.raise_for_status()
        self._take(answer.json())
        return self

    def _take(self, body: dict[str, Any]) -> None:
        self.token, self.refresh_token, self.renewed = body["access_token"], body["refresh_token"], time.monotonic()
        self.carry(body)


def problem(answer: requests.Response) -> dict[str, Any]:
    """The body as a problem of RFC 9457, checked for its shape."""
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json", answer.text[:500]
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= body.keys(), body
    assert body["status"] == answer.status_code
    return body
