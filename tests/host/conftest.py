"""Behaviour of a provisioned box, seen over ssh (Testinfra's `host`) and as its clients see it."""

import base64
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from testinfra.host import Host

from testbed.viewers.box import SECRETS, Access, Viewer, connection

CLIP_SECONDS = 4
DROPPED = "Dropped in"
# Who stays signed in for the whole run.
SIGNED_IN: list[Viewer] = []
# Users that the tests made.
MADE: list[str] = []
# What the tests have measured, for whoever reads the end of the run.
FIGURES: list[str] = []
WORST: dict[str, tuple[int, float]] = {}


@pytest.fixture(scope="session")
def access() -> Access:
    return Access.read()


@pytest.fixture(scope="session")
def admin(access: Access) -> Iterator[Viewer]:
    """The user that provisioning made, signed in once more, and out at the end."""
    viewer = Viewer(access, access.admin_username, access.admin_password)
    SIGNED_IN.append(viewer)
    yield viewer
    viewer.post("/api/v1/auth/logout")


@pytest.fixture(autouse=True)
def still_signed_in() -> None:
    """The tests take longer than an access token lives."""
    for viewer in SIGNED_IN:
        viewer.fresh()


@pytest.fixture(scope="session")
def shell(access: Access) -> Any:
    """Run a command on the box as root, given as one line; stdin as text. For session-wide fixtures."""

    def run(line: str, stdin: str = "") -> str:
        # Whoever may not sign in as root uses sudo, as the deploy does.
        command = f"sh -c {shlex.quote(line)}"
        as_root = f"if test $(id -u) = 0; then {command}; else sudo -n {command}; fi"
        done = subprocess.run(
            [*shlex.split(access.ssh_command), as_root], input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def new_user(name: str, access: Access, shell: Any, role: str = "user") -> Viewer:
    """A user made by the tool on the box, signed in, with no stream running."""
    name, password = f"{name}-{secrets.token_hex(3)}", secrets.token_urlsafe(18)
    SECRETS.add(password)
    shell(f"kinetoscope user add --username {name} --role {role} --email {name}@example.org", password)
    MADE.append(name)
    return Viewer(access, name, password)


@pytest.fixture(scope="session", autouse=True)
def nobody_stays(shell: Any) -> Iterator[None]:
    """The host is left with the users that it had."""
    yield
    remove = "xargs --no-run-if-empty --max-procs=4 --max-args=1 kinetoscope user delete --yes --username"
    shell(f"{remove} 2>/dev/null || true", "\n".join(MADE))


@pytest.fixture(scope="session")
def bob(access: Access, shell: Any) -> Viewer:
    """Reads through both doors; whatever that leaves running is his."""
    SIGNED_IN.append(new_user("bob", access, shell))
    return SIGNED_IN[-1]


@pytest.fixture
def carol(access: Access, shell: Any) -> Viewer:
    """Somebody new for each test: not a stream of hers is running."""
    return new_user("carol", access, shell)


@pytest.fixture
def note() -> Any:
    """Keep a time in seconds for the end of the run: `note(what, seconds)`."""
    return lambda what, seconds: FIGURES.append(f"{what}: {seconds:.2f} s")


@pytest.fixture
def worst() -> Any:
    """Keep the largest of a figure that is measured in each round: `worst(what, figure)`."""

    def keep(what: str, figure: float) -> None:
        rounds, largest = WORST.get(what, (0, figure))
        WORST[what] = (rounds + 1, max(largest, figure))

    return keep


@pytest.fixture
def anonymous(access: Access) -> Iterator[requests.Session]:
    with connection(access) as session:
        yield session


@pytest.fixture(scope="session")
def mp4(admin: Viewer) -> dict[str, Any]:
    """A title that a browser can play, with the size and the link of its source."""
    return next(video for video in _kept(admin) if video["container"] == "mp4")


@pytest.fixture(scope="session")
def other(admin: Viewer, mp4: dict[str, Any]) -> dict[str, Any]:
    """A second title."""
    return next(video for video in _kept(admin) if video["id"] != mp4["id"])


def _kept(admin: Viewer) -> list[dict[str, Any]]:
    """Titles that can be played; not those of the run before, whose file is gone and whose scan is still to come."""
    kept = [video for video in admin.videos() if video["status"] == "ready" and DROPPED not in video["filename"]]
    assert len(kept) > 1, "The library has too few films for these tests: put some in, MP4 among them, and scan it."
    return kept


@pytest.fixture(scope="session", autouse=True)
def dropped_file(access: Access, shell: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new file in the library, put there at the very start: cron has the whole run to find it."""
    clip = tmp_path_factory.mktemp("dropped") / "clip.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={CLIP_SECONDS}",
         "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(clip)],
        check=True,
    )  # fmt: skip
    path = Path(access.library_path) / f"{DROPPED} {secrets.token_hex(4)}.mp4"
    if path.parent.is_dir():
        # A box of this machine has its library from here, and may not write it.
        shutil.copy(clip, path)
        yield path
        path.unlink(missing_ok=True)
    else:
        there = shlex.quote(str(path))
        shell(f"base64 --decode >{there}", base64.b64encode(clip.read_bytes()).decode())
        yield path
        shell(f"rm --force {there}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back on the whole run comes last."""
    items.sort(key=lambda item: item.get_closest_marker("looks_back") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the box's journal beside a failure."""
    report = yield
    host = getattr(item, "funcargs", {}).get("host")
    if report.when == "call" and report.failed and isinstance(host, Host):
        journal = host.run("journalctl --no-pager --lines 60 --since -3min").stdout
        report.sections.append(("journal of the box", journal))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for figure in FIGURES:
        terminalreporter.write_line(figure)
    for what, (rounds, largest) in WORST.items():
        terminalreporter.write_line(f"{what}: {largest:.3g} (the worst of {rounds})")
