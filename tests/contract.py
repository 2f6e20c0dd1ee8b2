"""schemathesis over the whole interface, with every check, as somebody: what `make contract` and the tests run.

It is a process of its own: the command line of schemathesis is its stable interface, and its report the count.
"""

import contextlib
import json
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Against a box: the edges of every parameter by all roles; what follows from what (stateful) by the one who may do it.
PHASES = {
    "nobody": "examples,coverage,fuzzing", "guest": "examples,coverage,fuzzing", "user": "examples,coverage,fuzzing",
    "admin": "examples,coverage,fuzzing,stateful",
}  # fmt: skip
EXAMPLES = 4
# They end the session that asks, or the account: each of the other calls would then only be told 401.
ENDS_THE_CALLER = (
    "auth_logout", "devices_end_mine", "devices_end_anyones", "devices_end_sessions_of", "password_change_password",
    "users_delete_me", "people_delete_user", "people_change_user", "people_reset_password",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What a run came to."""

    failed: bool
    cases: int
    text: str


def tried(url: str, ca_file: str | Path, token: str | None, *, examples: int, seed: int, phases: str = "") -> Report:
    """Call everything at `url` with the token; `examples` a call in each phase."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run", f"{url}/api/openapi.json",
        "--tls-verify", str(ca_file), "--checks", "all", "--max-examples", str(examples), "--seed", str(seed),
        "--continue-on-failure", "--no-color", "--workers", "2",
    ]  # fmt: skip
    command += ["--phases", phases] if phases else []
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    command += [part for name in ENDS_THE_CALLER for part in ("--exclude-operation-id", name)]
    with tempfile.TemporaryDirectory() as folder:
        # It keeps what it found in the folder that it runs in.
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, cwd=folder)
    text = done.stdout + done.stderr
    cases = re.search(r"(\d+) generated", text)
    return Report(done.returncode != 0, int(cases[1]) if cases else 0, text)


class Box:
    """Somebody who asks the interface of a box, with the roles of `make contract`."""

    def __init__(self, access: dict[str, str]) -> None:
        self.access = access
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = access["ca_file"]

    def call(self, method: str, path: str, token: str | None = None, body: dict[str, Any] | None = None) -> Any:
        """The JSON of a good answer, None without any. Raises requests.HTTPError."""
        answer = self._http.request(
            method,
            f"{self.access['url']}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=20,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def lets_through(self) -> bool:
        """Are its limits those of tests/contract-limits.yml?"""
        answer = self._http.get(f"{self.access['url']}/api/v1/status", timeout=20)
        return ";q=1000000;" in answer.headers.get("RateLimit-Policy", "")

    def sign_in(self, username: str, password: str) -> str:
        """An access token."""
        body = {"username": username, "password": password}
        return str(self.call("POST", "/auth/login", body=body)["access_token"])

    @contextlib.contextmanager
    def roles(self) -> Iterator[dict[str, str | None]]:
        """A token for each role, None for nobody; the user is made for the run and goes with it."""
        admin = self.sign_in(self.access["admin_username"], self.access["admin_password"])
        name, password = f"contract-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
        user = self.call(
            "POST", "/admin/users", admin, {"username": name, "email": f"{name}@box.test", "password": password}
        )
        try:
            guest = self.call("POST", "/auth/guest", body={})["access_token"]
            yield {"nobody": None, "guest": guest, "user": self.sign_in(name, password), "admin": admin}
        finally:
            again = self.sign_in(self.access["admin_username"], self.access["admin_password"])
            self.call("DELETE", f"/admin/users/{user['id']}", again)


def main() -> int:
    """`python -m tests.contract ACCESS [EXAMPLES]`: as every role, against the box of `make access`."""
    box = Box(json.loads(Path(sys.argv[1]).read_text()))
    examples = int(sys.argv[2]) if len(sys.argv) > 2 else EXAMPLES
    if not box.lets_through():
        sys.stderr.write(
            "This box would answer most calls with 429. Bring up one whose limits let them through:\n"
            "  make up BOX=contract ARGS='--extra-vars @tests/contract-limits.yml'\n"
        )
        return 2
    failed, figures = False, []
    with box.roles() as tokens:
        for who, token in tokens.items():
            began = time.monotonic()
            report = tried(
                box.access["url"], box.access["ca_file"], token, examples=examples, seed=1, phases=PHASES[who]
            )
            failed = failed or report.failed
            figures.append(
                f"{who}: {report.cases} cases in {time.monotonic() - began:.0f} s,"
                f" {'FAILED' if report.failed else 'no failure'}\n"
            )
            sys.stdout.write(f"{report.text}\n{figures[-1]}")
    sys.stdout.write("".join(figures))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
