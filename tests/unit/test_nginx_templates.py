"""Rules that every part of the Nginx configuration keeps, read from the rendered text."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

from testbed.servers.nginx_server import ROLE, TEMPLATES, render, role_variables


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    variables = role_variables() | {
        "nginx_public_host": "kino.example", "nginx_public_authority": "kino.example", "__nginx_play_keys": {"k1": "s"},
        "nginx_cors_origins": ["https://other.example"],
    }  # fmt: skip
    render(folder, variables)
    return folder


def _directives(file: Path) -> str:
    return re.sub(r"^\s*#.*$", "", file.read_text(), flags=re.MULTILINE)


def _parts(conf: Path) -> list[Path]:
    return sorted(conf.rglob("*.conf"))


def test_the_role_knows_every_part() -> None:
    on_disk = {file.name.removesuffix(".conf.j2") for file in (TEMPLATES / "kinetoscope").glob("*.j2")}
    assert on_disk == {*role_variables()["__nginx_parts"], "play-keys"}


def test_headers_are_added_in_one_place(conf: Path) -> None:
    """An add_header elsewhere would drop the security headers of everything around it."""
    assert [file.name for file in _parts(conf) if "add_header" in _directives(file)] == ["headers.conf"]


def test_no_expression_captures_by_number_and_no_map_is_an_expression(conf: Path) -> None:
    for file in _parts(conf):
        text = _directives(file)
        assert not re.search(r"\((?!\?)", "\n".join(re.findall(r"(?:location ~|!?~) \"?(.*)", text))), file
        for block in re.findall(r"^map [^{]*\{([^}]*)\}", text, re.MULTILINE):
            assert "~" not in block, file


def test_no_variable_is_set_where_the_subrequest_would_set_it_again(conf: Path) -> None:
    at_server_level = re.findall(r"^ {4}set ", _directives(conf / "kinetoscope/servers.conf"), re.MULTILINE)
    assert at_server_level == []


def test_no_cookie_is_read_by_name(conf: Path) -> None:
    assert not [file for file in _parts(conf) if "$cookie_" in _directives(file)]


def test_the_clients_host_is_used_nowhere_but_to_choose_among_our_names(conf: Path) -> None:
    for file in _parts(conf):
        text = _directives(file).replace("map $host $own_authority {", "")
        assert not re.search(r"\$(?:host|http_host|hostname|server_name)\b", text), file


def test_log_formats_hold_no_address_of_a_door(conf: Path) -> None:
    formats = re.findall(r"log_format .*?;", _directives(conf / "kinetoscope/logs.conf"), re.DOTALL)
    assert len(formats) == 4
    for one in formats:
        assert not re.search(
            r"\$(?:request|request_uri|uri|args|query_string|door_mac|http_cookie|http_authorization|http_referer)\b",
            one,
        )


def test_every_generated_file_says_so(conf: Path) -> None:
    for file in _parts(conf):
        assert file.read_text().startswith("#\n# Ansible managed\n#\n"), file


def test_defaults_and_specification_name_the_same_variables() -> None:
    defaults: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    specification = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    options = specification["argument_specs"]["main"]["options"]
    assert {name for name, option in options.items() if not option.get("required")} == defaults.keys()
    for name, value in defaults.items():
        assert options[name].get("default") == value, name


@pytest.mark.parametrize("in_kernel", [True, False])
def test_the_kernel_encrypts_where_it_can_and_nothing_else_changes(tmp_path: Path, in_kernel: bool) -> None:
    names = {"nginx_public_host": "kino.example", "nginx_public_authority": "kino.example"}
    render(tmp_path, role_variables() | names | {"__nginx_play_keys": {"k1": "s"}, "__nginx_ktls": in_kernel})
    tls = _directives(tmp_path / "kinetoscope/tls.conf")
    assert ("ssl_conf_command Options KTLS;" in tls) is in_kernel
    main = _directives(tmp_path / "nginx.conf")
    # kTLS is done in sendfile(), and a file read by threads is not sent by it (they exclude each other on Linux).
    assert re.search(r"^\s*sendfile on;", main, re.MULTILINE)
    assert "aio threads" not in main
    assert "directio" not in main


@pytest.mark.parametrize(
    ("wish", "ulp", "expected"),
    [("auto", "mptcp tls", True), ("auto", "mptcp", False), ("on", "mptcp", True), ("off", "mptcp tls", False)],
)
def test_the_role_asks_the_kernel_unless_it_is_told(wish: str, ulp: str, expected: bool) -> None:
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    jinja = Environment(undefined=StrictUndefined)  # noqa: S701 (a condition, not HTML)
    jinja.filters["b64decode"] = lambda content: base64.b64decode(content).decode()
    found = {"content": base64.b64encode(ulp.encode()).decode()}
    in_kernel = jinja.from_string(variables["__nginx_tls_in_kernel"]).render(__nginx_ulp=found).strip() == "True"
    told = jinja.from_string(variables["__nginx_ktls"]).render(nginx_ktls=wish, __nginx_tls_in_kernel=in_kernel)
    assert (told.strip() == "True") is expected
