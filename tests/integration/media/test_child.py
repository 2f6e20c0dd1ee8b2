"""A tool that is killed leaves nobody behind, however many processes it had become."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media import child

# The child of the tool ignores SIGTERM and holds no pipe of the tool, so that nothing but a kill of the group ends it.
FAMILY = "(trap '' TERM; exec sleep 300 >/dev/null 2>&1) & echo $! >/proc/self/fd/{descriptor}; exec {tool}"


@pytest.fixture
def note(tmp_path: Path) -> Iterator[int]:
    """An open file for the tool to write into, as a video is an open file for it to read."""
    descriptor = os.open(tmp_path / "note", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def lives(pid: int) -> bool:
    """A zombie, which only waits for init, lives no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def left_behind(note: int) -> int | None:
    """The child's process id if it outlives the tool by more than the moment that a kill takes."""
    pid = int(os.pread(note, 32, 0))
    deadline = time.monotonic() + 5
    while lives(pid):
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            return pid
        time.sleep(0.01)
    return None


def test_the_deadline_ends_the_whole_family(note: int) -> None:
    with pytest.raises(child.TimeLimitError):
        child.run(
            ["sh", "-c", FAMILY.format(descriptor=note, tool="sleep 300")],
            descriptor=note, seconds=0.5, output_bytes=1024,
        )  # fmt: skip
    assert left_behind(note) is None


def test_too_much_output_ends_the_whole_family(note: int) -> None:
    with pytest.raises(child.OutputLimitError):
        child.run(
            ["sh", "-c", FAMILY.format(descriptor=note, tool="yes")], descriptor=note, seconds=60, output_bytes=1024
        )
    assert left_behind(note) is None
