"""The templates of roles/pyapp: what a unit and its settings look like, with every variable defined."""

import json
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROLE = Path(__file__).parents[2] / "roles/pyapp"
SERVICE = {
    "name": "kinetoscope-try",
    "description": "Try",
    "user": "kinetoscope-try",
    "command": "gunicorn --config python:try",
}


def render(template: str, unit: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(ROLE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # units, not pages
    )
    environment.filters.update(FilterModule().filters())
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    variables |= {"pyapp_root": "/opt/kinetoscope", "__pyapp_current": "/opt/kinetoscope/current"}
    return environment.get_template(template).render(ansible_managed="managed", pyapp_unit=SERVICE | unit, **variables)


def lines(unit: dict[str, Any], kind: str = "service") -> list[str]:
    text = render(f"unit.{kind}.j2", unit)
    assert text.startswith("#\n# managed\n#\n")
    assert text.endswith("\n")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "host=/run/postgresql dbname=kinetoscope",
        'with "quotes", a \\ backslash, $dollar and `ticks`',
        [{"path": "/srv/films", "writable": False}],
        3,
        "",
    ],
)
def test_a_setting_arrives_as_it_was_given(value: object, tmp_path: Path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text(render("settings.env.j2", {"environment": {"KINETOSCOPE_TRY": value}}))
    # systemd.exec(5): between double quotes a backslash escapes the same four signs as in sh.
    command = ["sh", "-c", f'. {settings}; printf %s "$KINETOSCOPE_TRY"']
    arrived = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert arrived == (value if isinstance(value, str) else json.dumps(value))


def test_a_service_has_no_network_no_privilege_and_sees_no_media() -> None:
    unit = lines({})
    for line in (
        "RestrictAddressFamilies=AF_UNIX",
        "PrivateNetwork=true",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=true",
        "TemporaryFileSystem=/:ro",
        "RestrictNamespaces=true",
        "RestrictSUIDSGID=true",
        "PrivateUsers=true",
    ):
        assert line in unit
    assert not any("/srv" in line for line in unit)


def test_a_service_never_stays_down() -> None:
    unit = lines({"socket": "/run/kinetoscope/try.sock"})
    assert {"Restart=always", "StartLimitIntervalSec=0", "Requires=kinetoscope-try.socket"} <= {*unit}
    socket = lines({"socket": "/run/kinetoscope/try.sock"}, "socket")
    assert {"TriggerLimitIntervalSec=0", "StartLimitIntervalSec=0", "SocketMode=0660", "SocketGroup=www-data"} <= {
        *socket
    }


def test_a_run_to_completion_is_neither_restarted_nor_enabled() -> None:
    unit = lines({"type": "oneshot", "start_timeout_seconds": 0, "background": True})
    assert not any(line.startswith(("Restart=", "WantedBy=")) for line in unit)
    assert {"TimeoutStartSec=infinity", "CPUWeight=idle", "IOWeight=1"} <= {*unit}


def test_a_unit_that_sandboxes_may_make_namespaces_and_mounts_and_open_beneath() -> None:
    unit = lines({"sandboxes": True})
    assert "RestrictNamespaces=user mnt pid net ipc uts cgroup" in unit
    assert "RestrictAddressFamilies=AF_UNIX AF_NETLINK" in unit
    assert not any(line.startswith(("RestrictSUIDSGID", "PrivateUsers", "ProcSubset")) for line in unit)


def test_secrets_come_as_credentials_and_never_as_settings() -> None:
    unit = lines({"credentials": {"play_keys": "/etc/kinetoscope/secrets/play-keys.json"}})
    assert "LoadCredential=play_keys:/etc/kinetoscope/secrets/play-keys.json" in unit


@pytest.mark.parametrize("kind", ["service", "socket"])
def test_a_unit_is_one_that_systemd_can_parse(kind: str) -> None:
    parser = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(render(f"unit.{kind}.j2", {"socket": "/run/kinetoscope/try.sock", "probe": "python -m try"}))
    assert set(parser.sections()) == {"Unit", kind.capitalize(), "Install"}
    assert all(
        value.strip() or name in {"CapabilityBoundingSet", "AmbientCapabilities"}
        for section in parser.values()
        for name, value in section.items()
    )


def test_every_value_of_a_unit_is_documented_with_its_default() -> None:
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["units"]["options"]
    documented = options["pyapp_units"]["options"]
    defaults = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__pyapp_unit_defaults"]
    assert {name: option["default"] for name, option in documented.items() if not option.get("required")} == defaults
