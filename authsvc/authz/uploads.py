"""The decision about a part of an upload: `GET /upload`, asked by Nginx before it takes a byte of it.

The MAC says that the part may come from this user; whether it may come now says the row in PostgreSQL. A part has
16 MiB and more, so one look by primary key costs nothing beside it, and there is no second truth to be kept.
"""

import re
from collections.abc import Mapping
from typing import Any, LiteralString

import structlog

from authsvc.authz.answer import REFUSED, TAKEN, Answer, denied
from authsvc.stores.database import Database, DatabaseUnavailable
from catalog.contract import forms
from catalog.contract.refusals import Deny

_ID = re.compile(forms.ID, re.ASCII)
_PART = re.compile(forms.PART, re.ASCII)
_RETRY_SECONDS = 5
_STATE: LiteralString = """
    SELECT u.state = 'open' AND u.expires_at > now() AND p.is_active, u.appended
      FROM uploads u JOIN users p ON p.id = u.user_id WHERE u.id = %s AND u.user_id = %s
"""

logger = structlog.get_logger(__name__)


def decide(database: Database, environ: Mapping[str, Any]) -> Answer:
    """May the part come? The question's headers are those of `location = /_decide_upload`."""
    upload, user = environ.get("HTTP_X_UPLOAD_ID", ""), environ.get("HTTP_X_USER_ID", "")
    part = environ.get("HTTP_X_PART", "")
    if not (_ID.fullmatch(upload) and _ID.fullmatch(user) and _PART.fullmatch(part)):
        return REFUSED
    try:
        with database.connection() as connection:
            row = connection.execute(_STATE, (upload, user)).fetchone()
    except DatabaseUnavailable:
        logger.warning("database_unavailable")
        return denied(Deny.BUSY, _RETRY_SECONDS)
    if row is None or not row[0]:
        return denied(Deny.CLOSED)
    # What is in the growing file already would only fill the disk once more.
    return denied(Deny.HERE) if int(part) <= row[1] else TAKEN
