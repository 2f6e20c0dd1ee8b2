"""What time takes away is found by an index and goes in small steps."""

from typing import LiteralString

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES: LiteralString = """
CREATE INDEX playbacks_by_end ON playbacks (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
CREATE INDEX playbacks_with_whole_address ON playbacks (ended_at) WHERE is_whole(client) AND ended_at IS NOT NULL;
CREATE INDEX sessions_with_whole_address ON sessions (created_at) WHERE is_whole(client);
-- What refers to a playback is looked for when that goes.
CREATE INDEX unlogged_by_playback ON unlogged (playback_id);
"""

TRAIL: LiteralString = """
-- The service adds to the trail and reads it; these are the only changes it can make, and none to what is young. Each
-- answers how many rows it has changed, at most `most`: whoever calls them goes on until there are fewer.
CREATE FUNCTION cut_audit_addresses(older_than_days integer, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before constant timestamptz := now() - make_interval(days => older_than_days);
    cut bigint;
BEGIN
    -- Who broke into the service must not wipe the traces of today.
    IF older_than_days < 7 THEN
        RAISE EXCEPTION 'addresses of the last 7 days stay whole' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE audit_events SET client = shortened(client) WHERE id = ANY (ARRAY(
        SELECT id FROM audit_events WHERE is_whole(client) AND at < before ORDER BY at LIMIT most));
    GET DIAGNOSTICS cut = ROW_COUNT;
    RETURN cut;
END
$$;

CREATE FUNCTION forget_audit_events(older_than_days integer, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before constant timestamptz := now() - make_interval(days => older_than_days);
    forgotten bigint;
BEGIN
    IF older_than_days < 90 THEN
        RAISE EXCEPTION 'events of the last 90 days stay' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM audit_events WHERE id = ANY (ARRAY(
        SELECT id FROM audit_events WHERE at < before ORDER BY at LIMIT most));
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;
REVOKE ALL ON FUNCTION cut_audit_addresses, forget_audit_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cut_audit_addresses, forget_audit_events TO "kinetoscope-api";
"""

STEPS: tuple[LiteralString, ...] = (INDEXES, TRAIL)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
