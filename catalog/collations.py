"""Orders of text that come from the host's libraries: a new version may sort otherwise, and an index would be wrong."""

from sqlalchemy import Connection, text

# What is sorted by our collation (migration 0007).
_INDEXES = ("videos_by_title",)


def refresh(connection: Connection) -> bool:
    """Build anew what another version of ICU has sorted; did it have to?

    PostgreSQL remembers the version that a collation was made with, and only warns when it meets another (CREATE
    COLLATION, "VERSION"). Call it as the owner of the schema.
    """
    changed = connection.execute(
        text(
            "SELECT 1 FROM pg_collation WHERE collname = 'natural_order'"
            " AND collversion IS DISTINCT FROM pg_collation_actual_version(oid)"
        )
    ).first()
    if changed is None:
        return False
    for index in _INDEXES:
        connection.execute(text(f"REINDEX INDEX {index}"))
    connection.execute(text("ALTER COLLATION natural_order REFRESH VERSION"))
    return True
