"""write_files: several files in one run of a module, each compared, replaced and shown by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).parents[2] / "ansible/library/write_files.py"
OWNER, GROUP = str(os.geteuid()), str(os.getegid())


def write(*files: dict[str, str], check: bool = False, **more: object) -> dict[str, Any]:
    """What the module answers when Ansible runs it."""
    arguments = {
        "files": list(files),
        "owner": OWNER,
        "group": GROUP,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
    }
    arguments |= more
    done = subprocess.run(
        [sys.executable, str(MODULE)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "new folder/settings"


def test_a_missing_file_is_written_with_its_folder(settings: Path) -> None:
    answer = write({"dest": str(settings), "content": "a = ü\n"}, mode="0640")
    assert answer["written"] == [str(settings)]
    assert settings.read_text() == "a = ü\n"
    assert settings.stat().st_mode & 0o7777 == 0o640
    assert settings.parent.stat().st_mode & 0o7777 == 0o755


def test_an_equal_file_keeps_its_inode_and_its_time(settings: Path) -> None:
    write({"dest": str(settings), "content": "same"})
    before = settings.stat()
    answer = write({"dest": str(settings), "content": "same"})
    assert not answer["changed"]
    assert (settings.stat().st_ino, settings.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_what_differs_is_replaced_and_shown(tmp_path: Path) -> None:
    one, two = ({"dest": str(tmp_path / name), "content": name} for name in ("one", "two"))
    write(one, two)
    answer = write(one, two | {"content": "changed"})
    assert answer["written"] == [two["dest"]]
    assert [(shown["before"], shown["after"]) for shown in answer["diff"]] == [("two", "changed")]


def test_check_mode_shows_and_changes_nothing(settings: Path) -> None:
    answer = write({"dest": str(settings), "content": "new"}, check=True)
    assert answer["changed"]
    assert answer["diff"][0]["after"] == "new"
    assert not settings.parent.exists()


def test_a_secret_is_not_shown(settings: Path) -> None:
    answer = write({"dest": str(settings), "content": "hunter2"}, _ansible_diff=False)
    assert answer["changed"]
    assert "hunter2" not in json.dumps({name: value for name, value in answer.items() if name != "invocation"})


def test_a_wrong_mode_is_corrected(tmp_path: Path) -> None:
    secret = {"dest": str(tmp_path / "secret"), "content": "s", "mode": "0600"}
    write(secret)
    Path(secret["dest"]).chmod(0o666)
    assert write(secret, check=True)["changed"]
    assert Path(secret["dest"]).stat().st_mode & 0o777 == 0o666
    assert write(secret)["changed"]
    assert Path(secret["dest"]).stat().st_mode & 0o777 == 0o600


def test_a_file_of_strange_bytes_is_replaced(tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.write_bytes(b"\xff\xfe")
    assert write({"dest": str(strange), "content": "plain"})["changed"]
    assert strange.read_text() == "plain"


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    answer = write({"dest": str(tmp_path), "content": "x"})
    assert answer["failed"]
    assert str(tmp_path) in answer["msg"]
