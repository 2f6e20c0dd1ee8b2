"""Cursors of lists: where the last page ended, as text that callers pass back and need not understand.

Not signed: what is in it is checked like any input, and only says where to go on in a list one may see anyway.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from catalog.contract import forms

Key = str | float | None
Sort = Literal["added", "title", "duration", "popular"]
# Lists that have one order only.
Other = Literal["history", "playlist", "jobs", "health"]

LONGEST = 2048
_ID = re.compile(forms.ID, re.ASCII)


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


def encode(sort: Sort | Other, key: Key, video_id: str, scope: str = "") -> str:
    """A cursor after the row with this key. `scope` says what else the list depends on, such as its filters."""
    text = json.dumps([sort, key, video_id, *([scope] if scope else [])], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(cursor: str, sort: Sort | Other, scope: str = "") -> tuple[Key, str]:
    """Key and id of the row that the page starts after. Raises InvalidCursor, also for one of another list."""
    if len(cursor) > LONGEST:
        raise InvalidCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not (isinstance(parts, list) and len(parts) in (3, 4) and parts[0] == sort):
        raise InvalidCursor
    _, key, video_id, *rest = parts
    if rest != ([scope] if scope else []):
        raise InvalidCursor
    if not (isinstance(video_id, str) and _ID.fullmatch(video_id)):
        raise InvalidCursor
    try:
        return _CHECKS[sort](key), video_id
    except (ValueError, OverflowError, TypeError) as error:
        raise InvalidCursor from error


def _moment(key: object) -> str:
    """RFC 3339 again: Python reads forms of ISO 8601 that PostgreSQL does not."""
    if not isinstance(key, str):
        raise TypeError
    moment = datetime.fromisoformat(key)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC).isoformat()


def _text(key: object) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise TypeError
    # Lone surrogates are JSON but not text; this raises UnicodeEncodeError, which is a ValueError.
    key.encode()
    return key


def _number(key: object) -> float | None:
    if key is None:
        return None
    if isinstance(key, bool) or not isinstance(key, int | float):
        raise TypeError
    number = float(key)
    if not math.isfinite(number):
        raise ValueError
    return number


def _known_number(key: object) -> float:
    number = _number(key)
    if number is None:
        raise TypeError
    return number


_CHECKS: dict[Sort | Other, Callable[[object], Key]] = {
    "added": _moment, "title": _text, "duration": _number, "popular": _known_number, "history": _moment,
    "playlist": _known_number, "jobs": _moment, "health": _text,
}  # fmt: skip
