"""A tool that makes files of one open film: where it writes, how far it is, and what ends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.child import Outcome
from media.faults import Fault
from media.sandbox import Sandbox, complaint
from media.settings import MediaSettings
from media.shown import Subject
from media.sniff import Container

# What every such run of ffmpeg is told: no questions, no chatter, and how far it is about each second.
GLOBAL_OPTIONS = ("-nostdin", "-v", "error", "-y", "-nostats", "-progress", "pipe:1", "-stats_period", "1")
# A decoder's threads: each holds pictures, and the memory of a tool is bounded.
THREADS = 2


@dataclass(frozen=True, slots=True)
class Making:
    """The film behind `descriptor`, and the folder that files are made in.

    `tell` is given the seconds of output done so far; what it raises ends the tool and goes through.
    """

    sandbox: Sandbox
    settings: MediaSettings
    descriptor: int
    container: Container
    subject: Subject
    folder: Path
    silence_seconds: float
    memory_bytes: int
    tell: Callable[[float], None]

    def run(self, command: Sequence[str], *, file_bytes: int, film: bool = True) -> Fault | None:
        """Run a tool in the folder to its end; why it failed, if it did. Without the `film` it sees the folder alone.

        Raises `SandboxError` when it could not be run, and what `tell` raises.
        """
        done = 0.0

        def progress(said: bytes) -> None:
            nonlocal done
            done = max(done, seconds_done(said))
            self.tell(done)

        outcome: Outcome | Fault = self.sandbox.make(
            command,
            self.folder,
            descriptor=self.descriptor if film else None,
            file_bytes=file_bytes,
            silence_seconds=self.silence_seconds,
            memory_bytes=self.memory_bytes,
            on_progress=progress,
        )
        if isinstance(outcome, Fault):
            return outcome
        return Fault(f"{complaint(outcome).rstrip('.!')}.") if outcome.status else None


def compiled(output: Any, *further: str) -> list[str]:
    """ffmpeg-python's `output` as a command of such a run, with `further` options of the whole run."""
    command: list[str] = output.global_args(*GLOBAL_OPTIONS, *further).compile()
    return command


def seconds_done(said: bytes) -> float:
    """The seconds of output that ffmpeg tells by -progress; 0 where it tells none."""
    told = 0.0
    for line in said.splitlines():
        key, _, value = line.partition(b"=")
        if key == b"out_time_us" and value.strip().isdigit():
            told = int(value) / 1e6
    return told
