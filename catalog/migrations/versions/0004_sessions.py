"""Sessions of devices and guests, and second factors."""

from typing import LiteralString

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SESSIONS: LiteralString = """
-- Was a second factor shown at sign-in, and when did the person last prove who they are (password or factor)?
ALTER TABLE sessions
    ADD COLUMN second_factor boolean NOT NULL DEFAULT false,
    ADD COLUMN proved_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX sessions_live_by_last_seen ON sessions (last_seen_at) WHERE ended_at IS NULL;

-- What a television or a player keeps: 256 random bits, of which only the SHA-256 is kept here.
CREATE TABLE device_tokens (
    token_sha256  bytea PRIMARY KEY,
    session_id    uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    CONSTRAINT device_tokens_sha256_length CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT device_tokens_one_per_session UNIQUE (session_id)
);
GRANT SELECT, INSERT, DELETE ON device_tokens TO "kinetoscope-api";

-- A guest session has a row of its own here, so that playbacks and slots have somebody to belong to. It has no
-- password, which nobody else may lack, and goes with its session.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL,
    ADD CONSTRAINT users_only_guests_lack_a_password CHECK (password_hash IS NOT NULL OR role = 'guest');
CREATE INDEX sessions_live_guests ON sessions (client) WHERE kind = 'guest' AND ended_at IS NULL;

-- What counts as one address: a single IPv4 address, or the /64 that one IPv6 subscriber has (RFC 6177).
CREATE FUNCTION near(address inet) RETURNS cidr LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN network(set_masklen(address, CASE family(address) WHEN 6 THEN 64 ELSE 32 END));
"""

SECOND_FACTORS: LiteralString = """
CREATE TABLE totp_secrets (
    user_id       uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Encrypted with the key that only the interface's unit is given: nonce, ciphertext, tag.
    secret        bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- Null until a first code has shown that the app has the secret.
    confirmed_at  timestamptz,
    -- The time step of the last code that was taken: neither it nor an older one is taken again (RFC 6238, 5.2).
    last_step     bigint NOT NULL DEFAULT 0
);

CREATE TABLE passkeys (
    credential_id  bytea PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    public_key     bytea NOT NULL,
    sign_count     bigint NOT NULL,
    transports     text[] NOT NULL DEFAULT '{}',
    name           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_used_at   timestamptz,
    CONSTRAINT passkeys_id_length CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    CONSTRAINT passkeys_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Random enough to be kept as a plain SHA-256.
CREATE TABLE recovery_codes (
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    code_sha256  bytea NOT NULL,
    used_at      timestamptz,
    PRIMARY KEY (user_id, code_sha256),
    CONSTRAINT recovery_codes_sha256_length CHECK (octet_length(code_sha256) = 32)
);

-- Half a sign-in or a registration that waits for its answer; good for one use and a few minutes.
CREATE TABLE challenges (
    id_sha256   bytea PRIMARY KEY,
    purpose     text NOT NULL,
    -- Null while nobody knows who signs in with a passkey.
    user_id     uuid REFERENCES users ON DELETE CASCADE,
    -- What the authenticator signs.
    nonce       bytea NOT NULL,
    client      inet,
    attempts    integer NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT challenges_sha256_length CHECK (octet_length(id_sha256) = 32),
    CONSTRAINT challenges_purpose_known CHECK (purpose IN ('second_factor', 'passkey', 'registration')),
    CONSTRAINT challenges_know_whose CHECK (user_id IS NOT NULL OR purpose = 'passkey')
);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);
CREATE INDEX challenges_by_client ON challenges (client) WHERE user_id IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON totp_secrets, passkeys, recovery_codes, challenges TO "kinetoscope-api";
"""

UPKEEP: LiteralString = """
-- Guests whose session ended that long ago, and challenges that nobody answered. A function, so that the ledger needs
-- no right to delete people.
CREATE FUNCTION forget_what_is_over(guests_after_seconds double precision) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM users u WHERE u.password_hash IS NULL AND NOT EXISTS (
        SELECT FROM sessions s
         WHERE s.user_id = u.id AND coalesce(s.ended_at, now()) > now() - make_interval(secs => guests_after_seconds));
    DELETE FROM challenges WHERE expires_at <= now();
$$;
REVOKE ALL ON FUNCTION forget_what_is_over FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_what_is_over TO "kinetoscope-ledger", "kinetoscope-api";
GRANT UPDATE (last_seen_at, ended_at, end_reason) ON sessions TO "kinetoscope-ledger";
-- It writes the ends of sessions into the trail, and reads nothing of it.
GRANT SELECT ON audit_subjects TO "kinetoscope-ledger";
GRANT INSERT ON audit_events TO "kinetoscope-ledger";
"""

STEPS: tuple[LiteralString, ...] = (SESSIONS, SECOND_FACTORS, UPKEEP)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
