"""Render the README of each role from its argument_specs.yml.

`python docs/render_role_readme.py` writes them, with `--check` it only names those that differ (and exits 1).
Sections that somebody wrote by hand (any `## ` heading but Variables) stay where they are, before the variables.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[1] / "roles"
VARIABLES = "## Variables"
SHORT = 60  # characters; a longer default gets a place of its own below the table


def render(role: Path) -> str:
    """The README of the role in the folder `role`, ending in one newline."""
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    options: dict[str, dict[str, Any]] = specification.get("options", {})
    parts = [f"# {role.name}", specification["short_description"].rstrip(".") + "."]
    parts += _paragraphs(specification.get("description", []))
    parts += _sections_by_hand(role / "README.md")
    if options:
        parts += [VARIABLES, _variables(options)]
        parts += [part for name, option in options.items() if _is_long(option) for part in _long_default(name, option)]
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str | list[str]) -> list[str]:
    return [text.strip()] if isinstance(text, str) else [paragraph.strip() for paragraph in text]


def _sections_by_hand(readme: Path) -> list[str]:
    if not readme.exists():
        return []
    sections = re.split(r"^(?=## )", readme.read_text(), flags=re.MULTILINE)[1:]
    return [section.strip() for section in sections if not section.startswith(VARIABLES)]


def _variables(options: dict[str, dict[str, Any]]) -> str:
    rows = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for name, option in options.items():
        meaning = " ".join(_paragraphs(option["description"]))
        if "choices" in option:
            meaning += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
        rows.append(f"| `{name}` | {_type(option)} | {_default(option)} | {_cell(meaning)} |")
        rows += [
            f"| &nbsp;&nbsp;`.{inner}` | {_type(part)} | {_default(part)} | "
            f"{_cell(' '.join(_paragraphs(part['description'])))} |"
            for inner, part in option.get("options", {}).items()
        ]
    return "\n".join(rows)


def _type(option: dict[str, Any]) -> str:
    kind = option.get("type", "str")
    return f"list of {option['elements']}" if "elements" in option else kind


def _default(option: dict[str, Any]) -> str:
    if _is_long(option):
        return "below"
    if "default" in option:
        return f"`{_cell(_literal(option['default']))}`"
    return "required" if option.get("required") else "none"


def _literal(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("\n", " ")


def _is_long(option: dict[str, Any]) -> bool:
    return isinstance(option.get("default"), list | dict) and len(_literal(option["default"])) > SHORT


def _long_default(name: str, option: dict[str, Any]) -> list[str]:
    default = option["default"]
    if not isinstance(default, list) or not all(isinstance(item, dict) for item in default):
        return [
            f"### Default of `{name}`",
            f"```yaml\n{yaml.safe_dump(default, sort_keys=False, width=110).strip()}\n```",
        ]
    columns = list(dict.fromkeys(key for item in default for key in item))
    rows = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    rows += ["| " + " | ".join(_cell(_plain(item.get(column, ""))) for column in columns) + " |" for item in default]
    return [f"### Default of `{name}`", "\n".join(rows)]


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a README differs")
    parser.add_argument("roles", nargs="*", help="names of roles; all of them by default")
    arguments = parser.parse_args()
    names = arguments.roles or [path.parents[1].name for path in ROLES.glob("*/meta/argument_specs.yml")]
    differing = []
    for name in sorted(names):
        readme, text = ROLES / name / "README.md", render(ROLES / name)
        if readme.exists() and readme.read_text() == text:
            continue
        differing.append(name)
        if not arguments.check:
            readme.write_text(text)
    if differing:
        sys.stdout.write(("differ: " if arguments.check else "written: ") + ", ".join(differing) + "\n")
    return 1 if differing and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
