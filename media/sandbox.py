"""Where ffprobe and ffmpeg run: each time in a sandbox of its own, with one file and nothing else.

A video is the most hostile input this service takes. Inside there are the system's programs and libraries
read-only, the one file at VIDEO under no name of its own, nobody's user id, no network, no /proc, no /dev, no
environment, nothing that can be written; what the tool makes leaves through its standard output. bubblewrap builds
this from namespaces, as root and as an unprivileged user in a systemd unit alike (which must allow user namespaces
and the system calls of @mount); /proc is left out because a nested container may not mount one.

The file is handed over as an open descriptor, so it is the very file that was opened beneath its root.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.text import clean
from media import child
from media.faults import LIMIT, READING, Fault

VIDEO = "/video"

_NOBODY = "65534"
_NAMESPACES = (
    "--unshare-all",
    "--die-with-parent",  # kill -9 of the indexer leaves no tool behind
    "--new-session",
    "--clearenv",
    *("--uid", _NOBODY),
    *("--gid", _NOBODY),
    *("--cap-drop", "ALL"),
)
_SYSTEM = (
    *("--ro-bind", "/usr", "/usr"),
    *("--symlink", "usr/lib", "/lib"),
    *("--symlink", "usr/lib64", "/lib64"),
    *("--ro-bind", "/etc/alternatives", "/etc/alternatives"),  # libblas and liblapack are links through it
    *("--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"),
    *("--setenv", "LC_ALL", "C.UTF-8"),
)
_OPEN_FILES = 64
_NOT_STARTED = (126, 127)  # as a shell says it; also what ld.so(8) says when a library is missing


class SandboxError(Exception):
    """The sandbox itself failed: the file has not been judged."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How tools are run. `memory_bytes` bounds the address space of each."""

    bwrap: str
    prlimit: str
    memory_bytes: int

    @classmethod
    def of_system(cls, memory_bytes: int) -> "Sandbox":
        """Raises `SandboxError` naming the package that is missing."""
        found = {name: shutil.which(name) for name in ("bwrap", "prlimit", "ffprobe", "ffmpeg")}
        packages = {"bwrap": "bubblewrap", "prlimit": "util-linux"}
        for name, path in found.items():
            if path is None:
                raise SandboxError(f"{name} is not installed: apt install {packages.get(name, 'ffmpeg')}")
        return cls(str(found["bwrap"]), str(found["prlimit"]), memory_bytes)

    def check(self) -> None:
        """Build the sandbox once, around nothing. Raises `SandboxError` with bubblewrap's own words when that fails."""
        descriptor = os.open("/usr/bin/true", os.O_PATH | os.O_CLOEXEC)
        try:
            outcome = self.run(["true"], descriptor, seconds=30, output_bytes=1024)
        finally:
            os.close(descriptor)
        if isinstance(outcome, Fault) or outcome.status != 0:
            what = outcome.sentence if isinstance(outcome, Fault) else complaint(outcome)
            raise SandboxError(f"no tool runs in its sandbox: {what}")

    def run(
        self, command: Sequence[str], descriptor: int, *, seconds: float, output_bytes: int
    ) -> child.Outcome | Fault:
        """Run `command` with the file of `descriptor` at VIDEO; a Fault when the file made it exceed a limit.

        Raises `SandboxError` when the tool could not be run at all.
        """
        try:
            outcome = child.run(
                [*self._limits(seconds), *self._walls(descriptor), *command],
                descriptor=descriptor,
                seconds=seconds,
                output_bytes=output_bytes,
            )
        except child.TimeLimitError:
            return Fault(f"{READING}the disk gave too little of the file in {seconds:g} seconds.")
        except child.OutputLimitError:
            return Fault(f"{LIMIT}the file describes more tracks, chapters or tags than can be taken.")
        except OSError as error:
            raise SandboxError(f"a tool can't be started: {error}") from error
        if outcome.complaint.startswith((b"bwrap: ", b"prlimit: ")) or outcome.status in _NOT_STARTED:
            raise SandboxError(complaint(outcome))
        if _signal(outcome) in (signal.SIGXCPU, signal.SIGKILL):
            return Fault(f"{LIMIT}the file takes more than {_computing(seconds)} seconds of computing to read.")
        return outcome

    def _limits(self, seconds: float) -> list[str]:
        return [
            self.prlimit,
            f"--as={self.memory_bytes}",
            f"--cpu={_computing(seconds)}:{_computing(seconds) + 1}",
            "--fsize=0",
            f"--nofile={_OPEN_FILES}",
            "--core=0",
            "--",
        ]

    def _walls(self, descriptor: int) -> list[str]:
        walls = [self.bwrap, *_NAMESPACES, *_SYSTEM, "--ro-bind-fd", str(descriptor), VIDEO]
        return [*walls, "--remount-ro", "/", "--chdir", "/", "--"]


def _computing(seconds: float) -> int:
    """How much of a tool's time may be CPU: so a hostile file is told from a slow disk."""
    return max(1, int(seconds / 2))


def _signal(outcome: child.Outcome) -> int | None:
    """The signal that ended the tool: bubblewrap tells it as a shell does."""
    return outcome.status - 128 if outcome.status > 128 else None


def complaint(outcome: child.Outcome) -> str:
    """What the tool said last, on one line and without the path inside the sandbox."""
    lines = outcome.complaint.decode("utf-8", "replace").replace(f"file:{VIDEO}: ", "").strip().splitlines()
    said = clean(lines[-1], " ") if lines else ""
    if not said:
        ended_by = _signal(outcome)
        said = f"the tool crashed with signal {ended_by}" if ended_by else f"exit status {outcome.status}"
    return said[:300]
