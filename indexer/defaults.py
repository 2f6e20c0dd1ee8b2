"""Whom new titles are for: the default of the nearest folder above the file, else that of the root."""

import os
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from indexer.reconcile import Found, Place


class Rule(NamedTuple):
    """A folder's default; a rule that names viewers has them in tables of its own."""

    id: UUID
    visibility: str


class Defaults:
    """Looks at as many folders as the path has, so an unchanged library costs nothing."""

    def __init__(self, roots: Mapping[str, str], rules: Mapping[Place, Rule]) -> None:
        self._roots, self._rules = roots, rules

    def visibility(self, found: Found) -> str:
        """Of a title that is new."""
        rule = self._rule(found)
        return rule.visibility if rule else self._roots[found.root]

    def naming_rule(self, found: Found) -> UUID | None:
        """The rule that names the viewers of a new title, if one does."""
        rule = self._rule(found)
        return rule.id if rule and rule.visibility == "named" else None

    def _rule(self, found: Found) -> Rule | None:
        folder = found.path
        while folder:
            folder = os.path.dirname(folder)
            if rule := self._rules.get((found.root, folder)):
                return rule
        return None
