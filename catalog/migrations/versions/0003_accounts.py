"""Invitations, resets, names that look alike, and the audit trail."""

from typing import LiteralString

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAMES: LiteralString = """
-- How names and addresses look (UTS 39): two people never have one that looks the same. The service computes it.
CREATE TABLE look_alikes (
    kind      text NOT NULL,
    skeleton  text NOT NULL,
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (kind, skeleton),
    CONSTRAINT look_alikes_kind_known CHECK (kind IN ('username', 'email'))
);
CREATE INDEX look_alikes_by_user ON look_alikes (user_id);
"""

WAYS_IN: LiteralString = """
-- An invitation lives no longer than the account that gave it; one from the command line has no giver.
CREATE TABLE invitations (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_sha256  bytea NOT NULL UNIQUE,
    role          text NOT NULL,
    created_by    uuid REFERENCES users ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    uses          integer NOT NULL,
    used          integer NOT NULL DEFAULT 0,
    revoked_at    timestamptz,
    CONSTRAINT invitations_sha256_length CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT invitations_role_known CHECK (role IN ('admin', 'user', 'guest')),
    CONSTRAINT invitations_used_within_uses CHECK (used BETWEEN 0 AND uses)
);
CREATE INDEX invitations_by_creator ON invitations (created_by);

-- A user has at most one live reset; a new one replaces it.
CREATE TABLE password_resets (
    user_id       uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    token_sha256  bytea NOT NULL UNIQUE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    CONSTRAINT password_resets_sha256_length CHECK (octet_length(token_sha256) = 32)
);
"""

AUDIT: LiteralString = """
-- The one link between a person and what the audit trail says of them: it goes with the account, the trail stays.
CREATE TABLE audit_subjects (
    user_id     uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    subject_id  uuid NOT NULL UNIQUE DEFAULT gen_random_uuid()
);

CREATE FUNCTION name_audit_subject() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_subjects (user_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION name_audit_subject FROM PUBLIC;
CREATE TRIGGER users_have_audit_subject AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION name_audit_subject();
INSERT INTO audit_subjects (user_id) SELECT id FROM users;

CREATE TABLE audit_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    event    text NOT NULL,
    -- Random ids of audit_subjects, never of users: who did it, and to whom.
    actor    uuid,
    subject  uuid,
    -- A whole address, or after a while the /24 or /64 it was in.
    client   inet,
    details  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT audit_events_event_length CHECK (char_length(event) BETWEEN 1 AND 64),
    CONSTRAINT audit_events_details_are_flat CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_events_by_event ON audit_events (event, id);
CREATE INDEX audit_events_by_actor ON audit_events (actor, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_by_time ON audit_events (at);
"""

ADDRESSES: LiteralString = """
CREATE FUNCTION is_whole(address inet) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN masklen(address) = CASE family(address) WHEN 4 THEN 32 ELSE 128 END;
CREATE FUNCTION shortened(address inet) RETURNS inet LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 64 END));
CREATE INDEX audit_events_with_whole_address ON audit_events (at) WHERE is_whole(client);

-- Addresses that were seen more than this many days ago lose their end, wherever they are kept; the trail knows no
-- other change. A playback that runs keeps its own: the ledger works with it. Answers how many were cut.
CREATE FUNCTION cut_addresses(older_than_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before constant timestamptz := now() - make_interval(days => older_than_days);
    cut bigint;
BEGIN
    -- Who broke into the service must not wipe the traces of today.
    IF older_than_days < 7 THEN
        RAISE EXCEPTION 'addresses of the last 7 days stay whole' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH events AS (
        UPDATE audit_events SET client = shortened(client) WHERE is_whole(client) AND at < before RETURNING 1),
    old_sessions AS (
        UPDATE sessions SET client = shortened(client) WHERE is_whole(client) AND created_at < before RETURNING 1),
    old_playbacks AS (
        UPDATE playbacks SET client = shortened(client)
         WHERE is_whole(client) AND started_at < before AND ended_at IS NOT NULL RETURNING 1)
    SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM old_sessions) + (SELECT count(*) FROM old_playbacks)
      INTO cut;
    RETURN cut;
END
$$;
REVOKE ALL ON FUNCTION cut_addresses FROM PUBLIC;
"""

GRANTS: LiteralString = """
GRANT SELECT, INSERT, UPDATE, DELETE ON look_alikes, invitations, password_resets TO "kinetoscope-api";
GRANT SELECT ON audit_subjects TO "kinetoscope-api";
GRANT SELECT, INSERT ON audit_events TO "kinetoscope-api";
GRANT EXECUTE ON FUNCTION cut_addresses TO "kinetoscope-api";
"""

STEPS: tuple[LiteralString, ...] = (NAMES, WAYS_IN, AUDIT, ADDRESSES, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
