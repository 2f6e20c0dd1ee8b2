"""schemathesis over the whole interface, with every check, as somebody: what `make contract` and the tests run.

It is a process of its own: the command line of schemathesis is its stable interface, and its report the count.
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
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


def main() -> int:
    """`python -m tests.contract ACCESS [EXAMPLES]`: as an admin and as nobody, against the box of `make access`."""
    import requests

    access = json.loads(Path(sys.argv[1]).read_text())
    examples = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with requests.Session() as http:
        http.trust_env = False
        http.verify = access["ca_file"]
        signed_in = http.post(
            f"{access['url']}/api/v1/auth/login",
            json={"username": access["admin_username"], "password": access["admin_password"]},
            timeout=20,
        ).json()
    failed = False
    for who, token in (("admin", signed_in["access_token"]), ("nobody", None)):
        report = tried(access["url"], access["ca_file"], token, examples=examples, seed=1)
        sys.stdout.write(f"{report.text}\n{who}: {report.cases} cases, {'FAILED' if report.failed else 'good'}\n")
        failed = failed or report.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
