"""What workers are to do."""

from typing import LiteralString

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JOBS: LiteralString = """
CREATE TABLE jobs (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind          text NOT NULL,
    state         text NOT NULL DEFAULT 'queued',
    urgency       text NOT NULL DEFAULT 'backlog',
    -- Whose turn it is among the jobs of one urgency: the next after the last of the same user, so that who asks for
    -- a hundred waits behind who asks for one.
    turn          bigint NOT NULL DEFAULT 0,
    video_id      uuid REFERENCES videos ON DELETE CASCADE,
    parameters    jsonb NOT NULL DEFAULT '{}',
    -- null: nobody, a scan found that it is to be done.
    requested_by  uuid REFERENCES users ON DELETE SET NULL,
    -- Drawn anew for each attempt. Who does not know it changes nothing of the job any more.
    run_id        uuid,
    worker        text,
    attempts      integer NOT NULL DEFAULT 0,
    -- Where it was tried in vain, not before then.
    due_at        timestamptz NOT NULL DEFAULT now(),
    stage         text,
    -- The share of the work that is done.
    progress      real NOT NULL DEFAULT 0,
    -- Seconds of film a second; null where that says nothing.
    speed         real,
    -- Why it failed, or was tried in vain.
    reason        text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    heartbeat_at  timestamptz,
    ended_at      timestamptz,
    CONSTRAINT jobs_kind_known CHECK (kind IN ('pictures', 'text', 'rendition', 'upload')),
    CONSTRAINT jobs_state_known CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    CONSTRAINT jobs_urgency_known CHECK (urgency IN ('wanted', 'upload', 'backlog')),
    CONSTRAINT jobs_running_has_run CHECK ((state = 'running') = (run_id IS NOT NULL)),
    CONSTRAINT jobs_progress_is_share CHECK (progress BETWEEN 0 AND 1),
    CONSTRAINT jobs_parameters_size CHECK (octet_length(parameters::text) <= 4096),
    CONSTRAINT jobs_reason_length CHECK (char_length(reason) <= 500)
);
-- The same work is queued or done once.
CREATE UNIQUE INDEX jobs_open_once
    ON jobs (kind, COALESCE(video_id, '00000000-0000-0000-0000-000000000000'), md5(parameters::text))
    WHERE state IN ('queued', 'running');
-- A queue may hold hundreds of thousands of jobs (the first scan after an upgrade): each choice reads a few rows.
CREATE INDEX jobs_next
    ON jobs (kind, array_position(ARRAY['wanted', 'upload', 'backlog'], urgency), turn, created_at)
 WHERE state = 'queued';
CREATE INDEX jobs_first_turn ON jobs (urgency, turn) WHERE state = 'queued';
CREATE INDEX jobs_last_turn
    ON jobs (urgency, COALESCE(requested_by, '00000000-0000-0000-0000-000000000000'), turn) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (kind) WHERE state = 'running';
CREATE INDEX jobs_by_video ON jobs (video_id, kind, created_at);
CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_by_state ON jobs (state, created_at DESC, id DESC);
CREATE INDEX jobs_of_user ON jobs (requested_by, created_at DESC, id DESC);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
"""

# At the commit, whoever made or changed the row: a new job, one that is tried again, one that was given back.
WAKE: LiteralString = """
CREATE FUNCTION wake_workers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jobs', '');
    RETURN NULL;
END;
$$;
CREATE TRIGGER jobs_queued AFTER INSERT ON jobs
    FOR EACH ROW WHEN (NEW.state = 'queued') EXECUTE FUNCTION wake_workers();
-- One that ends makes room for another of its kind.
CREATE TRIGGER jobs_queued_again_or_ended AFTER UPDATE OF state, urgency ON jobs
    FOR EACH ROW WHEN (OLD.state = 'running' OR NEW.state = 'queued') EXECUTE FUNCTION wake_workers();
"""

# Whoever may create work may do nothing else to the queue.
ENQUEUE: LiteralString = """
CREATE FUNCTION enqueue_job(_kind text, _video uuid, _parameters jsonb, _requested_by uuid, _urgency text)
    RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    _turn  bigint;
    _id    uuid;
BEGIN
    SELECT GREATEST(
               (SELECT turn FROM jobs WHERE state = 'queued' AND urgency = _urgency ORDER BY turn LIMIT 1),
               (SELECT turn + 1 FROM jobs
                 WHERE state = 'queued' AND urgency = _urgency
                   AND COALESCE(requested_by, '00000000-0000-0000-0000-000000000000')
                     = COALESCE(_requested_by, '00000000-0000-0000-0000-000000000000')
                 ORDER BY turn DESC LIMIT 1),
               0)
      INTO _turn;
    INSERT INTO jobs (kind, urgency, turn, video_id, parameters, requested_by)
    VALUES (_kind, _urgency, _turn, _video, _parameters, _requested_by)
        ON CONFLICT (kind, COALESCE(video_id, '00000000-0000-0000-0000-000000000000'), md5(parameters::text))
           WHERE state IN ('queued', 'running')
        DO UPDATE SET (urgency, turn) = (
               SELECT CASE WHEN is_better THEN EXCLUDED.urgency ELSE jobs.urgency END,
                      CASE WHEN is_better THEN EXCLUDED.turn ELSE jobs.turn END
                 FROM (SELECT array_position(ARRAY['wanted', 'upload', 'backlog'], EXCLUDED.urgency)
                            < array_position(ARRAY['wanted', 'upload', 'backlog'], jobs.urgency)
                      ) AS compared (is_better))
        RETURNING id INTO _id;
    RETURN _id;
END;
$$;
REVOKE EXECUTE ON FUNCTION enqueue_job(text, uuid, jsonb, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_job(text, uuid, jsonb, uuid, text)
   TO "kinetoscope-api", "kinetoscope-indexer", "kinetoscope-worker";
"""

GRANTS: LiteralString = """
GRANT USAGE ON SCHEMA public TO "kinetoscope-worker";
GRANT SELECT, UPDATE, DELETE ON jobs TO "kinetoscope-worker";
GRANT SELECT ON videos, tracks TO "kinetoscope-worker";
-- A title with new files is another one for those who keep its page.
GRANT UPDATE (changed_at) ON videos TO "kinetoscope-worker";
GRANT SELECT, INSERT, UPDATE, DELETE ON published_files TO "kinetoscope-worker";
GRANT SELECT ON jobs TO "kinetoscope-api";
-- To cancel, to try again, to put first.
GRANT UPDATE (state, run_id, urgency, turn, attempts, due_at, stage, progress, speed, reason, started_at, ended_at)
   ON jobs TO "kinetoscope-api";
"""


def upgrade() -> None:
    connection = op.get_bind()
    for statements in (JOBS, WAKE, ENQUEUE, GRANTS):
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
