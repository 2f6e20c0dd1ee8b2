"""The book of what was sent, how far it was read, and who has to hear of an end."""

from typing import LiteralString

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BOOK: LiteralString = """
-- No reference to users and titles: the sums stay when those go, under ids that then name nobody.
CREATE TABLE traffic (
    -- The start of an hour, UTC.
    hour             timestamptz NOT NULL,
    user_id          uuid NOT NULL,
    video_id         uuid NOT NULL,
    -- Of completed responses: exact.
    bytes            bigint NOT NULL DEFAULT 0,
    -- Of aborted responses: what the client's side had acknowledged.
    estimated_bytes  bigint NOT NULL DEFAULT 0,
    requests         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, user_id, video_id),
    CONSTRAINT traffic_not_negative CHECK (bytes >= 0 AND estimated_bytes >= 0 AND requests >= 0)
);
CREATE INDEX traffic_by_user ON traffic (user_id, hour);
CREATE INDEX traffic_by_video ON traffic (video_id, hour);

CREATE VIEW traffic_daily AS
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, user_id, video_id,
           sum(bytes)::bigint AS bytes, sum(estimated_bytes)::bigint AS estimated_bytes,
           sum(requests)::bigint AS requests
      FROM traffic GROUP BY 1, 2, 3;

ALTER TABLE playbacks
    ADD COLUMN bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN estimated_bytes bigint NOT NULL DEFAULT 0;

-- How far each file of Nginx's account log was booked; written together with what was booked.
CREATE TABLE log_positions (
    inode       bigint NOT NULL,
    -- SHA-256 of the file's first line: a new file may get the inode of a deleted one.
    head        bytea NOT NULL,
    position    bigint NOT NULL,
    read_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (inode, head),
    CONSTRAINT log_positions_not_negative CHECK (position >= 0)
);
"""

LIVE: LiteralString = """
-- What Redis holds of leases and connections, for the day that it is wiped. Deadlines lag by some seconds.
CREATE TABLE leases (
    playback_id   uuid PRIMARY KEY REFERENCES playbacks ON DELETE CASCADE,
    deadline      timestamptz NOT NULL,
    paused_since  timestamptz
);

CREATE TABLE connections (
    -- The kernel's cookie of the socket: no other socket has it until the next boot.
    cookie       numeric(20) NOT NULL,
    playback_id  uuid NOT NULL REFERENCES playbacks ON DELETE CASCADE,
    address      inet NOT NULL,
    port         integer NOT NULL,
    -- Nginx's number of the connection.
    serial       bigint NOT NULL,
    is_http2     boolean NOT NULL,
    noted_at     timestamptz NOT NULL,
    PRIMARY KEY (cookie, playback_id)
);
CREATE INDEX connections_by_playback ON connections (playback_id);

-- Connections with an answer that the account log does not have yet, as the ledger last saw them. When Nginx or the
-- box breaks it off no line ever comes; the row is then booked as an estimate, and kept in case one comes after all.
CREATE TABLE unlogged (
    cookie       numeric(20) NOT NULL,
    address      inet NOT NULL,
    port         integer NOT NULL,
    serial       bigint NOT NULL,
    playback_id  uuid NOT NULL REFERENCES playbacks ON DELETE CASCADE,
    is_http2     boolean NOT NULL,
    -- Bytes of the connection that its client has acknowledged, and how many of them answers in the log explain.
    acked        bigint NOT NULL,
    settled      bigint NOT NULL,
    seen_at      timestamptz NOT NULL DEFAULT now(),
    -- Bytes in the book that no line of the log has explained; 0 while the connection is there.
    booked       bigint NOT NULL DEFAULT 0,
    -- After a boot another socket may have the cookie, but hardly also the peer.
    PRIMARY KEY (cookie, address, port),
    CONSTRAINT unlogged_not_negative CHECK (acked >= 0 AND settled >= 0 AND booked >= 0)
) WITH (fillfactor = 50);
"""

REVOCATIONS: LiteralString = """
-- Whatever ended or changed, by whomever (the interface, the command line, SQL by hand), until the ledger has told
-- Redis. Written by triggers in the transaction of the change, so none is lost and none comes before its commit.
CREATE TABLE revocations (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    playback_id  uuid,
    session_id   uuid,
    user_id      uuid,
    video_id     uuid,
    reason       text NOT NULL DEFAULT '',
    CONSTRAINT revocations_kind_known CHECK (kind IN ('playback', 'session', 'user', 'video'))
);

CREATE FUNCTION announce_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('revocations', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER revocations_announced AFTER INSERT ON revocations
    FOR EACH STATEMENT EXECUTE FUNCTION announce_revocation();

CREATE FUNCTION note_end_of_playback() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO revocations (kind, playback_id, session_id, user_id, video_id, reason)
    VALUES ('playback', OLD.id, OLD.session_id, OLD.user_id, OLD.video_id,
            CASE TG_OP WHEN 'DELETE' THEN 'removed' ELSE NEW.end_reason END);
    RETURN NULL;
END
$$;
CREATE TRIGGER playbacks_end AFTER UPDATE OF ended_at ON playbacks
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION note_end_of_playback();
CREATE TRIGGER playbacks_deleted AFTER DELETE ON playbacks
    FOR EACH ROW WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION note_end_of_playback();

-- A session that ends takes its playbacks along, whoever ends it.
CREATE FUNCTION note_end_of_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE playbacks SET ended_at = now(), end_reason = 'session' WHERE session_id = OLD.id AND ended_at IS NULL;
    END IF;
    INSERT INTO revocations (kind, session_id, user_id, reason)
    VALUES ('session', OLD.id, OLD.user_id, CASE TG_OP WHEN 'DELETE' THEN 'deleted' ELSE NEW.end_reason END);
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_end AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION note_end_of_session();
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION note_end_of_session();

-- A disabled user has no open session.
CREATE FUNCTION note_change_of_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT NEW.is_active THEN
        UPDATE sessions SET ended_at = now(), end_reason = 'disabled' WHERE user_id = OLD.id AND ended_at IS NULL;
    END IF;
    INSERT INTO revocations (kind, user_id) VALUES ('user', OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER users_changed AFTER UPDATE OF is_active, role ON users
    FOR EACH ROW WHEN ((OLD.is_active, OLD.role) IS DISTINCT FROM (NEW.is_active, NEW.role))
    EXECUTE FUNCTION note_change_of_user();

-- Not each of 100,000 new titles: only what somebody may have been watching.
CREATE FUNCTION note_change_of_video() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO revocations (kind, video_id) VALUES ('video', OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER videos_changed AFTER UPDATE OF visibility, removed_at, status ON videos
    FOR EACH ROW WHEN (
        OLD.removed_at IS NULL AND (NEW.removed_at IS NOT NULL OR OLD.visibility <> NEW.visibility
        OR (OLD.status = 'ready' AND NEW.status <> 'ready')))
    EXECUTE FUNCTION note_change_of_video();
CREATE TRIGGER videos_deleted AFTER DELETE ON videos
    FOR EACH ROW WHEN (OLD.removed_at IS NULL) EXECUTE FUNCTION note_change_of_video();
"""

GRANTS: LiteralString = """
GRANT USAGE ON SCHEMA public TO "kinetoscope-ledger";
GRANT SELECT, INSERT, UPDATE, DELETE ON traffic, log_positions, leases, connections, unlogged TO "kinetoscope-ledger";
GRANT SELECT, DELETE ON revocations TO "kinetoscope-ledger";
GRANT SELECT ON sessions, videos, playbacks TO "kinetoscope-ledger";
GRANT SELECT (id, role, is_active) ON users TO "kinetoscope-ledger";
GRANT UPDATE (bytes, estimated_bytes, last_seen_at, ended_at, end_reason) ON playbacks TO "kinetoscope-ledger";

GRANT SELECT ON traffic, traffic_daily TO "kinetoscope-api";
"""

STEPS: tuple[LiteralString, ...] = (BOOK, LIVE, REVOCATIONS, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
