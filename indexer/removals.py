"""Which lost files are believed to be removed.

A library is rarely emptied and often unplugged. So a root that can't be reached, lies on another device than at the
last good scan, or lost more than a share of its files hides nothing; the operator is told, and decides with
`kinetoscope scan --accept-removals`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from indexer.reconcile import Known
from indexer.settings import IndexerSettings

_ADVICE = "Nothing was hidden. If that is right: kinetoscope scan --accept-removals"


@dataclass(slots=True)
class Verdict:
    """What to hide, and for each root in doubt a sentence that says why and what to do."""

    hide: list[Known] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)


def judge(
    lost: Iterable[Known],
    visible: Mapping[str, int],
    devices: Mapping[str, int],
    devices_before: Mapping[str, int],
    settings: IndexerSettings,
    *,
    accepted: bool,
) -> Verdict:
    """Judge the rows whose files are gone; `visible` counts the rows of each root before this scan.

    `devices` are the st_dev of the roots that were reached.
    """
    by_root: dict[str, list[Known]] = defaultdict(list)
    for row in lost:
        if not row.removed:
            by_root[row.root].append(row)
    verdict = Verdict()
    for root, rows in by_root.items():
        doubt = None if accepted else _doubt(root, len(rows), visible, devices, devices_before, settings)
        if doubt is None:
            verdict.hide += rows
        else:
            verdict.doubts[root] = f"{doubt} {_ADVICE}"
    return verdict


def _doubt(
    root: str,
    lost: int,
    visible: Mapping[str, int],
    devices: Mapping[str, int],
    devices_before: Mapping[str, int],
    settings: IndexerSettings,
) -> str | None:
    if root in devices and devices_before.get(root, devices[root]) != devices[root]:
        return f"{root} lies on another device than before, and {lost} of its files are not there."
    known = visible[root]
    if lost > settings.removal_floor and lost > settings.removal_share * known:
        return f"{root} lost {lost} of {known} files at once."
    return None
