"""What is wrong with an inventory, as sentences that name the variable, the value and the fix."""

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

Options = dict[str, dict[str, Any]]


def inventory_complaints(results: Iterable[dict[str, Any]], names: Iterable[str]) -> list[str]:
    """Turn the results of a validate_argument_spec loop over specification files into sentences.

    `names` are all variables of the host that carry a role's prefix; one that no specification knows is a
    misspelling, and Ansible would silently ignore it.
    """
    complaints: list[str] = []
    known: Options = {}
    for result in results:
        specification = Path(result["item"])
        options: Options = yaml.safe_load(specification.read_text())["argument_specs"]["main"]["options"]
        known |= options
        if not result.get("argument_errors") and result.get("failed_when_result") is False and result.get("exception"):
            complaints.append(str(result.get("msg", "")).strip())
        complaints += [_with_fix(error, options) for error in result.get("argument_errors", [])]
    complaints += [_misspelled(name, known) for name in sorted(set(names) - known.keys())]
    return complaints


def _with_fix(error: str, options: Options) -> str:
    for name, option in options.items():
        if re.search(rf"\b{re.escape(name)}\b", error):
            description = option["description"]
            meaning = description if isinstance(description, str) else " ".join(description)
            return f"{error.strip()}. Fix: set {name} to {option.get('type', 'str')}: {meaning.strip()}"
    return error


def _misspelled(name: str, known: Options) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    fix = f"Did you mean {near[0]}?" if near else "Remove it."
    return f"{name} is no variable of any role and would have no effect. {fix}"


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"inventory_complaints": inventory_complaints}
