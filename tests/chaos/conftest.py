"""A box, a film large enough to watch for a while, and the table that the trials fill."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.viewers.box import Access, Viewer
from testbed.waiting import eventually
from tests.chaos.trials import House, Row, table
from tests.host.conftest import access, admin, carol, nobody_stays, shell, still_signed_in

__all__ = ["access", "admin", "carol", "nobody_stays", "shell", "still_signed_in"]  # fixtures

RESULTS = Path(__file__).parents[2] / "bench/results"
FILM_SECONDS = 1200
SCAN_SECONDS = 90
ROWS: list[Row] = []


@pytest.fixture(scope="session")
def film(access: Access) -> Iterator[Path]:
    """About 60 MB, in the library for the length of the run."""
    path = Path(access.library_path) / "Film of the chaos.mp4"
    clip = path.with_suffix(".clip")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=20", "-preset",
         "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", str(clip)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    partial = path.with_suffix(".part")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(FILM_SECONDS // 20 - 1), "-i", str(clip), "-c", "copy",
         "-movflags", "+faststart", "-f", "mp4", str(partial)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    clip.unlink()
    partial.rename(path)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def video_id(admin: Viewer, film: Path, shell: Any) -> str:
    def scanned() -> list[dict[str, Any]]:
        shell("systemctl start kinetoscope-indexer.service")
        return [video for video in admin.videos(q="chaos") if video["status"] == "ready"]

    found = eventually(scanned, within=SCAN_SECONDS, every=2)
    assert found, "the indexer has not taken the film in"
    return str(found[0]["id"])


@pytest.fixture
def house(carol: Viewer, admin: Viewer, video_id: str, film: Path, shell: Any) -> House:
    """Somebody new for each trial: what one leaves behind is not in the way of the next."""
    return House(carol, admin, video_id, film, shell)


@pytest.fixture
def note() -> Any:
    """Put a row into the table."""
    return ROWS.append


@pytest.fixture(scope="session")
def has_nft() -> bool:
    return shutil.which("nft") is not None


def pytest_sessionfinish() -> None:
    if ROWS:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "chaos.md").write_text(table(ROWS))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if ROWS:
        terminalreporter.write_line(table(ROWS))
