"""`make dev`: somebody who has just cloned the project watches a film, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

REPOSITORY = Path(__file__).parents[3]
STOP_SECONDS = 60


def told(dev: subprocess.Popen[str]) -> dict[str, str]:
    """What it prints, by the words before the values; all of it where it ends before it is ready."""
    lines: list[str] = []
    assert dev.stdout
    for line in dev.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return dict(re.findall(r"^  (\S.*?)  +(\S+)$", "".join(lines), re.MULTILINE))
    raise AssertionError("".join(lines))


@pytest.fixture
def dev() -> Iterator[subprocess.Popen[str]]:
    """Started with SIGINT ignored, as whatever a script's shell starts in the background is."""
    process = subprocess.Popen(
        ["env", "--ignore-signal=INT", sys.executable, "-m", "testbed.dev", "--films", "1"], cwd=REPOSITORY, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    yield process
    process.terminate()
    process.wait(STOP_SECONDS)


def left(folder: Path) -> list[str]:
    """Processes whose command line names the folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and each.parent.name != str(os.getpid()):
            found.append(line)
    return found


def test_dev_signs_in_plays_a_range_and_leaves_nothing(dev: subprocess.Popen[str]) -> None:
    said = told(dev)
    folder = Path(said["its logs"]).parent
    assert left(folder), "nothing runs from its folder: the look at what is left would prove nothing"
    with requests.Session() as session:
        session.trust_env = False
        session.verify = said["trust its certificate"]
        url = said["Kinetoscope, from this checkout"]
        credentials = {"username": said["user"], "password": said["password"]}
        answer = session.post(f"{url}/api/v1/auth/login", json=credentials, timeout=30)
        assert answer.status_code == 200, answer.text
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        (video,) = session.get(f"{url}/api/v1/videos", timeout=30).json()["items"]
        assert video["status"] == "ready"
        grant = session.post(f"{url}/api/v1/videos/{video['id']}/playback", json={}, timeout=30).json()
        part = session.get(url + grant["links"]["source"], headers={"Range": "bytes=0-1023"}, timeout=30)
        assert (part.status_code, len(part.content)) == (206, 1024)
        assert "<title>" in session.get(url, timeout=30).text
    dev.send_signal(signal.SIGINT)
    assert dev.wait(STOP_SECONDS) == 0
    assert dev.stdout
    assert dev.stdout.read() == "Ended; nothing is left.\n"
    assert not folder.exists()
    assert not left(folder)
