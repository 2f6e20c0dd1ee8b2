"""The lock files name each package exactly, by content, and no place to fetch it from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy.repository import ROOT, text_of

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
each_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)


def requirements(lock: Path) -> Iterator[str]:
    """Logical lines: continued ones joined, comments left out."""
    joined = text_of(lock).replace("\\\n", " ")
    return (line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def test_there_are_lock_files() -> None:
    assert LOCKS


@each_lock
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    pinned = re.compile(
        r"^[a-z0-9][a-z0-9._-]*(?:\[[\w,-]+\])?==\S+(?: *;[^#]*?)?(?: +--hash=sha256:[0-9a-f]{64})+ *(?:#.*)?$"
    )
    assert not [line[:80] for line in requirements(lock) if not pinned.match(line)]


@each_lock
def test_no_lock_file_says_where_to_fetch_from(lock: Path) -> None:
    assert "://" not in text_of(lock)
    assert not [line for line in requirements(lock) if line.startswith("-")]


@each_lock
def test_no_package_is_chosen_only_for_newer_pythons(lock: Path) -> None:
    """Control machines have 3.11, boxes 3.13: what one of them lacks, the other must not get."""
    newer = re.compile(r";.*python(?:_full)?_version *(?:>=|==|>) *'3\.1[2-9]")
    assert not [line[:120] for line in requirements(lock) if newer.search(line)]


def test_the_lock_of_npm_packages_names_contents_and_no_place() -> None:
    lock = json.loads(text_of(ROOT / "requirements/package-lock.json"))
    wanted = json.loads(text_of(ROOT / "requirements/package.json"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    for group in ("dependencies", "devDependencies"):
        assert {f"node_modules/{name}" for name in wanted[group]} <= packages.keys()
        assert lock["packages"][""][group] == wanted[group], "run make lock"
    for name, entry in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry["integrity"]), name
        assert "resolved" not in entry, name


def test_the_web_client_ships_what_plays_and_draws_and_nothing_that_those_bring() -> None:
    """What is not for development only is sent to browsers: tools/make-client-parts copies it by its name."""
    lock = json.loads(text_of(ROOT / "requirements/package-lock.json"))
    shipped = {name for name, entry in lock["packages"].items() if name and not entry.get("dev")}
    wanted = list(json.loads(text_of(ROOT / "requirements/package.json"))["dependencies"])
    assert wanted == ["libpgs", "shaka-player"]
    assert shipped == {f"node_modules/{name}" for name in wanted}
