"""What changed and whom it may concern, so that whoever listens is told (docs/decisions/events.md)."""

from typing import LiteralString

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

CHANGES: LiteralString = """
CREATE SEQUENCE changes_told;
CREATE TABLE changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text NOT NULL,
    -- The id of the row that changed; how it is now says that row.
    subject     text NOT NULL,
    -- Of an upload or a playback: whose it is, also when the row is gone; null where the user is gone, too.
    user_id     uuid REFERENCES users ON DELETE SET NULL,
    -- Its place in what listeners are told: given after the commit, so that they come in order and none is passed over.
    seq         bigint,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT changes_topic_known CHECK (topic IN ('job', 'upload', 'scan', 'playback'))
);
CREATE UNIQUE INDEX changes_by_seq ON changes (seq);
CREATE INDEX changes_not_told ON changes (id) WHERE seq IS NULL;
CREATE INDEX changes_by_time ON changes (changed_at);
"""

# Whoever changes the rows, and with no right to anything here.
NOTE: LiteralString = """
CREATE FUNCTION note_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO changes (topic, subject, user_id)
            VALUES (TG_ARGV[0], OLD.id, (SELECT id FROM users WHERE id = OLD.user_id));
    ELSIF TG_ARGV[0] IN ('upload', 'playback') THEN
        INSERT INTO changes (topic, subject, user_id) VALUES (TG_ARGV[0], NEW.id, NEW.user_id);
    ELSE
        INSERT INTO changes (topic, subject) VALUES (TG_ARGV[0], NEW.id);
    END IF;
    PERFORM pg_notify('changes', '');
    RETURN NULL;
END;
$$;
REVOKE EXECUTE ON FUNCTION note_change() FROM PUBLIC;
CREATE TRIGGER jobs_made AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION note_change('job');
-- Not the signs of life, of which there is one every few seconds.
CREATE TRIGGER jobs_changed AFTER UPDATE ON jobs FOR EACH ROW
    WHEN ((OLD.state, OLD.urgency, OLD.turn, OLD.attempts, OLD.stage, OLD.progress, OLD.speed, OLD.reason)
       IS DISTINCT FROM
          (NEW.state, NEW.urgency, NEW.turn, NEW.attempts, NEW.stage, NEW.progress, NEW.speed, NEW.reason))
    EXECUTE FUNCTION note_change('job');
CREATE TRIGGER uploads_made_or_gone AFTER INSERT OR DELETE ON uploads
    FOR EACH ROW EXECUTE FUNCTION note_change('upload');
CREATE TRIGGER uploads_changed AFTER UPDATE ON uploads FOR EACH ROW
    WHEN ((OLD.state, OLD.reason, OLD.appended, OLD.video_id, OLD.title)
       IS DISTINCT FROM (NEW.state, NEW.reason, NEW.appended, NEW.video_id, NEW.title))
    EXECUTE FUNCTION note_change('upload');
CREATE TRIGGER scans_begun AFTER INSERT ON scans FOR EACH ROW EXECUTE FUNCTION note_change('scan');
CREATE TRIGGER scans_ended AFTER UPDATE OF finished_at ON scans FOR EACH ROW EXECUTE FUNCTION note_change('scan');
CREATE TRIGGER playbacks_begun AFTER INSERT ON playbacks FOR EACH ROW EXECUTE FUNCTION note_change('playback');
CREATE TRIGGER playbacks_ended AFTER UPDATE OF ended_at ON playbacks FOR EACH ROW
    WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION note_change('playback');
"""

# Only what is committed is seen here, and one at a time gives numbers: so nothing ever appears below a number that was
# seen already, in whatever order the transactions began and ended.
NUMBER: LiteralString = """
CREATE FUNCTION number_changes(_most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    _numbered integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('number_changes', 0));
    -- In this order: an UPDATE takes rows in its own.
    WITH due AS MATERIALIZED (SELECT id FROM changes WHERE seq IS NULL ORDER BY id LIMIT _most),
         next AS MATERIALIZED (SELECT id, nextval('changes_told') AS seq FROM due)
    UPDATE changes SET seq = next.seq FROM next WHERE changes.id = next.id;
    GET DIAGNOSTICS _numbered = ROW_COUNT;
    RETURN _numbered;
END;
$$;
-- Who was told everything up to `floor` can go on from there.
CREATE FUNCTION changes_kept(OUT floor bigint, OUT last bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT COALESCE(min(seq) - 1, pg_sequence_last_value('changes_told'), 0),
           COALESCE(max(seq), pg_sequence_last_value('changes_told'), 0) FROM changes;
$$;
-- The last one stays, for its number. What is forgotten without having been told leaves a gap above everybody's last
-- number, so that all of them begin anew.
CREATE FUNCTION forget_changes(_seconds double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('number_changes', 0));
    DELETE FROM changes
     WHERE seq IS NULL AND changed_at < now() - make_interval(secs => _seconds);
    IF FOUND THEN
        DELETE FROM changes WHERE seq IS NOT NULL;
        PERFORM nextval('changes_told');
        RETURN;
    END IF;
    DELETE FROM changes
     WHERE changed_at < now() - make_interval(secs => _seconds) AND seq < (SELECT max(seq) FROM changes);
END;
$$;
REVOKE EXECUTE ON FUNCTION number_changes(integer), changes_kept(), forget_changes(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION number_changes(integer), changes_kept(), forget_changes(double precision)
   TO "kinetoscope-events";
"""

# Whose sessions go on, and as what their users act; nothing else of sessions and users is to be seen there.
LISTENERS: LiteralString = """
CREATE FUNCTION listening_sessions(_sessions uuid[])
    RETURNS TABLE (session_id uuid, user_id uuid, role text, second_factor boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.id, u.id, u.role, s.second_factor FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.id = ANY(_sessions) AND s.ended_at IS NULL AND s.expires_at > now() AND u.is_active;
$$;
REVOKE EXECUTE ON FUNCTION listening_sessions(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION listening_sessions(uuid[]) TO "kinetoscope-events";
"""

GRANTS: LiteralString = """
GRANT SELECT ON changes, scans, named_viewers TO "kinetoscope-events";
-- Not what proves to be the one that has a job (run_id).
GRANT SELECT (id, kind, state, urgency, stage, progress, speed, attempts, reason, created_at, started_at, heartbeat_at,
              ended_at, video_id, parameters, requested_by) ON jobs TO "kinetoscope-events";
GRANT SELECT (id, title, visibility, removed_at) ON videos TO "kinetoscope-events";
GRANT SELECT (id, username) ON users TO "kinetoscope-events";
GRANT SELECT (id, user_id, name, size_bytes, part_size_bytes, appended, state, reason, video_id, title) ON uploads
   TO "kinetoscope-events";
GRANT SELECT (id, user_id, video_id, device, started_at, ended_at, end_reason) ON playbacks TO "kinetoscope-events";
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (CHANGES, NOTE, NUMBER, LISTENERS, GRANTS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
