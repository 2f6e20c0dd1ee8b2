"""Where ffprobe and ffmpeg run: each time in a sandbox of its own, with one file and nothing else.

A video is the most hostile input this service takes. Inside there are the system's programs and libraries
read-only, the one file at VIDEO under no name of its own, nobody's user id, no network, no /proc, no /dev, no
environment, nothing that can be written; what the tool makes leaves through its standard output. A tool that makes
more than fits there gets one folder of its own at MADE and may write nothing else. bubblewrap builds this from
namespaces, as root and as an unprivileged user in a systemd unit alike (which must allow user namespaces and the system
calls of @mount); /proc is left out because a nested container may not mount one.

The file is handed over as an open descriptor, so it is the very file that was opened beneath its root.
"""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.text import clean
from media import child
from media.faults import LIMIT, READING, Fault

VIDEO = "/video"
MADE = "/made"
# A program that is not the system's.
PROGRAM = "/program"

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
# libx265 counts the processors there, and runs on one where it can't.
_PROCESSORS = ("--ro-bind", "/sys/devices/system", "/sys/devices/system")
_OPEN_FILES = 64
_OPEN_FILES_OF_MAKERS = 256
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
                [*self._limits(seconds), *self._walls(_at(descriptor)), *command],
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
        _check_started(outcome)
        if _signal(outcome) in (signal.SIGXCPU, signal.SIGKILL):
            return Fault(f"{LIMIT}the file takes more than {_computing(seconds)} seconds of computing to read.")
        return outcome

    def make(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        descriptor: int | None,
        file_bytes: int,
        silence_seconds: float,
        on_progress: Callable[[bytes], None],
        memory_bytes: int | None = None,
        program: Path | None = None,
    ) -> child.Outcome | Fault:
        """Run a tool that writes into `folder`, which is at MADE and where it starts; the file, if any, is at VIDEO,
        and a `program` that is not the system's at PROGRAM.

        It runs for as long as it gets on: `on_progress` gets each line of its standard output and, twice a second,
        b"". What that raises ends the tool and goes through. A Fault when nothing was heard of it for
        `silence_seconds`, when a file grew beyond `file_bytes`, or when it needed more memory than it may have.
        Raises `SandboxError` when the tool could not be run at all.
        """
        limits = [
            self.prlimit,
            f"--as={memory_bytes or self.memory_bytes}",
            f"--fsize={file_bytes}",
            f"--nofile={_OPEN_FILES_OF_MAKERS}",
            "--core=0",
            "--",
        ]
        seen = [] if descriptor is None else _at(descriptor)
        seen += [] if program is None else ["--ro-bind", os.fspath(program), PROGRAM]
        walls = self._walls([*seen, *_PROCESSORS, "--bind", os.fspath(folder), MADE], start=MADE)
        try:
            outcome = child.follow(
                [*limits, *walls, *command],
                descriptors=[] if descriptor is None else [descriptor],
                silence_seconds=silence_seconds,
                on_output=on_progress,
            )
        except child.TimeLimitError:
            return Fault(f"{READING}the tool did not get on for {silence_seconds:g} seconds.")
        except OSError as error:
            raise SandboxError(f"a tool can't be started: {error}") from error
        _check_started(outcome)
        if _signal(outcome) == signal.SIGXFSZ:
            return Fault(f"{LIMIT}what is made of the file grew beyond {file_bytes:,} bytes.")
        if _signal(outcome) == signal.SIGKILL:
            return Fault(f"{LIMIT}the tool needed more memory than it may have.")
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

    def _walls(self, inside: Sequence[str], *, start: str = "/") -> list[str]:
        return [self.bwrap, *_NAMESPACES, *_SYSTEM, *inside, "--remount-ro", "/", "--chdir", start, "--"]


def _at(descriptor: int) -> list[str]:
    return ["--ro-bind-fd", str(descriptor), VIDEO]


def _check_started(outcome: child.Outcome) -> None:
    if outcome.complaint.startswith((b"bwrap: ", b"prlimit: ")) or outcome.status in _NOT_STARTED:
        raise SandboxError(complaint(outcome))


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
