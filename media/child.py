"""Run one program to its end: bounded in time and in what it may say, and never left behind."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, cast

_CHUNK = 65_536
# What a tool complains is kept up to here; the rest is read and dropped.
_COMPLAINT_BYTES = 8192


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
