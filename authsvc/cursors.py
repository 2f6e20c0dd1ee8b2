"""Cursors of lists: where the last page ended, as text that callers pass back and need not understand.

Not signed: what is in it is checked like any input, and only says where to go on in a list one may see anyway.
"""

import base64
import binascii
import json
import math
import re
from datetime import datetime
from typing import Literal

Key = str | float | None
Sort = Literal["added", "title", "duration"]

LONGEST = 2048
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


def encode(sort: Sort, key: Key, video_id: str) -> str:
    """A cursor after the row with this key."""
    text = json.dumps([sort, key, video_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(cursor: str, sort: Sort) -> tuple[Key, str]:
    """Key and id of the row that the page starts after. Raises InvalidCursor."""
    if len(cursor) > LONGEST:
        raise InvalidCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not (isinstance(parts, list) and len(parts) == 3 and parts[0] == sort):
        raise InvalidCursor
    _, key, video_id = parts
    if not (isinstance(video_id, str) and _ID.fullmatch(video_id) and _fits(sort, key)):
        raise InvalidCursor
    return key, video_id


def _fits(sort: Sort, key: object) -> bool:
    if sort == "duration":
        number = isinstance(key, int | float) and not isinstance(key, bool)
        return key is None or (number and math.isfinite(key))  # type: ignore[arg-type]
    if not isinstance(key, str) or "\0" in key or (not key.isascii() and _has_surrogates(key)):
        return False
    if sort == "title":
        return True
    try:
        return datetime.fromisoformat(key).tzinfo is not None
    except ValueError:
        return False


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
