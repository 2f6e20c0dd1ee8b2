"""Starting and stopping a server as a child process, with its log as evidence."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# On a machine that does much else. One that does not start at all ends, and is told at once.
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 10
# What need not outlive its process lies here, where there is such a place: a disk takes a millisecond for each file
# that is made, and a database is made of hundreds.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
_OURS = "ks-server-"


def as_user(user: str, command: Sequence[str]) -> list[str]:
    """The command run as `user` when we are root; as it is when we are somebody already."""
    if os.geteuid() != 0:
        return list(command)
    account = pwd.getpwnam(user)
    return [
        "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--", *command,
    ]  # fmt: skip


@contextlib.contextmanager
def server_folder(user: str) -> Iterator[Path]:
    """A short-named folder that belongs to `user` (a socket's path may have 107 bytes at most)."""
    _remove_those_of_the_dead(Path(MEMORY or tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{_OURS}{os.getpid()}-", dir=MEMORY))
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_those_of_the_dead(place: Path) -> None:
    """The folders of test runs that were killed: nobody else would give their memory back."""
    for left in place.glob(f"{_OURS}*-*"):
        process = left.name.removeprefix(_OURS).partition("-")[0]
        if process.isdecimal() and not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)


class Child:
    """A server process. `ready` is asked until it answers true; a death before that shows the log.

    It is a session of its own: Ctrl-C is for the one who started it, and stops it in order.
    """

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool], **popen: object) -> None:
        self.log = log
        with log.open("ab") as sink:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True, **popen
            )  # type: ignore[call-overload]
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask, then insist. What it started itself goes too: the command may be a script around the server."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
