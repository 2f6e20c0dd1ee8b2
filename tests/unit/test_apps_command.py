"""roles/authsvc's `kinetoscope`: what it hands to systemd, seen by stand-ins for what it calls."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from indexer.settings import IndexerSettings

ROLE = Path(__file__).parents[2] / "roles/authsvc"
UNIT = "kinetoscope-indexer.service"
ACCEPTED = str(IndexerSettings.model_fields["removals_accepted_file"].default)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The rendered script beside stand-ins that write down how they were called."""
    environment = Environment(
        loader=FileSystemLoader(ROLE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # a script, not a page
    )
    environment.filters.update(FilterModule().filters())
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    text = environment.get_template("kinetoscope.j2").render(
        ansible_managed="managed", __authsvc_secrets="/etc/kinetoscope/secrets", **defaults
    )
    script = tmp_path / "kinetoscope"
    # The file in /run that a scan looks for would be this machine's.
    assert ACCEPTED in text
    script.write_text(text.replace(ACCEPTED, f"{tmp_path}/accepted"))
    for name in ("systemd-run", "systemctl"):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name}" "$@" >> {tmp_path}/called\n')
        if name == "systemctl":
            with stand_in.open("a") as more:
                more.write('[ "$1" = show ] && echo "${STATE_OF_TEST:-inactive}"\n')
                more.write(f"[ ! -e {tmp_path}/accepted ] || echo accepted >> {tmp_path}/called\n")
        stand_in.chmod(0o755)
    (tmp_path / "id").write_text('#!/bin/sh\necho "${UID_OF_TEST:-0}"\n')
    (tmp_path / "id").chmod(0o755)
    return tmp_path


def run(folder: Path, *arguments: str, uid: str = "0", state: str = "inactive") -> tuple[int, list[str]]:
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "UID_OF_TEST": uid, "STATE_OF_TEST": state}
    done = subprocess.run(
        ["/bin/sh", folder / "kinetoscope", *arguments], env=environment, capture_output=True, check=False
    )
    called = folder / "called"
    return done.returncode, called.read_text().splitlines() if called.exists() else []


def test_arguments_arrive_as_they_are(folder: Path) -> None:
    code, called = run(folder, "user", "disable", "--username", "a b $HOME `id` %n '\"", "--json")
    assert code == 0
    assert called[0] == "systemd-run"
    at = called.index("--")
    assert called[at + 1 :] == [
        "/opt/kinetoscope/current/bin/kinetoscope", "user", "disable", "--username", "a b $HOME `id` %n '\"", "--json",
    ]  # fmt: skip
    options = called[1:at]
    assert "--expand-environment=no" in options
    assert "--property=User=kinetoscope-api" in options
    credential = "redis_live_password:/etc/kinetoscope/secrets/redis-live-kinetoscope-api.password"
    assert [option for option in options if "secrets" in option] == [f"--property=LoadCredential={credential}"]


def test_others_than_root_are_told(folder: Path) -> None:
    assert run(folder, "user", "list", uid="1000") == (77, [])


@pytest.mark.parametrize(
    ("arguments", "started"),
    [
        (["scan"], ["start", "--no-block", "kinetoscope-indexer.service"]),
        (["scan", "--wait", "--json"], ["start", "kinetoscope-indexer.service"]),
        (["scan", "--help"], None),
        (["user", "add", "--username", "scan"], None),
    ],
)
def test_scan_starts_the_unit_and_then_tells_what_was_found(
    folder: Path, arguments: list[str], started: list[str] | None
) -> None:
    _, called = run(folder, *arguments)
    if started is None:
        assert "systemctl" not in called
    else:
        assert called[: len(started) + 1] == ["systemctl", *started]
    assert called[called.index("--") + 2 :] == arguments


@pytest.mark.parametrize("state", ["inactive", "activating"])
def test_removals_are_accepted_for_the_one_scan_that_is_asked_for(folder: Path, state: str) -> None:
    """One that runs already is waited for: it was not told."""
    code, called = run(folder, "scan", "--accept-removals", state=state)
    assert code == 0
    asked = ["systemctl", "show", "--property=ActiveState", "--value", UNIT]
    waited = ["systemctl", "start", UNIT] if state == "activating" else []
    at = called.index("systemd-run")
    assert called[:at] == [*asked, *waited, "systemctl", "start", UNIT, "accepted"]
    assert not (folder / "accepted").exists()
    assert called[-2:] == ["scan", "--accept-removals"]
