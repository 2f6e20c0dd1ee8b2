"""What is made of a title while somebody watches it."""

from typing import LiteralString

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KIND: LiteralString = """
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_known;
ALTER TABLE jobs
  ADD CONSTRAINT jobs_kind_known CHECK (kind IN ('pictures', 'text', 'rendition', 'upload', 'instant'));
"""

# Which stretches somebody waits for now. Of no use after a crash.
WANTS: LiteralString = """
CREATE UNLOGGED TABLE instant_wants (
    video_id  uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    -- Counted from 0; which seconds these are is the worker's business.
    segment   integer NOT NULL,
    -- When it was asked for first, and last: whoever waits says so again and again.
    since     timestamptz NOT NULL DEFAULT now(),
    asked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, segment),
    CONSTRAINT instant_wants_segment_counts CHECK (segment BETWEEN 0 AND 99999)
);
"""

# Whoever waits may do nothing else to the queue. The answer is how the job is, with the reason of one that failed; or
# `unknown`, there is nothing to make; or `kept`, what was made is published by now. A job that failed or was cancelled
# is not begun anew by every request: an admin may have it tried again.
WANT: LiteralString = """
CREATE FUNCTION want_instant(_video uuid, _segment integer, _by uuid, OUT state text, OUT reason text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM videos v
      WHERE v.id = _video AND v.status = 'ready' AND v.removed_at IS NULL AND v.renditions IS DISTINCT FROM 'none';
    IF NOT FOUND THEN
        state := 'unknown';
        RETURN;
    END IF;
    SELECT j.state, j.reason INTO state, reason FROM jobs j
     WHERE j.video_id = _video AND j.kind = 'instant' ORDER BY j.created_at DESC LIMIT 1;
    IF state IS DISTINCT FROM 'queued' AND state IS DISTINCT FROM 'running'
       AND EXISTS (SELECT FROM published_files WHERE video_id = _video AND name = 'master.m3u8') THEN
        state := 'kept';
        reason := NULL;
        RETURN;
    END IF;
    IF state IN ('failed', 'cancelled') THEN
        RETURN;
    END IF;
    INSERT INTO instant_wants (video_id, segment) VALUES (_video, _segment)
        ON CONFLICT (video_id, segment) DO UPDATE
           SET asked_at = now(),
               -- One that nobody has asked for lately is asked for anew.
               since = CASE WHEN instant_wants.asked_at < now() - interval '10 seconds'
                            THEN now() ELSE instant_wants.since END;
    IF state IS NULL OR state = 'done' THEN
        PERFORM enqueue_job('instant', _video, '{}', _by, 'wanted');
        state := 'queued';
    END IF;
    PERFORM pg_notify('instant', _video::text);
END;
$$;
REVOKE EXECUTE ON FUNCTION want_instant(uuid, integer, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION want_instant(uuid, integer, uuid) TO "kinetoscope-events";
"""

# Who has gone elsewhere holds nobody up. Another one who waits for the same says so again.
LEAVE: LiteralString = """
CREATE FUNCTION leave_instant(_video uuid, _segment integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM instant_wants WHERE video_id = _video AND segment = _segment;
$$;
REVOKE EXECUTE ON FUNCTION leave_instant(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leave_instant(uuid, integer) TO "kinetoscope-events";
"""

GRANTS: LiteralString = """
GRANT USAGE ON SCHEMA public TO "kinetoscope-events";
GRANT SELECT, DELETE ON instant_wants TO "kinetoscope-worker";
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (KIND, WANTS, WANT, LEAVE, GRANTS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
