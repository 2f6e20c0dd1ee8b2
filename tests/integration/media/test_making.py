"""A tool that writes: into its one folder, for as long as it gets on, and into nothing else."""

import os
from pathlib import Path

import pytest

from media.child import Outcome
from media.faults import Fault
from media.sandbox import Sandbox

SH = "/usr/bin/sh"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox.of_system(1 << 30)


def make(sandbox: Sandbox, folder: Path, script: str, *, heard: list[bytes] | None = None, **limits: float) -> object:
    said = [] if heard is None else heard
    return sandbox.make(
        [SH, "-c", script], folder, descriptor=None, file_bytes=int(limits.get("file_bytes", 1 << 20)),
        silence_seconds=limits.get("silence_seconds", 60), on_progress=said.append,
    )  # fmt: skip


def test_what_it_makes_is_ours_and_what_it_says_is_heard_line_by_line(sandbox: Sandbox, tmp_path: Path) -> None:
    heard: list[bytes] = []
    outcome = make(sandbox, tmp_path, "echo film >made.mp4; printf 'one\\ntwo\\n'; pwd; echo woe >&2", heard=heard)
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.complaint) == (0, b"woe\n")
    assert [line for line in heard if line] == [b"one", b"two", b"/made"]
    assert (tmp_path / "made.mp4").read_text() == "film\n"
    assert (tmp_path / "made.mp4").stat().st_uid == os.geteuid()


def test_it_reads_the_one_file_and_can_write_nowhere_else(sandbox: Sandbox, tmp_path: Path) -> None:
    video = tmp_path / "video"
    video.write_text("frames")
    folder = tmp_path / "made"
    folder.mkdir()
    descriptor = os.open(video, os.O_RDONLY)
    script = "cat /video; for at in / /usr /video /tmp /sys/devices/system; do echo x >$at/x && echo wrote $at; done"
    heard: list[bytes] = []
    outcome = sandbox.make(
        [SH, "-c", script], folder, descriptor=descriptor, file_bytes=1 << 20, silence_seconds=60,
        on_progress=heard.append,
    )  # fmt: skip
    os.close(descriptor)
    assert isinstance(outcome, Outcome)
    said = b"\n".join(heard)
    assert b"frames" in said
    assert b"wrote" not in said
    assert list(folder.iterdir()) == []
    assert video.read_text() == "frames"


def test_a_file_that_grows_too_large_is_a_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    fault = make(sandbox, tmp_path, "exec head -c 2000000 /usr/bin/bash /usr/bin/bash /usr/bin/bash >made")
    assert isinstance(fault, Fault)
    assert "1,048,576 bytes" in fault.sentence


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 1000",
        # As ffmpeg does that stands still: it says how fast it is, and the same place again.
        "while :; do printf 'out_time_us=40\\nspeed=1x\\nprogress=continue\\n'; sleep 0.1; done",
    ],
)
def test_what_does_not_get_on_is_ended(sandbox: Sandbox, tmp_path: Path, script: str) -> None:
    fault = make(sandbox, tmp_path, script, silence_seconds=1.5)
    assert isinstance(fault, Fault)
    assert "did not get on for 1.5 seconds" in fault.sentence


def test_what_gets_on_may_take_its_time(sandbox: Sandbox, tmp_path: Path) -> None:
    """Twice as long as it may say nothing. It may be late ten times over: a machine has other things to do."""
    script = "for i in $(seq 24); do echo out_time_us=$i; sleep 0.5; done"
    outcome = make(sandbox, tmp_path, script, silence_seconds=5)
    assert isinstance(outcome, Outcome)
    assert outcome.status == 0
