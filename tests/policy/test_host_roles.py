"""Every role keeps the same promises: specified, commented, documented, ignorant of the others."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.loading import module
from tests.policy.repository import ROLES, ROOT, defaults_of, load, options_of, relative, text_of

# Included by other roles with variables of theirs; internal, so no inventory ever names them.
INTERNAL = {"pyapp"}
# What only the local box has: itself, and something to watch.
BESIDE_THE_SITE = {"box", "samples"}
# Files of one line, or in a format without comments.
HEADLESS = {"authorized_keys.j2", "hostname.j2", "hosts.json.j2", "known_hosts.j2", "machine-id.j2"}
TEMPLATE_HEADER = "{{ ansible_managed | comment"
WORDS = re.compile(r"\b[a-z][a-z0-9_]*\b")

each_role = pytest.mark.parametrize("role", ROLES)


def role_files(role: str) -> list[Path]:
    folders = [ROOT / "roles" / role]
    if role == "nginx":
        folders.append(ROOT / "nginx")
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".yml", ".j2", ".py", ".conf", ".sh"} and "www" not in path.parts
    ]


def renderer() -> ModuleType:
    return module("docs/render_role_readme.py")


@each_role
@pytest.mark.parametrize("name", ["defaults/main.yml", "tasks/main.yml", "tasks/preflight.yml", "README.md"])
def test_role_is_complete(role: str, name: str) -> None:
    assert (ROOT / "roles" / role / name).is_file()


@each_role
def test_specification_equals_defaults(role: str) -> None:
    specified = {name: option["default"] for name, option in options_of(role).items() if "default" in option}
    assert defaults_of(role) == specified


@each_role
def test_variable_without_default_is_required(role: str) -> None:
    lacking = {
        name for name, option in options_of(role).items() if "default" not in option and not option.get("required")
    }
    assert not lacking, "give a default, or say `required: true`"


@each_role
def test_each_option_says_what_it_means(role: str) -> None:
    silent = {name for name, option in options_of(role).items() if not option.get("description")}
    assert not silent


@each_role
def test_each_default_has_a_comment_above_it(role: str) -> None:
    lines = text_of(ROOT / "roles" / role / "defaults/main.yml").splitlines()
    bare = [
        line for above, line in zip(["", *lines], lines, strict=False) if _is_key(line) and not above.startswith("# ")
    ]
    assert not bare


def _is_key(line: str) -> bool:
    return re.match(r"[a-z]\w*:", line) is not None


@each_role
def test_variables_carry_the_name_of_their_role(role: str) -> None:
    vars_file = ROOT / "roles" / role / "vars/main.yml"
    private = set(load(vars_file) or {}) if vars_file.exists() else set()
    strangers = {name for name in options_of(role) if not name.startswith(f"{role}_")}
    strangers |= {name for name in private if not name.startswith((f"__{role}_", f"{role}_"))}
    assert not strangers


@each_role
def test_no_role_names_a_variable_of_another(role: str) -> None:
    of_others = {name: other for other in ROLES if other not in {role} | INTERNAL for name in options_of(other)}
    found = {
        f"{relative(path)}: {word} of {of_others[word]}"
        for path in role_files(role)
        for word in WORDS.findall(text_of(path))
        if word in of_others
    }
    assert not found, "wire them in ansible/group_vars/all/wiring.yml"


@each_role
def test_readme_is_rendered_from_the_specification(role: str) -> None:
    readme = ROOT / "roles" / role / "README.md"
    assert readme.exists(), "run python docs/render_role_readme.py"
    assert text_of(readme) == renderer().render(ROOT / "roles" / role), "run python docs/render_role_readme.py"


@each_role
def test_templates_say_that_ansible_wrote_them(role: str) -> None:
    templates = [path for path in role_files(role) if path.suffix == ".j2" and path.name not in HEADLESS]
    included = {name for path in templates for name in re.findall(r"{%-? include '([^']+)'", text_of(path))}
    headless = [
        relative(path) for path in templates if path.name not in included and not _begins_with_header(text_of(path))
    ]
    assert not headless


def _begins_with_header(template: str) -> bool:
    lines = template.splitlines()
    # A script's first line belongs to the kernel.
    return any(line.startswith(TEMPLATE_HEADER) for line in lines[: 2 if lines and lines[0].startswith("#!") else 1])


def test_site_runs_every_role_in_the_stated_order() -> None:
    stated = load(ROOT / "ansible/vars/roles.yml")["site_roles"]
    imported = [play["ansible.builtin.import_playbook"] for play in load(ROOT / "ansible/site.yml")]
    run = [
        entry["role"] for name in imported for play in load(ROOT / "ansible" / name) for entry in play.get("roles", [])
    ]
    assert run == stated
    assert set(run) == set(ROLES) - BESIDE_THE_SITE


def test_each_role_of_the_site_has_its_tag() -> None:
    plays = [play for path in ROOT.glob("ansible/deploy-*.yml") for play in load(path)]
    untagged = [
        entry["role"] for play in plays for entry in play.get("roles", []) if entry.get("tags") != [entry["role"]]
    ]
    assert not untagged


def test_site_variables_equal_their_specification() -> None:
    specified = load(ROOT / "ansible/vars/site_specs.yml")["argument_specs"]["main"]["options"]
    assert set(load(ROOT / "ansible/group_vars/all/main.yml")) == set(specified)


def test_wiring_sets_only_variables_that_a_role_has() -> None:
    known = {name for role in ROLES for name in options_of(role)}
    assert set(load(ROOT / "ansible/group_vars/all/wiring.yml")) <= known
