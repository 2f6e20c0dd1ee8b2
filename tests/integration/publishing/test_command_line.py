"""The uploader that the box serves, as somebody runs it on another computer: one file, with Python alone."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.uploads import MIB
from testbed.servers.postgres import PostgresServer
from testbed.services.library import made_by_ffmpeg
from testbed.stack import PASSWORD, Stack
from testbed.waiting import eventually


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    with Stack.running(postgres) as running:
        running.start_worker()
        yield running


@pytest.fixture
def program(stack: Stack, tmp_path: Path) -> Path:
    """Fetched from where it is served."""
    with stack.connection() as connection:
        answer = connection.get("/docs/kinetoscope-upload.py")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/x-python")
    path = tmp_path / "kinetoscope-upload.py"
    path.write_bytes(answer.body)
    return path


def film(folder: Path, name: str, size: int = 0) -> Path:
    clip = made_by_ffmpeg("mp4", "-pix_fmt", "yuv420p", "-metadata", f"comment={name}")
    rest = size - len(clip)
    path = folder / name
    path.write_bytes(clip + (rest.to_bytes(4, "big") + b"free" + os.urandom(rest - 8) if rest > 8 else b""))
    return path


def command(stack: Stack, program: Path, *arguments: object) -> list[str]:
    # Nothing but the standard library: -I and no site packages.
    return [sys.executable, "-I", "-S", str(program), stack.url, "--user", "bob", "--ca", str(stack.nginx.ca_file),
            *map(str, arguments)]  # fmt: skip


ENVIRONMENT = {"KINETOSCOPE_PASSWORD": PASSWORD}


def run(stack: Stack, program: Path, *arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(stack, program, *arguments), env=ENVIRONMENT | environment,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def sessions(stack: Stack) -> list[str]:
    """How those of the uploader ended; none for one that lives."""
    with psycopg.connect(stack.database.owner_url) as owner:
        rows = owner.execute("SELECT coalesce(end_reason, '') FROM sessions WHERE device = 'kinetoscope-upload'")
        return sorted(reason for (reason,) in rows)


def test_files_become_titles(stack: Stack, program: Path, tmp_path: Path) -> None:
    one, two = film(tmp_path, "One.mp4", 40 * MIB), film(tmp_path, "Two.mp4")
    run = subprocess.run(
        command(stack, program, one, two, "--folder", "From afar", "--visibility", "public", "--check"),
        capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("/#/title/") == 2
    for path in (one, two):
        assert (stack.uploaded / "From afar" / path.name).read_bytes() == path.read_bytes()


def test_what_the_box_refuses_is_told_and_is_a_failure(stack: Stack, program: Path, tmp_path: Path) -> None:
    path = tmp_path / "Notes.mp4"
    path.write_text("not a film\n" * 100)
    run = subprocess.run(
        command(stack, program, path), capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=120
    )
    assert run.returncode == 1
    assert "This is not an MP4" in run.stderr
    wrong = subprocess.run(
        command(stack, program, path), capture_output=True, text=True, check=False, timeout=120,
        env={"KINETOSCOPE_PASSWORD": "wrong"},
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


def test_started_again_it_sends_what_is_missing(stack: Stack, program: Path, tmp_path: Path) -> None:
    path = film(tmp_path, "Interrupted.mp4", 120 * MIB)
    parts = stack.nginx.uploads / "parts"

    def arrived() -> int:
        return len(list(parts.iterdir())) + len(list((stack.uploaded / ".uploads").glob("*")))

    first = subprocess.Popen(
        command(stack, program, path, "--lanes", 1), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert eventually(lambda: arrived() > 0 or first.poll() is not None, within=60, every=0.005)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = subprocess.run(
        command(stack, program, path), env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert second.returncode == 0, second.stderr
    assert (stack.uploaded / path.name).read_bytes() == path.read_bytes()
    # One upload and no second: what the first had sent was gone on with.
    assert sorted(file.name for file in stack.uploaded.glob("Interrupted*")) == ["Interrupted.mp4"]


def test_it_signs_out_at_its_end_however_that_comes(stack: Stack, program: Path, tmp_path: Path) -> None:
    def ended(how: int) -> None:
        now = sessions(stack)
        assert now.count("logout") == before.count("logout") + how, now
        assert len(now) == len(before) + how, "a session is left"

    before = sessions(stack)
    assert run(stack, program, film(tmp_path, "Signed out.mp4")).returncode == 0
    ended(1)
    empty = tmp_path / "Empty.mp4"
    empty.touch()
    refused = run(stack, program, empty)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "size_bytes: " in refused.stderr
    assert "Fields are missing" not in refused.stderr
    ended(2)
    path = film(tmp_path, "Stopped.mp4", 300 * MIB)
    # What a script's shell starts in the background ignores interrupts, and so would this.
    heeding = ["/usr/bin/env", "--default-signal=INT", *command(stack, program, path, "--lanes", 1)]
    stopped = subprocess.Popen(heeding, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
        begun = "SELECT FROM uploads WHERE name = 'Stopped.mp4'"
        assert eventually(lambda: owner.execute(begun).rowcount == 1, within=60, every=0.005)
    # Held until it is told, or it could be done before that.
    for told in (signal.SIGSTOP, signal.SIGINT, signal.SIGCONT):
        stopped.send_signal(told)
    _, said = stopped.communicate(timeout=30)
    assert (stopped.returncode, said.splitlines()[-1]) == (130, "Start it again to go on.")
    ended(3)
    assert run(stack, program, path).returncode == 0
    assert (stack.uploaded / path.name).read_bytes() == path.read_bytes()


def test_a_token_that_was_told_is_not_signed_out(stack: Stack, program: Path, tmp_path: Path) -> None:
    token = stack.sign_in("bob")["access_token"]
    before = sessions(stack)
    assert run(stack, program, film(tmp_path, "By token.mp4"), KINETOSCOPE_TOKEN=token).returncode == 0
    assert run(stack, program, film(tmp_path, "By token too.mp4"), KINETOSCOPE_TOKEN=token).returncode == 0
    assert sessions(stack) == before


def test_what_is_wrong_here_is_told_in_sentences(stack: Stack, program: Path, tmp_path: Path) -> None:
    before = sessions(stack)
    missing = run(stack, program, tmp_path / "Missing.mp4", tmp_path)
    assert missing.returncode == 1
    assert missing.stderr.splitlines() == [
        f"There is no file {tmp_path / 'Missing.mp4'}.", f"{tmp_path} is a folder. Name the files in it."
    ]  # fmt: skip
    assert sessions(stack) == before
    # The last --ca counts, and this one is not the box's.
    other = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    strange = run(stack, program, film(tmp_path, "Strange.mp4"), "--ca", other)
    assert (strange.returncode, "Traceback" in strange.stderr) == (1, False)
    assert "with --ca FILE" in strange.stderr
    assert "; 3 otherwise" in run(stack, program, "--help").stdout


def test_with_a_certificate_that_the_computer_trusts_no_file_of_it_is_told(
    stack: Stack, program: Path, tmp_path: Path
) -> None:
    told = [sys.executable, "-I", "-S", str(program), stack.url, str(film(tmp_path, "Trusted.mp4"))]
    trust = ENVIRONMENT | {"SSL_CERT_FILE": str(stack.nginx.ca_file)}
    done = subprocess.run([*told, "--user", "bob"], env=trust, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    # Nobody answers at a command without a terminal.
    asked = subprocess.run(
        told, env=trust, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )
    assert (asked.returncode, "Traceback" in asked.stderr) == (1, False)
    assert "give --user" in asked.stderr
