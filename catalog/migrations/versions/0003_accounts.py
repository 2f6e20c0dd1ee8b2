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
CREATE INDEX audit_events_with_whole_address ON audit_events (at)
    WHERE masklen(client) = CASE family(client) WHEN 4 THEN 32 ELSE 128 END;

-- The only change that the trail knows: addresses older than this many days lose their end. Answers how many did.
CREATE FUNCTION cut_audit_addresses(older_than_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    shortened bigint;
BEGIN
    -- Who broke into the service must not wipe the traces of today.
    IF older_than_days < 7 THEN
        RAISE EXCEPTION 'addresses of the last 7 days stay whole' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE audit_events
       SET client = network(set_masklen(client, CASE family(client) WHEN 4 THEN 24 ELSE 64 END))
     WHERE masklen(client) = CASE family(client) WHEN 4 THEN 32 ELSE 128 END
       AND at < now() - make_interval(days => older_than_days);
    GET DIAGNOSTICS shortened = ROW_COUNT;
    RETURN shortened;
END
$$;
REVOKE ALL ON FUNCTION cut_audit_addresses FROM PUBLIC;
"""

GRANTS: LiteralString = """
GRANT SELECT, INSERT, UPDATE, DELETE ON look_alikes, invitations, password_resets TO "kinetoscope-api";
GRANT SELECT ON audit_subjects TO "kinetoscope-api";
GRANT SELECT, INSERT ON audit_events TO "kinetoscope-api";
GRANT EXECUTE ON FUNCTION cut_audit_addresses TO "kinetoscope-api";
"""

STEPS: tuple[LiteralString, ...] = (NAMES, WAYS_IN, AUDIT, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
