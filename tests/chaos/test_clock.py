"""The wall clock is set under three streams, forward and back: nobody notices what the clock does not decide."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from testbed.viewers.box import Access, Viewer, connection
from testbed.waiting import eventually
from tests.chaos.stepped_clock import SteppedClock, stepped_clock
from tests.chaos.trials import ABORTED_BYTES, House, Row
from tests.host.conftest import new_user

MINUTES, HOUR = 300, 3600
LEDGER_SEES_A_STEP_SECONDS = 5
# Longer than the ledger leaves sessions unlooked at (`upkeep_seconds`).
A_WHILE_SECONDS = 25


@pytest.fixture(scope="module")
def clock(access: Access, shell: Any, video_id: str) -> Iterator[SteppedClock]:
    def is_ready() -> bool:
        with contextlib.suppress(requests.RequestException), connection(access) as session:
            return session.get(access.url.rstrip("/") + "/ready", timeout=3).status_code == 200
        return False

    with stepped_clock(shell, lambda: bool(eventually(is_ready, within=30))) as clock:
        yield clock


@pytest.fixture
def back_to_now(clock: SteppedClock) -> Iterator[None]:
    """Whatever a trial leaves behind."""
    yield
    clock.ahead(0)


@pytest.fixture
def dora(access: Access, shell: Any) -> Viewer:
    """An admin of this trial alone: signing in at each new time ends the oldest sessions of the same user."""
    return new_user("dora", access, shell, role="admin")


@pytest.fixture
def at(
    clock: SteppedClock, carol: Viewer, dora: Viewer, video_id: str, film: Path, shell: Any, back_to_now: None
) -> Callable[[int], House]:
    """The house at a time; all sign in then."""

    def house(ahead: int) -> House:
        clock.ahead(ahead)
        return House(signed_in(carol), signed_in(dora), video_id, film, shell)

    return house


def signed_in(viewer: Viewer) -> Viewer:
    return Viewer(viewer.access, viewer.username, viewer.password)


def renewing(viewer: Viewer, video_id: str) -> Callable[[], dict[str, Any]]:
    """New grants in the session that the streams began in; its access token is out of date as well."""
    refreshing, refreshed = threading.Lock(), []

    def refresh() -> Viewer | None:
        # Until the ledger has seen the step, the live store takes the session for expired.
        with contextlib.suppress(requests.HTTPError):
            return viewer.refresh()
        return None

    def grant() -> dict[str, Any]:
        with refreshing:
            if not refreshed:
                refreshed.append(eventually(refresh, within=LEDGER_SEES_A_STEP_SECONDS))
        return viewer.playback(video_id)

    return grant


def is_harmless(row: Row) -> bool:
    assert row.lost is not None, row
    return (row.broken, row.wrong) == (0, 0) and row.untrue is not None and row.lost <= ABORTED_BYTES


def test_nobody_notices_a_clock_set_forward_by_minutes(
    clock: SteppedClock, at: Callable[[int], House], note: Callable[[Row], None]
) -> None:
    house = at(0)
    row = house.trial("clock set forward by 5 min", lambda: clock.ahead(MINUTES))
    note(row)
    assert is_harmless(row), row
    assert not row.refused, row


def test_nobody_notices_a_clock_set_back_by_minutes(
    clock: SteppedClock, at: Callable[[int], House], note: Callable[[Row], None]
) -> None:
    house = at(MINUTES)
    row = house.trial("clock set back by 5 min", lambda: clock.ahead(0))
    note(row)
    assert is_harmless(row), row
    assert not row.refused, row
    assert house.viewer.get("/api/v1/videos").status_code == 200, "who has just signed in is signed in"


def test_links_are_out_of_date_after_an_hour_and_a_new_grant_works(
    clock: SteppedClock, at: Callable[[int], House], note: Callable[[Row], None]
) -> None:
    house = at(0)

    def disturb() -> str:
        clock.ahead(HOUR)
        house.admin = signed_in(house.admin)
        return "410, and on with a new grant; the long answer was not broken off"

    row = house.trial("clock set forward by 1 h", disturb, grant=renewing(house.viewer, house.video_id))
    note(row)
    assert is_harmless(row), row
    assert set(row.refused) == {410}, row


def test_an_hour_that_is_taken_back_ends_nobodys_session(
    clock: SteppedClock, at: Callable[[int], House], note: Callable[[Row], None], carol: Viewer
) -> None:
    house = at(0)
    assert carol.get("/api/v1/videos").status_code == 200

    def disturb() -> str:
        clock.ahead(HOUR)
        time.sleep(A_WHILE_SECONDS)
        clock.ahead(0)
        return f"taken back after {A_WHILE_SECONDS} s"

    row = house.trial("clock set forward by 1 h and back", disturb, grant=renewing(house.viewer, house.video_id))
    note(row)
    assert is_harmless(row), row
    assert set(row.refused) <= {410}, row
    for somebody in (house.viewer, house.admin, carol):
        assert somebody.get("/api/v1/videos").status_code == 200, "was signed in before"
