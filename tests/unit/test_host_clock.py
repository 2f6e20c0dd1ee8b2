"""Whose daemon keeps the clock: the one that was there before, or ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

VARIABLES = Path(__file__).parents[2] / "roles/base/vars/main.yml"


def decided(tmp_path: Path, installed: list[str], guest_of: list[str]) -> tuple[list[str], bool]:
    """The other time daemons that Ansible finds, and whether it takes ours."""
    play = {
        "hosts": "localhost", "connection": "local", "gather_facts": False, "vars_files": [str(VARIABLES)],
        "vars": {
            "ansible_python_interpreter": sys.executable,
            "__base_packages": {"stdout_lines": installed}, "ansible_facts": {"virtualization_tech_guest": guest_of}
        },
        "tasks": [{"ansible.builtin.copy": {
            "dest": str(tmp_path / "decided"), "mode": "0600",
            "content": "{{ [__base_time_daemons, __base_keeps_clock] | to_json }}",
        }}],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    run = [sys.executable, "-m", "ansible.cli.playbook", "--inventory", "localhost,", str(tmp_path / "play.yml")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    others, ours = json.loads((tmp_path / "decided").read_text())
    return others, ours


@pytest.mark.parametrize(
    ("installed", "others", "ours"),
    [
        (["installed chrony time-daemon", "installed bash "], ["chrony"], False),
        (["installed ntpsec ntp (= 1), time-daemon"], ["ntpsec"], False),
        (["installed systemd-timesyncd time-daemon", "config-files chrony time-daemon"], [], True),
        (["installed bash "], [], True),
    ],
)
def test_a_time_daemon_that_was_there_is_kept(
    tmp_path: Path, installed: list[str], others: list[str], ours: bool
) -> None:
    assert decided(tmp_path, installed, []) == (others, ours)


def test_a_container_has_the_clock_of_its_host(tmp_path: Path) -> None:
    assert decided(tmp_path, ["installed bash "], ["container", "systemd-nspawn"]) == ([], False)
