"""refresh_units: a unit that runs something older than what is written is found by asking the host."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.loading import module

refresh = module("ansible/library/refresh_units.py")

BEGAN = "Sat 2026-11-21 10:00:00.250000 UTC"
RELOADED = "Sat 2026-11-21 11:00:00.000000 UTC"


@pytest.fixture(autouse=True)
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units of this host lie: nowhere near the real ones."""
    folder = tmp_path / "units"
    folder.mkdir()
    monkeypatch.setattr(refresh, "LOCAL", folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings"
    file.touch()
    return file


def state(**more: str) -> dict[str, str]:
    return {
        "Id": "try.service", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no",
        "FragmentPath": "", "DropInPaths": "", "ActiveEnterTimestamp": BEGAN, "StateChangeTimestamp": RELOADED,
    } | more  # fmt: skip


def unit(**more: Any) -> dict[str, Any]:
    return {"name": "try.service", "restart": [], "reload": [], "start": "always"} | more


def written(file: Path, timestamp: str, later: float) -> None:
    moment = refresh.seconds(timestamp) + later
    os.utime(file, (moment, moment), follow_symlinks=False)


def test_settings_younger_than_the_start_need_a_restart(settings: Path) -> None:
    written(settings, BEGAN, -0.1)
    assert refresh.judge(unit(restart=[str(settings)]), state()) is None
    written(settings, BEGAN, 0.1)
    assert refresh.judge(unit(restart=[str(settings)]), state()) == "restart"


def test_settings_younger_than_the_last_reload_need_one(settings: Path) -> None:
    written(settings, RELOADED, -0.1)
    assert refresh.judge(unit(reload=[str(settings)]), state()) is None
    written(settings, RELOADED, 0.1)
    assert refresh.judge(unit(reload=[str(settings)]), state()) == "reload"


def test_a_link_counts_by_itself_and_not_by_where_it_leads(settings: Path, tmp_path: Path) -> None:
    written(settings, BEGAN, -60)
    link = tmp_path / "current"
    link.symlink_to(settings)
    written(link, BEGAN, 1)
    assert refresh.judge(unit(restart=[str(link)]), state()) == "restart"


def test_a_younger_unit_file_or_drop_in_needs_a_restart(local: Path) -> None:
    (local / "try.service.d").mkdir()
    drop_in = local / "try.service.d/more.conf"
    drop_in.touch()
    written(drop_in, BEGAN, 1)
    assert refresh.judge(unit(), state()) == "restart"


def test_a_unit_that_overrides_another_is_not_read_yet(local: Path) -> None:
    assert not refresh.unread(state(FragmentPath="/usr/lib/systemd/system/try.service"))
    (local / "try.service").touch()
    assert refresh.unread(state(FragmentPath="/usr/lib/systemd/system/try.service"))
    assert not refresh.unread(state(FragmentPath=str(local / "try.service")))


@pytest.mark.parametrize(("start", "verdict"), [("always", "start"), ("if_active", None), ("never", None)])
def test_what_does_not_run_is_started_only_where_it_has_to(start: str, verdict: str | None) -> None:
    stopped = state(ActiveState="failed", ActiveEnterTimestamp="", StateChangeTimestamp="")
    assert refresh.judge(unit(start=start), stopped) == verdict


def test_what_something_else_starts_is_never_restarted(settings: Path) -> None:
    assert refresh.judge(unit(start="never", restart=[str(settings)]), state()) is None


def test_the_answer_about_several_units_keeps_their_order() -> None:
    shown = "Id=a.service\nDropInPaths=\nExecStart=x=y\n\nId=b.service\nDropInPaths=/one /two\n"
    assert [block["Id"] for block in refresh.parse(shown)] == ["a.service", "b.service"]
    assert refresh.parse(shown)[0]["ExecStart"] == "x=y"
