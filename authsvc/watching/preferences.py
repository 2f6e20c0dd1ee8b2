"""What a viewer prefers. What that means for a playback is in `delivery`."""

import re
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.watching.delivery import Preferences
from catalog.contract.forms import LANGUAGE

_SUBTITLE: Final = re.compile(rf"sub-({LANGUAGE})(?:-(forced|sdh))?(?:-([0-9]{{1,2}}))?[.]vtt", re.ASCII)


def of_user(connection: Connection[Any], user_id: str) -> Preferences:
    """The user's preferences, or the defaults."""
    with connection.cursor(row_factory=class_row(Preferences)) as cursor:
        row = cursor.execute(
            "SELECT quality, bandwidth_bps, device_kind, language FROM preferences WHERE user_id = %s", (user_id,)
        ).fetchone()
    return row or Preferences()


def save(connection: Connection[Any], user_id: str, preferences: Preferences) -> None:
    """Replace the user's preferences."""
    connection.execute(
        """
        INSERT INTO preferences (user_id, quality, bandwidth_bps, device_kind, language)
        VALUES (%(user)s, %(quality)s, %(bandwidth_bps)s, %(device_kind)s, %(language)s)
        ON CONFLICT (user_id) DO UPDATE
           SET quality = excluded.quality, bandwidth_bps = excluded.bandwidth_bps,
               device_kind = excluded.device_kind, language = excluded.language, updated_at = now()
        """,
        asdict(preferences) | {"user": UUID(user_id)},
    )


def subtitle(names: Collection[str], language: str | None) -> str | None:
    """The published subtitles in this language (its main one: `pt` of `pt-BR`): the plain ones before those for the
    hearing impaired, and forced ones not at all, since most of what is said is missing in them."""
    if not language:
        return None
    found = [
        (told[2] or "", int(told[3] or 1), told[0])
        for name in names
        if (told := _SUBTITLE.fullmatch(name)) and told[1] == language.lower().partition("-")[0] and told[2] != "forced"
    ]
    return min(found)[2] if found else None
