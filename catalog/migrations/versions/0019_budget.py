"""Policies of single titles and uploads, and what bounds all kept renditions."""

from typing import LiteralString

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

POLICIES: LiteralString = """
ALTER TABLE videos
    -- Chosen for this title; null: the policy of its root. `renditions` is the one that counts.
    ADD COLUMN renditions_chosen text,
    ADD CONSTRAINT videos_renditions_chosen_known CHECK (renditions_chosen IN ('as_needed', 'ladder', 'none'));
ALTER TABLE uploads
    ADD COLUMN renditions text,
    ADD CONSTRAINT uploads_renditions_known CHECK (renditions IN ('as_needed', 'ladder', 'none'));
"""

BUDGET: LiteralString = """
ALTER TABLE published_files ADD COLUMN published_at timestamptz NOT NULL DEFAULT now();
-- The files of renditions, for their sum. Subtitles are of generations, too, and stay: they are made apart.
CREATE INDEX published_files_kept ON published_files (video_id) INCLUDE (size_bytes, published_at)
 WHERE name ~ '^(v[0-9]|a-|iframes-).*-[0-9a-f]{8}[.](mp4|m3u8)$';
ALTER TABLE jobs
    -- What the attempt may take of the disk meanwhile, and what it leaves there: counted as taken while it runs.
    ADD COLUMN reserved_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN kept_bytes bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT jobs_reservation_not_negative CHECK (reserved_bytes >= 0 AND kept_bytes >= 0);
-- One row: what workers go by, for who asks how full it is.
CREATE TABLE rendition_budget (
    is_row        boolean PRIMARY KEY DEFAULT true CHECK (is_row),
    -- 0: there is none.
    budget_bytes  bigint NOT NULL DEFAULT 0,
    -- A title that was played within so many hours, and not ended since, keeps what it has.
    spared_hours  double precision NOT NULL DEFAULT 9
);
INSERT INTO rendition_budget DEFAULT VALUES;
"""

# The bytes that leave. The files stay on the disk for who is watching them; a worker removes them, manifests at once.
WITHDRAW: LiteralString = """
CREATE FUNCTION withdraw_renditions(_video uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    _bytes bigint;
BEGIN
    WITH gone AS (
        DELETE FROM published_files
         WHERE video_id = _video
           AND (name ~ '^(v[0-9]|a-|iframes-).*-[0-9a-f]{8}[.](mp4|m3u8)$' OR name ~ '^sub-.*[.]m3u8$'
                OR name IN ('master.m3u8', 'manifest.mpd'))
        RETURNING name, size_bytes),
    noted AS (
        INSERT INTO withdrawn_files (video_id, name) SELECT _video, name FROM gone ON CONFLICT DO NOTHING)
    SELECT coalesce(sum(size_bytes), 0) INTO _bytes FROM gone;
    IF _bytes > 0 THEN
        UPDATE videos SET changed_at = now() WHERE id = _video;
    END IF;
    RETURN _bytes;
END;
$$;
REVOKE EXECUTE ON FUNCTION withdraw_renditions(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_renditions(uuid) TO "kinetoscope-api", "kinetoscope-worker";

-- A worker may write this into the trail and nothing else.
CREATE FUNCTION note_renditions_left(_video uuid, _bytes bigint, _budget bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO audit_events (event, details)
    VALUES ('renditions_left', jsonb_build_object(
        'video', replace(_video::text, '-', ''), 'bytes', _bytes, 'budget_bytes', _budget));
$$;
REVOKE EXECUTE ON FUNCTION note_renditions_left(uuid, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION note_renditions_left(uuid, bigint, bigint) TO "kinetoscope-worker";
"""

GRANTS: LiteralString = """
GRANT SELECT, UPDATE ON rendition_budget TO "kinetoscope-worker";
GRANT SELECT ON rendition_budget TO "kinetoscope-api";
GRANT UPDATE (renditions, renditions_chosen) ON videos TO "kinetoscope-api";
-- When a title was played last and how often; not by whom, nor from where.
GRANT SELECT (video_id, started_at, last_seen_at, ended_at) ON playbacks TO "kinetoscope-worker";
"""


def upgrade() -> None:
    for statements in (POLICIES, BUDGET, WITHDRAW, GRANTS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
