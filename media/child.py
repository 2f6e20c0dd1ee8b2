"""Run one program to its end: bounded in time and in what it may say, and never left behind."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, cast

_CHUNK = 65_536
# What a tool complains is kept up to here; the rest is read and dropped.
_COMPLAINT_BYTES = 8192
# So often somebody who follows a program is heard, also when the program says nothing.
TICK_SECONDS = 0.5
# Of what ffmpeg says with `-progress`, the lines that tell how far it is; it repeats them when it stands still.
_WAY = (b"frame=", b"out_time_us=", b"total_size=")


class TimeLimitError(Exception):
    """The program ran longer than it may and was killed."""


class OutputLimitError(Exception):
    """The program wrote more than it may and was killed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is the exit status, or minus the signal that ended the program."""

    status: int
    output: bytes
    complaint: bytes


def run(argv: Sequence[str], *, descriptor: int, seconds: float, output_bytes: int) -> Outcome:
    """Run `argv` with the open `descriptor` inherited, an empty environment and no input.

    The program gets a process group of its own, which is killed whole at the deadline or when more than
    `output_bytes` come out. Raises `TimeLimitError`, `OutputLimitError`, and `OSError` when it can't be started.
    """
    deadline = time.monotonic() + seconds
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        pass_fds=(descriptor,),
        start_new_session=True,
    ) as process:
        try:
            output, complaint = _collect(process, deadline, output_bytes)
            process.wait(max(0.01, deadline - time.monotonic()))
        except BaseException as error:
            _kill(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeLimitError from None
            raise
    return Outcome(process.returncode, output, complaint)


def follow(
    argv: Sequence[str], *, descriptors: Sequence[int], silence_seconds: float, on_output: Callable[[bytes], None]
) -> Outcome:
    """Run `argv` for as long as it gets on, and hand each line of its standard output to `on_output` as it comes.

    `on_output` is also called with b"" every TICK_SECONDS; what it raises kills the program's process group and goes
    through. Raises `TimeLimitError` when nothing new was said for `silence_seconds`, and `OSError` when the program
    can't be started.
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        pass_fds=tuple(descriptors),
        start_new_session=True,
    ) as process:
        try:
            complaint = _listen(process, silence_seconds, on_output)
        except BaseException:
            _kill(process)
            raise
    return Outcome(process.returncode, b"", complaint)


def _listen(process: subprocess.Popen[bytes], silence_seconds: float, on_output: Callable[[bytes], None]) -> bytes:
    """Until the program has ended. What it complained: the end of it, since tools say last why they gave up."""
    said, complaint = _Said(), bytearray()
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, said)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, complaint)
        while selector.get_map() or process.poll() is None:
            for key, _ in selector.select(TICK_SECONDS):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if key.data is said and said.rest:
                        on_output(said.rest)
                elif key.data is complaint:
                    complaint += chunk
                    del complaint[:-_COMPLAINT_BYTES]
                else:
                    for line in said.lines(chunk):
                        on_output(line)
                    if said.is_new:
                        heard = time.monotonic()
            on_output(b"")
            if time.monotonic() - heard > silence_seconds:
                raise TimeLimitError
    return bytes(complaint)


class _Said:
    """Splits an output into lines and notices whether it tells of anything new."""

    def __init__(self) -> None:
        self.is_new = False
        # The beginning of a line that is not over.
        self.rest = b""
        self._way: dict[bytes, bytes] = {}

    def lines(self, chunk: bytes) -> list[bytes]:
        self.is_new = False
        *lines, rest = (self.rest + chunk).split(b"\n")
        self.rest = rest[-_CHUNK:]
        for line in lines:
            key, equals, value = line.partition(b"=")
            if not equals:
                self.is_new = True
            elif key + equals in _WAY and self._way.get(key) != value:
                self._way[key] = value
                self.is_new = True
        return lines


def _collect(process: subprocess.Popen[bytes], deadline: float, output_bytes: int) -> tuple[bytes, bytes]:
    output, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, output)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, complaint)
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeLimitError
            for key, _ in selector.select(remaining):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is output:
                    output += chunk
                    if len(output) > output_bytes:
                        raise OutputLimitError
                elif len(complaint) < _COMPLAINT_BYTES:
                    complaint += chunk
    return bytes(output), bytes(complaint[:_COMPLAINT_BYTES])


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # not reaped yet, so the group can't be somebody else's
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
