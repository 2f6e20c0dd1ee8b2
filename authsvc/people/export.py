"""All that is kept of one person, as JSON: a table of the database each. A test finds a table that is missing here."""

from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

# `%(user)s` is the person. Columns are named, so that a secret never slips in with a new one.
QUERIES: Final[dict[str, LiteralString]] = {
    "users": """
        SELECT id, username, display_name, email, role, is_active, created_at, password_changed_at
          FROM users WHERE id = %(user)s""",
    "sessions": """
        SELECT id, kind, device, abbrev(client) AS client, created_at, last_seen_at, expires_at, ended_at, end_reason
          FROM sessions WHERE user_id = %(user)s ORDER BY created_at""",
    "preferences": """
        SELECT quality, bandwidth_bps, device_kind, language, updated_at FROM preferences WHERE user_id = %(user)s""",
    "playbacks": """
        SELECT p.id, p.video_id, v.title, p.door, p.device, abbrev(p.client) AS client, p.started_at, p.last_seen_at,
               p.position_seconds, p.ended_at, p.end_reason
          FROM playbacks p JOIN videos v ON v.id = p.video_id WHERE p.user_id = %(user)s ORDER BY p.started_at""",
    "progress": """
        SELECT p.video_id, v.title, p.position_seconds, p.updated_at
          FROM progress p JOIN videos v ON v.id = p.video_id WHERE p.user_id = %(user)s ORDER BY p.updated_at""",
    "ratings": """
        SELECT r.video_id, v.title, r.rating, r.updated_at
          FROM ratings r JOIN videos v ON v.id = r.video_id WHERE r.user_id = %(user)s ORDER BY r.updated_at""",
    "playlists": """
        SELECT l.id, l.name, l.description, l.is_public, l.created_at, l.updated_at,
               ARRAY(SELECT v.title FROM playlist_items i JOIN videos v ON v.id = i.video_id
                      WHERE i.playlist_id = l.id ORDER BY i.position) AS titles
          FROM playlists l WHERE l.user_id = %(user)s ORDER BY l.created_at""",
    "jobs": """
        SELECT j.kind, v.title, j.state, j.parameters, j.created_at, j.ended_at
          FROM jobs j LEFT JOIN videos v ON v.id = j.video_id WHERE j.requested_by = %(user)s ORDER BY j.created_at""",
    "uploads": """
        SELECT id, name, size_bytes, title, description, visibility, state, video_id, created_at
          FROM uploads WHERE user_id = %(user)s ORDER BY created_at""",
    "group_members": """
        SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = %(user)s
         ORDER BY g.name""",
    "passkeys": """
        SELECT name, created_at, last_used_at FROM passkeys WHERE user_id = %(user)s ORDER BY created_at""",
    "invitations": """
        SELECT id, role, created_at, expires_at, uses, used, revoked_at
          FROM invitations WHERE created_by = %(user)s ORDER BY created_at""",
    "audit_events": """
        SELECT e.at, e.event, abbrev(e.client) AS client, e.details
          FROM audit_events e JOIN audit_subjects s ON s.subject_id IN (e.actor, e.subject)
         WHERE s.user_id = %(user)s ORDER BY e.at""",
}
# Tables with rows of a person of which nothing is handed out, and why.
LEFT_OUT: Final = {
    "totp_secrets": "a secret",
    "recovery_codes": "digests of secrets",
    "challenges": "half a sign-in, gone after minutes",
    "password_resets": "a digest of a secret",
    "look_alikes": "made from username and address, which are there",
    "audit_subjects": "the random id that ties the trail to the person",
    "video_users": "what an admin decided about a title; seen as the titles of the library",
    "changes": "that an upload or a playback changed, kept for an hour; both are there",
    "folder_rule_users": "what an admin decided about a folder",
}


def of_user(connection: Connection[Any], user_id: str) -> dict[str, Any]:
    """{table: rows}; call it in a transaction, so that they belong together."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    with connection.cursor(row_factory=dict_row) as cursor:
        return {table: cursor.execute(query, {"user": user_id}).fetchall() for table, query in QUERIES.items()}
