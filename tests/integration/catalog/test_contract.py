"""The database accepts the words of the contract and no others."""

import re
from typing import Any

import psycopg
import pytest

from catalog.contract import words

# Constraint by constraint, which vocabulary it spells.
SPELLED = {
    "users_role_known": words.ROLES,
    "invitations_role_known": words.ROLES,
    "sessions_kind_known": words.SESSION_KINDS,
    "videos_status_known": words.TITLE_STATUSES,
    "videos_visibility_known": words.VISIBILITIES,
    "folder_rules_visibility_known": words.VISIBILITIES,
    "playbacks_door_known": words.DOORS,
    "preferences_quality_known": words.QUALITIES,
    "preferences_device_kind_known": words.DEVICE_KINDS,
    "tracks_kind_known": words.TRACK_KINDS,
}


@pytest.fixture(scope="module")
def spelled(postgres: Any) -> dict[str, set[str]]:
    with postgres.cloned_database() as database, psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conname ~ '_known$'"
        ).fetchall()
    return {name: set(re.findall(r"'([^']+)'::text", definition)) for name, definition in rows}


@pytest.mark.parametrize("constraint", SPELLED)
def test_a_constraint_spells_the_contract(spelled: dict[str, set[str]], constraint: str) -> None:
    assert spelled[constraint] == set(SPELLED[constraint])
