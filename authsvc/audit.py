"""The audit trail: who did what to whom, from where and when; written in the transaction of the change itself.

It names nobody. Actor and subject are random ids, tied to people by one row each that goes with the account; so an
account can be deleted without a trace of the person while the trail stays whole. Keep it so: no name, no address, no
token in `details`. The service may add and read; nothing of it can be changed or taken away.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


class Event(StrEnum):
    """What is worth remembering. A name stays once it is used."""

    REGISTERED = "registered"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGIN_THROTTLED = "login_throttled"
    LOGOUT = "logout"
    GUEST_ADMITTED = "guest_admitted"
    REFRESH_REUSED = "refresh_reused"
    SESSION_ENDED = "session_ended"
    DEVICE_ADDED = "device_added"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # the name of an event
    PASSWORD_RESET_ISSUED = "password_reset_issued"  # noqa: S105  # the same
    PASSWORD_RESET_USED = "password_reset_used"  # noqa: S105  # the same
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DELETED = "user_deleted"
    INVITATION_CREATED = "invitation_created"
    INVITATION_REVOKED = "invitation_revoked"
    STREAM_STOPPED = "stream_stopped"
    CREDENTIAL_DISCLOSED = "credential_disclosed"
    TITLE_ACCESS_CHANGED = "title_access_changed"
    GROUP_CHANGED = "group_changed"
    FOLDER_CHANGED = "folder_changed"
    REMEDIES_STARTED = "remedies_started"
    RENDITIONS_REMOVED = "renditions_removed"
    # For others, when they took more than their budget; a worker tells it, in the words of a function of the database.
    RENDITIONS_LEFT = "renditions_left"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event; names are there as long as the account is."""

    id: int
    at: datetime
    event: str
    actor: UUID | None
    actor_user_id: UUID | None
    actor_username: str | None
    subject: UUID | None
    subject_user_id: UUID | None
    subject_username: str | None
    client: str | None
    details: dict[str, Any]


def record(
    connection: Connection[Any],
    event: Event,
    *,
    actor: UUID | None,
    subject: UUID | None = None,
    client: str | None = None,
    **details: str | int | bool | None,
) -> None:
    """Write an event down. `actor` and `subject` are ids of users who still exist; None is nobody that we know.

    Call it in the transaction of what it tells of, and before a user goes.
    """
    connection.execute(
        """
        INSERT INTO audit_events (event, actor, subject, client, details)
        VALUES (%(event)s, (SELECT subject_id FROM audit_subjects WHERE user_id = %(actor)s),
                (SELECT subject_id FROM audit_subjects WHERE user_id = %(subject)s), %(client)s::inet, %(details)s)
        """,
        {"event": event.value, "actor": actor, "subject": subject, "client": client, "details": Jsonb(details)},
    )


def page(
    connection: Connection[Any],
    *,
    limit: int,
    before: int | None = None,
    event: str | None = None,
    user_id: UUID | str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Entry]:
    """The newest events first, from below the id `before`; `user_id` as actor or subject; since <= at < until."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """
            SELECT e.id, e.at, e.event, e.actor, actor.id AS actor_user_id, actor.username AS actor_username,
                   e.subject, subject.id AS subject_user_id, subject.username AS subject_username,
                   abbrev(e.client) AS client, e.details
              FROM audit_events e
              LEFT JOIN audit_subjects a ON a.subject_id = e.actor LEFT JOIN users actor ON actor.id = a.user_id
              LEFT JOIN audit_subjects s ON s.subject_id = e.subject LEFT JOIN users subject ON subject.id = s.user_id
             WHERE (%(before)s::bigint IS NULL OR e.id < %(before)s)
               AND (%(event)s::text IS NULL OR e.event = %(event)s)
               AND (%(user)s::uuid IS NULL
                    OR e.actor = (SELECT subject_id FROM audit_subjects WHERE user_id = %(user)s)
                    OR e.subject = (SELECT subject_id FROM audit_subjects WHERE user_id = %(user)s))
               AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
               AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)
             ORDER BY e.id DESC
             LIMIT %(limit)s
            """,
            {"before": before, "event": event, "user": user_id, "since": since, "until": until, "limit": limit},
        ).fetchall()
