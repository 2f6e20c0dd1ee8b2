"""A storm of sign-ins against a box: how many a second, in how much memory, and does a known device still get in?

Strangers sign in with the right password, then with a wrong one, 1, 8 and 64 at once; who is told 503 tries again
after a moment. Each call comes from an address of its own (198.18.0.0/15, RFC 2544), as a storm does, so no limit of
the box has to be raised: the calls go over ssh to the API's unix socket, where X-Real-IP is Nginx's word. Beside them
one person signs in again and again from a device that the account knows, which has a place for hashing of its own.

    KINETOSCOPE_ACCESS=... python -m bench.logins [--seconds 10 | --quick]      writes bench/results/logins.md

Memory is the proportional resident memory of the unit's processes, looked at ten times a second. The people of the
bench are removed afterwards; what they did stays in the audit trail, so take a box for it that is nobody's.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import secrets
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from authsvc.serving.socket_probe import UnixConnection
from bench import needs
from bench.measure import percentile
from bench.report import publish, table
from testbed.viewers.box import Access, Viewer
from testbed.waiting import eventually

CLIENTS = (1, 8, 64)
PEOPLE = 8
SOCKET = "/run/kinetoscope/api.sock"
# Between a 503 and the next try of a stranger, and between two sign-ins of the known device.
AGAIN_SECONDS = KNOWN_PAUSE_SECONDS = 0.25
ANSWER_SECONDS = 30
MIB = 1 << 20
# Prints KiB until its input ends.
WATCH = """
unit=kinetoscope-api.service
while read -r -t 0.1 _; [ $? -gt 128 ]; do
  main=$(systemctl show --property MainPID --value $unit)
  cd /proc && cat $main/smaps_rollup $(ps -o pid= --ppid "$main" | sed 's,^ *,,; s,$,/smaps_rollup,') 2>/dev/null |
    awk '/^Pss:/ { sum += $2 } END { print sum }'
done
"""


@dataclass
class Person:
    username: str
    password: str
    known_device_token: str | None = None


@dataclass
class Stage:
    """What came back from one kind of caller: milliseconds by status, 0 for no answer."""

    seconds: float = 0
    answers: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


class Memory:
    """The unit's memory while it is watched, in bytes."""

    def __init__(self, access: Access) -> None:
        command = [*shlex.split(access.ssh_command), f"bash -c {shlex.quote(WATCH)}"]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._seen: list[int] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._watch.stdout or ():
            self._seen.append(int(line or 0) * 1024)

    def peak(self) -> int:
        """Since the last time it was asked; waits for the first look."""
        if not eventually(lambda: self._seen, within=ANSWER_SECONDS, every=0.1):
            raise RuntimeError("the memory of kinetoscope-api can't be read")
        peak = max(self._seen)
        self._seen.clear()
        return peak

    def close(self) -> None:
        self._watch.terminate()
        self._watch.wait()


@contextlib.contextmanager
def forwarded(access: Access) -> Iterator[str]:
    """The API's socket, reachable here."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/api.sock"
        command = [*shlex.split(access.ssh_command), "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{path}:{SOCKET}"]
        tunnel = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            if not eventually(Path(path).exists, within=ANSWER_SECONDS, every=0.1):
                raise RuntimeError("ssh does not forward the API's socket")
            yield path
        finally:
            tunnel.terminate()
            tunnel.wait()


def sign_in(path: str, host: str, person: Person, password: str) -> tuple[int, bytes]:
    """Status and body, from an address that nobody had before."""
    address = f"198.{random.choice((18, 19))}.{random.randrange(256)}.{random.randrange(1, 255)}"
    body = {"username": person.username, "password": password, "device": "bench"}
    if person.known_device_token:
        body["known_device_token"] = person.known_device_token
    connection = UnixConnection(path, ANSWER_SECONDS)
    headers = {"Host": host, "X-Real-IP": address, "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/v1/auth/login", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def storm(
    path: str, host: str, people: list[Person], known: Person, clients: int, seconds: float, *, right: bool
) -> tuple[Stage, Stage]:
    """The strangers' stage and the known device's."""
    strangers, device, numbers = Stage(), Stage(), itertools.count()
    end = time.monotonic() + seconds

    def call(person: Person, password: str, stage: Stage) -> int:
        began = time.monotonic()
        try:
            status = sign_in(path, host, person, password)[0]
        except OSError:
            status = 0
        stage.answers[status].append((time.monotonic() - began) * 1000)
        return status

    def stranger() -> None:
        while time.monotonic() < end:
            number = next(numbers)
            # Names that do not exist cost as much, and nobody's account is locked by the bench.
            person = people[number % len(people)] if right else Person(f"nobody-{number}", "")
            if call(person, person.password or "a wrong password", strangers) not in {200, 401}:
                time.sleep(AGAIN_SECONDS)

    def owner() -> None:
        while time.monotonic() < end:
            call(known, known.password, device)
            time.sleep(KNOWN_PAUSE_SECONDS)

    threads = [threading.Thread(target=stranger) for _ in range(clients)] + [threading.Thread(target=owner)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Who had asked by the end was waited for, and counts.
    strangers.seconds = seconds + time.monotonic() - end
    return strangers, device


@contextlib.contextmanager
def people_of(admin: Viewer) -> Iterator[list[Person]]:
    """Accounts for the bench, made and removed by the box's admin."""
    made: list[str] = []
    people = [Person(f"bench-{secrets.token_hex(4)}", secrets.token_urlsafe(18)) for _ in range(PEOPLE + 1)]
    try:
        for person in people:
            answer = admin.post(
                "/api/v1/admin/users",
                username=person.username, email=f"{person.username}@example.org", password=person.password, role="user",
            )  # fmt: skip
            answer.raise_for_status()
            made.append(answer.json()["id"])
        yield people
    finally:
        for user_id in made:
            admin.call("DELETE", f"/api/v1/admin/users/{user_id}").raise_for_status()


def row(what: str, clients: int, strangers: Stage, device: Stage, wanted: int, peak: int) -> list[str]:
    """A line of the table; `wanted` is the status of a sign-in that was looked at."""
    times, let_in = strangers.answers[wanted], device.answers[200]
    others = {status: len(found) for status, found in strangers.answers.items() if status not in {wanted, 503}}
    return [
        what,
        str(clients),
        f"{len(times) / strangers.seconds:.1f}",
        *(f"{percentile(times, percent):.0f}" for percent in (50, 99)),
        str(len(strangers.answers[503])),
        ", ".join(f"{status}: {count}" for status, count in others.items()) or "none",
        f"{len(let_in)} of {sum(map(len, device.answers.values()))}",
        f"{percentile(let_in, 99):.0f}",
        f"{peak / MIB:.0f}",
    ]


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=10, help="of each of the six storms")
    arguments.add_argument("--quick", action="store_true", help=needs.QUICK)
    given = arguments.parse_args()
    seconds: float = 1 if given.quick else given.seconds
    needs.install("openssh-client")
    access = needs.box()
    admin = Viewer(access, access.admin_username, access.admin_password)
    host, busy, rows = access.url.partition("://")[2].rstrip("/"), os.getloadavg()[0], []
    with contextlib.closing(Memory(access)) as memory, forwarded(access) as path:
        time.sleep(1)
        idle = memory.peak()
        with people_of(admin) as people:
            known = people.pop()
            known.known_device_token = json.loads(sign_in(path, host, known, known.password)[1])["known_device_token"]
            for what, right in (("right", True), ("wrong", False)):
                for clients in CLIENTS:
                    memory.peak()
                    strangers, device = storm(path, host, people, known, clients, seconds, right=right)
                    rows.append(row(what, clients, strangers, device, 200 if right else 401, memory.peak()))
                    sys.stderr.write(f"{what} password, {clients} at once\n")
    header = [
        "password", "at once", "sign-ins a second", "p50, ms", "p99, ms", "told 503", "other answers",
        "known device let in", "its p99, ms", "peak, MiB",
    ]  # fmt: skip
    shown = [*shlex.split(access.ssh_command), "systemctl show --property MemoryMax --value kinetoscope-api"]
    bound = int(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)
    text = f"# A storm of sign-ins\n\n{os.cpu_count()} cores for box and bench; load average before: {busy:.1f}; "
    text += f"{seconds:g} s each. kinetoscope-api at rest: {idle / MIB:.0f} MiB; bound: {bound / MIB:.0f} MiB.\n\n"
    publish("logins.md", text + table(header, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
